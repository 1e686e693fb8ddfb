// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {IPreimageRegistry} from "../../interfaces/IPreimageRegistry.sol";

/// @title PreimageRegistry
/// @notice Keeps the first time at which each preimage was revealed. (SPEC CH-11)
contract PreimageRegistry is IPreimageRegistry {
    mapping(bytes32 hash => uint256 time) private _revealedAt;

    /// @inheritdoc IPreimageRegistry
    function reveal(bytes32 preimage) external returns (bytes32 hash) {
        hash = keccak256(abi.encode(preimage));
        if (_revealedAt[hash] != 0) return hash;
        _revealedAt[hash] = block.timestamp;
        emit PreimageRevealed(hash, preimage);
    }

    /// @inheritdoc IPreimageRegistry
    function revealedAt(bytes32 hash) external view returns (uint256 time) {
        return _revealedAt[hash];
    }
}
