"""Brings a coordinator back from its store alone. (CO-4, PR-10)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from handfast.coordinator.directory import Directory
from handfast.coordinator.ledger import Arrival, Verdict
from handfast.coordinator.shard import Shard
from handfast.coordinator.store import Key, OpinionRow, Store
from handfast.reputation.batches import Entry
from handfast.reputation.encoding import NEWCOMER_FLAG
from handfast.reputation.evidence import RECEIPTED, Evidence

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Ids:
    """Numbers the rows of batches, ours and others'."""

    last: int

    def next(self) -> int:
        """An id that was never used."""
        self.last += 1
        return self.last


@dataclass(slots=True)
class Memory:
    """What a coordinator knows.

    writer   one thread, which alone writes to the store
    lock     held by whoever changes ledgers or shards
    held     accepted opinions that are to be looked at once more before they go into a ledger:
             whose they are, or whether the payment that proves them was made
    behind   the chain is being read again from its beginning, and nothing is decided until then
    doubt    a re-organisation may have taken back payments on which waiting opinions rest
    falls    re-organisations seen by this process
    """

    store: Store
    writer: Executor
    lock: asyncio.Lock
    directory: Directory
    shards: dict[int, Shard]
    ids: Ids
    held: dict[Key, OpinionRow]
    behind: bool = False
    doubt: bool = False
    falls: int = 0

    async def write(self, work: Callable[[T], R], argument: T) -> R:
        """Do one piece of work for the store in the thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, work, argument)

    @property
    def lowest(self) -> int | None:
        """Lowest number of an opinion that is in no batch taken for good; None if all are."""
        numbers = [row.number for row in self.held.values()]
        lowest = (shard.lowest for shard in self.shards.values())
        return min((*numbers, *(each for each in lowest if each is not None)), default=None)

    def admit(self, row: OpinionRow, *, proven: bool = False) -> None:
        """Have a kept opinion wait for its batch if none has it, or hold it if that can't be told.

        proven   a payment that stands for its receipt was just looked up
        """
        arrival = identified(row, self.directory)
        if arrival is None or (is_paid_on_chain(row) and not proven):
            self.held[row.key] = row
            return
        self.held.pop(row.key, None)
        ledger = self.shards[arrival.entry.provider % len(self.shards)].ledger
        if ledger.judge(arrival.entry) is not Verdict.KNOWN:
            ledger.put(arrival)

    @property
    def claimed(self) -> list[int]:
        """Numbers of the waiting opinions that rest on payments on chain."""
        ledgers = [shard.ledger for shard in self.shards.values()]
        return [each.number for ledger in ledgers for each in ledger.arrivals if each.claimed]

    def doubt_claimed(self, rows: Iterable[OpinionRow]) -> None:
        """Look at these once more before they wait again: all that `claimed` names."""
        for shard in self.shards.values():
            shard.ledger.drop_claimed()
        self.held.update((row.key, row) for row in rows)
        self.doubt = False

    def begin_anew(self) -> None:
        """Forget all that came from the chain, until it has been read again."""
        self.behind, self.doubt = True, False
        self.held.clear()
        self.directory.roll_back(-1)
        for shard in self.shards.values():
            shard.begin_anew()


def recall(store: Store, writer: Executor, shards: int) -> Memory:
    """Everything as the store has it. Blocks.

    raises   InvariantBroken if the store contradicts itself
    """
    directory, ids = Directory(store.participants()), Ids(store.last_batch_id())
    memory = Memory(store, writer, asyncio.Lock(), directory, {}, ids, {})
    for number in range(shards):
        newest, final, tip, block = store.base(number, shards)
        shard = memory.shards[number] = Shard(newest, final, tip, block)
        batches = store.batches_behind(number, tip.index)
        numbers = sorted({each for batch in batches for each in batch.numbers})
        found = (identified(row, directory) for row in store.opinions(numbers))
        opinions = {arrival.number: arrival for arrival in found if arrival is not None}
        for batch in shard.resume(batches, opinions, directory.highest):
            store.keep_batch(batch)
    for row in store.opinions_from(store.floor()):
        memory.admit(row)
    return memory


def identified(row: OpinionRow, directory: Directory) -> Arrival | None:
    """A kept opinion as a ledger takes it; None if a party of it has no id now."""
    provider, client = (directory.id_of("0x" + who.hex()) for who in (row.provider, row.client))
    if provider is None or client is None or client >= NEWCOMER_FLAG:
        return None
    evidence = Evidence.decode(row.evidence)
    entry = Entry(provider, client, row.nonce, evidence.fee_units, evidence.satisfied)
    return Arrival(row.number, entry, is_paid_on_chain(row))


def is_paid_on_chain(row: OpinionRow) -> bool:
    """Whether a payment stands for the receipt of a kept opinion. (RP-5)"""
    return row.evidence[0] != RECEIPTED
