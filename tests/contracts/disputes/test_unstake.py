"""Unstaking takes weight at once and pays later, save what is locked. (SPEC OC-1, OC-I2)"""

from __future__ import annotations

from brownie import chain

from handfast.protocol.constants import SEAT_STAKE, STAKE_UNIT
from tests.chain import mine_at, reverts
from tests.courts import STAKE, UNSTAKING_PERIOD


def test_moves_stake_out_of_the_weight(room, people):
    room.pool.unstake(SEAT_STAKE, {"from": people[0]})
    stake = room.stake_of(people[0])
    assert (stake["stake"], stake["unstaking"]) == (STAKE - SEAT_STAKE, SEAT_STAKE)
    assert stake["withdrawableAt"] == chain[-1].timestamp + UNSTAKING_PERIOD
    assert room.pool.totalWeight() == 6 * STAKE - SEAT_STAKE


def test_pays_after_the_delay_and_not_before(room, people, token):
    voter = people[0]
    room.pool.unstake(SEAT_STAKE, {"from": voter})
    ready = room.stake_of(voter)["withdrawableAt"]
    before = token.balanceOf(voter)
    mine_at(ready - 2)
    with reverts("NothingToWithdraw", voter):
        room.court.withdraw({"from": voter})
    mine_at(ready)
    assert room.court.creditOf(voter) == SEAT_STAKE
    room.court.withdraw({"from": voter})
    assert token.balanceOf(voter) == before + SEAT_STAKE
    with reverts("NothingToWithdraw", voter):
        room.court.withdraw({"from": voter})


def test_keeps_what_open_cases_lock(room, token):
    """Stake is never paid out below what is locked, however long ago it was unstaked."""
    case = room.drawn()
    voter, seats = next(iter(room.seats_of(case).items()))
    voter = room.account(voter)
    locked = seats * SEAT_STAKE
    assert room.stake_of(voter)["locked"] == locked
    room.pool.unstake(STAKE, {"from": voter})
    mine_at(chain[-1].timestamp + UNSTAKING_PERIOD)
    before = token.balanceOf(voter)
    room.court.withdraw({"from": voter})
    assert token.balanceOf(voter) == before + STAKE - locked
    stake = room.stake_of(voter)
    assert (stake["stake"], stake["unstaking"]) == (0, locked)
    with reverts("NothingToWithdraw", voter):
        room.court.withdraw({"from": voter})


def test_what_is_unstaking_is_lost_like_the_rest(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    seats = room.seats_of(case)[voter.address]
    room.pool.unstake(STAKE, {"from": voter})
    room.play(case, {other: 1 for other in room.panel(case) if other != voter})
    room.wait_for_end(case)
    room.rest()
    room.court.settle(case, 0, {"from": room.payer})
    stake = room.stake_of(voter)
    assert (stake["stake"], stake["locked"]) == (0, 0)
    assert stake["unstaking"] == STAKE - seats * SEAT_STAKE // 4


def test_reverts_for_more_than_there_is(room, people):
    with reverts("InsufficientStake", people[0], STAKE, STAKE + STAKE_UNIT):
        room.pool.unstake(STAKE + STAKE_UNIT, {"from": people[0]})
