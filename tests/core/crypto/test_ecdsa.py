"""Signatures of accounts, beside eth-account's. (SPEC GEN-2, CH-18)"""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.ecdsa import Signer, is_signed_by, recover
from handfast.errors import InvalidInput

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
digests = st.binary(min_size=32, max_size=32)
secrets = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))


@given(secrets, digests)
def test_signs_as_eth_account_does(secret: bytes, digest: bytes) -> None:
    signer, account = Signer(secret), Account.from_key(secret)
    signature = signer.sign(digest)
    assert signature == bytes(account.unsafe_sign_hash(digest).signature)
    assert recover(digest, signature) == signer.address == account.address.lower()
    assert is_signed_by(account.address, digest, signature)


def test_another_digest_or_account_is_not_signed() -> None:
    signer = Signer(b"\1" * 32)
    signature = signer.sign(b"\2" * 32)
    assert not is_signed_by(signer.address, b"\3" * 32, signature)
    assert not is_signed_by(Signer(b"\4" * 32).address, b"\2" * 32, signature)


def test_the_malleable_twin_of_a_signature_is_nobodys() -> None:
    digest = b"\2" * 32
    signature = Signer(b"\1" * 32).sign(digest)
    s = int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes((55 - signature[64],))
    assert recover(digest, twin) is None


@pytest.mark.parametrize(
    "signature", [b"", bytes(64), bytes(65), bytes(64) + b"\x1b", b"\xff" * 65, bytes(66)]
)
def test_garbage_is_nobodys_signature(signature: bytes) -> None:
    assert recover(b"\2" * 32, signature) is None


@pytest.mark.parametrize("v", [0, 1, 26, 29, 31])
def test_a_v_that_the_chain_refuses_is_refused(v: int) -> None:
    digest = b"\2" * 32
    assert recover(digest, Signer(b"\1" * 32).sign(digest)[:64] + bytes((v,))) is None


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\xff" * 32, b"\1" * 33])
def test_refuses_what_is_no_key(secret: bytes) -> None:
    with pytest.raises(InvalidInput):
        Signer(secret)


def test_shows_its_address_alone() -> None:
    signer = Signer(b"\1" * 32)
    assert repr(signer) == f"Signer({signer.address})"
