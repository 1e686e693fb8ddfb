"""A voter's process: watches the court, judges, commits, reveals, settles, collects. (SPEC PR-10)

What is decided stands in `handfast.disputes.voting`; here it is done. Only a decision needs the
journal; where cases stand, the chain says, and what was signed, the outbox keeps.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, assert_never

from handfast import log
from handfast.chain.client import Call, Chain
from handfast.chain.court import OracleCourt
from handfast.chain.follower import Cursor, Follower, RolledBack
from handfast.chain.sender import Sender
from handfast.crew import Crew
from handfast.crypto.keccak import keccak
from handfast.disputes import voting
from handfast.disputes.ballots import Ballot, BallotBox, Choice, Polling, Scoring
from handfast.disputes.docket import medians, read_docket, revealed_scores
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.judging import ByHand
from handfast.disputes.rules import words_of
from handfast.disputes.spool import Spool
from handfast.disputes.voting import Book, Docket, Effect, Input
from handfast.errors import InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.journal import Stored, Stream
from handfast.protocol.constants import CaseKind
from handfast.protocol.messages import Domain

_log = log.get(__name__)

_SNAPSHOT_LINES = 1_000
_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_SPARE_GAS = 200_000
"""The last to commit or reveal also ends the period: whoever is not last now may be when mined."""
_SPARE_GAS_OF_A_SEAT = 15_000


class Judge(Protocol):
    """Comes to ballots: see `handfast.disputes.judging.Judges`."""

    async def judge(self, docket: Docket, until: int) -> Ballot:
        """A ballot for a round.

        raises   ByHand if a person has to decide; Unavailable to be tried again
        """

    def forget(self, case: int) -> None:
        """The case is over."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a voter works with.

    judge      None: nothing is judged but by hand
    patience   seconds, at most, that public deeds are left to others
    collect    least credit that is withdrawn
    """

    chain: Chain
    court: OracleCourt
    domain: Domain
    sender: Sender
    follower: Follower
    dossiers: Dossiers
    judge: Judge | None
    spool: Spool
    box: BallotBox
    lines: Stream
    confirmations: int
    poll: float
    patience: float
    collect: int


@dataclass(slots=True)
class _Work:
    """Something under way, or that is waiting to be tried again.

    refusals    how often the chain refused it; failures: that, or nobody answered
    not_before  of the monotonic clock
    """

    running: bool = False
    refusals: int = 0
    failures: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class Standing:
    """What a voter shows of itself.

    waiting   cases and rounds that a person has to decide
    """

    head: int = 0
    cases: int = 0
    trouble: str = ""
    waiting: set[tuple[int, int]] = field(default_factory=set)


class Voter:
    """One account's voter. `run` it; it ends when cancelled, or with InvariantBroken."""

    def __init__(self, tools: Tools) -> None:
        stored = tools.lines.load()
        self._book = replay(stored)
        self._behind = len(stored.lines)
        self._tools = tools
        self._cursor: Cursor | None = None
        self._works: dict[tuple[object, ...], _Work] = {}
        self._now = 0
        self.standing = Standing()

    @property
    def book(self) -> Book:
        """What was decided and is not over."""
        return self._book

    def now(self) -> int:
        """Seconds of the newest block: by these the node tries a call before it is sent."""
        return self._now

    async def health(self) -> dict[str, Any]:
        """What `/health` answers.

        raises   Unavailable if the chain is not seen
        """
        if self.standing.trouble:
            raise Unavailable(self.standing.trouble)
        waiting = [f"{case}.{round_}" for case, round_ in sorted(self.standing.waiting)]
        return {"block": self.standing.head, "cases": self.standing.cases, "waiting": waiting}

    async def run(self) -> None:
        """Watch and act for ever."""
        crew = Crew()
        try:
            while True:
                busy = False
                try:
                    busy = await self._look()
                    if not busy:
                        await self._act(crew)
                    self.standing.trouble = ""
                except (Unavailable, Rejected) as error:
                    self.standing.trouble = str(error)
                    _log.warning("the chain is not seen", error=str(error))
                await crew.rest(0 if busy else self._tools.poll)
        finally:
            await crew.close()

    # ------------------------------------------------------------ what the chain says

    async def _look(self) -> bool:
        """Take in the next events, if there are any."""
        tools = self._tools
        if self._cursor is None:
            self._cursor = await tools.follower.origin()
        happened = await tools.follower.next(self._cursor)
        if happened is None:
            return False
        if isinstance(happened, RolledBack):
            _log.warning("the chain was reorganised", block=happened.cursor.tip.number)
            tools.sender.recheck()
            tools.dossiers.undo(happened.cursor.tip.number)
        else:
            for block in happened.blocks:
                tools.dossiers.note(block)
        self._cursor = happened.cursor
        return True

    async def _act(self, crew: Crew) -> None:
        """Look at every case that is not over, as it certainly stands, and begin what is due."""
        tools = self._tools
        head = await tools.chain.head()
        certain = head.number - tools.confirmations + 1
        if certain < 0:
            return
        self._now = head.timestamp
        live = tools.dossiers.live()
        self.standing.head, self.standing.cases = head.number, len(live)
        next_draw, _ = await tools.court.next_draw(at=certain)
        for case in live:
            docket = await read_docket(tools.court, case, tools.sender.address, next_draw, certain)
            for effect in await self.take(voting.Seen(docket, certain)):
                self._begin(crew, effect)
        if await tools.court.credit_of(tools.sender.address) > tools.collect:
            work = self._works.setdefault(("collect",), _Work())
            self._start(crew, work, self._collect(head.number))

    async def take(self, input_: Input) -> tuple[Effect, ...]:
        """Decide, and make the decision durable before anything comes of it."""
        book, effects = voting.step(self._book, input_, self.now())
        if book != self._book and not isinstance(input_, voting.Seen):
            self._book = book
            lines = self._tools.lines
            lines.append(voting.ENTRIES.encode(voting.Entry(input_)))
            self._behind += 1
            if self._behind >= _SNAPSHOT_LINES:
                lines.snapshot(voting.SNAPSHOTS.encode(voting.Snapshot.of(book)))
                self._behind = 0
            await lines.sync()
        return effects

    # ------------------------------------------------------------ effects

    def _begin(self, crew: Crew, effect: Effect) -> None:
        docket = effect.docket
        extra = effect.round if isinstance(effect, voting.Settle) else docket.round
        key = (type(effect), docket.id, extra, docket.period, docket.ends_at)
        work = self._works.setdefault(key, _Work())
        self._start(crew, work, self._perform(effect, work.refusals))

    def _start(self, crew: Crew, work: _Work, deed: Coroutine[None, None, None]) -> None:
        """Do something that is not under way already, nor failed a moment ago."""
        if work.running or time.monotonic() < work.not_before:
            deed.close()
            return
        work.running = True
        crew.spawn(self._try(work, deed))

    async def _try(self, work: _Work, deed: Coroutine[None, None, None]) -> None:
        try:
            await deed
            work.failures = 0
        except (Unavailable, Rejected, InvalidInput) as error:
            pause = min(_PAUSE * 2**work.failures, _LONGEST_PAUSE)
            work.failures += 1
            work.refusals += isinstance(error, Rejected)
            work.not_before = time.monotonic() + pause
            _log.warning("not done yet", error=str(error), pause=pause)
        finally:
            work.running = False

    async def _perform(self, effect: Effect, attempt: int) -> None:
        match effect:
            case voting.Judge(docket, until):
                await self._judge(docket, until)
            case voting.Recall(docket):
                await self._recall(docket)
            case voting.Commit(docket, ballot):
                await self._commit(docket, ballot, attempt)
            case voting.Reveal(docket, ballot):
                await self._reveal(docket, ballot, attempt)
            case voting.Close(docket):
                await self._close(docket)
            case voting.Draw() | voting.Advance() | voting.Tally() | voting.Settle():
                await self._move_on(effect, attempt)
            case _:
                assert_never(effect)

    # ------------------------------------------------------------ its own vote

    async def _judge(self, docket: Docket, until: int) -> None:
        """Come to a ballot: a person's, if one was left, else the evaluator's."""
        place = (docket.id, docket.round)
        tools = self._tools
        ballot = await asyncio.to_thread(tools.spool.find, *place)
        if ballot is None and tools.judge is not None:
            with suppress(ByHand):
                ballot = await tools.judge.judge(docket, until)
        if ballot is None:
            if place not in self.standing.waiting:
                self.standing.waiting.add(place)
                _log.warning(
                    "a person has to decide: handfast voter vote",
                    case=docket.id,
                    round=docket.round,
                    client=docket.client,
                    until=docket.ends_at,
                )
            return
        require_fitting(ballot, docket)
        self.standing.waiting.discard(place)
        await self.take(voting.Decided(docket.id, docket.round, ballot))
        _log.info("decided", case=docket.id, round=docket.round)

    async def _commit(self, docket: Docket, ballot: Ballot, attempt: int) -> None:
        if docket.seat is None:
            raise InvariantBroken("a commit without a seat")
        polling, box = self._polling(docket), self._tools.box
        call = self._tools.court.commit(
            docket.id, docket.seat, box.vote(polling, ballot), box.note(polling, ballot)
        )
        await self._send("commit", docket, call, attempt)
        _log.info("committed", case=docket.id, round=docket.round)

    async def _recall(self, docket: Docket) -> None:
        """Read the ballot that was committed out of the chain's log. (SPEC OC-9)"""
        polling, box = self._polling(docket), self._tools.box
        me = self._tools.sender.address
        for event in self._tools.dossiers.of_case(docket.id, "VoteCommitted"):
            arguments = event.arguments
            if (arguments["round"], arguments["voter"]) != (docket.round, me):
                continue
            ballot = box.read(polling, arguments["note"])
            if box.vote(polling, ballot) != arguments["vote"]:
                raise InvalidInput(f"case {docket.id}: the note is not what was committed")
            await self.take(voting.Recalled(docket.id, docket.round, ballot))
            return
        raise Unavailable(f"the commitment in case {docket.id} was not seen yet")

    async def _reveal(self, docket: Docket, ballot: Ballot, attempt: int) -> None:
        if docket.seat is None:
            raise InvariantBroken("a reveal without a seat")
        court, salt = self._tools.court, self._tools.box.salt(self._polling(docket))
        match ballot:
            case Choice(option):
                call = court.reveal(docket.id, docket.seat, option, salt)
            case Scoring(scores):
                call = court.reveal_scores(docket.id, docket.seat, words_of(scores), salt)
        await self._send("reveal", docket, call, attempt)
        _log.info("revealed", case=docket.id, round=docket.round)

    def _polling(self, docket: Docket) -> Polling:
        return Polling(self._tools.domain, docket.id, docket.round)

    # ------------------------------------------------------------ what anybody may do

    async def _move_on(
        self,
        effect: voting.Draw | voting.Advance | voting.Tally | voting.Settle,
        attempt: int,
    ) -> None:
        """Do what one of many has to do, unless another did it first."""
        docket, court = effect.docket, self._tools.court
        await asyncio.sleep(random.uniform(0, self._tools.patience))
        now = await court.case(docket.id)
        if (now.period, now.round) != (docket.period, docket.round):
            return
        match effect:
            case voting.Draw():
                call = await self._draw(docket)
            case voting.Advance():
                call = court.advance(docket.id)
            case voting.Tally():
                given = await revealed_scores(court, self._tools.dossiers, docket.id, docket.round)
                call = court.tally(docket.id, given)
            case voting.Settle(round=number):
                call = await self._settle(docket, number)
        await self._send(type(effect).__name__.lower(), docket, call, attempt)
        _log.info("moved on", case=docket.id, round=docket.round, deed=call.label)

    async def _draw(self, docket: Docket) -> Call:
        header = await self._tools.court.header(docket.draw_height)
        if header is None:
            return self._tools.court.advance(docket.id)
        return self._tools.court.draw(docket.id, header)

    async def _settle(self, docket: Docket, number: int) -> Call:
        court, dossiers = self._tools.court, self._tools.dossiers
        if docket.kind is CaseKind.CHOICE:
            return court.settle(docket.id, number)
        given = await revealed_scores(court, dossiers, docket.id, number)
        return court.settle_scores(docket.id, number, given, medians(dossiers, docket.id))

    async def _collect(self, block: int) -> None:
        """Have what the court owes us. Asked for at another block it is another deed."""
        await self._tools.sender.send(f"collect {block}", self._tools.court.withdraw())
        _log.info("collected")

    async def _close(self, docket: Docket) -> None:
        await self.take(voting.Closed(docket.id))
        self._tools.dossiers.close(docket.id)
        waiting = self.standing.waiting
        waiting.difference_update([each for each in waiting if each[0] == docket.id])
        if self._tools.judge is not None:
            self._tools.judge.forget(docket.id)
        for key in [key for key in self._works if key[1:2] == (docket.id,)]:
            if not self._works[key].running:
                del self._works[key]

    async def _send(self, deed: str, docket: Docket, call: Call, attempt: int) -> None:
        """A deed is one of its period and attempt: where history changes, it can be due again."""
        place = f"{docket.id} {docket.round} {docket.ends_at} {attempt}"
        key = f"{deed} {place} {keccak(call.data).hex()}"
        spare = _SPARE_GAS + docket.seats * _SPARE_GAS_OF_A_SEAT
        await self._tools.sender.send(key, call, spare)


def require_fitting(ballot: Ballot, docket: Docket) -> None:
    """Refuse a ballot that the case does not take.

    raises   InvalidInput
    """
    match ballot:
        case Choice(option):
            fits = docket.kind is CaseKind.CHOICE and 1 <= option <= docket.size
        case Scoring(scores):
            fits = docket.kind is CaseKind.SCORES and len(scores) == docket.size
    if not fits:
        choice = docket.kind is CaseKind.CHOICE
        wanted = f"an option from 1 to {docket.size}" if choice else f"{docket.size} scores"
        raise InvalidInput(f"case {docket.id} takes {wanted}")


def replay(stored: Stored) -> Book:
    """The book that a journal leads to."""
    book = voting.EMPTY
    if stored.snapshot is not None:
        book = voting.SNAPSHOTS.decode(stored.snapshot).book()
    for line in stored.lines:
        book, _ = voting.step(book, voting.ENTRIES.decode(line).input, 0)
    return book
