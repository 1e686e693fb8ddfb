"""Anybody destroys their own, or what they were allowed to. (SPEC TK-1)"""

from __future__ import annotations

from handfast.protocol.constants import TOKEN_SUPPLY
from tests.chain import reverts


def test_burn_takes_from_the_sender_and_the_supply(token, allotments):
    holder, amount = allotments[0]
    token.burn(amount - 1, {"from": holder})
    assert token.balanceOf(holder) == 1
    assert token.totalSupply() == TOKEN_SUPPLY - amount + 1


def test_burn_reverts_when_the_sender_has_less(token, stranger):
    with reverts("ERC20InsufficientBalance", stranger, 0, 1):
        token.burn(1, {"from": stranger})


def test_burn_from_takes_what_was_allowed(token, beneficiaries, stranger):
    holder = beneficiaries[1]
    token.approve(stranger, 10, {"from": holder})
    token.burnFrom(holder, 7, {"from": stranger})
    assert token.allowance(holder, stranger) == 3
    with reverts("ERC20InsufficientAllowance", stranger, 3, 4):
        token.burnFrom(holder, 4, {"from": stranger})
    assert token.totalSupply() == TOKEN_SUPPLY - 7
