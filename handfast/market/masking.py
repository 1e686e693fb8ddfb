"""Hands a content key to one receiver, who can show a contract what it got. (SPEC SL-5, SL-6)

A *context* is the EIP-712 digest of what the key is handed over for (`PurchaseKey`, `DeliveryKey`,
`PanelKey`) under the domain of the contract that judges. Identical to Sealing.sol.

All is derived, nothing drawn: whoever repeats an act after a crash gets the same bytes again. The
secrets come from the content key and from the receiver's own, so that nobody else can derive them,
and no two statements share one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from handfast.crypto.bls import GENERATOR, ORDER, G1Words, PublicKey, SecretKey, combine
from handfast.crypto.keccak import keccak
from handfast.market.sealing import require_key
from handfast.protocol.constants import SEAL_MASK_TAG, SEAL_PROOF_TAG

_EPHEMERAL_INFO: Final = b"handfast/v1/ephemeral"
_NONCE_INFO: Final = b"handfast/v1/nonce"
_WORD: Final = 32


@dataclass(frozen=True, slots=True)
class MaskedKey:
    """A content key that one receiver can read.

    ephemeral   E = e·G1
    masked      the key, xor the hash of the shared point
    """

    ephemeral: PublicKey
    masked: bytes

    @staticmethod
    def parse(words: Sequence[int], masked: bytes) -> MaskedKey:
        """Read what somebody posted.

        raises   InvalidInput if its point is not in the subgroup, or infinity
        """
        return MaskedKey(PublicKey.from_words(words), masked)


@dataclass(frozen=True, slots=True)
class SharedPoint:
    """What a receiver's secret makes of E, and the proof that log_G1(P) = log_E(S), which gives no
    secret away. [Chaum and Pedersen]

    key         P, the receiver's
    shared      S = p·E
    challenge   c, the hash of the whole statement
    response    z = k + c·p mod r
    """

    key: PublicKey
    shared: PublicKey
    challenge: int
    response: int


def receiver_of(key: PublicKey) -> bytes:
    """What a contract keeps of a decryption key."""
    return keccak(bytes(key))


def mask(key: bytes, receiver: PublicKey, context: bytes) -> MaskedKey:
    """Hand a content key to the owner of a decryption key."""
    require_key(key)
    ephemeral = SecretKey.derive(key, _EPHEMERAL_INFO + context + bytes(receiver))
    return mask_with(ephemeral, key, receiver, context)


def mask_with(ephemeral: SecretKey, key: bytes, receiver: PublicKey, context: bytes) -> MaskedKey:
    """The same with a given e: for several receivers, each in a context of its own."""
    masked = _applied(key, ephemeral.shared_point(receiver), context)
    return MaskedKey(ephemeral.public_key(), masked)


def unmask(secret: SecretKey, handed: MaskedKey, context: bytes) -> bytes:
    """The content key that was handed to the owner of a secret."""
    return unmask_with(secret.shared_point(handed.ephemeral), handed, context)


def unmask_with(shared: PublicKey, handed: MaskedKey, context: bytes) -> bytes:
    """The content key by the shared point, as a contract computes it."""
    return _applied(handed.masked, shared, context)


def prove_shared(secret: SecretKey, handed: MaskedKey, context: bytes) -> SharedPoint:
    """Show what point a secret shares with E."""
    key, base = secret.public_key(), handed.ephemeral
    nonce = SecretKey.derive(
        secret.scalar.to_bytes(_WORD, "big"), _NONCE_INFO + context + bytes(base)
    )
    shared = secret.shared_point(base)
    commitments = nonce.public_key().words(), nonce.shared_point(base).words()
    challenge = _challenge(context, (key, base, shared), commitments)
    response = (nonce.scalar + challenge * secret.scalar) % ORDER
    return SharedPoint(key, shared, challenge, response)


def is_proven(point: SharedPoint, handed: MaskedKey, context: bytes) -> bool:
    """Whether a shared point is shown to be right, as ChaumPedersen.sol decides it: with
    A = z·G1 - c·P and B = z·E - c·S, c is the hash of the statement.
    """
    if not 0 <= point.challenge < ORDER:
        return False
    negative, base = ORDER - point.challenge, handed.ephemeral
    commitments = (
        combine(GENERATOR, point.response, point.key, negative),
        combine(base, point.response, point.shared, negative),
    )
    points = (point.key, base, point.shared)
    return _challenge(context, points, commitments) == point.challenge


def _challenge(context: bytes, points: Iterable[PublicKey], commitments: Iterable[G1Words]) -> int:
    words = (*(point.words() for point in points), *commitments)
    statement = b"".join(word.to_bytes(_WORD, "big") for each in words for word in each)
    return int.from_bytes(keccak(SEAL_PROOF_TAG.encode() + context + statement), "big") % ORDER


def _applied(key: bytes, shared: PublicKey, context: bytes) -> bytes:
    pad = keccak(SEAL_MASK_TAG.encode() + context + bytes(shared))
    return bytes(left ^ right for left, right in zip(key, pad, strict=True))
