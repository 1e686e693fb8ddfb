"""Unbonding moves part of the bond aside and starts the delay. (SPEC RG-9)"""

from __future__ import annotations

from brownie import chain

from tests.chain import plain, reverts
from tests.contracts.registry.conftest import UNBONDING_PERIOD


def test_moves_the_amount_aside(bonded, provider):
    transaction = bonded.unbond(400, {"from": provider})
    until = transaction.timestamp + UNBONDING_PERIOD
    assert plain(bonded.participantOf(1))[5:8] == (600, 400, until)
    assert bonded.bondOf(1) == 600
    assert plain(transaction.events["UnbondingStarted"].values()) == (1, 400, until)


def test_asking_again_restarts_the_delay_for_all(bonded, provider):
    bonded.unbond(400, {"from": provider})
    chain.sleep(UNBONDING_PERIOD // 2)
    transaction = bonded.unbond(100, {"from": provider})
    until = transaction.timestamp + UNBONDING_PERIOD
    assert plain(bonded.participantOf(1))[5:8] == (500, 500, until)


def test_is_allowed_while_something_is_held(bonded, provider, slasher):
    bonded.hold(1, {"from": slasher})
    bonded.unbond(1_000, {"from": provider})
    assert bonded.bondOf(1) == 0


def test_reverts_when_less_is_bonded(bonded, provider):
    bonded.unbond(400, {"from": provider})
    with reverts("InsufficientBond", 1, 600, 601):
        bonded.unbond(601, {"from": provider})


def test_reverts_when_sender_is_no_participant(bonded, stranger):
    with reverts("NotParticipant", stranger):
        bonded.unbond(1, {"from": stranger})
