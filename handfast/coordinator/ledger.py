"""Which opinions are accepted, and which of them the next batch takes. (RP-5, RP-7, RP-9, CO-3)

Pure. What is accepted here is included some day: whatever could stop that is asked before.
"""

from __future__ import annotations

import enum
from bisect import bisect_left, insort
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from handfast.protocol.constants import MAX_NONCE_STEP
from handfast.reputation.batches import Entry

Pair = tuple[int, int]
"""Ids of provider and client."""


class Arrival(NamedTuple):
    """An eligible opinion and its place in the order of arrival.

    number    counts what this coordinator accepted, from 1
    claimed   whether the chain's word on a payment stands for its receipt (RP-5)
    """

    number: int
    entry: Entry
    claimed: bool = False

    @property
    def pair(self) -> Pair:
        """Whose opinion on whom."""
        return self.entry.provider, self.entry.client


class Verdict(enum.Enum):
    """What becomes of an opinion that arrives."""

    ACCEPTED = "accepted"
    KNOWN = "its nonce was accepted before: the same, or a contradiction"
    NONCE_GAP = "nonce_gap"


class History(Protocol):
    """What is in batches: `handfast.reputation.state.State`."""

    def last_nonce(self, provider: int, client: int) -> int:
        """Nonce of the pair's newest opinion in a batch, 0 if there is none."""


def _nonce(arrival: Arrival) -> int:
    return arrival.entry.nonce


class Ledger:
    """Opinions of one shard that were accepted and are in no batch.

    A pair's opinions leave in the order of their nonces, whatever the order of their arrival: each
    place in the queue goes to the lowest nonce of its pair. A pair whose lowest nonce has come to
    be too far above the last one in a batch, since a re-organisation took a batch of another
    proposer away, stands aside until that changes.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._waiting: dict[Pair, list[Arrival]] = {}
        self._places: deque[tuple[int, Pair]] = deque()
        self._aside: list[tuple[int, Pair]] = []

    def __len__(self) -> int:
        return len(self._places)

    @property
    def arrivals(self) -> Iterator[Arrival]:
        """All that wait, those that stand aside too."""
        return (arrival for waiting in self._waiting.values() for arrival in waiting)

    @property
    def oldest(self) -> int | None:
        """Number of the longest waiting place."""
        return self._places[0][0] if self._places else None

    @property
    def lowest(self) -> int | None:
        """Lowest number of any that waits."""
        places = (*self._places, *self._aside)
        return min((number for number, _ in places), default=None)

    def judge(self, entry: Entry) -> Verdict:
        """Whether an eligible opinion can be accepted now."""
        last = self._history.last_nonce(entry.provider, entry.client)
        if entry.nonce <= last:
            return Verdict.KNOWN
        waiting = self._waiting.get((entry.provider, entry.client), [])
        position = bisect_left(waiting, entry.nonce, key=_nonce)
        if position < len(waiting) and waiting[position].entry.nonce == entry.nonce:
            return Verdict.KNOWN
        below = waiting[position - 1].entry.nonce if position else last
        return Verdict.ACCEPTED if entry.nonce - below <= MAX_NONCE_STEP else Verdict.NONCE_GAP

    def put(self, arrival: Arrival) -> None:
        """Take in an opinion that was judged ACCEPTED."""
        self._come_back()
        self._insert(arrival)
        self._places.append((arrival.number, arrival.pair))

    def withdraw(self, count: int) -> None:
        """Undo the newest `put`s, which turned out not to be durable."""
        for _ in range(count):
            number, pair = self._places.pop()
            numbers = [arrival.number for arrival in self._waiting[pair]]
            self._remove(pair, numbers.index(number))

    def take(self, limit: int) -> tuple[Arrival, ...]:
        """Hand out up to `limit` opinions, longest waiting places first.

        They must be in the history, or given back, before anything else is asked of the ledger.
        """
        taken: list[Arrival] = []
        last: dict[Pair, int] = {}
        while self._places and len(taken) < limit:
            number, pair = self._places.popleft()
            before = last[pair] if pair in last else self._history.last_nonce(*pair)
            if _nonce(self._waiting[pair][0]) - before > MAX_NONCE_STEP:
                self._aside.append((number, pair))
                continue
            taken.append(self._remove(pair, 0))
            last[pair] = _nonce(taken[-1])
        return tuple(taken)

    def give_back(self, arrivals: Sequence[Arrival]) -> None:
        """Take back opinions of a batch that came to nothing, before all others."""
        self._come_back()
        for arrival in arrivals:
            self._insert(arrival)
        self._places.extendleft((arrival.number, arrival.pair) for arrival in reversed(arrivals))

    def drop_overtaken(self) -> tuple[Arrival, ...]:
        """Hand out what a batch of another proposer holds, or has made impossible."""
        self._come_back()
        dropped: list[Arrival] = []
        for pair in list(self._waiting):
            last = self._history.last_nonce(*pair)
            while pair in self._waiting and _nonce(self._waiting[pair][0]) <= last:
                dropped.append(self._remove(pair, 0))
        self._drop_places(dropped)
        return tuple(dropped)

    def drop_claimed(self) -> tuple[Arrival, ...]:
        """Hand out what rests on the chain's word, which may have changed."""
        self._come_back()
        dropped = [arrival for arrival in self.arrivals if arrival.claimed]
        for arrival in dropped:
            self._remove(arrival.pair, self._waiting[arrival.pair].index(arrival))
        self._drop_places(dropped)
        return tuple(dropped)

    def _drop_places(self, dropped: Iterable[Arrival]) -> None:
        places = Counter(arrival.pair for arrival in dropped)
        kept: deque[tuple[int, Pair]] = deque()
        for number, pair in self._places:
            if places[pair] > 0:
                places[pair] -= 1
            else:
                kept.append((number, pair))
        self._places = kept

    def _come_back(self) -> None:
        """The history has changed, or is about to: whoever stood aside is asked again."""
        self._places.extendleft(reversed(self._aside))
        self._aside.clear()

    def _insert(self, arrival: Arrival) -> None:
        insort(self._waiting.setdefault(arrival.pair, []), arrival, key=_nonce)

    def _remove(self, pair: Pair, position: int) -> Arrival:
        waiting = self._waiting[pair]
        arrival = waiting.pop(position)
        if not waiting:
            del self._waiting[pair]
        return arrival
