"""What is unbonding is paid after the delay, while nothing is held. (SPEC RG-9, RG-11, RG-I4)"""

from __future__ import annotations

from tests.chain import mine_at, plain, reverts, set_next_timestamp
from tests.contracts.registry.conftest import UNBONDING_PERIOD, WEALTH


def test_pays_the_participant_all_of_it(bonded, token, provider):
    until = bonded.unbond(400, {"from": provider}).timestamp + UNBONDING_PERIOD
    mine_at(until)
    transaction = bonded.withdraw({"from": provider})
    assert transaction.return_value == 400
    assert token.balanceOf(provider) == WEALTH - 600
    assert token.balanceOf(bonded) == 600
    assert plain(bonded.participantOf(1))[5:7] == (600, 0)
    assert plain(transaction.events["BondWithdrawn"].values()) == (1, 400)


def test_pays_nothing_the_second_time(bonded, token, provider):
    mine_at(bonded.unbond(400, {"from": provider}).timestamp + UNBONDING_PERIOD)
    bonded.withdraw({"from": provider})
    bonded.withdraw({"from": provider})
    assert token.balanceOf(bonded) == 600


def test_reverts_before_the_delay_is_over(bonded, provider):
    until = bonded.unbond(400, {"from": provider}).timestamp + UNBONDING_PERIOD
    mine_at(until - 2)
    with reverts("StillUnbonding", 1, until, until - 1):
        set_next_timestamp(until - 1)
        bonded.withdraw({"from": provider})
    set_next_timestamp(until)
    bonded.withdraw({"from": provider})


def test_reverts_while_something_is_held(bonded, provider, slasher):
    bonded.hold(1, {"from": slasher})
    bonded.hold(1, {"from": slasher})
    mine_at(bonded.unbond(400, {"from": provider}).timestamp + UNBONDING_PERIOD)
    with reverts("BondHeld", 1, 2):
        bonded.withdraw({"from": provider})
    bonded.release(1, {"from": slasher})
    with reverts("BondHeld", 1, 1):
        bonded.withdraw({"from": provider})
    bonded.release(1, {"from": slasher})
    bonded.withdraw({"from": provider})


def test_reverts_when_sender_is_no_participant(bonded, stranger):
    with reverts("NotParticipant", stranger):
        bonded.withdraw({"from": stranger})
