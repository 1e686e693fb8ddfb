"""Whatever a case's client does with the call, the case is ruled. (SPEC OC-14)"""

from __future__ import annotations

from dataclasses import astuple

import pytest

from handfast.protocol.constants import CALLBACK_GAS, CasePeriod
from tests.chain import plain, reverts
from tests.courts import CHOICE

NOTING, REFUSING, BOMBING, BURNING, REENTERING = range(5)


@pytest.fixture
def due(room):
    """A case that has only to be ruled."""
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), 1))
    room.wait_for_end(case)
    room.rest()
    return case


def test_tells_the_client_once_with_the_final_ruling(room, client_contract, due):
    transaction = room.court.advance(due)
    assert transaction.events["CaseRuled"]["told"]
    assert client_contract.calls() == 1
    assert client_contract.sawFinal()
    assert CALLBACK_GAS * 0.9 < client_contract.gasGiven() <= CALLBACK_GAS
    with reverts("WrongPeriod", due, CasePeriod.RULED, CasePeriod.APPEAL):
        room.court.advance(due)
    room.court.settle(due, 0)
    assert client_contract.calls() == 1


@pytest.mark.parametrize("mood", [REFUSING, BOMBING, BURNING])
def test_a_client_that_fails_blocks_nothing(room, client_contract, due, mood):
    """A revert, a returndata bomb of 400 kB, an endless loop."""
    client_contract.setMood(mood)
    transaction = room.court.settle(due, 0)
    assert not transaction.events["CaseRuled"]["told"]
    assert room.ruling(due)[:2] == (True, 1)
    assert transaction.gas_used < CALLBACK_GAS + 250_000  # nobody pays for copying the answer
    assert client_contract.calls() == 0


def test_a_client_that_comes_back_settles_nothing_twice(room, client_contract, due):
    client_contract.setMood(REENTERING)
    seats = room.seats_of(due)
    room.court.settle(due, 0)
    assert client_contract.calls() == 1
    assert not client_contract.reentered()
    for address, count in seats.items():
        assert room.court.creditOf(room.account(address)) == count * 10**18


def test_a_client_that_comes_back_from_the_ruling_may_settle(room, client_contract, due):
    client_contract.setMood(REENTERING)
    room.court.advance(due)
    assert client_contract.reentered()
    with reverts("NotSettleable", due, 0):
        room.court.settle(due, 0)


def test_a_caller_cannot_starve_the_client(room, client_contract, due):
    """Gas grief: with too little left for CALLBACK_GAS the call reverts."""
    with reverts("NotEnoughGas", ..., ...):
        room.court.advance(due, {"gas_limit": CALLBACK_GAS})
    assert room.period(due) is CasePeriod.APPEAL
    assert room.court.advance(due).events["CaseRuled"]["told"]


def test_a_plain_account_may_be_a_client(room, stranger, token, deployer):
    token.transfer(stranger, 10**20, {"from": deployer})
    token.approve(room.court, 10**20, {"from": stranger})
    room.court.open(astuple(CHOICE), stranger, {"from": stranger})
    assert plain(room.court.caseOf(1))[0] == stranger.address
