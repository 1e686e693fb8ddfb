"""An allowance by signature, on this token and chain alone. (SPEC TK-1)"""

from __future__ import annotations

import pytest
from brownie import chain
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.chain import reverts

OWNER = Account.from_key("0x" + "4c" * 32)
FIELDS = ("owner", "spender", "value", "nonce", "deadline")
TYPES = ("address", "address", "uint256", "uint256", "uint256")


def sign(token, spender, value, deadline, nonce=0):
    domain = {
        "name": "Handfast",
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": token.address,
    }
    types = {"Permit": [{"name": n, "type": t} for n, t in zip(FIELDS, TYPES, strict=True)]}
    values = (OWNER.address, spender.address, value, nonce, deadline)
    message = dict(zip(FIELDS, values, strict=True))
    signed = OWNER.sign_message(encode_typed_data(domain, types, message))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


@pytest.fixture
def deadline():
    return chain.time() + 1_000


def test_allows_what_was_signed_once(token, stranger, deadline):
    signature = sign(token, stranger, 5, deadline)
    token.permit(OWNER.address, stranger, 5, deadline, *signature, {"from": stranger})
    assert token.allowance(OWNER.address, stranger) == 5
    assert token.nonces(OWNER.address) == 1
    with reverts("ERC2612InvalidSigner", ..., OWNER.address):
        token.permit(OWNER.address, stranger, 5, deadline, *signature, {"from": stranger})


def test_reverts_when_the_deadline_has_passed(token, stranger):
    signature = sign(token, stranger, 5, 1)
    with reverts("ERC2612ExpiredSignature", 1):
        token.permit(OWNER.address, stranger, 5, 1, *signature, {"from": stranger})


def test_reverts_when_another_amount_was_signed(token, stranger, deadline):
    signature = sign(token, stranger, 5, deadline)
    with reverts("ERC2612InvalidSigner", ..., OWNER.address):
        token.permit(OWNER.address, stranger, 6, deadline, *signature, {"from": stranger})
