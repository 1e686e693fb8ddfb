"""Masked keys and proofs of shared points, against py_ecc. (SPEC SL-5, SL-6)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_ecc.bls.g2_primitives import G1_to_pubkey, pubkey_to_G1
from py_ecc.optimized_bls12_381 import G1, add, eq, multiply, normalize

from handfast.crypto.bls import GENERATOR, ORDER, PublicKey, SecretKey
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.market.masking import (
    MaskedKey,
    is_proven,
    mask,
    prove_shared,
    receiver_of,
    unmask,
    unmask_with,
)

CONTEXT = keccak(b"a purchase")
CONTENT_KEY = bytes(range(32))
BUYER = SecretKey.derive(bytes(32), b"buyer")
OTHER = SecretKey.derive(bytes(32), b"other")

numbers = st.integers(0, (1 << 256) - 1)
scalars = numbers.map(lambda number: number % (ORDER - 1) + 1)
words = numbers.map(lambda number: number.to_bytes(32, "big"))


def point_of(key: PublicKey) -> tuple:
    return pubkey_to_G1(bytes(key))


def encoded(point: tuple) -> bytes:
    """A point as two coordinates of 64 bytes, by py_ecc."""
    x, y = normalize(point)
    return int(x).to_bytes(64, "big") + int(y).to_bytes(64, "big")


@settings(max_examples=15, deadline=None)
@given(scalars, words, words)
def test_the_receiver_alone_reads_what_was_masked_for_it(
    scalar: int, key: bytes, context: bytes
) -> None:
    secret = SecretKey(scalar)
    handed = mask(key, secret.public_key(), context)
    assert unmask(secret, handed, context) == key
    assert unmask(SecretKey(scalar % (ORDER - 1) + 1), handed, context) != key
    assert unmask(secret, handed, keccak(context)) != key


@settings(max_examples=5, deadline=None)
@given(scalars, words)
def test_the_mask_is_the_hash_of_the_point_that_py_ecc_reaches(scalar: int, key: bytes) -> None:
    """SL-5: key xor keccak256(tag, context, compressed S)."""
    handed = mask(key, SecretKey(scalar).public_key(), CONTEXT)
    shared = G1_to_pubkey(multiply(point_of(handed.ephemeral), scalar))
    pad = keccak(b"handfast/v1/mask" + CONTEXT + bytes(shared))
    assert bytes(a ^ b for a, b in zip(handed.masked, pad, strict=True)) == key


@settings(max_examples=5, deadline=None)
@given(scalars, scalars, words)
def test_a_proof_satisfies_the_equations_in_py_ecc(
    scalar: int, ephemeral: int, context: bytes
) -> None:
    """SL-6: S = p·E, and with A = z·G1 - c·P, B = z·E - c·S, c is the hash of all five points."""
    base = SecretKey(ephemeral).public_key()
    shown = prove_shared(SecretKey(scalar), MaskedKey(base, bytes(32)), context)
    assert eq(point_of(shown.shared), multiply(point_of(base), scalar))
    negative = ORDER - shown.challenge
    key, shared = point_of(shown.key), point_of(shown.shared)
    first = add(multiply(G1, shown.response), multiply(key, negative))
    second = add(multiply(point_of(base), shown.response), multiply(shared, negative))
    data = b"".join(map(encoded, (key, point_of(base), shared, first, second)))
    challenge = int.from_bytes(keccak(b"handfast/v1/shared-point" + context + data), "big")
    assert challenge % ORDER == shown.challenge
    assert is_proven(shown, MaskedKey(base, bytes(32)), context)


def test_a_contract_unmasks_with_the_proven_point() -> None:
    handed = mask(CONTENT_KEY, BUYER.public_key(), CONTEXT)
    shown = prove_shared(BUYER, handed, CONTEXT)
    assert receiver_of(shown.key) == keccak(bytes(BUYER.public_key()))
    assert unmask_with(shown.shared, handed, CONTEXT) == CONTENT_KEY


@pytest.mark.parametrize(
    "change",
    [
        {"key": OTHER.public_key()},
        {"shared": OTHER.public_key()},
        {"response": 1},
        {"challenge": 0},
        {"challenge": ORDER},
        {"challenge": -1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_proof_holds_for_its_statement_alone(change: dict[str, object]) -> None:
    handed = mask(CONTENT_KEY, BUYER.public_key(), CONTEXT)
    shown = prove_shared(BUYER, handed, CONTEXT)
    assert is_proven(shown, handed, CONTEXT)
    assert not is_proven(replace(shown, **change), handed, CONTEXT)


def test_a_proof_holds_for_its_context_and_point_alone() -> None:
    handed = mask(CONTENT_KEY, BUYER.public_key(), CONTEXT)
    shown = prove_shared(BUYER, handed, CONTEXT)
    assert not is_proven(shown, handed, bytes(32))
    assert not is_proven(shown, MaskedKey(GENERATOR, handed.masked), CONTEXT)


def test_a_proof_by_another_secret_does_not_pass_for_the_receivers() -> None:
    """What a buyer would make who wants another key to come out."""
    handed = mask(CONTENT_KEY, BUYER.public_key(), CONTEXT)
    lie = replace(prove_shared(OTHER, handed, CONTEXT), key=BUYER.public_key())
    assert not is_proven(lie, handed, CONTEXT)


def test_repeating_gives_the_same_bytes_and_no_two_masks_share_a_secret() -> None:
    """A seller that was killed delivers the same again."""
    receiver = BUYER.public_key()
    first = mask(CONTENT_KEY, receiver, CONTEXT)
    assert mask(CONTENT_KEY, receiver, CONTEXT) == first
    others = [
        mask(CONTENT_KEY, OTHER.public_key(), CONTEXT),
        mask(CONTENT_KEY, receiver, bytes(32)),
        mask(keccak(CONTENT_KEY), receiver, CONTEXT),
    ]
    assert len({bytes(each.ephemeral) for each in (first, *others)}) == 4


def test_a_content_key_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match="32 bytes"):
        mask(b"short", BUYER.public_key(), CONTEXT)
