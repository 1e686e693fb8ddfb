"""What a seal commits to, and what shows one chunk of it. (SPEC SL-1, SL-7)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handfast.errors import InvalidInput
from handfast.protocol.constants import CHUNK_BYTES, MAX_SEALED_BYTES

DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Seal:
    """What whoever sealed content stands for.

    size   of the content in bytes, 1 to MAX_SEALED_BYTES
    """

    size: int
    key_hash: bytes
    plaintext_root: bytes
    ciphertext_root: bytes

    def __post_init__(self) -> None:
        chunks_of(self.size)
        if any(
            len(word) != DIGEST_BYTES
            for word in (self.key_hash, self.plaintext_root, self.ciphertext_root)
        ):
            raise InvalidInput("a seal has words of 32 bytes")

    @property
    def chunks(self) -> int:
        """n: leaves of both trees."""
        return chunks_of(self.size)

    @property
    def bundle_size(self) -> int:
        """Bytes of the bundle."""
        return self.size + DIGEST_BYTES * self.chunks


@dataclass(frozen=True, slots=True)
class ChunkProof:
    """One chunk, and that it and its digest are what the seal commits to. (SPEC SL-7)

    chunk             of the ciphertext
    digest            of the plaintext chunk, from the manifest
    ciphertext_path   siblings of the chunk's leaf
    plaintext_path    siblings of the digest's leaf
    """

    position: int
    chunk: bytes
    digest: bytes
    ciphertext_path: tuple[bytes, ...]
    plaintext_path: tuple[bytes, ...]


def chunks_of(size: int) -> int:
    """How many chunks content of this size has.

    raises   InvalidInput for no content, and for more than MAX_SEALED_BYTES
    """
    if not 0 < size <= MAX_SEALED_BYTES:
        raise InvalidInput(f"sealed content has 1 to {MAX_SEALED_BYTES} bytes, not {size}")
    return -(-size // CHUNK_BYTES)


def chunk_length(size: int, position: int) -> int:
    """Bytes of the chunk at a position: the last one is what is left."""
    return min(CHUNK_BYTES, size - position * CHUNK_BYTES)
