"""Who agrees with the ruling is paid, once; the others lose. (SPEC OC-11, OC-13, OC-I4)"""

from __future__ import annotations

from dataclasses import replace

from handfast.protocol.constants import SEAT_FEE, SEAT_STAKE, CaseKind, CasePeriod
from tests.chain import plain, reverts
from tests.courts import CHOICE, SCORES, STAKE


def settled(room, case, round_=0):
    room.wait_for_end(case)
    room.rest()
    return room.court.settle(case, round_, {"from": room.payer})


def test_pays_a_panel_that_agrees_and_rules(room):
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), 1))
    transaction = settled(room, case)
    assert plain(transaction.events["RoundSettled"].values()) == (case, 0, 5, SEAT_FEE, 0)
    # The payer is on the side that won, and the other left nothing.
    assert room.ruling(case) == (True, 1, bytes(32), 5 * SEAT_FEE)
    ruled = plain(transaction.events["CaseRuled"].values())
    assert ruled == (case, room.client.address, 1, bytes(32), 5 * SEAT_FEE, True)
    for voter in room.voters:
        assert room.stake_of(voter)["locked"] == 0


def test_shares_what_the_others_lose(room, token):
    """The incoherent and the silent lose the same; nothing is left over."""
    case = room.drawn()
    seats = room.seats_of(case)
    panel = sorted(room.panel(case), key=lambda voter: seats[voter.address])
    wrong, silent, *coherent = panel
    room.play(case, dict.fromkeys(coherent, 1) | {wrong: 2})
    before = token.balanceOf(room.court)
    settled(room, case)
    losses = 0
    for voter in (wrong, silent):
        lost = seats[voter.address] * SEAT_STAKE // 4
        assert room.stake_of(voter)["stake"] == STAKE - lost
        losses += lost
    paid = {voter: int(room.court.creditOf(voter)) for voter in coherent}
    assert sum(paid.values()) == 5 * SEAT_FEE + losses
    assert token.balanceOf(room.court) == before
    rate = (5 * SEAT_FEE + losses) // sum(seats[each.address] for each in coherent)
    for voter, amount in paid.items():
        assert abs(amount - seats[voter.address] * rate) < 10**10
        room.court.withdraw({"from": voter})
        assert token.balanceOf(voter) == STAKE + amount
    assert room.pool.totalWeight() == 6 * STAKE - losses


def test_twice_pays_once(room):
    """MetaAICM: `evaluate` can be called twice and pays twice."""
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), 1))
    settled(room, case)
    credit = {voter: room.court.creditOf(voter) for voter in room.voters}
    with reverts("NotSettleable", case, 0):
        room.court.settle(case, 0)
    with reverts("NotSettleable", case, 1):
        room.court.settle(case, 1)
    with reverts("NotSettleable", case, 300):
        room.court.settle(case, 300)
    assert credit == {voter: room.court.creditOf(voter) for voter in room.voters}


def test_reverts_before_the_ruling(room):
    case = room.drawn()
    with reverts("WrongPeriod", case, CasePeriod.COMMIT, CasePeriod.APPEAL):
        room.court.settle(case, 0)
    room.play(case, dict.fromkeys(room.panel(case), 1))
    with reverts("PeriodNotOver", case, CasePeriod.APPEAL, ..., ...):
        room.court.settle(case, 0)
    with reverts("WrongKind", case, CaseKind.CHOICE):
        room.court.settleScores(case, 0, [], ([0] * 8,))


def test_a_silent_panel_is_redrawn_and_then_the_default_holds(room, token):
    """The fee goes along with the redraw, and back when nobody earned it."""
    case = room.open(replace(CHOICE, size=3, standard=3, side=1))
    for _ in range(2):
        room.draw(case)
        room.pass_period(case)
    fees = [plain(room.court.roundOf(case, round_))[3] for round_ in (0, 1)]
    assert fees == [0, 5 * SEAT_FEE]
    assert room.period(case) is CasePeriod.APPEAL
    assert room.ruling(case)[:2] == (False, 3)
    room.pass_period(case)
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
    room.rest()
    supply = token.totalSupply()
    for round_ in (0, 1):
        room.court.settle(case, round_)
    assert token.totalSupply() == supply - 10 * SEAT_STAKE // 4


def test_a_redraw_after_a_tie_pays_both_panels(room, people):
    """Two voters with like seats disagree; the redraw decides, and takes the fee."""
    case = room.drawn(replace(CHOICE, seats=3))
    one, two, _ = room.panel(case)
    room.commit(case, one, 1)
    room.commit(case, two, 2)
    room.pass_period(case)
    room.reveal(case, one, 1)
    room.reveal(case, two, 2)
    found = room.case(case)
    assert (found["round"], found["redrawn"], found["appeals"]) == (1, True, 0)
    room.draw(case)
    room.play(case, dict.fromkeys(room.panel(case), 1))
    room.wait_for_end(case)
    room.rest()
    first = room.court.settle(case, 0).events["RoundSettled"]
    # Without the fee: what two seats lost, for the one that was right.
    assert plain(first.values()) == (case, 0, 1, 2 * SEAT_STAKE // 4, 0)
    second = room.court.settle(case, 1).events["RoundSettled"]
    assert plain(second.values()) == (case, 1, 3, SEAT_FEE, 0)


def test_a_voter_on_several_seats_is_paid_for_each(room):
    """Six voters on seven seats."""
    case = room.drawn(replace(CHOICE, seats=7))
    seats = room.seats_of(case)
    assert max(seats.values()) > 1
    room.play(case, dict.fromkeys(room.panel(case), 2))
    settled(room, case)
    for address, count in seats.items():
        assert room.court.creditOf(room.account(address)) == count * SEAT_FEE


def test_a_payer_without_side_owes_and_is_owed_nothing(room):
    case = room.drawn(replace(CHOICE, side=0))
    room.play(case, dict.fromkeys(room.panel(case), 1))
    settled(room, case)
    assert room.ruling(case) == (True, 1, bytes(32), 0)
    assert room.court.creditOf(room.payer) == 0


def test_scores_without_a_side_owe_nothing(room):
    case = room.drawn(SCORES)
    assert room.ruling(case) == (False, 0, bytes(32), 0)
