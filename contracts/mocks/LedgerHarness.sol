// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title LedgerHarness
/// @notice Counts what recorders record, and judges nobody.
contract LedgerHarness {
    mapping(address account => uint256) public participations;
    mapping(address account => uint256) public rewards;
    mapping(address account => uint256) public penalties;

    function participate(address account, address partner) external {
        ++participations[account];
        ++participations[partner];
    }

    function reward(address account) external {
        ++rewards[account];
    }

    function penalise(address account) external {
        ++penalties[account];
    }
}
