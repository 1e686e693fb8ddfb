"""Hands a content key to one receiver, who can show a contract what it got. (SPEC SL-5, SL-6)

All is derived, nothing drawn: whoever repeats an act after a crash gets the same bytes again. The
secrets come from the content key and from the receiver's own, so that nobody else can derive them,
and no two statements share one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from handfast.crypto.bls import GENERATOR, ORDER, PublicKey, SecretKey
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.market.sealing import KEY_BYTES
from handfast.protocol.messages import Domain

_MASK_INFO: Final = b"handfast/v1/mask"
_EQUALITY_INFO: Final = b"handfast/v1/equality"
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class Place:
    """What a mask is good for, and nothing else.

    domain    of the contract that judges it
    context   32 bytes that name purchase, delivery, or case and seat there
    """

    domain: Domain
    context: bytes

    def __bytes__(self) -> bytes:
        return self.domain.separator + self.context


@dataclass(frozen=True, slots=True)
class MaskedKey:
    """A content key that one receiver can read.

    point    E = e·G1
    masked   the key, xor the hash of the shared point
    """

    point: PublicKey
    masked: bytes


@dataclass(frozen=True, slots=True)
class SharedPointProof:
    """Shows what the shared point is, and no secret: log_G1(P) = log_E(S). [Chaum and Pedersen]

    shared     S = p·E
    on_base    A = k·G1
    on_point   B = k·E
    response   z = k + c·p mod r
    """

    shared: PublicKey
    on_base: PublicKey
    on_point: PublicKey
    response: int


def mask(key: bytes, receiver: PublicKey, place: Place) -> MaskedKey:
    """Hand a content key to the owner of a decryption key."""
    if len(key) != KEY_BYTES:
        raise InvalidInput(f"a content key has {KEY_BYTES} bytes, not {len(key)}")
    ephemeral = SecretKey.derive(key, _MASK_INFO + bytes(place) + bytes(receiver))
    return MaskedKey(ephemeral.public_key(), _applied(key, ephemeral.shared_point(receiver), place))


def unmask(secret: SecretKey, handed: MaskedKey, place: Place) -> bytes:
    """The content key that was handed to the owner of a secret."""
    return unmask_with(secret.shared_point(handed.point), handed, place)


def unmask_with(shared: PublicKey, handed: MaskedKey, place: Place) -> bytes:
    """The content key, by the shared point, as a contract computes it."""
    return _applied(handed.masked, shared, place)


def prove_shared(secret: SecretKey, point: PublicKey, place: Place) -> SharedPointProof:
    """Show what point a secret shares with E."""
    info = _EQUALITY_INFO + bytes(place) + bytes(point)
    nonce = SecretKey.derive(secret.scalar.to_bytes(_WORD, "big"), info)
    shared = secret.shared_point(point)
    on_base, on_point = nonce.public_key(), nonce.shared_point(point)
    challenge = _challenge(place, (secret.public_key(), point, shared, on_base, on_point))
    response = (nonce.scalar + challenge * secret.scalar) % ORDER
    return SharedPointProof(shared, on_base, on_point, response)


def is_proven(receiver: PublicKey, point: PublicKey, proof: SharedPointProof, place: Place) -> bool:
    """Whether a proof shows what point the receiver's secret shares with E, as a contract checks.

    It holds if z·G1 = A + c·P and z·E = B + c·S.
    """
    points = (receiver, point, proof.shared, proof.on_base, proof.on_point)
    challenge = _challenge(place, points)
    if not 0 < proof.response < ORDER or challenge == 0:
        return False
    try:
        return (
            GENERATOR.times(proof.response) == proof.on_base.plus(receiver.times(challenge))
        ) and point.times(proof.response) == proof.on_point.plus(proof.shared.times(challenge))
    except InvalidInput:  # a sum is infinity, which z times a point is not
        return False


def _challenge(place: Place, points: Iterable[PublicKey]) -> int:
    """c of SPEC SL-6: points as the precompiles take them."""
    words = b"".join(word.to_bytes(_WORD, "big") for point in points for word in point.words())
    return int.from_bytes(keccak(bytes(place) + words), "big") % ORDER


def _applied(key: bytes, shared: PublicKey, place: Place) -> bytes:
    pad = keccak(bytes(place) + bytes(shared))
    return bytes(left ^ right for left, right in zip(key, pad, strict=True))
