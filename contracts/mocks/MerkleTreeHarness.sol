// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MerkleTree} from "../crypto/MerkleTree.sol";

/// @title MerkleTreeHarness
/// @notice Lets tests call the library.
contract MerkleTreeHarness {
    function verify(bytes32 root, bytes32 leaf, uint256 position, bytes32[] calldata path)
        external
        pure
        returns (bool)
    {
        return MerkleTree.verify(root, leaf, position, path);
    }

    function leafHash(bytes calldata encoding) external pure returns (bytes32) {
        return MerkleTree.leafHash(encoding);
    }

    function leafHashOfWord(bytes32 encoding) external pure returns (bytes32) {
        return MerkleTree.leafHash(encoding);
    }

    function rootOf(bytes32[] calldata leaves) external pure returns (bytes32) {
        MerkleTree.Frontier memory tree;
        for (uint256 i; i < leaves.length; ++i) {
            MerkleTree.append(tree, leaves[i]);
        }
        return MerkleTree.rootOf(tree);
    }
}
