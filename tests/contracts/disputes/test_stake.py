"""A voter stakes whole units, and its weight is its stake. (SPEC OC-1)"""

from __future__ import annotations

from handfast.protocol.constants import ROLE_CLIENT, SEAT_STAKE, STAKE_UNIT
from tests.chain import plain, reverts
from tests.courts import STAKE


def test_adds_to_stake_and_weight(room, people, token):
    voter = people[0]
    before = token.balanceOf(room.court)
    transaction = room.pool.stake(3 * STAKE_UNIT, {"from": voter})
    assert plain(transaction.events["StakeChanged"].values()) == (
        *(voter.address, STAKE + 3 * STAKE_UNIT, 0, 0),
    )
    assert room.stake_of(voter)["stake"] == STAKE + 3 * STAKE_UNIT
    assert room.pool.totalWeight() == 6 * STAKE + 3 * STAKE_UNIT
    assert token.balanceOf(room.court) == before + 3 * STAKE_UNIT


def test_numbers_voters_in_the_order_of_their_first_stakes(room, people):
    assert [room.stake_of(voter)["number"] for voter in people] == [1, 2, 3, 4, 5, 6]


def test_gives_no_weight_to_less_than_a_seat(room, people):
    room.pool.unstake(STAKE - SEAT_STAKE + STAKE_UNIT, {"from": people[0]})
    assert room.pool.totalWeight() == 5 * STAKE
    room.pool.stake(STAKE_UNIT, {"from": people[0]})
    assert room.pool.totalWeight() == 5 * STAKE + SEAT_STAKE


def test_reverts_for_parts_of_a_unit(room, people):
    for amount in (0, 1, STAKE_UNIT - 1, STAKE_UNIT + 1):
        with reverts("InvalidStake", amount, STAKE_UNIT):
            room.pool.stake(amount, {"from": people[0]})


def test_reverts_for_who_is_no_voter(room, enlist, stranger):
    with reverts("NotVoter", stranger):
        room.pool.stake(STAKE, {"from": stranger})
    enlist(stranger, ROLE_CLIENT)
    with reverts("NotVoter", stranger):
        room.pool.stake(STAKE, {"from": stranger})


def test_only_the_court_draws_releases_and_collects(room, stranger):
    with reverts("NotCourt", stranger):
        room.pool.draw(1, 0, 5, 1, b"", {"from": stranger})
    with reverts("NotCourt", stranger):
        room.pool.release([(1, 1, 0, True)], 10**30, 0, {"from": stranger})
    with reverts("NotCourt", stranger):
        room.pool.collect(stranger, {"from": stranger})
    with reverts("NotPool", stranger):
        room.court.enrol(1, stranger, {"from": stranger})
