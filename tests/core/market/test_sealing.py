"""Sealed content: bundles, roots, and proofs of wrong chunks. (SPEC SL-1 to SL-4, SL-7, SL-8)"""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest
from Crypto.Cipher import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import leaf_hash, root_of
from handfast.errors import InvalidInput, Rejected
from handfast.market import seals
from handfast.market.sealing import (
    SealedStream,
    WrongChunk,
    check_bundle,
    decrypt_chunk,
    hash_key,
    is_wrong_chunk,
    is_wrong_key,
    prove_chunk,
    seal,
    unseal,
)
from handfast.market.seals import ChunkProof, Seal, chunk_length, chunks_of
from handfast.protocol.constants import CHUNK_BYTES, MAX_SEALED_BYTES

KEY = bytes(range(32))
keys = st.integers(0, (1 << 256) - 1).map(lambda number: number.to_bytes(32, "big"))
SPAN = 1024 * CHUNK_BYTES


def content_of(size: int) -> bytes:
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


def sealed(content: bytes, key: bytes = KEY) -> tuple[bytes, Seal]:
    stream = SealedStream(seal(io.BytesIO(content), key, io.BytesIO()))
    pieces = []
    while piece := stream.read(100_000):
        pieces.append(piece)
    return b"".join(pieces), stream.seal


def opened(bundle: bytes, size: int, key: bytes = KEY) -> bytes:
    manifest = io.BytesIO(bundle)
    manifest.seek(size)
    return b"".join(unseal(io.BytesIO(bundle), manifest, size, key))


def garbled(content: bytes, position: int) -> tuple[bytes, Seal]:
    """What a lying seller publishes: a chunk that its own manifest contradicts."""
    wrong = bytearray(content)
    wrong[position * CHUNK_BYTES] ^= 1
    bundle, told = sealed(content)
    other, lied = sealed(bytes(wrong))
    bundle = other[: len(content)] + bundle[len(content) :]
    return bundle, replace(told, ciphertext_root=lied.ciphertext_root)


@given(keys, st.integers(0, (1 << 26) - 1), st.binary(max_size=4096))
def test_a_chunk_is_encrypted_as_an_independent_chacha20_does(
    key: bytes, position: int, chunk: bytes
) -> None:
    """SL-1: nonce zero, block counter 64 times the position."""
    cipher = ChaCha20.new(key=key, nonce=bytes(12))
    cipher.seek(position * CHUNK_BYTES)
    assert decrypt_chunk(key, position, chunk) == cipher.encrypt(chunk)


def test_the_key_stream_is_that_of_rfc_8439() -> None:
    """RFC 8439, appendix A.1, test vectors 1 and 3 (key zero, and key one, counters zero and 1)."""
    first = "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
    second = "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
    assert decrypt_chunk(bytes(32), 0, bytes(32)).hex() == first
    key = bytes(31) + b"\1"
    assert decrypt_chunk(key, 0, bytes(96))[64:].hex() == second


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5 * CHUNK_BYTES), keys)
def test_bundle_and_roots_are_what_the_rules_say(size: int, key: bytes) -> None:
    """SL-1 to SL-4, computed the plain way."""
    content = content_of(size)
    bundle, told = sealed(content, key)
    ciphertext = ChaCha20.new(key=key, nonce=bytes(12)).encrypt(content)
    starts = range(0, size, CHUNK_BYTES)
    digests = [hashlib.sha256(key + content[at : at + CHUNK_BYTES]).digest() for at in starts]
    chunks = [hashlib.sha256(ciphertext[at : at + CHUNK_BYTES]).digest() for at in starts]
    assert bundle == ciphertext + b"".join(digests)
    assert told == Seal(
        size,
        keccak(key),
        root_of(leaf_hash(digest) for digest in digests),
        root_of(leaf_hash(chunk) for chunk in chunks),
    )
    assert len(bundle) == told.bundle_size


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, SPAN, SPAN + 1, 2 * SPAN + 5000])
def test_what_was_sealed_comes_back_whole(size: int) -> None:
    content = content_of(size)
    bundle, told = sealed(content)
    assert told.chunks == -(-size // 4096)
    check_bundle(io.BytesIO(bundle), told)
    assert opened(bundle, size) == content


def test_a_stream_that_gives_little_at_a_time_seals_alike() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(1000, size or 0))

    content = content_of(3 * CHUNK_BYTES + 7)
    stream = SealedStream(seal(Trickle(content), KEY, io.BytesIO()))
    pieces = []
    while piece := stream.read(777):
        pieces.append(piece)
    assert (b"".join(pieces), stream.seal) == sealed(content)


def test_progress_tells_every_byte() -> None:
    told: list[int] = []
    spans = seal(io.BytesIO(content_of(10_000)), KEY, io.BytesIO())
    stream = SealedStream(spans, told.append)
    while stream.read(1 << 20):
        pass
    assert sum(told) == stream.seal.bundle_size


def test_the_seal_is_known_at_the_end_alone() -> None:
    stream = SealedStream(seal(io.BytesIO(b"seven"), KEY, io.BytesIO()))
    with pytest.raises(InvalidInput, match="not been sealed"):
        _ = stream.seal


