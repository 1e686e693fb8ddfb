"""BLS signatures against py_ecc, a second implementation of the same scheme. (SPEC RG-4, RG-15)"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py_arkworks_bls12381 import G1Point, G2Point
from py_ecc.bls import G2ProofOfPossession
from py_ecc.optimized_bls12_381 import G1, add, multiply, normalize

from handfast.crypto.bls import GENERATOR, ORDER, PublicKey, SecretKey, Signature, combine, verify
from handfast.errors import InvalidInput

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/hash_to_g2.json").read_text())
TAG = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_"
SEED = bytes(range(32))
KEY = SecretKey.derive(SEED, b"signing")
INFINITY_G1 = b"\xc0" + bytes(47)
INFINITY_G2 = b"\xc0" + bytes(95)

scalars = st.integers(1, ORDER - 1)


def outside_the_subgroup() -> G1Point:
    """A point of the curve that the cofactor keeps out of the subgroup: the one with x = 4."""
    return G1Point.from_compressed_bytes_unchecked(b"\x80" + bytes(46) + b"\x04")


@pytest.mark.parametrize("info", [b"", b"signing", b"x" * 100])
def test_derives_the_key_that_py_ecc_derives(info: bytes) -> None:
    assert SecretKey.derive(SEED, info).scalar == G2ProofOfPossession.KeyGen(SEED, info)


def test_names_keys_and_signs_as_py_ecc_does() -> None:
    signature = KEY.sign(b"a message", TAG)
    assert bytes(KEY.public_key()) == G2ProofOfPossession.SkToPk(KEY.scalar)
    assert bytes(signature) == G2ProofOfPossession.Sign(KEY.scalar, b"a message")
    assert verify(KEY.public_key(), b"a message", signature, TAG)


def test_py_ecc_accepts_what_we_sign() -> None:
    signature = bytes(KEY.sign(b"another", TAG))
    assert G2ProofOfPossession.Verify(bytes(KEY.public_key()), b"another", signature)


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["message"][:16])
def test_hashes_to_g2_as_rfc_9380_prescribes(vector: dict[str, list[str]]) -> None:
    tag = VECTORS["tag"].encode()
    signature = SecretKey(1).sign(str(vector["message"]).encode(), tag)
    assert signature.point.to_xy_bytes_be().hex() == "".join(vector["point"])


@given(scalars, st.binary(max_size=100), st.binary(max_size=100))
def test_a_signature_holds_for_its_message_alone(scalar: int, signed: bytes, other: bytes) -> None:
    key = SecretKey(scalar)
    signature = key.sign(signed, TAG)
    assert verify(key.public_key(), signed, signature, TAG)
    assert verify(key.public_key(), other, signature, TAG) == (signed == other)


def test_a_signature_holds_for_its_key_and_its_tag_alone() -> None:
    signature = KEY.sign(b"a message", TAG)
    assert not verify(SecretKey(2).public_key(), b"a message", signature, TAG)
    assert not verify(KEY.public_key(), b"a message", signature, TAG + b"_")


@given(scalars)
def test_points_survive_their_encoding(scalar: int) -> None:
    key = SecretKey(scalar)
    signature = key.sign(b"", TAG)
    assert PublicKey.parse(bytes(key.public_key())) == key.public_key()
    assert Signature.parse(bytes(signature)) == signature


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(48),
        INFINITY_G1,
        b"\xff" * 48,  # infinity, written otherwise
        bytes(KEY.public_key())[:-1],
        bytes(KEY.public_key()) + b"\0",
        b"\xba" + bytes(KEY.public_key())[1:],  # x beyond the modulus
        b"\x80" + bytes(46) + b"\x01",  # no point of the curve has x = 1
        outside_the_subgroup().to_compressed_bytes(),
    ],
)
def test_refuses_what_is_no_public_key(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="public key"):
        PublicKey.parse(data)


@pytest.mark.parametrize("data", [b"", bytes(96), b"\xff" * 96, bytes(KEY.public_key()) * 2])
def test_refuses_what_is_no_signature(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="signature"):
        Signature.parse(data)


def test_the_signature_at_infinity_signs_nothing() -> None:
    assert not verify(KEY.public_key(), b"a message", Signature.parse(INFINITY_G2), TAG)


@pytest.mark.parametrize("scalar", [-1, 0, ORDER, ORDER + 1])
def test_refuses_a_secret_outside_the_group(scalar: int) -> None:
    with pytest.raises(InvalidInput, match="secret key"):
        SecretKey(scalar)


def test_refuses_a_short_seed() -> None:
    with pytest.raises(InvalidInput, match="at least 32 bytes"):
        SecretKey.derive(SEED[:-1], b"")


@given(scalars, scalars)
def test_two_parties_share_one_point(mine: int, yours: int) -> None:
    me, you = SecretKey(mine), SecretKey(yours)
    assert me.shared_point(you.public_key()) == you.shared_point(me.public_key())


def test_gives_points_as_the_precompiles_take_them() -> None:
    high_x, low_x, high_y, low_y = KEY.public_key().words()
    coordinates = KEY.public_key().point.to_xy_bytes_be()
    assert (high_x << 256 | low_x).to_bytes(48, "big") == coordinates[:48]
    assert (high_y << 256 | low_y).to_bytes(48, "big") == coordinates[48:]
    x, y = Signature(G2Point()).words()
    encoded = G2Point().to_xy_bytes_be()
    assert (x[0] << 256 | x[1]).to_bytes(48, "big") == encoded[:48]
    assert (y[2] << 256 | y[3]).to_bytes(48, "big") == encoded[144:]


def test_never_shows_a_secret() -> None:
    assert repr(KEY) == "SecretKey()"
    assert str(KEY.scalar) not in f"{KEY} {KEY!r}"


def words_of(point: tuple) -> tuple[int, ...]:
    """A point of py_ecc as the chain has it."""
    coordinates = [int(each) for each in normalize(point)]
    return tuple(part for each in coordinates for part in divmod(each, 1 << 256))


@settings(max_examples=10, deadline=None)
@given(scalars, scalars, scalars, scalars)
def test_combines_points_as_py_ecc_does(left: int, a: int, right: int, b: int) -> None:
    ours = combine(SecretKey(left).public_key(), a, SecretKey(right).public_key(), b)
    theirs = add(multiply(multiply(G1, left), a), multiply(multiply(G1, right), b))
    assert ours == words_of(theirs)


def test_what_combines_to_infinity_is_all_zero() -> None:
    assert combine(GENERATOR, 5, GENERATOR, ORDER - 5) == (0, 0, 0, 0)
    assert combine(GENERATOR, ORDER + 2, GENERATOR, 0) == SecretKey(2).public_key().words()


@given(scalars)
def test_a_point_is_read_back_from_the_words_of_the_chain(scalar: int) -> None:
    point = SecretKey(scalar).public_key()
    assert PublicKey.from_words(point.words()) == point


def test_words_that_are_no_point_of_the_subgroup_are_refused() -> None:
    good = GENERATOR.words()
    outside = outside_the_subgroup().to_xy_bytes_be()
    split = [outside[:16], outside[16:48], outside[48:64], outside[64:]]
    for words in (
        (0, 0, 0, 0),
        (good[0] + (1 << 128), *good[1:]),
        (good[0], good[1] ^ 1, *good[2:]),
        (1 << 256, *good[1:]),
        (-1, *good[1:]),
        good[:3],
        tuple(int.from_bytes(half, "big") for half in split),
    ):
        with pytest.raises(InvalidInput):
            PublicKey.from_words(words)
