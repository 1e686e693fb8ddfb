"""ChaumPedersen.sol and Sealing.sol == what is built here apart from them. (SPEC SL-1 to SL-8)"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from brownie.test import given, strategy
from py_arkworks_bls12381 import G1Point, Scalar
from py_ecc.optimized_bls12_381 import G1, Z1, add, multiply, neg, normalize

from handfast.crypto.bls import ORDER
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import CHUNK_BYTES, MAX_SEALED_BYTES
from tests.chain import plain, reverts
from tests.points import INFINITY_G1, g1, stray_g1
from tests.sealing import Package, mask_of, masked, shown

CONTEXT = bytes(range(32))
SECRET, EPHEMERAL = 1_234_567, 7_654_321
RECEIVER, E = G1Point() * Scalar(SECRET), G1Point() * Scalar(EPHEMERAL)
KEY = bytes(range(100, 132))
SCALARS = strategy("uint256", min_value=1, max_value=ORDER - 1)


@pytest.fixture(scope="module")
def library(deployer, SealingHarness):
    return deployer.deploy(SealingHarness)


def oracle(point):
    """A point of py_ecc as the contracts take it."""
    if point[2] == Z1[2]:
        return INFINITY_G1
    x, y = (int(coordinate) for coordinate in normalize(point))
    return x >> 256, x % 2**256, y >> 256, y % 2**256


def raw(*points):
    return b"".join(word.to_bytes(32) for point in points for word in point)


def prove(tag, context, secret, base, nonce):
    """Chaum-Pedersen by py_ecc: key, shared point, challenge and response."""
    key, shared = multiply(G1, secret), multiply(base, secret)
    points = [key, base, shared, multiply(G1, nonce), multiply(base, nonce)]
    challenge = int.from_bytes(keccak(tag + context + raw(*map(oracle, points)))) % ORDER
    return oracle(key), oracle(shared), (challenge, (nonce + challenge * secret) % ORDER)


@given(secret=SCALARS, ephemeral=SCALARS, nonce=SCALARS, context=strategy("bytes32"))
def test_accepts_what_py_ecc_proves(library, secret, ephemeral, nonce, context):
    base = multiply(G1, ephemeral)
    key, shared, proof = prove(b"tag", bytes(context), secret, base, nonce)
    statement = key, oracle(base), shared
    assert library.verifyEquality("tag", context, *statement, proof)
    # The same proof anywhere else, or of anything else.
    assert not library.verifyEquality("tag", keccak(bytes(context)), *statement, proof)
    assert not library.verifyEquality("gat", context, *statement, proof)
    wrong = oracle(add(multiply(base, secret), G1))
    assert not library.verifyEquality("tag", context, key, oracle(base), wrong, proof)
    if secret != ephemeral:
        assert not library.verifyEquality("tag", context, oracle(base), key, shared, proof)


@given(first=SCALARS, second=SCALARS, left=SCALARS, right=SCALARS)
def test_combines_as_py_ecc_does(library, first, second, left, right):
    p, q = multiply(G1, first), neg(multiply(G1, second))
    expected = oracle(add(multiply(p, left), multiply(q, right)))
    assert plain(library.combine(oracle(p), left, oracle(q), right)) == expected


def test_a_proof_of_what_is_wrong_can_not_be_made_up(library):
    """Whoever knows no common logarithm can't answer the challenge, whichever it takes."""
    key, _, proof = shown(CONTEXT, SECRET, E)
    wrong = g1(E * Scalar(SECRET + 1))
    for challenge, response in (proof, (0, 0), (0, proof[1]), (proof[0], 0), (1, 1)):
        answer = challenge, response
        assert not library.verifyEquality("tag", CONTEXT, key, g1(E), wrong, answer)


def test_a_challenge_beyond_the_order_is_no_proof(library):
    base = multiply(G1, EPHEMERAL)
    key, shared, (challenge, response) = prove(b"tag", CONTEXT, SECRET, base, 99)
    statement = key, oracle(base), shared
    assert library.verifyEquality("tag", CONTEXT, *statement, (challenge, response))
    beyond = challenge + ORDER
    assert not library.verifyEquality("tag", CONTEXT, *statement, (beyond, response))


