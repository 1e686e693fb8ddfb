"""Follows the events of contracts, each once per canonical chain, and says when history changed.

The cursor belongs to the caller, who keeps it in the same commit as what the events led to: so a
process that dies in between neither loses an event nor sees one twice.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Column, Connection, MetaData, String, Table, Text, delete, insert, select

from handfast.chain.abi import Event, Log
from handfast.chain.client import Block, Chain, Contract
from handfast.chain.rules import Point, thinned
from handfast.errors import InvalidInput, Rejected, Unavailable

_NEAR = 64
"""Blocks below the head within which history may change, or a node behind a balancer lag."""
_WALK = 16
"""Blocks asked for at once near the head."""
_LEAP = 4096
"""Blocks of one query far below the head: a power of two, so that its ends are remembered long."""

_METADATA = MetaData()
_CURSORS = Table(
    "chain_cursors",
    _METADATA,
    Column("name", String(100), primary_key=True),
    Column("points", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a chain was followed.

    points   blocks passed, newest first and ever sparser; the last is where following began
    """

    points: tuple[Point, ...]

    @property
    def tip(self) -> Point:
        """The newest block whose events were delivered."""
        return self.points[0]

    def after(self, passed: Sequence[Point]) -> Cursor:
        """The cursor once these blocks were passed too, oldest first."""
        return Cursor(thinned((*reversed(passed), *self.points), _NEAR))


@dataclass(frozen=True, slots=True)
class BlockEvents:
    """The events of one block, in order."""

    number: int
    hash: bytes
    timestamp: int
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Advanced:
    """The chain grew.

    blocks   those that hold events, oldest first
    """

    cursor: Cursor
    blocks: tuple[BlockEvents, ...]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Everything after the cursor's tip has not happened."""

    cursor: Cursor


