"""Takes opinions from anybody, checks them, and answers once they are durable. (CO-2, CO-3)"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handfast.coordinator.allowance import Allowance
from handfast.coordinator.ledger import Arrival, Ledger, Verdict
from handfast.coordinator.memory import Memory
from handfast.coordinator.store import Key, OpinionRow, key_of
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.protocol.messages import Domain
from handfast.reputation.batches import Entry
from handfast.reputation.encoding import NEWCOMER_FLAG, Malformed
from handfast.reputation.evidence import RECEIPTED, Evidence, same_content, split
from handfast.reputation.rules import levy

ACCEPTED = "accepted"
MALFORMED = "malformed"
CONTRADICTION = "contradiction"
LEVY = "levy"
UNPAID = "unpaid"
AGAIN = "again"

Confirm = Callable[[Evidence], Awaitable[bool]]
"""Whether the chain shows the payment that stands for a receipt."""

_SLICE = 8
"""Opinions whose signatures are checked before others get their turn."""


class Answer(NamedTuple):
    """What became of one opinion.

    code     "accepted", or why not
    detail   one line for people
    """

    code: str
    detail: str = ""


_DEAR = Answer(LEVY, "more levy than is laid out now, for one client or for all")
_UNPAID = Answer(UNPAID, "the chain does not show the payment, or not deep enough yet")
_LATER = Answer(AGAIN, "the payment was not looked up: bring it again")
_FELL = Answer(AGAIN, "the chain was re-organised meanwhile: bring it again")


class _Candidate(NamedTuple):
    """key       under which it is kept
    checked   whether all that proves it was; not if its nonce is known already
    falls     re-organisations seen when ids and payment were looked up
    """

    entry: Entry
    key: Key
    evidence: bytes
    checked: bool
    falls: int


class _Claim(NamedTuple):
    """An opinion whose payment the chain has to confirm first."""

    candidate: _Candidate
    evidence: Evidence


class _Group(NamedTuple):
    candidates: Sequence[_Candidate]
    answers: asyncio.Future[list[Answer]]


@dataclass(frozen=True, slots=True)
class Room:
    """How much an intake takes.

    batch     opinions of one submission
    claims    of these, with a payment in the place of a receipt
    group     opinions of one commit
    waiting   opinions in no batch, beyond which nothing is accepted
    """

    batch: int = 1_000
    claims: int = 16
    group: int = 2_000
    waiting: int = 1_000_000


_USUAL = Room()


class Intake:
    """Use `run` as a task; `submit` from any number of others.

    hub, token   domain of the ChannelHub, address of MarketToken
    confirm      asks the chain about a payment
    arrived      told of every commit
    """

    def __init__(
        self,
        hub: Domain,
        token: str,
        memory: Memory,
        allowance: Allowance,
        confirm: Confirm,
        arrived: Callable[[], None],
        room: Room = _USUAL,
    ) -> None:
        self._hub = hub
        self._token = token
        self._memory = memory
        self._allowance = allowance
        self._confirm = confirm
        self._arrived = arrived
        self._room = room
        self._next = memory.store.last_number() + 1
        self._uncertain = False
        self._queue: list[_Group] = []
        self._wake = asyncio.Event()
        self._times: deque[tuple[int, float]] = deque([(self._next - 1, time.monotonic())])

    @property
    def waiting(self) -> int:
        """Opinions that are in no batch."""
        return sum(len(shard.ledger) for shard in self._memory.shards.values())

    def age(self, number: int) -> float:
        """Seconds since an opinion was accepted, or since the process began.

        number   not below those asked for before
        """
        while self._times and self._times[0][0] < number:
            self._times.popleft()
        return time.monotonic() - self._times[0][1] if self._times else 0.0

    async def submit(self, body: bytes) -> list[Answer]:
        """Take pieces of evidence that stand one behind the other; one answer for each.

        raises   InvalidInput if they can't be told apart or are too many: nothing was accepted;
                 Unavailable if they could not be kept, or the chain not be asked: send all again
        """
        pieces = list(split(body))
        if len(pieces) > self._room.batch:
            raise InvalidInput(f"{len(pieces)} opinions at once, at most {self._room.batch}")
        if self._memory.behind:
            raise Unavailable("the chain is being read again after a re-organisation")
        if self.waiting + len(pieces) > self._room.waiting:
            raise Unavailable("too many opinions wait for the chain")
        results: list[Answer | _Candidate] = []
        claims = 0
        for position, piece in enumerate(pieces, 1):
            result = self._examine(piece)
            if isinstance(result, _Claim):
                claims += 1
                result = await self._settle(result) if claims <= self._room.claims else _LATER
            results.append(result)
            if position % _SLICE == 0:
                await asyncio.sleep(0)
        candidates = [result for result in results if isinstance(result, _Candidate)]
        kept = iter(await self._keep(candidates) if candidates else ())
        return [next(kept) if isinstance(each, _Candidate) else each for each in results]

    async def _settle(self, claim: _Claim) -> Answer | _Candidate:
        return claim.candidate if await self._confirm(claim.evidence) else _UNPAID

    def _examine(self, piece: bytes) -> Answer | _Candidate | _Claim:
        """Check one opinion, dear checks last; nothing is changed."""
        try:
            evidence = Evidence.decode(piece)
            entry, key = self._entry(evidence), key_of(evidence)
            verdict = self._judge(entry, key)
            if verdict is Verdict.NONCE_GAP:
                return _gap(entry)
            if verdict is Verdict.ACCEPTED:
                if not self._allowance.permits(entry.client, levy(entry.fee)):
                    return _DEAR
                evidence.check(self._hub, self._token)
        except Malformed as error:
            return Answer(MALFORMED, str(error))
        except Rejected as error:
            return Answer(error.reason, str(error))
        candidate = _Candidate(entry, key, piece, verdict is Verdict.ACCEPTED, self._memory.falls)
        if candidate.checked and evidence.payment is not None:
            return _Claim(candidate, evidence)
        return candidate

    def _entry(self, evidence: Evidence) -> Entry:
        parameters = evidence.parameters
        provider = self._memory.directory.id_of(parameters.provider)
        if provider is None:
            raise Rejected(f"provider {parameters.provider} is not registered yet", "provider")
        client = self._memory.directory.id_of(parameters.client)
        if client is None or client >= NEWCOMER_FLAG:
            raise Rejected(f"client {parameters.client} is not registered yet", "client")
        nonce, units = evidence.receipt.nonce, evidence.fee_units
        return Entry(provider, client, nonce, units, evidence.satisfied)

    def _ledger_of(self, provider: int) -> Ledger:
        shards = self._memory.shards
        return shards[provider % len(shards)].ledger

    def _judge(self, entry: Entry, key: Key) -> Verdict:
        if key in self._memory.held:
            return Verdict.KNOWN
        return self._ledger_of(entry.provider).judge(entry)

    # ------------------------------------------------------------ group commit

    async def _keep(self, candidates: Sequence[_Candidate]) -> list[Answer]:
        future: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._queue.append(_Group(candidates, future))
        self._wake.set()
        return await future

    async def run(self) -> None:
        """Commit what has come in, all of it at once, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._commit(self._next_groups())

    def _next_groups(self) -> list[_Group]:
        """Whole submissions, up to `room.group` opinions, at least one."""
        room, count = self._room.group, 0
        while count < len(self._queue) and (count == 0 or room > 0):
            room -= len(self._queue[count].candidates)
            count += 1
        groups = self._queue[:count]
        del self._queue[:count]
        return groups

    async def _commit(self, groups: Sequence[_Group]) -> None:
        candidates = [candidate for group in groups for candidate in group.candidates]
        try:
            async with self._memory.lock:
                answers = iter(await self._keep_all(candidates))
        except HandfastError as error:
            for group in groups:
                if not group.answers.done():
                    group.answers.set_exception(error)
            if not isinstance(error, Unavailable):
                raise
            return
        for group in groups:
            of_group = [next(answers) for _ in group.candidates]
            if not group.answers.done():
                group.answers.set_result(of_group)

    async def _keep_all(self, candidates: Sequence[_Candidate]) -> list[Answer]:
        """Judge in order, write what is new in one commit, look up what is not."""
        if self._memory.behind:
            raise Unavailable("the chain is being read again after a re-organisation")
        await self._settle_doubt()
        decisions = []
        rows: list[OpinionRow] = []
        ledgers: list[Ledger] = []
        for candidate in candidates:
            decision = self._decide(candidate)
            decisions.append(decision)
            if decision is Verdict.ACCEPTED:
                entry = candidate.entry
                number = self._next + len(rows)
                ledgers.append(self._ledger_of(entry.provider))
                claimed = candidate.evidence[0] != RECEIPTED
                ledgers[-1].put(Arrival(number, entry, claimed))
                self._allowance.spend(entry.client, levy(entry.fee))
                rows.append(OpinionRow(number, *candidate.key, candidate.evidence))
        if rows:
            await self._write(rows, ledgers)
        decided = list(zip(candidates, decisions, strict=True))
        known = [each.key for each, decision in decided if decision is Verdict.KNOWN]
        found = await self._memory.write(self._memory.store.find, known) if known else {}
        return [_answer(candidate, decision, found) for candidate, decision in decided]

    def _decide(self, candidate: _Candidate) -> Verdict | Answer:
        """Judge again: much may have happened since the opinion was examined."""
        if candidate.falls != self._memory.falls:
            return _FELL
        entry = candidate.entry
        verdict = self._judge(entry, candidate.key)
        if verdict is not Verdict.ACCEPTED:
            return verdict
        if not self._allowance.permits(entry.client, levy(entry.fee)):
            return _DEAR
        if not candidate.checked:
            evidence = Evidence.decode(candidate.evidence)
            if evidence.payment is not None:
                return _LATER
            try:
                evidence.check(self._hub, self._token)
            except Rejected as error:
                return Answer(error.reason, str(error))
        return verdict

    async def _write(self, rows: Sequence[OpinionRow], ledgers: Sequence[Ledger]) -> None:
        """Keep rows that were put into these ledgers, or put none."""
        try:
            await self._memory.write(self._memory.store.add_opinions, rows)
        except Unavailable:
            for ledger in reversed(ledgers):
                ledger.withdraw(1)
            self._uncertain = True
            raise
        self._next += len(rows)
        self._times.append((self._next - 1, time.monotonic()))
        self._arrived()

    async def _settle_doubt(self) -> None:
        """After a commit that failed, find out whether it did: an answer can get lost too."""
        if not self._uncertain:
            return
        for row in await self._memory.write(self._memory.store.opinions_from, self._next):
            self._memory.admit(row, proven=True)
            self._next = row.number + 1
        self._uncertain = False


def _gap(entry: Entry) -> Answer:
    return Answer(
        Verdict.NONCE_GAP.value, f"nonce {entry.nonce} is too far above the pair's one before"
    )


def _answer(
    candidate: _Candidate,
    decision: Verdict | Answer,
    found: Mapping[Key, bytes],
) -> Answer:
    entry, key, evidence, *_ = candidate
    if isinstance(decision, Answer):
        return decision
    if decision is Verdict.ACCEPTED:
        return Answer(ACCEPTED)
    if decision is Verdict.NONCE_GAP:
        return _gap(entry)
    before = found.get(key)
    if before is None:
        return Answer("stale_nonce", f"nonce {entry.nonce} is not above the pair's last")
    if same_content(before, evidence):
        return Answer(ACCEPTED, "known already")
    return Answer(CONTRADICTION, f"another opinion has nonce {entry.nonce} already")
