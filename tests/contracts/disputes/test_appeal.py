"""Anybody buys a larger panel against the standing ruling; the loser pays. (SPEC OC-12, OC-13)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import MAX_APPEALS, SEAT_FEE, SEAT_STAKE, CasePeriod
from tests.chain import plain, reverts
from tests.courts import STAKE


@pytest.fixture(autouse=True)
def appellants(room, stranger, token, deployer, people):
    """The stranger can pay, too, and every voter has stake for many seats."""
    token.transfer(stranger, 10**22, {"from": deployer})
    token.approve(room.court, 2**256 - 1, {"from": stranger})
    for voter in people:
        room.pool.stake(STAKE, {"from": voter})


def ruled_for(room, choice):
    """A case that the first panel decided unanimously."""
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), choice))
    return case


def next_round(room, case, side, appellant, choice):
    """Appeal, and let the larger panel vote."""
    room.court.appeal(case, side, {"from": appellant})
    room.draw(case)
    room.play(case, dict.fromkeys(room.panel(case), choice))


def finish(room, case):
    room.wait_for_end(case)
    room.court.advance(case)
    room.rest()
    for round_ in range(room.case(case)["round"] + 1):
        room.court.settle(case, round_)


def test_takes_the_larger_panels_fee_and_as_much_as_security(room, stranger, token):
    case = ruled_for(room, 2)
    before = token.balanceOf(stranger)
    assert room.court.appealCostOf(case) == 22 * SEAT_FEE
    transaction = room.court.appeal(case, 1, {"from": stranger})
    assert plain(transaction.events["Appealed"].values()) == (case, 1, stranger.address, 1, 11)
    assert token.balanceOf(stranger) == before - 22 * SEAT_FEE
    found = plain(room.court.roundOf(case, 1))
    assert found == (stranger.address, 1, 11, 11 * SEAT_FEE, 11 * SEAT_FEE, False)
    assert room.period(case) is CasePeriod.DRAW


def test_the_loser_of_the_last_round_pays_what_it_left(room, stranger, token):
    """Payer 1 is right from the start; the appellant for 2 loses fee and security."""
    case = ruled_for(room, 1)
    next_round(room, case, 2, stranger, 1)
    finish(room, case)
    # The first fee is made good out of the security, the rest of which goes back.
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
    assert room.court.creditOf(stranger) == 6 * SEAT_FEE
    assert room.ruling(case) == (True, 1, bytes(32), 0)


def test_a_panel_that_is_overturned_loses_and_its_fee_goes_back(room, stranger, token):
    """The first panel was bought: it loses stakes that nobody earns; its fee goes back."""
    supply = token.totalSupply()
    case = ruled_for(room, 2)
    seats = room.seats_of(case)
    next_round(room, case, 1, room.payer, 1)
    finish(room, case)
    # Fee back, security back; the appeal's fee is owed by the losing party, who left nothing.
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE + 11 * SEAT_FEE
    assert room.ruling(case) == (True, 1, bytes(32), 11 * SEAT_FEE)
    assert token.totalSupply() == supply - 5 * SEAT_STAKE // 4
    assert sum(seats.values()) == 5


def test_costs_are_paid_to_those_whom_they_are_owed(room, stranger, token):
    case = ruled_for(room, 2)
    next_round(room, case, 1, stranger, 1)
    finish(room, case)
    owed = 11 * SEAT_FEE
    before = room.court.creditOf(stranger)
    for wrong in (0, owed + 1):
        with reverts("CostsExceeded", case, owed, wrong):
            room.court.payCosts(case, wrong, {"from": room.payer})
    transaction = room.court.payCosts(case, 3 * SEAT_FEE, {"from": room.payer})
    assert plain(transaction.events["CostsPaid"].values()) == (
        *(case, room.payer.address, 3 * SEAT_FEE, owed - 3 * SEAT_FEE),
    )
    assert room.ruling(case)[3] == owed - 3 * SEAT_FEE
    room.court.payCosts(case, owed - 3 * SEAT_FEE, {"from": room.payer})
    assert room.court.creditOf(stranger) == before + owed
    with reverts("CostsExceeded", case, 0, 1):
        room.court.payCosts(case, 1, {"from": room.payer})


def test_costs_are_owed_to_the_first_payer_first(room, stranger):
    """Two rounds of the winning side: the first is made good first."""
    case = ruled_for(room, 1)
    next_round(room, case, 2, stranger, 2)
    next_round(room, case, 1, stranger, 1)
    finish(room, case)
    # Owed 5 and 23, pledged 11: the payer has its 5, the appellant 6 of its 23 beside securities.
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
    assert room.ruling(case)[3] == 17 * SEAT_FEE
    # Its 11 that no seat earned go back; its security of 11 was taken, that of 23 goes back.
    assert room.court.creditOf(stranger) == (11 + 6 + 23) * SEAT_FEE


def test_the_standing_side_cannot_appeal(room):
    case = ruled_for(room, 1)
    for side in (1, 0, 3):
        with reverts("InvalidSide", case, side, 1):
            room.court.appeal(case, side, {"from": room.payer})


def test_reverts_when_time_is_over_and_before(room):
    case = room.drawn()
    with reverts("WrongPeriod", case, CasePeriod.COMMIT, CasePeriod.APPEAL):
        room.court.appeal(case, 1, {"from": room.payer})
    room.play(case, dict.fromkeys(room.panel(case), 2))
    room.wait_for_end(case)
    with reverts("PeriodOver", case, CasePeriod.APPEAL, ..., ...):
        room.court.appeal(case, 1, {"from": room.payer})


def test_ends_after_the_last_one_at_once(room):
    case = ruled_for(room, 1)
    for appeal in range(MAX_APPEALS):
        side = 2 - appeal % 2
        next_round(room, case, side, room.payer, side)
    assert room.case(case)["seats"] == 47
    with reverts("NoMoreAppeals", case, MAX_APPEALS):
        room.court.appeal(case, 1, {"from": room.payer})
    room.court.advance(case)
    assert room.ruling(case)[:2] == (True, 2)


def test_a_tie_on_appeal_leaves_what_was_appealed(room, stranger):
    """Nobody gains by an appeal that ends in nothing: it does not bring the default."""
    case = ruled_for(room, 1)
    room.court.appeal(case, 2, {"from": stranger})
    for _ in range(2):
        room.draw(case)
        room.pass_period(case)
    assert room.period(case) is CasePeriod.APPEAL
    room.pass_period(case)
    assert room.ruling(case)[:2] == (True, 1)
    # Nobody earned the appeal's fee; of the security the first fee was made good.
    assert room.court.creditOf(stranger) == (11 + 6) * SEAT_FEE
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
