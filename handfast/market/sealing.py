"""Content sealed under one key, so that every lie about it can be proven. (SPEC SL-1 to SL-4, SL-7)

What is published is a *bundle*: the ciphertext, and behind it the digest of each plaintext chunk
(the manifest). Everything streams: memory is a few spans, whatever the size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from handfast.crypto import merkle
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import StreamedTree, leaf_hash, leaf_hashes
from handfast.errors import InvalidInput, Rejected
from handfast.market.seals import DIGEST_BYTES, ChunkProof, Seal, chunk_length, chunks_of
from handfast.protocol.constants import CHUNK_BYTES
from handfast.storage.cid import Buffer
from handfast.storage.ingest import Progress, Readable, ignore, read_full

KEY_BYTES: Final = 32

_SPAN_CHUNKS: Final = StreamedTree.RUN
_SPAN_BYTES: Final = _SPAN_CHUNKS * CHUNK_BYTES
_MANIFEST_SPAN: Final = _SPAN_CHUNKS * DIGEST_BYTES
_BLOCKS_PER_CHUNK: Final = CHUNK_BYTES // 64


class WrongChunk(Rejected):
    """The key is right, and a chunk is not what the manifest says: provable by `prove_chunk`.

    position   of the first such chunk
    """

    def __init__(self, position: int) -> None:
        super().__init__(f"chunk {position} is not what its digest promises", "wrong_chunk")
        self.position = position


def hash_key(key: bytes) -> bytes:
    """What a seal commits to of its key. (SPEC SL-3)"""
    require_key(key)
    return keccak(key)


def seal(content: Readable, key: bytes, scratch: BinaryIO) -> Generator[bytes, None, Seal]:
    """The bundle of a content, span by span, and in the end its seal.

    content   read to its end by another thread, one span ahead
    key       32 random bytes that never sealed anything else
    scratch   an empty file; the manifest waits in it for the ciphertext's end
    raises    InvalidInput if there is no content, or more than MAX_SEALED_BYTES
    """
    cipher = _cipher(key)
    plain, sealed = StreamedTree(), StreamedTree()
    size = 0

    def next_span() -> tuple[bytes, bytes]:
        span = read_full(content, _SPAN_BYTES)
        return span, cipher.update(span)

    with ThreadPoolExecutor(1, "cipher") as pool:
        ahead = pool.submit(next_span)
        while (pair := ahead.result())[0]:
            size += len(pair[0])
            chunks_of(size)
            ahead = pool.submit(next_span)
            digests = _digests(pair[0], key)
            scratch.write(b"".join(digests))
            plain.extend(leaf_hashes(digests))
            sealed.extend(leaf_hashes(_digests(pair[1])))
            yield pair[1]
    result = Seal(size, hash_key(key), plain.finish(), sealed.finish())
    scratch.seek(0)
    while span := scratch.read(_MANIFEST_SPAN):
        yield span
    return result


class SealedStream:
    """A bundle as a stream that a store reads; at its end it knows the seal."""

    def __init__(self, spans: Generator[bytes, None, Seal], progress: Progress = ignore) -> None:
        self._spans = spans
        self._progress = progress
        self._rest = memoryview(b"")
        self._seal: Seal | None = None

    @property
    def seal(self) -> Seal:
        """The seal.

        raises   InvalidInput before the stream was read to its end
        """
        if self._seal is None:
            raise InvalidInput("the content has not been sealed to its end")
        return self._seal

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end."""
        if not self._rest:
            try:
                self._rest = memoryview(next(self._spans))
            except StopIteration as stop:
                self._seal = stop.value or self._seal
                return b""
            self._progress(len(self._rest))
        piece, self._rest = self._rest[:size], self._rest[size:]
        return bytes(piece)


def check_bundle(bundle: Readable, promised: Seal, progress: Progress = ignore) -> None:
    """Make sure, before anything is paid, that a bundle is what a seal commits to. (SPEC SL-4)

    raises   Rejected if ciphertext or manifest have another root or length
    """
    sealed, plain = StreamedTree(), StreamedTree()
    for span in _spans(bundle, promised.size, _SPAN_BYTES):
        sealed.extend(leaf_hashes(_digests(span)))
        progress(len(span))
    for span in _spans(bundle, DIGEST_BYTES * promised.chunks, _MANIFEST_SPAN):
        plain.extend(leaf_hashes(_split(span)))
        progress(len(span))
    if bundle.read(1):
        raise Rejected("the bundle is longer than its seal says", "bad_bundle")
    if sealed.finish() != promised.ciphertext_root:
        raise Rejected("the ciphertext is not the one that its seal commits to", "bad_bundle")
    if plain.finish() != promised.plaintext_root:
        raise Rejected("the manifest is not the one that its seal commits to", "bad_bundle")


