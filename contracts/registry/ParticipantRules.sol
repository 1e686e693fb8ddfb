// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ProvenKeys} from "../../interfaces/IParticipantRegistry.sol";
import {BLS12381, CompressedG1, G1Point, G2Point} from "../crypto/BLS12381.sol";
import {BLS_POSSESSION_TAG} from "../protocol/Constants.sol";

/// @title ParticipantRules
/// @notice Decides whether an account has proven to know the secrets of its keys.
library ParticipantRules {
    /// @notice What two keys are named by together. (SPEC RG-5)
    function hashOf(CompressedG1 memory signing, CompressedG1 memory decryption) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(signing.head, signing.tail, decryption.head, decryption.tail));
    }

    /// @notice Whether each key signed `message`, both checked at once. (SPEC RG-5)
    /// @dev Reverts with InvalidPoint for points off their curve, and if the decryption key or its proof is outside the
    /// subgroup. For the signing key and its proof the pairing sees to that: it refuses a sum of a stray point and one
    /// of the subgroup.
    function provesPossession(ProvenKeys memory keys, bytes32 message) internal view returns (bool) {
        // 128 bits that nobody can choose, so that two wrong proofs can't be made to cancel out.
        uint256 weight = uint128(uint256(keccak256(abi.encode(message, keys))));
        G1Point memory key = BLS12381.add(keys.signing, BLS12381.multiply(keys.decryption, weight));
        G2Point memory proof = BLS12381.add(keys.signingProof, BLS12381.multiply(keys.decryptionProof, weight));
        return BLS12381.verify(key, proof, bytes.concat(message), bytes(BLS_POSSESSION_TAG));
    }
}
