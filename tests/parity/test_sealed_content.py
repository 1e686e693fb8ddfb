"""Sealing.sol == sealing.py and masking.py, with random inputs. (SPEC SL-1 to SL-8)"""

from __future__ import annotations

import io
import random
from dataclasses import replace

import pytest

from handfast.chain.marketplace import chunk_words, masked_words, sealed_words, shared_words
from handfast.crypto.bls import SecretKey
from handfast.crypto.keccak import keccak
from handfast.market.masking import mask, prove_shared, receiver_of
from handfast.market.sealing import (
    SealedStream,
    decrypt_chunk,
    is_wrong_chunk,
    is_wrong_key,
    prove_chunk,
    seal,
)
from handfast.market.seals import chunk_length
from handfast.protocol.constants import CHUNK_BYTES
from handfast.storage.cid import Cid, Codec
from tests.chain import reverts

SEEDS = range(8)


@pytest.fixture(scope="module")
def library(deployer, SealingHarness):
    return deployer.deploy(SealingHarness)


def sealed(content: bytes, key: bytes):
    stream = SealedStream(seal(io.BytesIO(content), key, io.BytesIO()))
    bundle = b"".join(iter(lambda: stream.read(1 << 20), b""))
    return bundle, stream.seal, Cid.of(Codec.RAW, bundle)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_contract_unmasks_what_is_masked_here(library, seed):
    draw = random.Random(seed)
    secret, key = SecretKey.derive(draw.randbytes(32), b""), draw.randbytes(32)
    context = draw.randbytes(32)
    handed = mask(key, secret.public_key(), context)
    shown = shared_words(prove_shared(secret, handed, context))
    receiver = receiver_of(secret.public_key())
    assert bytes(library.unmask(context, receiver, masked_words(handed), shown)) == key
    elsewhere = keccak(context)
    with reverts("InvalidSharedPoint", elsewhere):
        library.unmask(elsewhere, receiver, masked_words(handed), shown)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_contract_agrees_about_keys_and_chunks(library, seed):
    draw = random.Random(seed)
    size, key = draw.randrange(1, 5 * CHUNK_BYTES), draw.randbytes(32)
    content = draw.randbytes(size)
    bundle, honest, cid = sealed(content, key)
    position = draw.randrange(honest.chunks)
    spoilt = bytearray(content)
    spoilt[position * CHUNK_BYTES + chunk_length(size, position) - 1] ^= 1 << draw.randrange(8)
    other, lied, _ = sealed(bytes(spoilt), key)
    lie = replace(honest, ciphertext_root=lied.ciphertext_root)
    for file, promised in ((bundle, honest), (other[:size] + bundle[size:], lie)):
        words = sealed_words(promised, cid)
        for place in range(honest.chunks):
            proof = prove_chunk(io.BytesIO(file), promised, place)
            verdict = is_wrong_chunk(promised, key, proof)
            assert verdict == (promised is lie and place == position)
            assert library.isWrongChunk(words, key, chunk_words(proof)) == verdict
        for shown in (key, keccak(key)):
            assert library.isWrongKey(words, shown) == is_wrong_key(promised, shown)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_contract_decrypts_as_is_encrypted_here(library, seed):
    draw = random.Random(seed)
    key, position = draw.randbytes(32), draw.randrange(1 << 26)
    chunk = draw.randbytes(draw.randrange(1, CHUNK_BYTES + 1))
    answer = library.applyChaCha20(chunk, 0, key, bytes(12), 64 * position)
    assert bytes(answer) == decrypt_chunk(key, position, chunk)