def test_no_proof_is_of_a_point_outside_the_subgroup(library):
    key, shared, proof = shown(CONTEXT, SECRET, E)
    stray = g1(stray_g1())
    for statement in ((stray, g1(E), shared), (key, stray, shared), (key, g1(E), stray)):
        with reverts("InvalidPoint"):
            library.verifyEquality("tag", CONTEXT, *statement, proof)


@given(secret=SCALARS, ephemeral=SCALARS, key=strategy("bytes32"), context=strategy("bytes32"))
def test_unmasks_what_was_masked_for_the_receiver(library, secret, ephemeral, key, context):
    receiver = G1Point() * Scalar(secret)
    handed = masked(bytes(context), bytes(key), receiver, ephemeral)
    point = shown(bytes(context), secret, G1Point() * Scalar(ephemeral))
    compressed = receiver.to_compressed_bytes()
    named = library.receiverOf((compressed[:32], compressed[32:]))
    assert bytes(named) == keccak(compressed)
    assert bytes(library.unmask(context, named, handed, point)) == bytes(key)


def test_a_mask_of_another_context_hides_another_key(library):
    """Chain, contract and deal are in the context: a masked key is good for one of them."""
    elsewhere = keccak(CONTEXT)
    handed = masked(elsewhere, KEY, RECEIVER, EPHEMERAL)
    named = keccak(RECEIVER.to_compressed_bytes())
    opened = bytes(library.unmask(CONTEXT, named, handed, shown(CONTEXT, SECRET, E)))
    shared = RECEIVER * Scalar(EPHEMERAL)
    masks = mask_of(elsewhere, shared), mask_of(CONTEXT, shared)
    assert opened == bytes(a ^ b ^ c for a, b, c in zip(KEY, *masks, strict=True)) != KEY


def test_a_shared_point_must_be_proven_by_the_receiver_in_the_context(library):
    """SL-6, SL-8: what does not verify reverts."""
    handed = masked(CONTEXT, KEY, RECEIVER, EPHEMERAL)
    named = keccak(RECEIVER.to_compressed_bytes())
    other = G1Point() * Scalar(5)
    with reverts("NotReceiver", named, keccak(other.to_compressed_bytes())):
        library.unmask(CONTEXT, named, handed, shown(CONTEXT, 5, E))
    with reverts("InvalidSharedPoint", CONTEXT):
        library.unmask(CONTEXT, named, handed, shown(keccak(CONTEXT), SECRET, E))
    key, _, proof = shown(CONTEXT, SECRET, E)
    with reverts("InvalidSharedPoint", CONTEXT):
        library.unmask(CONTEXT, named, handed, (key, g1(E), proof))
    with reverts("InvalidSharedPoint", CONTEXT):
        library.unmask(CONTEXT, named, (g1(other), handed[1]), shown(CONTEXT, SECRET, E))


def test_an_ephemeral_point_is_in_the_subgroup_and_not_infinity(library):
    """SL-5."""
    library.requireSoundMask((g1(E), KEY))
    with reverts("EphemeralAtInfinity"):
        library.requireSoundMask((INFINITY_G1, KEY))
    for point in (stray_g1(), E + stray_g1()):
        with reverts("InvalidPoint"):
            library.requireSoundMask((g1(point), KEY))


def test_content_has_a_size_and_a_codec(library):
    """SL-1."""
    sound = list(Package.seal(b"content", KEY).words())
    for codec, size in ((0x55, 1), (0x70, MAX_SEALED_BYTES)):
        library.requireSoundContent([*sound[:4], codec, size])
    for size in (0, MAX_SEALED_BYTES + 1):
        with reverts("InvalidSize", size, MAX_SEALED_BYTES):
            library.requireSoundContent([*sound[:5], size])
    with reverts("UnknownContentCodec", 0x71):
        library.requireSoundContent([*sound[:4], 0x71, 7])


