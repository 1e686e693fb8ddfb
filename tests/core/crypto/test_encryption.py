"""Boxes open for their recipient, use and associated data alone. (SPEC RG-16)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.bls import SecretKey
from handfast.crypto.encryption import OVERHEAD, _encrypt_with, decrypt, encrypt
from handfast.errors import InvalidInput

KEY = SecretKey(0x1234567890)
RECIPIENT = KEY.public_key()
OTHER = SecretKey(0x9876543210)
FORMAT = (
    "01b928f3beb93519eecf0145da903b40a4c97dca00b21f12ac0df3be9116ef2ef27b2ae6bcd4c5bc"
    "2d54ef5a70627efcb758e0dedcf7fc19c0572ec0eb53a265365e61e7a0e010adf4"
)
BOX = encrypt(RECIPIENT, b"a prompt", b"prompt", b"request 7")


@given(st.binary(max_size=2_000), st.binary(max_size=60), st.binary(max_size=60))
def test_opens_for_its_recipient(plaintext: bytes, context: bytes, data: bytes) -> None:
    box = encrypt(RECIPIENT, plaintext, context, data)
    assert len(box) == len(plaintext) + OVERHEAD
    assert decrypt(KEY, box, context, data) == plaintext


def test_the_same_text_never_makes_the_same_box() -> None:
    assert encrypt(RECIPIENT, b"a prompt", b"prompt", b"request 7") != BOX


def test_keeps_its_format() -> None:
    box = _encrypt_with(SecretKey(7), RECIPIENT, b"a prompt", b"prompt", b"request 7")
    assert box.hex() == FORMAT
    assert decrypt(KEY, box, b"prompt", b"request 7") == b"a prompt"


@pytest.mark.parametrize(
    ("key", "context", "data"),
    [
        (OTHER, b"prompt", b"request 7"),
        (KEY, b"product", b"request 7"),
        (KEY, b"prompt", b"request 8"),
        (KEY, b"promptr", b"equest 7"),
        (KEY, b"", b"promptrequest 7"),
    ],
)
def test_does_not_open_for_another_key_context_or_data(
    key: SecretKey, context: bytes, data: bytes
) -> None:
    with pytest.raises(InvalidInput, match="does not open"):
        decrypt(key, BOX, context, data)


@given(st.integers(0, len(BOX) - 1), st.integers(1, 255))
def test_does_not_open_when_a_byte_is_altered(position: int, flip: int) -> None:
    altered = bytearray(BOX)
    altered[position] ^= flip
    with pytest.raises(InvalidInput):
        decrypt(KEY, bytes(altered), b"prompt", b"request 7")


def test_tells_what_is_wrong_with_what_is_no_box() -> None:
    with pytest.raises(InvalidInput, match="at least 65 bytes, this one 64"):
        decrypt(KEY, BOX[:64], b"prompt")
    with pytest.raises(InvalidInput, match="version 2; only 1 is known"):
        decrypt(KEY, b"\2" + BOX[1:], b"prompt")
    infinity = b"\1\xc0" + bytes(47) + BOX[49:]
    with pytest.raises(InvalidInput, match="infinity"):
        decrypt(KEY, infinity, b"prompt")


def test_refuses_a_context_that_has_no_length() -> None:
    with pytest.raises(InvalidInput, match="65,535"):
        encrypt(RECIPIENT, b"", b"x" * 65_536)
