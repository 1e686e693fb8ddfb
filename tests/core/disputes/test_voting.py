"""What a voter does next. (SPEC OC-7, OC-8, OC-9, OC-10, PR-10)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.disputes.ballots import Choice, Scoring
from handfast.disputes.voting import (
    EMPTY,
    ENTRIES,
    SNAPSHOTS,
    Advance,
    Book,
    Close,
    Closed,
    Commit,
    Decided,
    Docket,
    Draw,
    Effect,
    Entry,
    Judge,
    Recall,
    Recalled,
    Reveal,
    Seen,
    Settle,
    Snapshot,
    Tally,
    step,
)
from handfast.protocol.constants import CaseKind, CasePeriod

BASE = Docket(
    id=1,
    client="0x" + "22" * 20,
    kind=CaseKind.CHOICE,
    period=CasePeriod.COMMIT,
    round=0,
    ends_at=100,
    draw_height=50,
    size=2,
    commit_period=40,
)
MINE = replace(BASE, seat=2)
DECIDED, _ = step(EMPTY, Decided(1, 0, Choice(2)), 0)


def look(docket: Docket, now: int = 50, book: Book = EMPTY, head: int = 60) -> tuple[Effect, ...]:
    after, effects = step(book, Seen(docket, head), now)
    assert after == book
    return effects


def test_somebody_elses_case_is_left_alone_until_its_period_is_over() -> None:
    assert look(BASE) == ()
    assert look(BASE, now=100) == (Advance(BASE),)


def test_a_drawn_voter_judges_then_commits_then_waits() -> None:
    assert look(MINE) == (Judge(MINE, 90),)
    assert look(MINE, book=DECIDED) == (Commit(MINE, Choice(2)),)
    assert look(replace(MINE, word=1 << 8), book=DECIDED) == ()


def test_nobody_commits_when_the_period_is_over() -> None:
    assert look(MINE, now=100, book=DECIDED) == (Advance(MINE),)


def test_the_first_decision_of_a_round_stands() -> None:
    again, effects = step(DECIDED, Decided(1, 0, Choice(1)), 0)
    assert again == DECIDED
    assert effects == ()


def test_a_redraw_is_decided_anew() -> None:
    assert look(replace(MINE, round=1), book=DECIDED) == (Judge(replace(MINE, round=1), 90),)


def test_what_the_log_says_is_revealed_whatever_was_decided() -> None:
    revealing = replace(MINE, period=CasePeriod.REVEAL, word=1 << 8, committed=3)
    assert look(revealing, book=DECIDED) == (Recall(revealing),)
    recalled, _ = step(DECIDED, Recalled(1, 0, Choice(1)), 0)
    assert look(revealing, book=recalled) == (Reveal(revealing, Choice(1)),)
    assert look(replace(revealing, word=5), book=recalled) == ()


def test_a_voter_that_did_not_commit_has_nothing_to_reveal() -> None:
    assert look(replace(MINE, period=CasePeriod.REVEAL, committed=2), book=DECIDED) == ()


def test_choices_that_nobody_opened_are_ended_by_time() -> None:
    revealing = replace(MINE, period=CasePeriod.REVEAL, word=5, committed=3, revealed=2)
    assert look(revealing) == ()
    assert look(revealing, now=100) == (Advance(revealing),)


@pytest.mark.parametrize(
    ("revealed", "now", "effect"),
    [(3, 50, Tally), (2, 50, None), (2, 100, Tally), (0, 100, Advance)],
)
def test_scores_are_tallied_when_all_are_open_or_time_is_over(
    revealed: int, now: int, effect: type[Tally | Advance] | None
) -> None:
    docket = replace(
        BASE, kind=CaseKind.SCORES, period=CasePeriod.REVEAL, committed=3, revealed=revealed
    )
    assert look(docket, now) == (() if effect is None else (effect(docket),))


def test_the_next_draw_is_made_once_its_block_has_passed() -> None:
    waiting = replace(BASE, period=CasePeriod.DRAW, is_next=True)
    assert look(waiting, head=50) == ()
    assert look(waiting, head=51) == (Draw(waiting),)
    assert look(replace(waiting, is_next=False), head=51) == ()


@pytest.mark.parametrize("period", [CasePeriod.EVIDENCE, CasePeriod.APPEAL])
def test_whoever_is_idle_ends_a_period(period: CasePeriod) -> None:
    docket = replace(BASE, period=period)
    assert look(docket, now=99) == ()
    assert look(docket, now=100) == (Advance(docket),)


def test_a_ruled_case_is_settled_round_by_round_then_closed() -> None:
    ruled = replace(BASE, period=CasePeriod.RULED, unsettled=(0, 2))
    assert look(ruled) == (Settle(ruled, 0), Settle(ruled, 2))
    done = replace(ruled, unsettled=())
    assert look(done) == (Close(done),)


def test_a_closed_case_leaves_nothing_in_the_book() -> None:
    book, _ = step(DECIDED, Recalled(2, 0, Scoring((1, 2))), 0)
    book, _ = step(book, Closed(1), 0)
    assert set(book.ballots) == {(2, 0)}
    book, _ = step(book, Closed(2), 0)
    assert book == EMPTY


def test_the_journal_leads_to_the_same_book() -> None:
    inputs = (
        Decided(1, 0, Choice(2)),
        Decided(2, 1, Scoring((3, 4))),
        Recalled(2, 1, Scoring((3, 5))),
        Decided(3, 0, Choice(1)),
        Closed(3),
    )
    book = again = EMPTY
    for each in inputs:
        book, _ = step(book, each, 0)
        again, _ = step(again, ENTRIES.decode(ENTRIES.encode(Entry(each))).input, 0)
    assert again == book
    assert SNAPSHOTS.decode(SNAPSHOTS.encode(Snapshot.of(book))).book() == book