def unseal(ciphertext: Readable, manifest: Readable, size: int, key: bytes) -> Iterator[bytes]:
    """The content of a bundle, span by span, each verified before it is yielded.

    ciphertext   at the bundle's beginning
    manifest     the same bundle, read from `size` on
    raises       WrongChunk at the first chunk that is not what its digest promises, once all
                 whole spans before it were yielded; Rejected if the bundle is cut off
    """
    cipher = _cipher(key)
    position = 0
    digests = _spans(manifest, DIGEST_BYTES * chunks_of(size), _MANIFEST_SPAN)
    for span, promised in zip(_spans(ciphertext, size, _SPAN_BYTES), digests, strict=True):
        content = cipher.update(span)
        found = _digests(content, key)
        if b"".join(found) != promised:
            pairs = zip(found, _split(promised), strict=True)
            wrong = next(place for place, (one, other) in enumerate(pairs) if one != other)
            raise WrongChunk(position + wrong)
        position += len(found)
        yield content


def prove_chunk(bundle: BinaryIO, promised: Seal, position: int) -> ChunkProof:
    """What shows a contract one chunk of a bundle.

    bundle   a file; read twice
    raises   InvalidInput if there is no such chunk, Rejected if the bundle is not what the seal
             commits to: then nothing can be shown with it
    """
    if not 0 <= position < promised.chunks:
        raise InvalidInput(f"no chunk {position} of {promised.chunks}")
    bundle.seek(position * CHUNK_BYTES)
    chunk = read_full(bundle, chunk_length(promised.size, position))
    bundle.seek(promised.size + DIGEST_BYTES * position)
    digest = read_full(bundle, DIGEST_BYTES)
    sealed, plain = StreamedTree(position), StreamedTree(position)
    bundle.seek(0)
    for span in _spans(bundle, promised.size, _SPAN_BYTES):
        sealed.extend(leaf_hashes(_digests(span)))
    for span in _spans(bundle, DIGEST_BYTES * promised.chunks, _MANIFEST_SPAN):
        plain.extend(leaf_hashes(_split(span)))
    if (sealed.finish(), plain.finish()) != (promised.ciphertext_root, promised.plaintext_root):
        raise Rejected("the bundle is not the one that its seal commits to", "bad_bundle")
    return ChunkProof(position, chunk, digest, sealed.path(), plain.path())


def is_wrong_key(promised: Seal, key: bytes) -> bool:
    """Whether a key that was handed over is not the one that was promised. (SPEC SL-7)"""
    return hash_key(key) != promised.key_hash


def is_wrong_chunk(promised: Seal, key: bytes, proof: ChunkProof) -> bool:
    """Whether a proof shows, under the right key, that a chunk is wrong. (SPEC SL-7)

    raises   InvalidInput if the key is not the promised one, there is no such chunk, or a path
             does not verify: the proof shows nothing (SPEC SL-8)
    """
    if is_wrong_key(promised, key):
        raise InvalidInput("the key is not the promised one: that is proven without a chunk")
    if not 0 <= proof.position < promised.chunks:
        raise InvalidInput(f"no chunk {proof.position} of {promised.chunks}")
    leaves = (
        (promised.ciphertext_root, hashlib.sha256(proof.chunk).digest(), proof.ciphertext_path),
        (promised.plaintext_root, proof.digest, proof.plaintext_path),
    )
    for root, encoding, path in leaves:
        leaf = leaf_hash(encoding)
        if not merkle.verify(root, leaf, proof.position, promised.chunks, path):
            raise InvalidInput("a path of the proof does not lead to the promised root")
    if len(proof.chunk) != chunk_length(promised.size, proof.position):
        return True
    content = decrypt_chunk(key, proof.position, proof.chunk)
    return hashlib.sha256(key + content).digest() != proof.digest


def decrypt_chunk(key: bytes, position: int, chunk: bytes) -> bytes:
    """One chunk of the ciphertext, in the clear; the same call encrypts it."""
    return _cipher(key, position * _BLOCKS_PER_CHUNK).update(chunk)


def _cipher(key: bytes, block: int = 0) -> CipherContext:
    """ChaCha20 of RFC 8439 with nonce zero, from a block on. (SPEC SL-1)"""
    require_key(key)
    counter = block.to_bytes(4, "little")
    return Cipher(ChaCha20(key, counter + bytes(12)), None).encryptor()


def require_key(key: bytes) -> None:
    """Refuse what can't be a content key."""
    if len(key) != KEY_BYTES:
        raise InvalidInput(f"a content key has {KEY_BYTES} bytes, not {len(key)}")


def _spans(stream: Readable, size: int, step: int) -> Iterator[bytes]:
    """The next `size` bytes of a stream.

    raises   Rejected if there are fewer
    """
    while size:
        span = read_full(stream, min(step, size))
        if not span:
            raise Rejected("the bundle is shorter than its seal says", "bad_bundle")
        size -= len(span)
        yield span


def _digests(span: Buffer, prefix: bytes = b"") -> list[bytes]:
    """sha2-256(prefix ‖ chunk) of each chunk of a span.

    A hash that began with the prefix is copied: that costs half of what beginning anew does.
    """
    view, begun = memoryview(span), hashlib.sha256(prefix).copy
    digests = []
    for start in range(0, len(span), CHUNK_BYTES):
        hashing = begun()
        hashing.update(view[start : start + CHUNK_BYTES])
        digests.append(hashing.digest())
    return digests


def _split(digests: bytes) -> Iterator[bytes]:
    starts = range(0, len(digests), DIGEST_BYTES)
    return (digests[start : start + DIGEST_BYTES] for start in starts)
