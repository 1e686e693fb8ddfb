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
    Place,
    SharedPointProof,
    is_proven,
    mask,
    prove_shared,
    unmask,
    unmask_with,
)
from handfast.protocol.messages import Domain

MARKET = Domain(31337, "0x" + "11" * 20)
PLACE = Place(MARKET, (7).to_bytes(32, "big"))
CONTENT_KEY = bytes(range(32))
BUYER = SecretKey.derive(bytes(32), b"buyer")

scalars = st.integers(1, ORDER - 1)
words = st.binary(min_size=32, max_size=32)


def point_of(key: PublicKey):
    return pubkey_to_G1(bytes(key))


def encoded(key: PublicKey) -> bytes:
    """A point as two coordinates of 64 bytes, by py_ecc."""
    x, y = normalize(point_of(key))
    return int(x).to_bytes(64, "big") + int(y).to_bytes(64, "big")


@settings(max_examples=15, deadline=None)
@given(scalars, words, words)
def test_the_receiver_alone_reads_what_was_masked_for_it(
    scalar: int, key: bytes, context: bytes
) -> None:
    secret, place = SecretKey(scalar), Place(MARKET, context)
    handed = mask(key, secret.public_key(), place)
    assert unmask(secret, handed, place) == key
    assert unmask(SecretKey(scalar % (ORDER - 1) + 1), handed, place) != key
    assert unmask(secret, handed, Place(MARKET, keccak(context))) != key
    elsewhere = Place(Domain(1, MARKET.contract), context)
    assert unmask(secret, handed, elsewhere) != key


@settings(max_examples=5, deadline=None)
@given(scalars, words)
def test_the_mask_is_the_hash_of_the_point_that_py_ecc_reaches(scalar: int, key: bytes) -> None:
    """SL-5: key xor keccak256(separator, context, compressed S)."""
    secret = SecretKey(scalar)
    handed = mask(key, secret.public_key(), PLACE)
    shared = G1_to_pubkey(multiply(point_of(handed.point), scalar))
    pad = keccak(MARKET.separator + PLACE.context + bytes(shared))
    assert bytes(a ^ b for a, b in zip(handed.masked, pad, strict=True)) == key


@settings(max_examples=5, deadline=None)
@given(scalars, scalars, words)
def test_a_proof_satisfies_the_equations_in_py_ecc(
    scalar: int, ephemeral: int, context: bytes
) -> None:
    """SL-6: z·G1 = A + c·P and z·E = B + c·S, with c from an encoding made by py_ecc."""
    secret, place = SecretKey(scalar), Place(MARKET, context)
    receiver, sent = secret.public_key(), SecretKey(ephemeral).public_key()
    proof = prove_shared(secret, sent, place)
    points = (receiver, sent, proof.shared, proof.on_base, proof.on_point)
    data = MARKET.separator + context + b"".join(map(encoded, points))
    challenge = int.from_bytes(keccak(data), "big") % ORDER
    z = proof.response
    right = add(point_of(proof.on_base), multiply(point_of(receiver), challenge))
    assert eq(multiply(G1, z), right)
    right = add(point_of(proof.on_point), multiply(point_of(proof.shared), challenge))
    assert eq(multiply(point_of(sent), z), right)
    assert is_proven(receiver, sent, proof, place)


def test_a_contract_unmasks_with_the_proven_point() -> None:
    handed = mask(CONTENT_KEY, BUYER.public_key(), PLACE)
    proof = prove_shared(BUYER, handed.point, PLACE)
    assert unmask_with(proof.shared, handed, PLACE) == CONTENT_KEY


def proof_of_a_lie() -> tuple[MaskedKey, SharedPointProof]:
    """What a buyer makes who wants another key to come out: a proof about another shared point."""
    handed = mask(CONTENT_KEY, BUYER.public_key(), PLACE)
    liar = SecretKey.derive(bytes(32), b"liar")
    return handed, prove_shared(liar, handed.point, PLACE)


def test_a_proof_holds_for_its_statement_alone() -> None:
    receiver = BUYER.public_key()
    handed = mask(CONTENT_KEY, receiver, PLACE)
    proof = prove_shared(BUYER, handed.point, PLACE)
    other = GENERATOR.times(5)
    assert is_proven(receiver, handed.point, proof, PLACE)
    assert not is_proven(other, handed.point, proof, PLACE)
    assert not is_proven(receiver, other, proof, PLACE)
    assert not is_proven(receiver, handed.point, proof, Place(MARKET, bytes(32)))
    for change in (
        {"shared": other},
        {"on_base": other},
        {"on_point": other},
        {"response": (proof.response + 1) % ORDER},
        {"response": proof.response + ORDER},
        {"response": 0},
    ):
        assert not is_proven(receiver, handed.point, replace(proof, **change), PLACE)
    handed, lie = proof_of_a_lie()
    assert not is_proven(receiver, handed.point, lie, PLACE)


def test_a_proof_whose_sum_is_infinity_is_refused() -> None:
    """A = -c·P for the c of another A: nobody finds one that fits, and a sum of infinity is no
    error."""
    handed = mask(CONTENT_KEY, BUYER.public_key(), PLACE)
    proof = prove_shared(BUYER, handed.point, PLACE)
    with pytest.raises(InvalidInput, match="infinity"):
        GENERATOR.plus(GENERATOR.times(ORDER - 1))
    with pytest.raises(InvalidInput, match="infinity"):
        GENERATOR.times(ORDER)
    assert not is_proven(BUYER.public_key(), handed.point, replace(proof, response=ORDER), PLACE)


def test_repeating_gives_the_same_bytes_and_no_two_masks_share_a_secret() -> None:
    """A seller that was killed delivers the same again."""
    receiver = BUYER.public_key()
    first = mask(CONTENT_KEY, receiver, PLACE)
    assert mask(CONTENT_KEY, receiver, PLACE) == first
    others = [
        mask(CONTENT_KEY, GENERATOR.times(9), PLACE),
        mask(CONTENT_KEY, receiver, Place(MARKET, bytes(32))),
        mask(keccak(CONTENT_KEY), receiver, PLACE),
    ]
    assert len({bytes(each.point) for each in (first, *others)}) == 4
    nonce = prove_shared(BUYER, first.point, PLACE)
    assert prove_shared(BUYER, first.point, PLACE) == nonce
    again = prove_shared(BUYER, others[0].point, PLACE)
    assert again.on_base != nonce.on_base


def test_a_content_key_of_another_length_is_refused() -> None:
    with pytest.raises(InvalidInput, match="32 bytes"):
        mask(b"short", BUYER.public_key(), PLACE)
