"""BLS12381.sol == handfast/crypto/bls.py == RFC 9380, and what it must refuse. (SPEC RG-4)"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from brownie.test import given, strategy
from py_arkworks_bls12381 import G1Point, G2Point, Scalar
from py_ecc.optimized_bls12_381 import field_modulus

from handfast.crypto.bls import ORDER, SecretKey, Signature
from tests.chain import plain, reverts
from tests.points import INFINITY_G1, INFINITY_G2, g1, g2, stray_g1, stray_g2, words

VECTORS = json.loads((Path(__file__).parents[1] / "vectors/hash_to_g2.json").read_text())
TAG = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
KEY = SecretKey.derive(bytes(range(32)), b"signing")
SIGNATURE = KEY.sign(b"a message", TAG)


@pytest.fixture(scope="module")
def library(deployer, BLS12381Harness):
    return deployer.deploy(BLS12381Harness)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["message"][:16])
def test_hashes_to_g2_as_rfc_9380_prescribes(library, vector):
    point = library.hashToG2(vector["message"].encode(), VECTORS["tag"].encode())
    expected = bytes.fromhex("".join(vector["point"]))
    assert plain(point) == (words(expected[:96]), words(expected[96:]))


@given(message=strategy("bytes", max_size=300), tag=strategy("bytes", min_size=1, max_size=255))
def test_hashes_any_message_under_any_tag_as_python_does(library, message, tag):
    assert plain(library.hashToG2(message, tag)) == SecretKey(1).sign(message, tag).words()


@pytest.mark.parametrize("length", [0, 256])
def test_refuses_a_tag_that_has_no_length_byte(library, length):
    with reverts("InvalidDomainTag", length):
        library.hashToG2(b"", b"x" * length)


@given(scalar=strategy("uint256", min_value=1, max_value=ORDER - 1))
def test_names_a_key_as_python_does(library, scalar):
    key = SecretKey(scalar).public_key()
    for point in (key.point, -key.point):
        head, tail = library.compress(g1(point))
        assert bytes(head) + bytes(tail) == point.to_compressed_bytes()


def test_names_infinity_as_python_does(library):
    head, tail = library.compress(INFINITY_G1)
    assert bytes(head) + bytes(tail) == G1Point.identity().to_compressed_bytes()


def test_tells_the_larger_y_at_the_half_of_the_field(library):
    half = (field_modulus - 1) // 2
    for y, larger in ((half, False), (half + 1, True), (field_modulus - 1, True), (1, False)):
        head, _ = library.compress((0, 0, y >> 256, y % 2**256))
        assert bool(bytes(head)[0] & 0x20) == larger


@given(
    left=strategy("uint256", max_value=ORDER - 1),
    right=strategy("uint256", max_value=ORDER - 1),
)
def test_computes_in_both_groups_as_python_does(library, left, right):
    a, b = G1Point() * Scalar(left), G1Point() * Scalar(right)
    assert plain(library.addG1(g1(a), g1(b))) == g1(a + b)
    assert plain(library.multiplyG1(g1(a), right)) == g1(a * Scalar(right))
    c, d = G2Point() * Scalar(left), G2Point() * Scalar(right)
    assert plain(library.addG2(g2(c), g2(d))) == g2(c + d)
    assert plain(library.multiplyG2(g2(c), right)) == g2(c * Scalar(right))


@given(
    scalar=strategy("uint256", min_value=1, max_value=ORDER - 1),
    message=strategy("bytes", max_size=100),
)
def test_accepts_what_python_signed(library, scalar, message):
    key = SecretKey(scalar)
    signature = key.sign(message, TAG).words()
    assert library.verify(key.public_key().words(), signature, message, TAG)
    assert not library.verify(key.public_key().words(), signature, message + b"\0", TAG)


def test_refuses_another_key_tag_or_signature(library):
    key, signature = KEY.public_key().words(), SIGNATURE.words()
    assert library.verify(key, signature, b"a message", TAG)
    assert not library.verify(SecretKey(2).public_key().words(), signature, b"a message", TAG)
    assert not library.verify(key, signature, b"a message", TAG + b"_")
    assert not library.verify(key, SecretKey(2).sign(b"", TAG).words(), b"a message", TAG)


def test_refuses_infinity_for_key_and_signature(library):
    assert not library.verify(INFINITY_G1, INFINITY_G2, b"a message", TAG)
    assert not library.verify(KEY.public_key().words(), INFINITY_G2, b"a message", TAG)
    assert not library.verify(INFINITY_G1, SIGNATURE.words(), b"a message", TAG)


def test_refuses_keys_and_signatures_outside_their_subgroup(library):
    key, signature = KEY.public_key(), SIGNATURE
    assert not library.verify(g1(stray_g1()), signature.words(), b"a message", TAG)
    assert not library.verify(key.words(), g2(stray_g2()), b"a message", TAG)
    # A stray part must not slip in on top of what is right.
    assert not library.verify(g1(key.point + stray_g1()), signature.words(), b"a message", TAG)
    assert not library.verify(key.words(), g2(signature.point + stray_g2()), b"a message", TAG)


def test_multiplication_proves_the_subgroup_and_addition_does_not(library):
    with reverts("InvalidPoint"):
        library.multiplyG1(g1(stray_g1()), 1)
    with reverts("InvalidPoint"):
        library.multiplyG2(g2(stray_g2()), 1)
    assert plain(library.addG1(g1(stray_g1()), INFINITY_G1)) == g1(stray_g1())


@pytest.mark.parametrize("spoil", [(0, 0, 0, 1), (0, 1, 0, 0), (1 << 128, 0, 0, 0)])
def test_refuses_points_off_the_curve(library, spoil):
    point = tuple(a ^ b for a, b in zip(KEY.public_key().words(), spoil, strict=True))
    with reverts("InvalidPoint"):
        library.addG1(point, INFINITY_G1)
    with reverts("InvalidPoint"):
        library.multiplyG1(point, 1)
    assert not library.verify(point, SIGNATURE.words(), b"a message", TAG)


def test_refuses_coordinates_beyond_the_modulus(library):
    x_high, x_low, *y = KEY.public_key().words()
    beyond = (x_high << 256 | x_low) + field_modulus
    with reverts("InvalidPoint"):
        library.addG1((beyond >> 256, beyond % 2**256, *y), INFINITY_G1)


def test_words_of_a_signature_are_those_of_the_chain(library):
    doubled = library.addG2(SIGNATURE.words(), SIGNATURE.words())
    assert plain(doubled) == Signature(SIGNATURE.point + SIGNATURE.point).words()