def test_there_must_be_content_and_not_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput, match="not 0"):
        sealed(b"")
    with pytest.raises(InvalidInput):
        chunks_of(MAX_SEALED_BYTES + 1)
    assert chunks_of(MAX_SEALED_BYTES) == 1 << 26
    monkeypatch.setattr(seals, "MAX_SEALED_BYTES", 10_000)
    with pytest.raises(InvalidInput):
        sealed(content_of(10_001))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(InvalidInput, match="32 bytes"):
        sealed(b"seven", bytes(length))
    with pytest.raises(InvalidInput, match="32 bytes"):
        hash_key(bytes(length))


@pytest.mark.parametrize("place", [0, 9_999, 10_000, -1])
def test_a_bundle_that_was_altered_is_refused_before_it_is_paid(place: int) -> None:
    """SL-4."""
    bundle, told = sealed(content_of(10_000))
    altered = bytearray(bundle)
    altered[place] ^= 1
    with pytest.raises(Rejected, match="commits to"):
        check_bundle(io.BytesIO(bytes(altered)), told)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_bundle_of_another_length_is_refused(change: int) -> None:
    bundle, told = sealed(content_of(10_000))
    other = bundle[:change] if change < 0 else bundle + b"x"
    with pytest.raises(Rejected, match=r"shorter|longer"):
        check_bundle(io.BytesIO(other), told)


@pytest.mark.parametrize("position", [0, 1, 2, 1023, 1024, 1025])
def test_a_wrong_chunk_is_found_and_proven(position: int) -> None:
    """SL-7: the lie passes the check before the purchase, and is proven after it."""
    content = content_of(1025 * CHUNK_BYTES + 17)
    bundle, told = garbled(content, position)
    check_bundle(io.BytesIO(bundle), told)
    with pytest.raises(WrongChunk) as found:
        opened(bundle, len(content))
    assert found.value.position == position
    proof = prove_chunk(io.BytesIO(bundle), told, position)
    assert is_wrong_chunk(told, KEY, proof)
    honest = prove_chunk(io.BytesIO(bundle), told, (position + 3) % told.chunks)
    assert not is_wrong_chunk(told, KEY, honest)


def test_spans_before_the_wrong_chunk_are_handed_on() -> None:
    content = content_of(SPAN + CHUNK_BYTES)
    bundle, _ = garbled(content, 1024)
    manifest = io.BytesIO(bundle)
    manifest.seek(len(content))
    pieces = unseal(io.BytesIO(bundle), manifest, len(content), KEY)
    assert next(pieces) == content[:SPAN]
    with pytest.raises(WrongChunk):
        next(pieces)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6 * CHUNK_BYTES), st.data())
def test_an_honest_bundle_has_no_wrong_chunk(size: int, data: st.DataObject) -> None:
    bundle, told = sealed(content_of(size))
    position = data.draw(st.integers(0, told.chunks - 1))
    proof = prove_chunk(io.BytesIO(bundle), told, position)
    assert len(proof.chunk) == chunk_length(size, position)
    assert not is_wrong_chunk(told, KEY, proof)


def test_a_chunk_whose_length_is_not_its_positions_is_wrong() -> None:
    """SL-7: only a seller who committed to such a chunk can be shown it."""
    content = content_of(CHUNK_BYTES + 10)
    bundle, told = sealed(content)
    chunk = bundle[CHUNK_BYTES : CHUNK_BYTES + 9]
    first = leaf_hash(hashlib.sha256(bundle[:CHUNK_BYTES]).digest())
    leaf = leaf_hash(hashlib.sha256(chunk).digest())
    lied = replace(told, ciphertext_root=root_of([first, leaf]))
    honest = prove_chunk(io.BytesIO(bundle), told, 1)
    proof = ChunkProof(1, chunk, honest.digest, (first,), honest.plaintext_path)
    assert is_wrong_chunk(lied, KEY, proof)


def test_a_proof_that_does_not_verify_shows_nothing() -> None:
    """SL-8."""
    bundle, told = sealed(content_of(3 * CHUNK_BYTES))
    proof = prove_chunk(io.BytesIO(bundle), told, 1)
    faults = [
        replace(proof, position=2),
        replace(proof, position=3),
        replace(proof, position=-1),
        replace(proof, chunk=bytes(CHUNK_BYTES)),
        replace(proof, digest=bytes(32)),
        replace(proof, ciphertext_path=proof.ciphertext_path[:1]),
        replace(proof, plaintext_path=proof.ciphertext_path),
    ]
    for fault in faults:
        with pytest.raises(InvalidInput):
            is_wrong_chunk(told, KEY, fault)
    with pytest.raises(InvalidInput, match="without a chunk"):
        is_wrong_chunk(told, bytes(32), proof)


def test_nothing_is_proven_with_a_bundle_that_the_seal_does_not_commit_to() -> None:
    """A buyer whose disk lost a byte must not make a claim that is false."""
    bundle, told = sealed(content_of(3 * CHUNK_BYTES))
    rotten = bytearray(bundle)
    rotten[5] ^= 1
    with pytest.raises(Rejected, match="commits to"):
        prove_chunk(io.BytesIO(bytes(rotten)), told, 0)
    with pytest.raises(InvalidInput, match="no chunk 3"):
        prove_chunk(io.BytesIO(bundle), told, 3)


def test_another_key_is_a_wrong_key() -> None:
    _, told = sealed(b"seven")
    assert is_wrong_key(told, bytes(32))
    assert not is_wrong_key(told, KEY)
