"""An allowance by signature, on this token and chain alone. (SPEC TK-1)"""

from __future__ import annotations

import pytest
from brownie import chain

from tests.chain import reverts
from tests.permits import SIGNER, sign_permit


@pytest.fixture
def deadline():
    return chain.time() + 1_000


def test_allows_what_was_signed_once(token, stranger, deadline):
    signature = sign_permit(token, stranger, 5, deadline)
    token.permit(SIGNER.address, stranger, 5, deadline, *signature, {"from": stranger})
    assert token.allowance(SIGNER.address, stranger) == 5
    assert token.nonces(SIGNER.address) == 1
    with reverts("ERC2612InvalidSigner", ..., SIGNER.address):
        token.permit(SIGNER.address, stranger, 5, deadline, *signature, {"from": stranger})


def test_reverts_when_the_deadline_has_passed(token, stranger):
    signature = sign_permit(token, stranger, 5, 1)
    with reverts("ERC2612ExpiredSignature", 1):
        token.permit(SIGNER.address, stranger, 5, 1, *signature, {"from": stranger})


def test_reverts_when_another_amount_was_signed(token, stranger, deadline):
    signature = sign_permit(token, stranger, 5, deadline)
    with reverts("ERC2612InvalidSigner", ..., SIGNER.address):
        token.permit(SIGNER.address, stranger, 6, deadline, *signature, {"from": stranger})
