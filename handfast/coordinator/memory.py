"""Brings a coordinator back from its store alone. (CO-4, PR-10)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TypeVar

from handfast.coordinator.directory import Directory
from handfast.coordinator.ledger import Arrival
from handfast.coordinator.shard import Shard
from handfast.coordinator.store import OpinionRow, Store
from handfast.reputation.batches import Entry
from handfast.reputation.evidence import Evidence

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


@dataclass(frozen=True, slots=True)
class Memory:
    """What a coordinator knows.

    writer   one thread, which alone writes to the store
    lock     held by whoever changes ledgers or shards
    """

    store: Store
    writer: Executor
    lock: asyncio.Lock
    directory: Directory
    shards: dict[int, Shard]
    ids: Ids

    async def write(self, work: Callable[[T], R], argument: T) -> R:
        """Do one piece of work for the store in the thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self.writer, work, argument)


def recall(store: Store, writer: Executor, shards: int) -> Memory:
    """Everything as the store has it. Blocks.

    raises   InvariantBroken if the store contradicts itself
    """
    directory = Directory(store.participants())
    waiting = [arrival_of(row) for row in store.opinions_from(store.floor())]
    found = {}
    for number in range(shards):
        tip, newest, final = store.base(number, shards)
        shard = found[number] = Shard(newest, final, tip)
        rows = store.batches_behind(number, tip.index)
        numbers = sorted({each for row in rows for each in row.numbers})
        opinions = {row.number: arrival_of(row) for row in store.opinions(numbers)}
        mine = (each for each in waiting if each.entry.provider % shards == number)
        for row in shard.resume(rows, opinions, mine, directory.highest):
            store.keep_batch(row)
    ids = Ids(store.last_batch_id())
    return Memory(store, writer, asyncio.Lock(), directory, found, ids)


def arrival_of(row: OpinionRow) -> Arrival:
    """A kept opinion as a ledger takes it."""
    evidence = Evidence.decode(row.evidence)
    entry = Entry(row.provider, row.client, row.nonce, evidence.fee_units, evidence.satisfied)
    return Arrival(row.number, entry)
