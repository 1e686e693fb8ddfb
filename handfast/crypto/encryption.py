"""Boxes that only the holder of a BLS12-381 decryption key can open. (SPEC RG-16)

An ephemeral Diffie-Hellman in G1 gives each box its own key, so that the nonce may be zero. A box
does not tell who made it, and can't be altered unnoticed.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from handfast.crypto.bls import PublicKey, SecretKey
from handfast.errors import InvalidInput

VERSION: Final = 1
OVERHEAD: Final = 1 + 48 + 16
"""Bytes by which a box is longer than what is in it: version, ephemeral key, tag."""

_INFO: Final = b"handfast/v1/box"
_HEADER_BYTES: Final = 1 + 48
_NONCE: Final = bytes(12)


def encrypt(
    recipient: PublicKey, plaintext: bytes, context: bytes, associated_data: bytes = b""
) -> bytes:
    """Encrypt to a participant's decryption key.

    context           names the use: a box of one use does not open in another; at most 65,535 bytes
    associated_data   must be shown again, unaltered, to open the box; not part of it
    returns           a box OVERHEAD bytes longer than the plaintext
    """
    return _encrypt_with(SecretKey.generate(), recipient, plaintext, context, associated_data)


def decrypt(key: SecretKey, box: bytes, context: bytes, associated_data: bytes = b"") -> bytes:
    """Open a box.

    raises   InvalidInput if it is no box, or was made for another key, context or associated data,
             or was altered
    """
    if len(box) < OVERHEAD:
        raise InvalidInput(f"an encrypted box has at least {OVERHEAD} bytes, this one {len(box)}")
    if box[0] != VERSION:
        raise InvalidInput(f"an encrypted box of version {box[0]}; only {VERSION} is known")
    ephemeral = PublicKey.parse(box[1:_HEADER_BYTES])
    shared = key.shared_point(ephemeral)
    cipher = _cipher(shared, context, ephemeral, key.public_key())
    try:
        return cipher.decrypt(_NONCE, box[_HEADER_BYTES:], associated_data)
    except InvalidTag:
        raise InvalidInput(
            "the encrypted box does not open: another key, context or associated data, or altered"
        ) from None


def _encrypt_with(
    ephemeral: SecretKey,
    recipient: PublicKey,
    plaintext: bytes,
    context: bytes,
    associated_data: bytes,
) -> bytes:
    """`encrypt` by a given ephemeral key, which must never be used twice."""
    sent = ephemeral.public_key()
    cipher = _cipher(ephemeral.shared_point(recipient), context, sent, recipient)
    ciphertext = cipher.encrypt(_NONCE, plaintext, associated_data)
    return bytes([VERSION]) + bytes(sent) + ciphertext


def _cipher(
    shared: PublicKey, context: bytes, ephemeral: PublicKey, recipient: PublicKey
) -> ChaCha20Poly1305:
    if len(context) >= 1 << 16:
        raise InvalidInput("the context of an encrypted box has at most 65,535 bytes")
    info = _INFO + len(context).to_bytes(2, "big") + context + bytes(ephemeral) + bytes(recipient)
    return ChaCha20Poly1305(HKDF(SHA256(), 32, None, info).derive(bytes(shared)))
