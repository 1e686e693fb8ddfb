// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {ChunkProof, MaskedKey, Sealed, SharedPoint} from "../../interfaces/ISealing.sol";
import {BLS12381, CompressedG1} from "../crypto/BLS12381.sol";
import {ChaCha20} from "../crypto/ChaCha20.sol";
import {ChaumPedersen} from "../crypto/ChaumPedersen.sol";
import {MerkleTree} from "../crypto/MerkleTree.sol";
import {CHUNK_BYTES, MAX_SEALED_BYTES, SEAL_MASK_TAG, SEAL_PROOF_TAG} from "../protocol/Constants.sol";
import {DOMAIN_NAME, DOMAIN_VERSION} from "../protocol/Messages.sol";
import {ContentId} from "../provenance/ContentId.sol";

/// @title Sealing
/// @notice Content under a key that is handed to one receiver, and what that receiver can prove: the one home of sealed
/// content, for the market and for data tasks. (SPEC SL)
/// @dev A proof that does not verify reverts; a verdict is answered. Identical to `handfast/market/sealing.py` and `masking.py`.
///
/// A *context* is the EIP-712 digest of what the key was handed over for (`PurchaseKey`, `DeliveryKey`) under the domain
/// of the contract that judges, so that neither masked key nor proof means anything elsewhere. A *receiver* is
/// `receiverOf` the decryption key that stood in the registry when the deal was made.
library Sealing {
    uint256 private constant _BLOCK_BYTES = 64;
    uint256 private constant _KEY_BYTES = 32;

    bytes32 private constant _DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice Content has 1 to MAX_SEALED_BYTES bytes.
    error InvalidSize(uint256 size, uint256 maximum);
    /// @notice Contents are raw blocks (0x55) or dag-pb (0x70).
    error UnknownContentCodec(uint8 codec);
    /// @notice The point at infinity hides nothing.
    error EphemeralAtInfinity();
    /// @notice The key was masked for another receiver.
    error NotReceiver(bytes32 expected, bytes32 shown);
    /// @notice The shared point is not proven to be that of key and ephemeral point in this context.
    error InvalidSharedPoint(bytes32 context);
    /// @notice The content has no chunk at this position.
    error NoSuchChunk(uint256 position, uint256 chunks);
    /// @notice The chunk does not stand at this position under the ciphertext root, or the digest under the plaintext root.
    error InvalidChunkProof(uint256 position);

    /// @notice Refuse what nobody could be held to.
    function requireSound(Sealed memory sealed_) internal pure {
        uint256 size = sealed_.size;
        require(size > 0 && size <= MAX_SEALED_BYTES, InvalidSize(size, MAX_SEALED_BYTES));
        uint8 codec = sealed_.codec;
        require(codec == ContentId.RAW || codec == ContentId.DAG_PB, UnknownContentCodec(codec));
    }

    /// @notice Refuse a point from which no shared point could be proven: reverts with `InvalidPoint` or
    /// `EphemeralAtInfinity`.
    function requireSound(MaskedKey memory masked) internal view {
        require(!BLS12381.isInfinity(masked.ephemeral), EphemeralAtInfinity());
        BLS12381.requireInSubgroup(masked.ephemeral);
    }

    /// @notice The digest of a message under the domain of the contract that runs this. A context is asked for once or
    /// twice in the life of a deal, and signed by no wallet, so nothing of OpenZeppelin's EIP712 is worth its size.
    /// @param message Hash of the `PurchaseKey` or its like.
    function contextOf(bytes32 message) internal view returns (bytes32) {
        bytes32 name = keccak256(bytes(DOMAIN_NAME));
        bytes32 version = keccak256(bytes(DOMAIN_VERSION));
        bytes32 domain = keccak256(abi.encode(_DOMAIN_TYPEHASH, name, version, block.chainid, address(this)));
        return MessageHashUtils.toTypedDataHash(domain, message);
    }

    /// @notice What a contract keeps of a decryption key: the hash of its 48 bytes.
    function receiverOf(CompressedG1 memory key) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(key.head, key.tail));
    }

    /// @notice The key that was handed over, by the receiver's own proof. (SPEC SL-6)
    function unmask(bytes32 context, bytes32 receiver, MaskedKey memory masked, SharedPoint memory point)
        internal
        view
        returns (bytes32 key)
    {
        bytes32 shown = receiverOf(BLS12381.compress(point.key));
        require(shown == receiver, NotReceiver(receiver, shown));
        require(
            ChaumPedersen.verify(SEAL_PROOF_TAG, context, point.key, masked.ephemeral, point.shared, point.proof),
            InvalidSharedPoint(context)
        );
        CompressedG1 memory shared = BLS12381.compress(point.shared);
        return masked.masked ^ keccak256(abi.encodePacked(SEAL_MASK_TAG, context, shared.head, shared.tail));
    }

    /// @notice Verdict: whether this is not the promised key. (SPEC SL-7)
    function isWrongKey(Sealed memory sealed_, bytes32 key) internal pure returns (bool) {
        return keccak256(abi.encodePacked(key)) != sealed_.keyHash;
    }

    /// @notice Verdict: whether a chunk is not the promised one under the promised key. (SPEC SL-7)
    function isWrongChunk(Sealed memory sealed_, bytes32 key, ChunkProof calldata proof) internal pure returns (bool) {
        uint256 position = proof.position;
        uint256 size = sealed_.size;
        uint256 chunks = (size + CHUNK_BYTES - 1) / CHUNK_BYTES;
        require(position < chunks, NoSuchChunk(position, chunks));
        bytes32 published = MerkleTree.leafHash(abi.encodePacked(sha256(proof.chunk)));
        bytes32 promised = MerkleTree.leafHash(abi.encodePacked(proof.digest));
        require(
            MerkleTree.verify(sealed_.ciphertextRoot, published, position, proof.ciphertextPath)
                && MerkleTree.verify(sealed_.plaintextRoot, promised, position, proof.plaintextPath),
            InvalidChunkProof(position)
        );
        uint256 length = position + 1 < chunks ? CHUNK_BYTES : size - position * CHUNK_BYTES;
        if (proof.chunk.length != length) return true;
        bytes memory text = abi.encodePacked(key, proof.chunk);
        ChaCha20.applyTo(text, _KEY_BYTES, key, 0, position * (CHUNK_BYTES / _BLOCK_BYTES));
        return sha256(text) != proof.digest;
    }
}
