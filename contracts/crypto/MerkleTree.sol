// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title MerkleTree
/// @notice The dense Merkle tree that every root of the protocol is the root of. (SPEC GEN-3)
/// @dev Identical to `handfast/crypto/merkle.py`. A leaf is hashed behind a zero byte, so that it can't pass for an
/// inner node, which is the hash of two words. A path lists the siblings from the leaf up, all of them.
library MerkleTree {
    /// @notice A leaf's encoding must not be as long as what an inner node hashes.
    error AmbiguousEncoding();

    /// @notice A tree that only grows: its leaf count and, for each bit k set in it, the root of the full subtree of
    /// height k.
    struct Frontier {
        uint256 count;
        bytes32[32] peaks;
    }

    /// @notice Whether `leaf` stands at `position` under `root`. The one height at which it can is the tree's own.
    /// @param leaf Hash of the leaf, see `leafHash`.
    /// @param path Its siblings from the leaf up.
    function verify(bytes32 root, bytes32 leaf, uint256 position, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        if (position >> path.length != 0) return false;
        bytes32 node = leaf;
        // A node stands left of its sibling where its place is even. Four levels a turn: 112 gas each; one a turn takes
        // 161, and 216 in Solidity.
        assembly ("memory-safe") {
            let at := path.offset
            let end := add(at, shl(5, path.length))
            for { let singles := add(at, shl(5, and(path.length, 3))) } lt(at, singles) { at := add(at, 32) } {
                let side := shl(5, and(position, 1))
                mstore(side, node)
                mstore(xor(side, 32), calldataload(at))
                node := keccak256(0, 64)
                position := shr(1, position)
            }
            for {} lt(at, end) { at := add(at, 128) } {
                let side := shl(5, and(position, 1))
                mstore(side, node)
                mstore(xor(side, 32), calldataload(at))
                side := shl(4, and(position, 2))
                mstore(side, keccak256(0, 64))
                mstore(xor(side, 32), calldataload(add(at, 32)))
                side := shl(3, and(position, 4))
                mstore(side, keccak256(0, 64))
                mstore(xor(side, 32), calldataload(add(at, 64)))
                side := shl(2, and(position, 8))
                mstore(side, keccak256(0, 64))
                mstore(xor(side, 32), calldataload(add(at, 96)))
                node := keccak256(0, 64)
                position := shr(4, position)
            }
        }
        return node == root;
    }

    /// @notice Hash a leaf's encoding, which must not be 63 bytes long.
    function leafHash(bytes memory encoding) internal pure returns (bytes32 leaf) {
        uint256 length = encoding.length;
        require(length != 63, AmbiguousEncoding());
        // The byte before the encoding, the last of its length, is zero for a moment: no copy, 300 gas less.
        assembly ("memory-safe") {
            mstore8(add(encoding, 31), 0)
            leaf := keccak256(add(encoding, 31), add(length, 1))
            mstore(encoding, length)
        }
    }

    /// @notice Hash a leaf whose encoding is one word.
    function leafHash(bytes32 encoding) internal pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            mstore8(0, 0)
            mstore(1, encoding)
            leaf := keccak256(0, 33)
        }
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
