// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @title MerkleTree
/// @notice The dense Merkle tree that every root of the protocol is the root of. (SPEC GEN-3)
/// @dev Identical to `handfast/crypto/merkle.py`. A leaf is hashed behind a zero byte, so that it can't pass for an
/// inner node, which is the hash of two words. A path lists the siblings from the leaf up, all of them.
library MerkleTree {
    /// @notice The path is too short for a tree that has this position.
    error PositionOutsideTree(uint256 position, uint256 height);
    /// @notice A leaf's encoding must not be as long as what an inner node hashes.
    error AmbiguousEncoding();

    /// @notice Root of the tree that has `leaf` at `position` with these siblings.
    /// @param leaf Hash of the leaf, see `leafHash`.
    function rootFrom(bytes32 leaf, uint256 position, bytes32[] calldata path) internal pure returns (bytes32 node) {
        uint256 height = path.length;
        if (height < 256) require(position >> height == 0, PositionOutsideTree(position, height));
        node = leaf;
        for (uint256 level; level < height; ++level) {
            node = (position >> level) & 1 == 0
                ? Hashes.efficientKeccak256(node, path[level])
                : Hashes.efficientKeccak256(path[level], node);
        }
    }

    /// @notice Whether `leaf` stands at `position` under `root`. The one height at which it can is the tree's own.
    function verify(bytes32 root, bytes32 leaf, uint256 position, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        if (path.length < 256 && position >> path.length != 0) return false;
        return rootFrom(leaf, position, path) == root;
    }

    /// @notice Hash a leaf's encoding, which must not be 63 bytes long.
    function leafHash(bytes memory encoding) internal pure returns (bytes32) {
        require(encoding.length != 63, AmbiguousEncoding());
        return keccak256(bytes.concat(bytes1(0), encoding));
    }
}
