// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {BLS12381, CompressedG1, G1Point} from "../crypto/BLS12381.sol";
import {ChaCha20} from "../crypto/ChaCha20.sol";
import {ChaumPedersen, EqualityProof} from "../crypto/ChaumPedersen.sol";
import {Sealing} from "../market/Sealing.sol";

/// @title SealingHarness
/// @notice Lets tests and benchmarks call ChaCha20, ChaumPedersen and Sealing.
contract SealingHarness {
    function applyChaCha20(bytes memory text, uint256 from, bytes32 key, bytes12 nonce, uint256 counter)
        external
        pure
        returns (bytes memory)
    {
        ChaCha20.applyTo(text, from, key, nonce, counter);
        return text;
    }

    /// @notice Gas of one call of `ChaCha20.applyTo`, without the transaction that carries it.
    function gasOfChaCha20(bytes memory text, bytes32 key) external view returns (uint256 used) {
        uint256 before = gasleft();
        ChaCha20.applyTo(text, 0, key, 0, 0);
        return before - gasleft();
    }

    function verifyEquality(
        string calldata tag,
        bytes32 context,
        G1Point calldata key,
        G1Point calldata base,
        G1Point calldata shared,
        EqualityProof calldata proof
    ) external view returns (bool) {
        return ChaumPedersen.verify(tag, context, key, base, shared, proof);
    }

    /// @notice Gas of one call of `ChaumPedersen.verify`, without the transaction that carries it.
    function gasOfVerifyEquality(
        string memory tag,
        bytes32 context,
        G1Point memory key,
        G1Point memory base,
        G1Point memory shared,
        EqualityProof memory proof
    ) external view returns (uint256 used) {
        uint256 before = gasleft();
        require(ChaumPedersen.verify(tag, context, key, base, shared, proof));
        return before - gasleft();
    }

    function combine(G1Point calldata p, uint256 scalar, G1Point calldata q, uint256 factor)
        external
        view
        returns (G1Point memory)
    {
        return BLS12381.combine(p, scalar, q, factor);
    }

    function requireSoundContent(Sealed calldata sealed_) external pure {
        Sealing.requireSound(sealed_);
    }

    function requireSoundMask(MaskedKey calldata masked) external view {
        Sealing.requireSound(masked);
    }

    function receiverOf(CompressedG1 calldata key) external pure returns (bytes32) {
        return Sealing.receiverOf(key);
    }

    function unmask(bytes32 context, bytes32 receiver, MaskedKey calldata masked, SharedPoint calldata point)
        external
        view
        returns (bytes32)
    {
        return Sealing.unmask(context, receiver, masked, point);
    }

    function isWrongKey(Sealed calldata sealed_, bytes32 key) external pure returns (bool) {
        return Sealing.isWrongKey(sealed_, key);
    }

    function isWrongChunk(Sealed calldata sealed_, bytes32 key, ChunkProof calldata proof)
        external
        pure
        returns (bool)
    {
        return Sealing.isWrongChunk(sealed_, key, proof);
    }
}
