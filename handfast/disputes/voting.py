"""What a voter does next: `step(book, input, now) -> (book, effects)`. (SPEC OC-7 to OC-10, PR-10)

The chain says where a case stands; the book adds the one thing that it does not: what this voter
has decided and not committed yet. The first decision of a round stands, so that a process that
dies between two of them does not contradict itself; what is committed on chain is above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias, assert_never

from handfast.codec import Codec
from handfast.disputes.ballots import Ballot
from handfast.protocol.constants import CaseKind, CasePeriod


@dataclass(frozen=True, slots=True)
class Docket:
    """Where a case stands on chain, for one voter.

    seat        one of the voter's in the running round, None if it has none
    word        what the court holds of its vote in this round, see CourtRules
    is_next     whether its draw is the next one
    unsettled   rounds that ended with the voter on the panel, and were not settled
    """

    id: int
    client: str
    kind: CaseKind
    period: CasePeriod
    round: int
    ends_at: int
    draw_height: int
    size: int
    seats: int = 0
    commit_period: int = 0
    committed: int = 0
    revealed: int = 0
    seat: int | None = None
    word: int = 0
    is_next: bool = False
    unsettled: tuple[int, ...] = ()

    @property
    def has_committed(self) -> bool:
        """Whether a commitment of this voter stands, opened or not."""
        return self.word != 0

    @property
    def has_revealed(self) -> bool:
        """Whether this voter's vote is open."""
        return self.word & 1 == 1


# ---------------------------------------------------------------- inputs


@dataclass(frozen=True, slots=True)
class Seen:
    """The chain was looked at; its newest block is `head`."""

    docket: Docket
    head: int


@dataclass(frozen=True, slots=True)
class Decided:
    """An evaluator or a person came to a ballot."""

    case: int
    round: int
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Recalled:
    """The chain's log has the ballot that this voter committed to."""

    case: int
    round: int
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Closed:
    """The case is over, and all of it settled."""

    case: int


Input: TypeAlias = Seen | Decided | Recalled | Closed


# ---------------------------------------------------------------- effects


@dataclass(frozen=True, slots=True)
class Judge:
    """Come to a ballot; from `until` on what cannot be fetched counts as kept back."""

    docket: Docket
    until: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Read the own ballot out of the chain's log."""

    docket: Docket


@dataclass(frozen=True, slots=True)
class Commit:
    """Commit to a ballot."""

    docket: Docket
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Reveal:
    """Open the ballot that was committed."""

    docket: Docket
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Draw:
    """Have the panel drawn, or the case ended if nobody can prove the block any more."""

    docket: Docket


@dataclass(frozen=True, slots=True)
class Advance:
    """End a period by time."""

    docket: Docket


@dataclass(frozen=True, slots=True)
class Tally:
    """Have the medians found."""

    docket: Docket


@dataclass(frozen=True, slots=True)
class Settle:
    """Have a round's seats paid."""

    docket: Docket
    round: int


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing is left to be done in the case."""

    docket: Docket


Effect: TypeAlias = Judge | Recall | Commit | Reveal | Draw | Advance | Tally | Settle | Close

Place: TypeAlias = tuple[int, int]

_LAST: Final = 4
"""Part of the commit period that is left for deciding without what was not published."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A ballot in the book.

    certain   whether the chain's log has it
    """

    case: int
    round: int
    ballot: Ballot
    certain: bool


@dataclass(frozen=True, slots=True)
class Book:
    """What this voter has decided, by case and round."""

    ballots: Mapping[Place, Ballot] = field(default_factory=dict)
    certain: frozenset[Place] = frozenset()


EMPTY: Final = Book()


def step(book: Book, input_: Input, now: int) -> tuple[Book, tuple[Effect, ...]]:
    """The book after an input, and what is to be done.

    now   seconds, as the chain counts them
    """
    match input_:
        case Seen(docket, head):
            return book, _next(book, docket, head, now)
        case Decided(case, round_, ballot):
            if (case, round_) in book.ballots:
                return book, ()
            return replace(book, ballots={**book.ballots, (case, round_): ballot}), ()
        case Recalled(case, round_, ballot):
            place = (case, round_)
            ballots = {**book.ballots, place: ballot}
            return Book(ballots, book.certain | {place}), ()
        case Closed(case):
            ballots = {place: each for place, each in book.ballots.items() if place[0] != case}
            return Book(ballots, frozenset(each for each in book.certain if each[0] != case)), ()
        case _:
            assert_never(input_)


def _next(book: Book, docket: Docket, head: int, now: int) -> tuple[Effect, ...]:
    over = now >= docket.ends_at
    match docket.period:
        case CasePeriod.EVIDENCE:
            return (Advance(docket),) if over else ()
        case CasePeriod.DRAW:
            due = docket.is_next and head > docket.draw_height
            return (Draw(docket),) if due else ()
        case CasePeriod.COMMIT:
            return (Advance(docket),) if over else _vote(book, docket)
        case CasePeriod.REVEAL:
            return _open(book, docket, over)
        case CasePeriod.APPEAL:
            return (Advance(docket),) if over else ()
        case CasePeriod.RULED:
            settling = tuple(Settle(docket, each) for each in docket.unsettled)
            return settling or (Close(docket),)
        case CasePeriod.ABSENT:
            return (Close(docket),)


def _vote(book: Book, docket: Docket) -> tuple[Effect, ...]:
    if docket.seat is None or docket.has_committed:
        return ()
    ballot = book.ballots.get((docket.id, docket.round))
    if ballot is None:
        return (Judge(docket, docket.ends_at - docket.commit_period // _LAST),)
    return (Commit(docket, ballot),)


def _open(book: Book, docket: Docket, over: bool) -> tuple[Effect, ...]:
    if docket.kind is CaseKind.SCORES and docket.revealed and docket.revealed == docket.committed:
        return (Tally(docket),)
    if over:
        tallies = docket.kind is CaseKind.SCORES and docket.revealed > 0
        return (Tally(docket) if tallies else Advance(docket),)
    if docket.seat is None or not docket.has_committed or docket.has_revealed:
        return ()
    # What the chain's log says is above the own memory: another process of this key, or this one
    # before it lost its folder, may have committed to something else.
    place = (docket.id, docket.round)
    if place not in book.certain:
        return (Recall(docket),)
    return (Reveal(docket, book.ballots[place]),)


# ---------------------------------------------------------------- in the journal


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: an input that changed the book."""

    input: Decided | Recalled | Closed


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole book."""

    ballots: tuple[Kept, ...]

    @staticmethod
    def of(book: Book) -> Snapshot:
        """A book as it is written."""
        return Snapshot(
            tuple(
                Kept(*place, ballot, place in book.certain)
                for place, ballot in sorted(book.ballots.items(), key=lambda item: item[0])
            )
        )

    def book(self) -> Book:
        """The book again."""
        return Book(
            {(each.case, each.round): each.ballot for each in self.ballots},
            frozenset((each.case, each.round) for each in self.ballots if each.certain),
        )


ENTRIES: Codec[Entry] = Codec(Entry)
SNAPSHOTS: Codec[Snapshot] = Codec(Snapshot)