def test_only_the_promised_key_is_right(library):
    """SL-3."""
    package = Package.seal(b"content", KEY)
    assert not library.isWrongKey(package.words(), KEY)
    assert library.isWrongKey(package.words(), bytes(32))


SIZES = [1, 31, 4095, 4096, 4097, 8192, 3 * 4096 + 65]


@pytest.mark.parametrize("size", SIZES)
def test_no_chunk_of_honest_content_is_wrong(library, size):
    """SL-7, SL-2: whatever the size and the position."""
    package = Package.seal(random.Random(size).randbytes(size), KEY)
    for position in range(len(package.chunks)):
        assert not library.isWrongChunk(package.words(), KEY, package.proof(position))


@pytest.mark.parametrize("size", SIZES)
def test_a_chunk_that_is_another_is_wrong(library, size):
    honest = Package.seal(random.Random(size).randbytes(size), KEY)
    for position, chunk in enumerate(honest.chunks):
        for place in {0, len(chunk) // 2, len(chunk) - 1}:
            spoilt = chunk[:place] + bytes([chunk[place] ^ 1]) + chunk[place + 1 :]
            package = honest.with_chunk(position, spoilt)
            assert library.isWrongChunk(package.words(), KEY, package.proof(position))


@pytest.mark.parametrize("length", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_a_chunk_of_another_length_is_wrong(library, length):
    """SL-7, SL-9: shorter or longer than CHUNK_BYTES, in the middle or at the end."""
    honest = Package.seal(bytes(2 * CHUNK_BYTES + 5), KEY)
    for position in (0, 2):
        package = honest.with_chunk(position, bytes(length))
        assert library.isWrongChunk(package.words(), KEY, package.proof(position))


def test_a_chunk_that_is_cut_by_its_buyer_does_not_stand_under_the_root(library):
    package = Package.seal(bytes(2 * CHUNK_BYTES), KEY)
    position, chunk, *rest = package.proof(1)
    with reverts("InvalidChunkProof", 1):
        library.isWrongChunk(package.words(), KEY, (position, chunk[:-1], *rest))


def test_there_is_no_chunk_beyond_the_size(library):
    """SL-7: nor at a huge position, which would wrap the counter."""
    package = Package.seal(bytes(2 * CHUNK_BYTES + 1), KEY)
    _, *rest = package.proof(2)
    for position in (3, 2**58, 2**256 - 1):
        with reverts("NoSuchChunk", position, 3):
            library.isWrongChunk(package.words(), KEY, (position, *rest))
    # A tree that is larger than the size promises does not help.
    smaller = (*package.words()[:5], 2 * CHUNK_BYTES)
    with reverts("NoSuchChunk", 2, 2):
        library.isWrongChunk(smaller, KEY, (2, *rest))


def test_both_paths_must_lead_to_their_roots(library):
    """SL-8."""
    package = Package.seal(random.Random(1).randbytes(4 * CHUNK_BYTES), KEY)
    position, chunk, digest, published, promised = package.proof(2)
    for spoilt in (
        (position, chunk, digest, published[:-1], promised),
        (position, chunk, digest, published, promised[:-1]),
        (position, chunk, digest, promised, published),
        (position, chunk, bytes(32), published, promised),
        (1, chunk, digest, published, promised),
    ):
        with reverts("InvalidChunkProof", spoilt[0]):
            library.isWrongChunk(package.words(), KEY, spoilt)


def test_a_digest_that_the_seller_made_up_is_a_wrong_chunk(library):
    honest = Package.seal(bytes(2 * CHUNK_BYTES), KEY)
    liar = replace(honest, digests=(honest.digests[0], bytes(32)), trees=[])
    assert not library.isWrongChunk(liar.words(), KEY, liar.proof(0))
    assert library.isWrongChunk(liar.words(), KEY, liar.proof(1))