class Follower:
    """Reads events of some contracts.

    confirmations   blocks that must stand on an event, its own included, before it is delivered
    first_block     the deployment's block; nothing before it is asked for
    """

    def __init__(
        self,
        chain: Chain,
        contracts: Sequence[Contract],
        *,
        confirmations: int = 1,
        first_block: int = 0,
    ) -> None:
        self._chain = chain
        self._abis = {contract.address: contract.abi for contract in contracts}
        self._confirmations = confirmations
        self._first_block = first_block
        self._leap = _LEAP

    async def origin(self) -> Cursor:
        """The cursor of somebody who has seen nothing.

        raises   Unavailable if the node does not have the first block
        """
        before = max(self._first_block - 1, 0)
        block = await self._chain.block(before)
        if block is None:
            raise Unavailable(f"the node does not have block {before}")
        return Cursor((Point(before, block.hash),))

    async def next(self, cursor: Cursor) -> Advanced | RolledBack | None:
        """What happened after the cursor; None if nothing, or nothing that is certain yet.

        raises   Unavailable if the node does not answer, InvalidInput if it is on another chain
        """
        head = await self._chain.head()
        here = await self._chain.block(cursor.tip.number)
        if here is None:
            return None  # the node is behind: a chain that was cut shorter grows past this again
        if here.hash != cursor.tip.hash:
            return await self._roll_back(cursor)
        last = head.number - self._confirmations + 1
        if last <= cursor.tip.number:
            return None
        if cursor.tip.number < head.number - _NEAR:
            return await self._advance_far(cursor, min(last, head.number - _NEAR))
        return await self._advance_near(cursor, min(last, cursor.tip.number + _WALK))

    async def _roll_back(self, cursor: Cursor) -> RolledBack | None:
        for position, point in enumerate(cursor.points[1:], 1):
            block = await self._chain.block(point.number)
            if block is None:
                return None
            if block.hash == point.hash:
                return RolledBack(Cursor(cursor.points[position:]))
        raise InvalidInput(
            f"block {cursor.points[-1].number} is another one than when following began: the node "
            "is on another chain, or the chain was made anew; use a fresh data folder"
        )

    async def _advance_near(self, cursor: Cursor, last: int) -> Advanced | None:
        """Block by block, each by its hash: a node that lacks it says so instead of "no logs"."""
        numbers = range(cursor.tip.number + 1, last + 1)
        blocks = await asyncio.gather(*(self._chain.block(number) for number in numbers))
        linked = _linked(cursor.tip.hash, blocks)
        addresses = list(self._abis)
        try:
            logs = await asyncio.gather(
                *(self._chain.logs_in(addresses, block.hash) for block in linked)
            )
        except Rejected as error:
            raise Unavailable(f"a block vanished while it was read: {error}") from error
        if not linked:
            return None
        passed = [Point(block.number, block.hash) for block in linked]
        found = [
            self._decode(block, of_block)
            for block, of_block in zip(linked, logs, strict=True)
            if of_block
        ]
        return Advanced(cursor.after(passed), tuple(found))

    async def _advance_far(self, cursor: Cursor, limit: int) -> Advanced | None:
        """Many old blocks by one query, of as many as the node is willing to search."""
        first = cursor.tip.number + 1
        while True:
            last = min((cursor.tip.number // self._leap + 1) * self._leap, limit)
            try:
                logs = await self._chain.logs(list(self._abis), first, last)
                break
            except Rejected:
                if first == last:
                    raise
                self._leap = max(self._leap // 2, 1)
        by_number: dict[int, list[Log]] = {last: []}
        for log in logs:
            by_number.setdefault(log.block_number, []).append(log)
        numbers = sorted(by_number)
        blocks: list[Block] = []
        for start in range(0, len(numbers), _WALK):
            wanted = numbers[start : start + _WALK]
            found = await asyncio.gather(*(self._chain.block(number) for number in wanted))
            blocks += [block for block in found if block is not None]
        here = await self._chain.block(cursor.tip.number)
        if len(blocks) < len(numbers) or here is None or here.hash != cursor.tip.hash:
            return None  # history changed under the query
        of_block = {block.number: block for block in blocks}
        if any(log.block_hash != of_block[log.block_number].hash for log in logs):
            return None
        delivered = tuple(
            self._decode(of_block[number], by_number[number])
            for number in numbers
            if by_number[number]
        )
        return Advanced(cursor.after([Point(last, of_block[last].hash)]), delivered)

    def _decode(self, block: Block, logs: Sequence[Log]) -> BlockEvents:
        ordered = sorted(logs, key=lambda log: log.index)
        events = (self._abis[log.address].event(log) for log in ordered)
        known = tuple(event for event in events if event is not None)
        return BlockEvents(block.number, block.hash, block.timestamp, known)


def _linked(parent: bytes, blocks: Sequence[Block | None]) -> list[Block]:
    """The leading blocks that each name the one before as their parent."""
    linked: list[Block] = []
    for block in blocks:
        if block is None or block.parent != parent:
            break
        linked.append(block)
        parent = block.hash
    return linked


def prepare_cursors(connection: Connection) -> None:
    """Make the table of cursors if it is not there."""
    _METADATA.create_all(connection)


def load_cursor(connection: Connection, name: str) -> Cursor | None:
    """The cursor kept under a name."""
    row = connection.execute(select(_CURSORS.c.points).where(_CURSORS.c.name == name)).scalar()
    if row is None:
        return None
    return Cursor(tuple(Point(number, bytes.fromhex(hash_)) for number, hash_ in json.loads(row)))


def save_cursor(connection: Connection, name: str, cursor: Cursor) -> None:
    """Keep a cursor, within the commit of what its events led to."""
    points = json.dumps([(point.number, point.hash.hex()) for point in cursor.points])
    connection.execute(delete(_CURSORS).where(_CURSORS.c.name == name))
    connection.execute(insert(_CURSORS).values(name=name, points=points))
