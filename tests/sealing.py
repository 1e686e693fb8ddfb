"""Sealed content, written apart from the package, as tests need it: small, and corruptible."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.bls import ORDER, G1Words
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.protocol.constants import CHUNK_BYTES, SEAL_MASK_TAG, SEAL_PROOF_TAG
from tests.points import g1

RAW = 0x55

SealedWords = tuple[bytes, bytes, bytes, bytes, int, int]
MaskedKeyWords = tuple[G1Words, bytes]
SharedPointWords = tuple[G1Words, G1Words, tuple[int, int]]
ChunkProofWords = tuple[int, bytes, bytes, tuple[bytes, ...], tuple[bytes, ...]]


def chacha20(key: bytes, text: bytes, counter: int = 0, nonce: bytes = bytes(12)) -> bytes:
    """RFC 8439, by the `cryptography` package."""
    start = counter.to_bytes(4, "little") + nonce
    return Cipher(ChaCha20(key, start), mode=None).encryptor().update(text)


@dataclass(frozen=True, slots=True)
class Package:
    """Content as its seller publishes it: chunks of ciphertext, and a digest of each chunk."""

    key: bytes
    size: int
    chunks: tuple[bytes, ...]
    digests: tuple[bytes, ...]
    key_hash: bytes
    trees: list[MerkleTree] = field(default_factory=list, repr=False, compare=False)

    @staticmethod
    def seal(content: bytes, key: bytes) -> Package:
        spans = range(0, len(content), CHUNK_BYTES)
        plain = [content[start : start + CHUNK_BYTES] for start in spans]
        encrypted = chacha20(key, content)
        return Package(
            key,
            len(content),
            tuple(encrypted[start : start + CHUNK_BYTES] for start in spans),
            tuple(hashlib.sha256(key + chunk).digest() for chunk in plain),
            keccak(key),
        )

    def with_chunk(self, position: int, chunk: bytes) -> Package:
        """The seller publishes something else in this place."""
        chunks = list(self.chunks)
        chunks[position] = chunk
        return replace(self, chunks=tuple(chunks), trees=[])

    def words(self, codec: int = RAW) -> SealedWords:
        """What the chain is told."""
        ciphertext, plaintext = self._trees()
        published = b"".join(self.chunks) + b"".join(self.digests)
        content = hashlib.sha256(published).digest()
        return self.key_hash, plaintext.root, ciphertext.root, content, codec, self.size

    def proof(self, position: int) -> ChunkProofWords:
        ciphertext, plaintext = self._trees()
        paths = ciphertext.path(position), plaintext.path(position)
        return position, self.chunks[position], self.digests[position], *paths

    def _trees(self) -> list[MerkleTree]:
        if not self.trees:
            hashes = (hashlib.sha256(chunk).digest() for chunk in self.chunks)
            self.trees.append(MerkleTree(map(leaf_hash, hashes)))
            self.trees.append(MerkleTree(map(leaf_hash, self.digests)))
        return self.trees


def mask_of(context: bytes, shared: G1Point) -> bytes:
    return keccak(SEAL_MASK_TAG.encode() + context + shared.to_compressed_bytes())


def masked(context: bytes, key: bytes, receiver: G1Point, secret: int) -> MaskedKeyWords:
    """A key for the owner of the decryption key `receiver`, by an ephemeral secret."""
    mask = mask_of(context, receiver * Scalar(secret))
    covered = bytes(a ^ b for a, b in zip(key, mask, strict=True))
    return g1(G1Point() * Scalar(secret)), covered


def shown(context: bytes, secret: int, ephemeral: G1Point) -> SharedPointWords:
    """The shared point of a decryption secret, with its proof."""
    key, shared = G1Point() * Scalar(secret), ephemeral * Scalar(secret)
    nonce = random.randrange(1, ORDER)
    commitments = G1Point() * Scalar(nonce), ephemeral * Scalar(nonce)
    points = b"".join(words_bytes(point) for point in (key, ephemeral, shared, *commitments))
    challenge = int.from_bytes(keccak(SEAL_PROOF_TAG.encode() + context + points)) % ORDER
    return g1(key), g1(shared), (challenge, (nonce + challenge * secret) % ORDER)


def words_bytes(point: G1Point) -> bytes:
    """128 bytes: the point as the precompiles take it."""
    return b"".join(word.to_bytes(32) for word in g1(point))
