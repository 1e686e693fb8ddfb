"""Signs digests with a secp256k1 key, and tells whose a signature is, as the EVM does."""

from __future__ import annotations

import coincurve

from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput

SIGNATURE_BYTES = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
_V = {27: b"\0", 28: b"\1"}


def _account_of(key: coincurve.PublicKey) -> bytes:
    return keccak(key.format(compressed=False)[1:])[12:]


class Signer:
    """A key and its account. The same digest gets the same signature (RFC 6979).

    secret    32 bytes
    """

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        try:
            self._key = coincurve.PrivateKey(secret)
        except ValueError:
            raise InvalidInput("not a secp256k1 key") from None
        self.address = "0x" + _account_of(self._key.public_key).hex()
        """Lower case."""

    def sign(self, digest: bytes) -> bytes:
        """r, s and v (27 or 28) in 65 bytes."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((27 + signature[64],))

    def __repr__(self) -> str:
        return f"Signer({self.address})"


def recover(digest: bytes, signature: bytes) -> str | None:
    """The account, in lower case, whose signature of `digest` this is; None if it is nobody's.

    Refuses what OpenZeppelin's ECDSA refuses: other lengths, the malleable upper half of s, and any
    v but 27 and 28. So whatever is accepted here is accepted on chain.
    """
    if len(signature) != SIGNATURE_BYTES:
        return None
    parity = _V.get(signature[64])
    if parity is None or int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    try:
        key = coincurve.PublicKey.from_signature_and_message(
            signature[:64] + parity, digest, hasher=None
        )
    except ValueError:
        return None
    return "0x" + _account_of(key).hex()


def is_signed_by(account: str, digest: bytes, signature: bytes) -> bool:
    """Whether `signature` is the account's, of `digest`."""
    return recover(digest, signature) == account.lower()
