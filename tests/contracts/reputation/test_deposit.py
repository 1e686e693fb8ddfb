"""Proposers pay in for bonds and levies. (SPEC RP-32, RP-I1)"""

from __future__ import annotations

import pytest

from tests.chain import plain, reverts
from tests.rollups import WEALTH


def test_credits_the_sender(rollup, token, coordinator, watcher):
    rollup.deposit(700, {"from": coordinator})
    transaction = rollup.deposit(300, {"from": coordinator})
    rollup.deposit(5, {"from": watcher})
    assert plain(rollup.depositOf(coordinator)) == (1_000, 0)
    assert plain(rollup.depositOf(watcher)) == (5, 0)
    assert token.balanceOf(rollup) == 1_005
    assert plain(transaction.events["Deposited"].values()) == (coordinator.address, 300)


def test_reverts_when_the_sender_has_not_so_much(rollup, token, coordinator, stranger):
    with reverts("ERC20InsufficientAllowance", rollup, 0, 1):
        rollup.deposit(1, {"from": stranger})
    token.approve(rollup, 2 * WEALTH, {"from": coordinator})
    with reverts("ERC20InsufficientBalance", coordinator, WEALTH, WEALTH + 1):
        rollup.deposit(WEALTH + 1, {"from": coordinator})


@pytest.mark.parametrize("amount", [2**128, 2**256 - 1])
def test_reverts_when_the_amount_is_beyond_any_supply(rollup, coordinator, amount):
    with reverts("SafeCastOverflowedUintDowncast", 128, amount):
        rollup.deposit(amount, {"from": coordinator})
