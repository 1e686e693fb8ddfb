"""Takes in what the chain says about participants and batches, each fact once. (CO-4, CO-8)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from handfast.chain.abi import Event
from handfast.chain.client import Chain
from handfast.chain.follower import Advanced, BlockEvents, Cursor, Follower, RolledBack
from handfast.chain.reputation import ReputationRollup, posted_header
from handfast.coordinator.intake import Confirm
from handfast.coordinator.memory import Memory
from handfast.coordinator.shard import Sighting
from handfast.coordinator.store import Observation
from handfast.errors import InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.log import get
from handfast.reputation.encoding import Header, data_tree, decode_data
from handfast.reputation.evidence import Evidence

T = TypeVar("T")

_log = get(__name__)
_FOR_GOOD = 64
"""Blocks on top of which a final batch is taken for good."""
_RETRY_SECONDS = 1.0
_AT_ONCE = 1_000
"""Opinions that are read again at a time."""


class Observer:
    """Use `catch_up`, then `run` as a task.

    confirm   asks the chain about a payment
    moved     told of every change
    fell      told of every re-organisation
    """

    def __init__(
        self,
        chain: Chain,
        follower: Follower,
        rollup: ReputationRollup,
        memory: Memory,
        *,
        confirm: Confirm,
        moved: Callable[[], None],
        fell: Callable[[], None],
    ) -> None:
        self._chain = chain
        self._follower = follower
        self._rollup = rollup
        self._memory = memory
        self._confirm = confirm
        self._moved = moved
        self._fell = fell
        self._cursor: Cursor | None = None
        self.trouble = ""
        """Why the chain can't be followed, in one line; empty if it can."""

    @property
    def block(self) -> int:
        """The newest block that was taken in."""
        return self._cursor.tip.number if self._cursor is not None else 0

    async def catch_up(self) -> None:
        """Take in the chain up to its head.

        raises   Unavailable if the node does not answer
        """
        while await self.look():
            _log.info("catching up", block=self.block)
        await self._look_again()

    async def run(self, interval: float) -> None:
        """Look for ever, every `interval` seconds while nothing is new."""
        while True:
            busy = False
            try:
                busy = await self.look()
                if not busy:
                    await self._look_again()
                self.trouble = ""
            except (Unavailable, Rejected) as error:
                self.trouble = str(error)
                _log.warning("the chain can't be followed", error=self.trouble)
            if not busy:
                await asyncio.sleep(interval)

    async def look(self) -> bool:
        """Take in the next facts, if there are any."""
        if self._cursor is None:
            kept = await asyncio.to_thread(self._memory.store.cursor)
            self._cursor = kept or await self._follower.origin()
        step = await self._follower.next(self._cursor)
        if step is None:
            return False
        if isinstance(step, RolledBack):
            _log.warning("the chain was reorganised", block=step.cursor.tip.number)
            self._fell()
            self._cursor = await self._roll_back(step.cursor)
        else:
            data = await self._data_of(step.blocks)
            async with self._memory.lock:
                observation = Observation(step.cursor, self._memory.directory.highest)
                self._advance(step, data, observation)
                await self._keep(self._memory.store.keep, observation)
            self._cursor = step.cursor
        self._moved()
        return True

    async def _keep(self, work: Callable[[T], None], argument: T) -> None:
        """Make it durable, however long that takes: memory is ahead of the store until then."""
        while True:
            try:
                await self._memory.write(work, argument)
            except Unavailable as error:
                _log.error("the store can't be written", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return

    # ------------------------------------------------------------ applying

    async def _roll_back(self, cursor: Cursor) -> Cursor:
        """Undo what came after a cursor, and return the one to go on from: the same, or the
        deployment's if what has fallen was taken for good. (CO-11)"""
        memory, block = self._memory, cursor.tip.number
        origin = await self._follower.origin()
        async with memory.lock:
            memory.falls += 1
            memory.directory.roll_back(block)
            highest = memory.directory.highest
            shards = memory.shards.values()
            if all(shard.can_undo(block, highest) for shard in shards):
                observation = Observation(cursor, highest)
                for shard in shards:
                    observation.batches.update((row.id, row) for row in shard.rolled_back(block))
                await self._keep(memory.store.keep, observation)
                memory.doubt = True
                return cursor
            _log.error("the chain is read again from the deployment on", block=block)
            memory.begin_anew()
            await self._keep(memory.store.begin_anew, origin)
            return origin

    async def _look_again(self) -> None:
        """With the chain taken in up to its head: have every opinion wait again that is in no batch
        any more, and those whose payment shows again."""
        memory = self._memory
        if memory.behind:
            await self._refill()
        if memory.doubt:
            async with memory.lock:
                memory.doubt_claimed(await memory.write(memory.store.opinions, memory.claimed))
        for row in list(memory.held.values()):
            evidence = Evidence.decode(row.evidence)
            if evidence.payment is None or await self._confirm(evidence):
                # Nobody but this task takes re-organisations in: what was just said still holds.
                async with memory.lock:
                    memory.admit(row, proven=True)
                self._moved()

    async def _refill(self) -> None:
        memory, number = self._memory, 1
        while rows := await asyncio.to_thread(memory.store.opinions_from, number, _AT_ONCE):
            async with memory.lock:
                for row in rows:
                    memory.admit(row)
            number = rows[-1].number + 1
        memory.behind = False
        self._moved()

    def _advance(
        self, step: Advanced, data: Mapping[bytes, bytes], observation: Observation
    ) -> None:
        for block in step.blocks:
            for event in block.events:
                self._apply(event, data, observation)
        deep = step.cursor.tip.number - _FOR_GOOD
        for number, shard in self._memory.shards.items():
            observation.settled += [(number, settled) for settled in shard.settle(deep)]
        if observation.settled and not self._memory.behind:
            # With nothing left that waits, everything up to the newest that was settled is.
            through = max(settled.through for _, settled in observation.settled)
            observation.floor = self._memory.lowest or (through + 1 if through else None)

    def _apply(self, event: Event, data: Mapping[bytes, bytes], observation: Observation) -> None:
        match event.name:
            case "Registered":
                self._register(event, observation)
            case "BatchPosted":
                self._post(event, data, observation)
            case "BatchFinalised":
                arguments = event.arguments
                shard = self._memory.shards[arguments["shard"]]
                rows = shard.finalised(
                    arguments["index"], event.log.block_number, self._memory.directory.highest
                )
                observation.batches.update((row.id, row) for row in rows)
                _log.info("batch is final", shard=shard.number, index=arguments["index"])
            case _:
                pass

    def _register(self, event: Event, observation: Observation) -> None:
        account, block = event.arguments["account"], event.log.block_number
        if self._memory.directory.add(account, block) != event.arguments["id"]:
            raise InvariantBroken(f"participant {event.arguments['id']} is out of order")
        observation.joined.append((account, block))

    def _post(self, event: Event, data: Mapping[bytes, bytes], observation: Observation) -> None:
        header = posted_header(event)
        if header.hash() != event.arguments["batch"]:
            raise InvariantBroken(f"the header of batch {header.index} hashes to something else")
        shard = self._memory.shards[header.shard]
        sighting = Sighting(
            header, event.arguments["batch"], event.log.block_number, data[header.hash()]
        )
        rows = shard.posted(self._memory.ids.next(), sighting, self._memory.directory.highest)
        observation.batches.update((row.id, row) for row in rows)
        if shard.faulty is not None:
            _log.error(
                "nobody may build on a batch",
                shard=shard.number,
                index=header.index,
                fault=shard.faulty.fault,
            )
        else:
            _log.info("batch stands", shard=shard.number, index=header.index, kind=header.kind.name)

    # ------------------------------------------------------------ reading others' batches

    async def _data_of(self, blocks: Sequence[BlockEvents]) -> dict[bytes, bytes]:
        """Data of the batches that were posted, by their hash."""
        found: dict[bytes, bytes] = {}
        for block in blocks:
            for event in block.events:
                if event.name == "BatchPosted":
                    header = posted_header(event)
                    found[header.hash()] = await self._read_data(header, event.log.transaction)
        return found

    async def _read_data(self, header: Header, transaction: bytes) -> bytes:
        """The data in a transaction's input, where the contract takes it from alone. (RP-19)

        raises   Unavailable if the node shows another, or none
        """
        sent = await self._chain.input_of(transaction)
        if sent is None:
            raise Unavailable("the node does not have a transaction whose event it showed")
        to, call_data = sent
        try:
            data = self._rollup.posted_data(call_data)
            segments, roots = decode_data(data)
        except InvalidInput as error:
            raise Unavailable(f"the node shows another input than was posted: {error}") from error
        root = data_tree(segments, header.root_before, roots).root
        if to != self._rollup.address or root != header.data:
            raise Unavailable(f"the node shows another input than that of batch {header.index}")
        return data
