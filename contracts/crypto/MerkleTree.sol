// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title MerkleTree
/// @notice The dense Merkle tree that every root of the protocol is the root of. (SPEC GEN-3)
/// @dev Identical to `handfast/crypto/merkle.py`. A leaf is hashed behind a zero byte, so that it can't pass for an
/// inner node, which is the hash of two words. A path lists the siblings from the leaf up, all of them.
library MerkleTree {
    /// @notice The path is too short for a tree that has this position.
    error PositionOutsideTree(uint256 position, uint256 height);
    /// @notice A leaf's encoding must not be as long as what an inner node hashes.
    error AmbiguousEncoding();

    /// @notice A tree that only grows: its leaf count and, for each bit k set in it, the root of the full subtree of
    /// height k.
    struct Frontier {
        uint256 count;
        bytes32[32] peaks;
    }

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

    /// @notice Put a leaf behind the last.
    function append(Frontier memory tree, bytes32 leaf) internal pure {
        bytes32 node = leaf;
        uint256 level;
        for (; (tree.count >> level) & 1 == 1; ++level) {
            node = Hashes.efficientKeccak256(tree.peaks[level], node);
        }
        tree.peaks[level] = node;
        ++tree.count;
    }

    /// @notice The tree's root; zero if it has no leaf.
    function rootOf(Frontier memory tree) internal pure returns (bytes32 node) {
        uint256 count = tree.count;
        if (count == 0) return 0;
        if (count & (count - 1) == 0) return tree.peaks[Math.log2(count)];
        bytes32 zero;
        for (uint256 level; count >> level != 0; ++level) {
            node = (count >> level) & 1 == 1
                ? Hashes.efficientKeccak256(tree.peaks[level], node)
                : Hashes.efficientKeccak256(node, zero);
            zero = Hashes.efficientKeccak256(zero, zero);
        }
    }
}
