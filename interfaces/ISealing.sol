// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {G1Point} from "../contracts/crypto/BLS12381.sol";
import {EqualityProof} from "../contracts/crypto/ChaumPedersen.sol";

/// @notice What is promised of encrypted content before its key is handed over. (SPEC SL-1 to SL-4)
/// @param keyHash keccak256 of the key, 32 bytes.
/// @param plaintextRoot Over sha2-256(key ‖ chunk) of each chunk.
/// @param ciphertextRoot Over sha2-256(encrypted chunk) of each chunk.
/// @param content sha2-256 digest of the root block under which ciphertext and manifest are published.
/// @param codec Of that block: raw (0x55) or dag-pb (0x70).
/// @param size Bytes of the content, from 1 to MAX_SEALED_BYTES.
struct Sealed {
    bytes32 keyHash;
    bytes32 plaintextRoot;
    bytes32 ciphertextRoot;
    bytes32 content;
    uint8 codec;
    uint64 size;
}

/// @notice A key handed to the owner of a decryption key. (SPEC SL-5)
/// @param ephemeral E = e·G1, in the subgroup and not infinity.
/// @param masked key ⊕ hash(context, e·P).
struct MaskedKey {
    G1Point ephemeral;
    bytes32 masked;
}

/// @notice How its receiver shows what a masked key hides. (SPEC SL-6)
/// @param key P, the decryption key that the key was masked for.
/// @param shared S = p·E.
/// @param proof That log_G1(P) = log_E(S).
struct SharedPoint {
    G1Point key;
    G1Point shared;
    EqualityProof proof;
}

/// @notice One chunk, as it is published, and what was promised of it. (SPEC SL-7)
/// @param position Of the chunk, from 0.
/// @param chunk Its ciphertext.
/// @param digest sha2-256(key ‖ chunk) as the plaintext root promises it.
/// @param ciphertextPath Siblings of the ciphertext's leaf, from the leaf up; likewise plaintextPath of the digest's.
struct ChunkProof {
    uint256 position;
    bytes chunk;
    bytes32 digest;
    bytes32[] ciphertextPath;
    bytes32[] plaintextPath;
}
