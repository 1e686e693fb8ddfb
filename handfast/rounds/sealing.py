"""Encrypts a product under the key whose release pays for it. (SPEC PR-7)

The key is drawn for one product and used once, so the nonce may be zero; the request's id is
associated data, so that a ciphertext does not pass for another round's.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from handfast.errors import Rejected
from handfast.rounds.messages import RequestId

_NONCE: Final = bytes(12)


def seal(content: bytes, key: bytes, request: RequestId) -> bytes:
    """Encrypt content; the result is 16 bytes longer.

    key   32 bytes, fresh
    """
    return ChaCha20Poly1305(key).encrypt(_NONCE, content, request)


def unseal(sealed: bytes, key: bytes, request: RequestId) -> bytes:
    """Decrypt what `seal` made.

    raises   Rejected if it was made under another key or for another request, or was altered
    """
    try:
        return ChaCha20Poly1305(key).decrypt(_NONCE, sealed, request)
    except InvalidTag:
        raise Rejected("the ciphertext does not open with the released key", "bad_key") from None
