"""Which opinions are accepted, and which of them the next batch takes. (RP-5, RP-7, RP-9, CO-3)

Pure. What is accepted here is included some day: whatever could stop that is asked before.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from handfast.protocol.constants import MAX_NONCE_STEP
from handfast.reputation.batches import Entry


class Arrival(NamedTuple):
    """An eligible opinion and its place in the order of arrival.

    number   counts what this coordinator accepted, from 1
    """

    number: int
    entry: Entry

    @property
    def pair(self) -> tuple[int, int]:
        """Ids of provider and client."""
        return self.entry.provider, self.entry.client


class Verdict(enum.Enum):
    """What becomes of an opinion that arrives."""

    ACCEPTED = "accepted"
    KNOWN = "its nonce was accepted before: the same, or a contradiction"
    STALE_NONCE = "stale_nonce"
    NONCE_GAP = "nonce_gap"


class History(Protocol):
    """What was included so far: `handfast.reputation.state.State`."""

    def last_nonce(self, provider: int, client: int) -> int:
        """Nonce of the pair's newest included opinion, 0 if there is none."""


@dataclass(slots=True)
class _Pair:
    """taken     highest nonce handed out to a batch that the history does not show yet
    waiting   accepted ones that are in no batch, by nonce
    """

    taken: int = 0
    waiting: list[Arrival] = field(default_factory=list)


def _nonce(arrival: Arrival) -> int:
    return arrival.entry.nonce


class Ledger:
    """Opinions of one shard that were accepted and are in no batch.

    A pair's opinions leave in the order of their nonces, whatever the order of their arrival; each
    arrival gives its place to the pair's lowest.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._pairs: dict[tuple[int, int], _Pair] = {}
        self._places: deque[tuple[int, tuple[int, int]]] = deque()

    def __len__(self) -> int:
        return len(self._places)

    @property
    def oldest(self) -> int | None:
        """Number of the longest waiting place."""
        return self._places[0][0] if self._places else None

    def judge(self, entry: Entry) -> Verdict:
        """Whether an eligible opinion can be accepted now."""
        pair = self._pairs.get((entry.provider, entry.client))
        last = self._last(entry.provider, entry.client)
        if entry.nonce <= last:
            return Verdict.KNOWN
        waiting = pair.waiting if pair else []
        position = bisect_left(waiting, entry.nonce, key=_nonce)
        if position < len(waiting) and waiting[position].entry.nonce == entry.nonce:
            return Verdict.KNOWN
        below = waiting[position - 1].entry.nonce if position else last
        return Verdict.ACCEPTED if entry.nonce - below <= MAX_NONCE_STEP else Verdict.NONCE_GAP

    def put(self, arrival: Arrival) -> None:
        """Take in an opinion that was judged ACCEPTED."""
        insort(self._pairs.setdefault(arrival.pair, _Pair()).waiting, arrival, key=_nonce)
        self._places.append((arrival.number, arrival.pair))

    def withdraw(self, count: int) -> None:
        """Undo the newest `put`s, which turned out not to be durable."""
        for _ in range(count):
            number, key = self._places.pop()
            waiting = self._pairs[key].waiting
            del waiting[[arrival.number for arrival in waiting].index(number)]
            if not waiting and not self._pairs[key].taken:
                del self._pairs[key]

    def take(self, limit: int) -> tuple[Arrival, ...]:
        """Hand out up to `limit` opinions for a batch, longest waiting places first."""
        taken: list[Arrival] = []
        while self._places and len(taken) < limit:
            _, key = self._places.popleft()
            pair = self._pairs[key]
            arrival = pair.waiting.pop(0)
            pair.taken = arrival.entry.nonce
            taken.append(arrival)
        return tuple(taken)

    def included(self, arrivals: Iterable[Arrival]) -> None:
        """The history shows these now."""
        for key in {arrival.pair for arrival in arrivals}:
            pair = self._pairs.get(key)
            if pair is not None and not pair.waiting:
                del self._pairs[key]

    def give_back(self, arrivals: Sequence[Arrival]) -> None:
        """Take back opinions of a batch that came to nothing, before all others."""
        for arrival in arrivals:
            pair = self._pairs.setdefault(arrival.pair, _Pair())
            pair.taken = 0
            insort(pair.waiting, arrival, key=_nonce)
        self._places.extendleft((arrival.number, arrival.pair) for arrival in reversed(arrivals))

    def drop_overtaken(self) -> tuple[Arrival, ...]:
        """Drop what a batch of another proposer has made impossible, and say what."""
        dropped: list[Arrival] = []
        for key, pair in list(self._pairs.items()):
            last = self._last(*key)
            while pair.waiting and pair.waiting[0].entry.nonce <= last:
                dropped.append(pair.waiting.pop(0))
        lost: dict[tuple[int, int], int] = {}
        for arrival in dropped:
            lost[arrival.pair] = lost.get(arrival.pair, 0) + 1
        kept: deque[tuple[int, tuple[int, int]]] = deque()
        for number, key in self._places:
            if lost.get(key):
                lost[key] -= 1
            else:
                kept.append((number, key))
        self._places = kept
        return tuple(dropped)

    def _last(self, provider: int, client: int) -> int:
        pair = self._pairs.get((provider, client))
        taken = pair.taken if pair else 0
        return max(taken, self._history.last_nonce(provider, client))
