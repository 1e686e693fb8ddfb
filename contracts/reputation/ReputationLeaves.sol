// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BatchHeader, ClientLeaf, ProviderLeaf, ShardState} from "../../interfaces/IReputationRollup.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";

/// @title ReputationLeaves
/// @notice Hashes of what the roll-up commits to, identical to `handfast/reputation/encoding.py`. (SPEC RP-11 to RP-21)
library ReputationLeaves {
    /// @notice Hash of a leaf of a provider's clients' tree, 56 bytes. (SPEC RP-11)
    function hash(ClientLeaf memory leaf) internal pure returns (bytes32) {
        return MerkleTree.leafHash(
            abi.encodePacked(
                leaf.client, leaf.positives, leaf.negatives, leaf.epoch, leaf.fee, leaf.nonce, leaf.worth, leaf.exponent
            )
        );
    }

    /// @notice Hash of a leaf of the providers' tree, 72 bytes. (SPEC RP-12)
    function hash(ProviderLeaf memory leaf) internal pure returns (bytes32) {
        return MerkleTree.leafHash(
            abi.encodePacked(
                leaf.root,
                leaf.clients,
                leaf.interactions,
                leaf.exponent,
                leaf.opinionEpoch,
                leaf.s,
                leaf.u,
                leaf.c,
                leaf.score,
                leaf.scoreEpoch
            )
        );
    }

    /// @notice The state root. (SPEC RP-14)
    function hash(ShardState memory state) internal pure returns (bytes32) {
        return keccak256(abi.encode(state));
    }

    /// @notice The batch's hash. (SPEC RP-21)
    function hash(BatchHeader memory header) internal pure returns (bytes32) {
        return keccak256(abi.encode(header));
    }

    /// @notice Hash of a leaf of a batch's data tree. (SPEC RP-19)
    function segmentLeaf(bytes calldata segment, bytes32 before, bytes32 after_) internal pure returns (bytes32) {
        return MerkleTree.leafHash(abi.encodePacked(keccak256(segment), before, after_));
    }
}
