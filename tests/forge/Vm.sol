// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title Vm
/// @notice The cheat codes of forge that the tests use.
interface Vm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function warp(uint256 timestamp) external;
    function roll(uint256 height) external;
    function setBlockhash(uint256 height, bytes32 hash) external;
    function prank(address caller) external;
    function pauseGasMetering() external;
    function resumeGasMetering() external;
    function deal(address account, uint256 balance) external;
}

Vm constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
