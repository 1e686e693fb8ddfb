"""The median of each entry decides; who is near it is coherent. (SPEC OC-10, OC-11)"""

from __future__ import annotations

import pytest

from handfast.disputes.rules import hash_of, medians_of, words_of
from handfast.protocol.constants import SEAT_FEE, SEAT_STAKE, CaseKind, CasePeriod
from tests.chain import plain, reverts
from tests.courts import SCORES, STAKE


def revealed(room, base=100):
    """A case in which each voter gave scores of its own; what they are, in the order of seats."""
    case = room.drawn(SCORES)
    votes = {voter: [base + 3 * at, 2 * base, 7] for at, voter in enumerate(room.panel(case))}
    room.play(case, votes)
    return case, votes


def words(votes):
    return [(words_of(scores),) for scores in votes.values()]


def medians(room, case, votes):
    seats = room.seats_of(case)
    return medians_of([(seats[voter.address], scores) for voter, scores in votes.items()], 3)


def test_finds_the_medians(room, stranger):
    case, votes = revealed(room)
    transaction = room.court.tally(case, words(votes), {"from": stranger})
    found = medians(room, case, votes)
    assert plain(transaction.events["MediansFound"]["medians"]) == (words_of(found),)
    assert room.period(case) is CasePeriod.APPEAL
    assert room.ruling(case) == (False, 0, hash_of(words_of(found)), 0)


def test_waits_for_all_or_for_time(room):
    case = room.drawn(SCORES)
    panel = room.panel(case)
    for voter in panel:
        room.commit(case, voter, [1, 2, 3])
    with reverts("WrongBallots", 0, 0):
        room.court.tally(case, [])
    room.reveal(case, panel[0], [1, 2, 3])
    given = [(words_of([1, 2, 3]),)]
    with reverts("PeriodNotOver", case, CasePeriod.REVEAL, ..., ...):
        room.court.tally(case, given)
    room.wait_for_end(case)
    with reverts("WrongKind", case, CaseKind.SCORES):
        room.court.advance(case)
    room.court.tally(case, given)
    assert room.ruling(case)[2] == hash_of(words_of([1, 2, 3]))


def test_reverts_for_other_scores_than_were_revealed(room):
    case, votes = revealed(room)
    given = words(votes)
    count = len(given)
    with reverts("WrongBallots", count - 1, count):
        room.court.tally(case, given[:-1])
    with reverts("WrongBallots", count + 1, count):
        room.court.tally(case, [*given, given[0]])
    with reverts("InvalidBallot", ..., ...):
        room.court.tally(case, given[::-1])


def test_reverts_for_entries_beyond_the_case(room):
    case = room.drawn(SCORES)
    for voter in room.panel(case):
        room.commit(case, voter, [1, 2, 3, 4])
    with reverts("InvalidScores", 3):
        room.reveal(case, room.panel(case)[0], [1, 2, 3, 4])


def test_reveals_scores_once(room):
    case, votes = revealed(room)
    voter = next(iter(votes))
    with reverts("NothingToReveal", case, voter):
        room.reveal(case, voter, votes[voter])


def test_settles_with_the_final_medians(room, token):
    """Who is too far in one entry loses, whatever it said in the others."""
    case = room.drawn(SCORES)
    panel = room.panel(case)
    votes = {voter: [100, 200, 300] for voter in panel}
    seats = room.seats_of(case)
    far = min(panel, key=lambda voter: seats[voter.address])
    votes[far] = [100, 200, 311]
    near = next(voter for voter in panel if voter != far)
    votes[near] = [110, 190, 300]
    room.play(case, votes)
    found = medians(room, case, votes)
    room.court.tally(case, words(votes))
    room.wait_for_end(case)
    room.rest()
    with reverts("WrongKind", case, CaseKind.SCORES):
        room.court.settle(case, 0)
    with reverts("InvalidBallot", 0, ...):
        room.court.settleScores(case, 0, words(votes), (words_of([1]),))
    room.court.settleScores(case, 0, words(votes), (words_of(found),))
    lost = seats[far.address] * SEAT_STAKE // 4
    assert room.stake_of(far)["stake"] == STAKE - lost
    paid = sum(int(room.court.creditOf(voter)) for voter in panel)
    assert paid == 5 * SEAT_FEE + lost
    assert room.court.creditOf(far) == 0
    with reverts("NotSettleable", case, 0):
        room.court.settleScores(case, 0, words(votes), (words_of(found),))


def test_gives_the_fee_back_when_nobody_ever_revealed(room, token):
    """All silent, twice: no scores, each round's silent lose, what nobody earned is burnt."""
    supply = token.totalSupply()
    case = room.drawn(SCORES)
    seats = [room.seats_of(case)]
    room.pass_period(case)
    room.draw(case)
    seats.append(room.seats_of(case))
    room.pass_period(case)
    room.pass_period(case)
    assert room.ruling(case) == (True, 0, bytes(32), 0)
    room.rest()
    for round_ in (0, 1):
        room.court.settleScores(case, round_, [], (words_of([]),))
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
    assert token.totalSupply() == supply - 10 * SEAT_STAKE // 4
    for voter in room.voters:
        sat = sum(each.get(voter.address, 0) for each in seats)
        assert room.stake_of(voter)["stake"] == STAKE - sat * SEAT_STAKE // 4


def test_an_appeal_on_scores_takes_no_side_and_no_security(room, token):
    case, votes = revealed(room)
    room.court.tally(case, words(votes))
    assert room.court.appealCostOf(case) == 11 * SEAT_FEE
    with reverts("InvalidSide", case, 1, 0):
        room.court.appeal(case, 1, {"from": room.payer})
    room.court.appeal(case, 0, {"from": room.payer})
    room.draw(case)
    others = {voter: [500, 500, 500] for voter in room.panel(case)}
    room.play(case, others)
    room.court.tally(case, words(others))
    room.wait_for_end(case)
    room.court.advance(case)
    final = (words_of([500, 500, 500]),)
    assert room.ruling(case)[2] == hash_of(final[0])
    room.rest()
    room.court.settleScores(case, 0, words(votes), final)
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE  # nobody earned it
    room.court.settleScores(case, 1, words(others), final)
    earned = sum(int(room.court.creditOf(voter)) for voter in room.voters)
    assert earned == 11 * SEAT_FEE


@pytest.mark.parametrize("tolerance_step", [0, 1])
def test_the_tolerance_is_within(room, tolerance_step):
    case = room.drawn(SCORES)
    panel = room.panel(case)
    seats = room.seats_of(case)
    lone = min(panel, key=lambda voter: seats[voter.address])
    votes = {voter: [50, 50, 50] for voter in panel} | {lone: [50, 60 + tolerance_step, 50]}
    room.play(case, votes)
    room.court.tally(case, words(votes))
    room.wait_for_end(case)
    room.rest()
    room.court.settleScores(case, 0, words(votes), (words_of(medians(room, case, votes)),))
    assert (room.court.creditOf(lone) == 0) == bool(tolerance_step)
