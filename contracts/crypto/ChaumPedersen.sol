// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {BLS12381, G1Point} from "./BLS12381.sol";

/// @notice Proof that two points have one logarithm over two bases, in 64 bytes: the commitments follow from it.
struct EqualityProof {
    uint256 challenge;
    uint256 response;
}

/// @title ChaumPedersen
/// @notice Proofs in G1 that the owner of a key made of another's point what only the owner can. (SPEC SL-6)
/// @dev Non-interactive by Fiat-Shamir; the challenge hashes everything that is claimed, so a proof is good for one
/// statement in one context. Identical to `handfast/market/masking.py`.
library ChaumPedersen {
    /// @notice Whether log_G1(key) = log_base(shared), by a proof made under `tag` for `context`.
    /// @dev Reverts with `InvalidPoint` for points that are not of the subgroup.
    function verify(
        string memory tag,
        bytes32 context,
        G1Point memory key,
        G1Point memory base,
        G1Point memory shared,
        EqualityProof memory proof
    ) internal view returns (bool) {
        (uint256 challenge, uint256 response) = (proof.challenge, proof.response);
        if (challenge >= BLS12381.ORDER) return false;
        uint256 negative = BLS12381.ORDER - challenge;
        G1Point memory first = BLS12381.combine(BLS12381.generator(), response, key, negative);
        G1Point memory second = BLS12381.combine(base, response, shared, negative);
        bytes memory statement = abi.encode(key, base, shared, first, second);
        return uint256(keccak256(abi.encodePacked(tag, context, statement))) % BLS12381.ORDER == challenge;
    }
}
