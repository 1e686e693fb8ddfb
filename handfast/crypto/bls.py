"""BLS signatures over BLS12-381, public keys in G1 and signatures in G2, as the chain checks them.

The proof-of-possession scheme of the BLS signature draft, byte for byte; the twin of BLS12381.sol.
A point has two encodings: compressed (48 or 96 bytes), by which it is named and sent, and the words
that the precompiles of the chain take.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from py_arkworks_bls12381 import GT, G1Point, G2Point, Scalar

from handfast.errors import InvalidInput

ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
"""Order r of both groups: a secret is an integer in 1..r-1."""

G1Words: TypeAlias = tuple[int, int, int, int]
"""A G1Point of BLS12381.sol."""
G2Words: TypeAlias = tuple[G1Words, G1Words]
"""A G2Point of BLS12381.sol: its two coordinates in Fp2."""

_MINIMUM_SEED = 32
_KEYGEN_BYTES = 48
_FIELD_BYTES = 48
_WORD = 32
_HALF = 64
_PAD = _HALF - _FIELD_BYTES


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A point of G1 in the subgroup, and not infinity."""

    point: G1Point

    def __post_init__(self) -> None:
        if self.point == G1Point.identity():
            raise InvalidInput("a BLS public key must not be the point at infinity")

    @staticmethod
    def parse(data: bytes) -> PublicKey:
        """Read 48 compressed bytes.

        raises   InvalidInput if they are not the one encoding of a point of the subgroup, or are
                 that of infinity
        """
        try:
            point = G1Point.from_compressed_bytes(data)
        except ValueError as error:
            raise InvalidInput(f"not a BLS public key: {error}") from None
        if point.to_compressed_bytes() != data:
            raise InvalidInput("not a BLS public key: not its canonical encoding")
        return PublicKey(point)

    @staticmethod
    def from_words(words: Sequence[int]) -> PublicKey:
        """Read what `words` gives, for instance out of an event.

        raises   InvalidInput if it is no point of the subgroup, or infinity
        """
        if len(words) != 4 or not all(0 <= word < 1 << 256 for word in words):
            raise InvalidInput("a point of G1 has four words")
        data = b"".join(word.to_bytes(_WORD, "big") for word in words)
        if data[:_PAD] + data[_HALF : _HALF + _PAD] != bytes(2 * _PAD):
            raise InvalidInput("not a point of G1: a coordinate is outside the field")
        try:
            point = G1Point.from_xy_bytes_be(data[_PAD:_HALF] + data[_HALF + _PAD :])
        except ValueError as error:
            raise InvalidInput(f"not a point of G1: {error}") from None
        return PublicKey(point)

    def __bytes__(self) -> bytes:
        return self.point.to_compressed_bytes()

    def words(self) -> G1Words:
        """The point as the chain's contracts take it."""
        return _g1_words(self.point.to_xy_bytes_be())


GENERATOR = PublicKey(G1Point())
"""G1: the public key of the secret 1."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A point of G2 in the subgroup."""

    point: G2Point

    @staticmethod
    def parse(data: bytes) -> Signature:
        """Read 96 compressed bytes.

        raises   InvalidInput if they are not the one encoding of a point of the subgroup
        """
        try:
            point = G2Point.from_compressed_bytes(data)
        except ValueError as error:
            raise InvalidInput(f"not a BLS signature: {error}") from None
        if point.to_compressed_bytes() != data:
            raise InvalidInput("not a BLS signature: not its canonical encoding")
        return Signature(point)

    def __bytes__(self) -> bytes:
        return self.point.to_compressed_bytes()

    def words(self) -> G2Words:
        """The point as the chain's contracts take it."""
        data = self.point.to_xy_bytes_be()
        half = len(data) // 2
        return _g1_words(data[:half]), _g1_words(data[half:])


@dataclass(frozen=True, slots=True)
class SecretKey:
    """An integer in 1..r-1, never shown."""

    scalar: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scalar < ORDER:
            raise InvalidInput("a BLS secret key must lie between 1 and the group's order - 1")

    @staticmethod
    def generate() -> SecretKey:
        """Draw a key from the system's randomness."""
        return SecretKey(1 + secrets.randbelow(ORDER - 1))

    @staticmethod
    def derive(seed: bytes, info: bytes) -> SecretKey:
        """Derive a key from a secret by KeyGen of the BLS signature draft, section 2.3.

        seed     at least 32 secret bytes of full entropy
        info     names the key: other info, independent key
        """
        if len(seed) < _MINIMUM_SEED:
            raise InvalidInput(f"a BLS key's seed must have at least {_MINIMUM_SEED} bytes")
        salt, scalar = b"BLS-SIG-KEYGEN-SALT-", 0
        while scalar == 0:
            salt = hashlib.sha256(salt).digest()
            expand = HKDF(SHA256(), _KEYGEN_BYTES, salt, info + _KEYGEN_BYTES.to_bytes(2, "big"))
            scalar = int.from_bytes(expand.derive(seed + b"\0"), "big") % ORDER
        return SecretKey(scalar)

    def public_key(self) -> PublicKey:
        return PublicKey(G1Point() * Scalar(self.scalar))

    def sign(self, message: bytes, tag: bytes) -> Signature:
        return Signature(G2Point.hash_to_curve(message, tag) * Scalar(self.scalar))

    def shared_point(self, other: PublicKey) -> PublicKey:
        """The point that both holders of a secret reach from the other's key: Diffie-Hellman."""
        return PublicKey(other.point * Scalar(self.scalar))


def combine(left: PublicKey, a: int, right: PublicKey, b: int) -> G1Words:
    """a·left + b·right as the chain's contracts have it; all zero at infinity."""
    point = left.point * Scalar(a % ORDER) + right.point * Scalar(b % ORDER)
    return _g1_words(point.to_xy_bytes_be())


def verify(key: PublicKey, message: bytes, signature: Signature, tag: bytes) -> bool:
    """Whether `signature` is that of `key` over `message` under the domain tag."""
    hashed = G2Point.hash_to_curve(message, tag)
    return GT.pairing_check([-G1Point(), key.point], [signature.point, hashed])


def _g1_words(data: bytes) -> G1Words:
    """Split two field elements of 48 bytes into high and low words."""
    x, y = data[:_FIELD_BYTES], data[_FIELD_BYTES:]
    return (
        int.from_bytes(x[:-_WORD], "big"),
        int.from_bytes(x[-_WORD:], "big"),
        int.from_bytes(y[:-_WORD], "big"),
        int.from_bytes(y[-_WORD:], "big"),
    )
