"""Proposers take out what is not locked. (SPEC RP-32, RP-I1, RP-I3)"""

from __future__ import annotations

from brownie import chain

from tests.chain import plain, reverts
from tests.rollups import BOND, WEALTH, WINDOW


def test_pays_the_sender(rollup, token, coordinator):
    rollup.deposit(1_000, {"from": coordinator})
    transaction = rollup.withdraw(400, {"from": coordinator})
    assert plain(rollup.depositOf(coordinator)) == (600, 0)
    assert token.balanceOf(coordinator) == WEALTH - 600
    assert token.balanceOf(rollup) == 600
    assert plain(transaction.events["Withdrawn"].values()) == (coordinator.address, 400)


def test_reverts_when_there_is_not_so_much(rollup, coordinator, watcher):
    rollup.deposit(1_000, {"from": watcher})
    with reverts("InsufficientDeposit", coordinator, 0, 1):
        rollup.withdraw(1, {"from": coordinator})
    with reverts("InsufficientDeposit", watcher, 1_000, 2**256 - 1):
        rollup.withdraw(2**256 - 1, {"from": watcher})


def test_reverts_when_it_is_the_bond_of_an_open_batch(town, rollup, coordinator, rows):
    town.post_opinions(rows)
    amount, locked = plain(rollup.depositOf(coordinator))
    assert locked == BOND
    with reverts("InsufficientDeposit", coordinator, amount - BOND, amount - BOND + 1):
        rollup.withdraw(amount - BOND + 1, {"from": coordinator})
    rollup.withdraw(amount - BOND, {"from": coordinator})
    chain.sleep(WINDOW)
    town.finalise(1)
    rollup.withdraw(BOND, {"from": coordinator})
    assert plain(rollup.depositOf(coordinator)) == (0, 0)
