"""What was committed is revealed, and the last one counts. (SPEC OC-7, OC-8, OC-10)"""

from __future__ import annotations

from handfast.disputes.rules import revealed_choice
from handfast.protocol.constants import CaseKind, CasePeriod
from tests.chain import plain, reverts
from tests.courts import SCORES, salt_of


def committed(room, votes=None):
    """A case in which all committed to 1."""
    case = room.drawn()
    for voter in room.panel(case):
        room.commit(case, voter, (votes or {}).get(voter, 1))
    return case


def test_keeps_the_choice(room):
    case = committed(room)
    voter = room.panel(case)[0]
    transaction = room.reveal(case, voter, 1)
    assert plain(transaction.events["VoteRevealed"].values()) == (case, 0, voter.address, 1)
    assert room.court.ballotOf(case, 0, voter) == revealed_choice(1)
    assert room.case(case)["revealed"] == 1


def test_the_last_one_ends_the_round(room):
    case = committed(room)
    *others, last = room.panel(case)
    for voter in others:
        room.reveal(case, voter, 1)
        assert room.period(case) is CasePeriod.REVEAL
    transaction = room.reveal(case, last, 1)
    assert room.period(case) is CasePeriod.APPEAL
    ended = plain(transaction.events["RoundEnded"].values())
    assert ended[:4] == (case, 0, True, 1)


def test_does_not_wait_for_who_did_not_commit(room):
    case = room.drawn()
    *others, silent = room.panel(case)
    for voter in others:
        room.commit(case, voter, 1)
    room.pass_period(case)
    for voter in others:
        room.reveal(case, voter, 1)
    assert room.period(case) is CasePeriod.APPEAL
    assert room.ruling(case)[1] == 1
    assert silent not in others


def test_counts_without_the_silent_in_time(room):
    case = committed(room)
    room.reveal(case, room.panel(case)[0], 1)
    room.pass_period(case)
    assert room.period(case) is CasePeriod.APPEAL
    assert room.ruling(case)[1] == 1


def test_reverts_for_another_ballot_salt_or_sender(room):
    case = committed(room)
    voter, other = room.panel(case)[:2]
    seat, salt = room.seat(case, voter), salt_of(voter, case, 0)
    with reverts("InvalidReveal", case, voter, ...):
        room.court.reveal(case, seat, 2, salt, {"from": voter})
    with reverts("InvalidReveal", case, voter, ...):
        room.court.reveal(case, seat, 1, b"s" * 32, {"from": voter})
    with reverts("NotOnSeat", case, seat, other):
        room.court.reveal(case, seat, 1, salt, {"from": other})


def test_reverts_twice_and_without_a_commitment(room):
    case = room.drawn()
    voter, silent = room.panel(case)[:2]
    room.commit(case, voter, 1)
    for other in room.panel(case)[2:]:
        room.commit(case, other, 1)
    room.pass_period(case)
    room.reveal(case, voter, 1)
    with reverts("NothingToReveal", case, voter):
        room.reveal(case, voter, 1)
    with reverts("NothingToReveal", case, silent):
        room.reveal(case, silent, 1)


def test_reverts_for_what_is_no_option(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    for other in room.panel(case):
        room.commit(case, other, 3)
    for choice in (0, 3, 2**255 + 1):
        with reverts("InvalidChoice", case, choice, 2):
            room.court.reveal(case, 0, choice, b"s" * 32, {"from": voter})


def test_reverts_after_the_period_and_before(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    room.commit(case, voter, 1)
    with reverts("WrongPeriod", case, CasePeriod.COMMIT, CasePeriod.REVEAL):
        room.reveal(case, voter, 1)
    room.pass_period(case)
    room.wait_for_end(case)
    with reverts("PeriodOver", case, CasePeriod.REVEAL, ..., ...):
        room.reveal(case, voter, 1)


def test_reverts_for_the_other_kind(room):
    choices, scores = committed(room), room.drawn(SCORES)
    voter = room.panel(choices)[0]
    with reverts("WrongKind", choices, CaseKind.CHOICE):
        room.reveal(choices, voter, [1, 2])
    for each in room.panel(scores):
        room.commit(scores, each, [1])
    with reverts("WrongKind", scores, CaseKind.SCORES):
        room.reveal(scores, room.panel(scores)[0], 1)
