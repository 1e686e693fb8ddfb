"""The chain as the peers of channels see it: ChannelHub and PreimageRegistry through one node.

One watch follows the events of both contracts for all channels; a channel's facts are read again
when an event names it, when what it says becomes certain, and after a re-organisation.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from eth_abi.abi import encode

from handfast import log
from handfast.chain.abi import Event
from handfast.chain.channels import ChannelHub, ChannelRecord, PreimageRegistry
from handfast.chain.client import Call, Chain
from handfast.chain.follower import BlockEvents, Cursor, Follower, RolledBack
from handfast.chain.sender import Sender
from handfast.channels.chain import Signatures, Told
from handfast.channels.inputs import (
    ChainFact,
    Closed,
    Final,
    Funded,
    Registered,
    Resolved,
    Revealed,
    Unregistered,
)
from handfast.channels.rules import id_of
from handfast.channels.state import Book, ChannelId, Holdings, Parameters
from handfast.crypto.keccak import keccak
from handfast.errors import Rejected, Unavailable
from handfast.protocol.constants import ChannelPhase, LockOutcome

_log = log.get(__name__)

FINAL_BLOCKS = 256
"""Depth at which nothing is undone any more: Ethereum's finality takes 64 to 96. (SPEC CH-28)"""

_IS_VALID = bytes.fromhex("1626ba7e")
"""Selector of isValidSignature, and what a wallet answers if it takes one (ERC-1271)."""
_WORD = 32


@dataclass(slots=True)
class _Seen:
    """What the watch has read so far.

    confirmations   blocks that make a fact certain, its own included
    turn        rises with every look that found something
    current     whether everything up to the newest block was looked at
    undone      rises with every re-organisation
    head        newest block that was looked at
    reveals     in the order of the looks; time 0 takes one back
    revealed    block of each reveal that stands, by preimage
    touched     newest block with an event, by channel
    version     of the newest registered state, by channel
    ended       block of the end, and the version it was settled by, None if it was cooperative
    resolved    block, position and outcome of each resolved lock, by channel
    """

    confirmations: int
    turn: int = 0
    current: bool = False
    undone: int = 0
    head: int = 0
    reveals: list[Revealed] = field(default_factory=list)
    revealed: dict[bytes, int] = field(default_factory=dict)
    touched: dict[bytes, int] = field(default_factory=dict)
    version: dict[bytes, int] = field(default_factory=dict)
    ended: dict[bytes, tuple[int, int | None]] = field(default_factory=dict)
    resolved: dict[bytes, list[tuple[int, int, LockOutcome]]] = field(default_factory=dict)

    def note(self, block: BlockEvents, event: Event) -> None:
        """Take an event in."""
        arguments = event.arguments
        if event.name == "PreimageRevealed":
            self.revealed[arguments["preimage"]] = block.number
            self.reveals.append(Revealed(arguments["preimage"], block.timestamp))
            return
        channel = arguments.get("channel")
        if channel is None:
            return
        self.touched[channel] = block.number
        match event.name:
            case "StateRegistered":
                self.version[channel] = arguments["state"][1]
            case "ChannelClosed":
                self.ended[channel] = (block.number, None)
            case "ChannelSettled":
                self.ended[channel] = (block.number, self.version.get(channel, 0))
            case "LockResolved":
                outcome = LockOutcome(arguments["outcome"])
                entry = (block.number, arguments["position"], outcome)
                self.resolved.setdefault(channel, []).append(entry)
            case _:
                pass

    def undo(self, tip: int) -> None:
        """Forget what stood in blocks above the tip; whoever follows reads the rest again."""
        self.undone += 1
        self.current = False
        for preimage, number in list(self.revealed.items()):
            if number > tip:
                del self.revealed[preimage]
                self.reveals.append(Revealed(preimage, 0))
        for channel, (number, _) in list(self.ended.items()):
            if number > tip:
                del self.ended[channel]
        for channel, entries in self.resolved.items():
            self.resolved[channel] = [each for each in entries if each[0] <= tip]


@dataclass(slots=True)
class _Teller:
    """What one follower of a channel was told, and so what it is still to be told.

    read_at     newest block that the watch had seen when the channel was read; None: read it again
    undone      re-organisations that the watch had seen then
    phase       that was told
    reveals     how many of the watch's reveals it was told
    unsure      preimages that it was told of earlier, not found again yet
    deep        newest event of the channel when it was told that the end is final; -1: it was not
    """

    unsure: frozenset[bytes]
    resolved: dict[int, LockOutcome]
    read_at: int | None = None
    undone: int = 0
    phase: ChannelPhase | None = None
    reveals: int = 0
    holdings: Holdings | None = None
    registered: Registered | None = None
    closed: Closed | None = None
    deep: int = -1

    def of_records(
        self, newest: ChannelRecord, certain: ChannelRecord | None
    ) -> Iterator[ChainFact]:
        """What changed in what the hub says of a channel whose end the watch has not seen."""
        if newest.phase is ChannelPhase.CLOSED:
            return
        # One whose opening fell out of the chain holds nothing.
        held = certain.holdings if certain is not None else self.holdings
        if held is not None and held != self.holdings:
            self.holdings = held
            yield Funded(held)
        if newest.phase is ChannelPhase.CLOSING:
            registered = Registered(newest.version, newest.challenge_end)
            if (newest.phase, registered) != (self.phase, self.registered):
                self._go_back(newest.phase, registered)
                yield registered
        elif self.phase is not ChannelPhase.OPEN:
            self._go_back(ChannelPhase.OPEN, None)
            yield Unregistered()

    def _go_back(self, phase: ChannelPhase, registered: Registered | None) -> None:
        self.phase, self.registered, self.closed, self.deep = phase, registered, None, -1
        self.resolved.clear()

    def of_events(self, seen: _Seen, channel: ChannelId, head: int) -> Iterator[ChainFact]:
        """What happened up to where it is certain, and the newest reveals.

        head    newest block that the watch has looked at
        """
        certain = head - seen.confirmations + 1
        while self.reveals < len(seen.reveals):
            self.reveals += 1
            yield seen.reveals[self.reveals - 1]
        if seen.current:
            for preimage in self.unsure - seen.revealed.keys():
                yield Revealed(preimage, 0)
            self.unsure = frozenset()
        ended = seen.ended.get(channel)
        if ended is not None and ended[0] <= certain and Closed(ended[1]) != self.closed:
            if self.closed is not None:
                self.resolved.clear()
            self.phase, self.closed = ChannelPhase.CLOSED, Closed(ended[1])
            yield self.closed
        yield from self._of_locks(seen, channel, certain)
        touched = seen.touched.get(channel, 0)
        if ended is not None and self.deep < touched <= head - FINAL_BLOCKS + 1:
            self.deep = touched
            yield Final()

    def _of_locks(self, seen: _Seen, channel: ChannelId, certain: int) -> Iterator[ChainFact]:
        entries = tuple(seen.resolved.get(channel, ()))
        for number, position, outcome in entries:
            if number <= certain and self.resolved.get(position) is not outcome:
                self.resolved[position] = outcome
                yield Resolved(position, outcome)
        if seen.current:
            for position in self.resolved.keys() - {position for _, position, _ in entries}:
                del self.resolved[position]
                yield Resolved(position, LockOutcome.ABSENT)


class HubPort:
    """A `ChainPort`. Run `watch` beside whoever follows.

    confirmations   blocks that make a fact certain, its own included
    poll            seconds between looks
    """

    def __init__(
        self,
        chain: Chain,
        sender: Sender,
        hub: ChannelHub,
        preimages: PreimageRegistry,
        *,
        first_block: int,
        confirmations: int = 1,
        poll: float = 1.0,
    ) -> None:
        self._chain = chain
        self._sender = sender
        self._hub = hub
        self._preimages = preimages
        self._poll = poll
        self._follower = Follower(chain, (hub, preimages), confirmations=1, first_block=first_block)
        self._seen = _Seen(confirmations)
        self._changed = asyncio.Condition()

    # ------------------------------------------------------------ the watch

    async def watch(self) -> None:
        """Follow the events of both contracts until cancelled."""
        cursor: Cursor | None = None
        while True:
            try:
                cursor, busy = await self._look(cursor)
            except Unavailable as error:
                _log.warning("the chain is not seen", error=str(error))
                busy = False
            if not busy:
                await asyncio.sleep(self._poll)

    async def _look(self, cursor: Cursor | None) -> tuple[Cursor, bool]:
        if cursor is None:
            cursor = await self._follower.origin()
        happened = await self._follower.next(cursor)
        if happened is None:
            if not self._seen.current:
                self._seen.current = True
                await self._notify()
            return cursor, False
        if isinstance(happened, RolledBack):
            self._sender.recheck()
            self._seen.undo(happened.cursor.tip.number)
        else:
            for block in happened.blocks:
                for event in block.events:
                    self._seen.note(block, event)
        self._seen.head = happened.cursor.tip.number
        await self._notify()
        return happened.cursor, True

    async def _notify(self) -> None:
        self._seen.turn += 1
        async with self._changed:
            self._changed.notify_all()

    # ------------------------------------------------------------ facts of one channel

    async def holdings(self, parameters: Parameters, phase: ChannelPhase) -> Holdings | None:
        """What the hub holds for a channel that is certain to be in this phase; None if not."""
        record = await self._certain(id_of(parameters))
        if record is None or record.phase is not phase:
            return None
        return record.holdings

    async def _certain(self, channel: ChannelId) -> ChannelRecord | None:
        head = await self._chain.head()
        at = head.number - self._seen.confirmations + 1
        return await self._hub.channel(channel, at=at) if at >= 0 else None

    async def follow(self, parameters: Parameters, told: Told) -> AsyncIterator[ChainFact]:
        """First what holds now, then every change of it, for ever."""
        channel = id_of(parameters)
        teller = _Teller(told.revealed, dict(told.resolved))
        while True:
            # What the watch finds while the hub is asked, or while a fact is taken in, is looked at
            # in the next turn.
            turn, head, undone = self._seen.turn, self._seen.head, self._seen.undone
            if self._is_due(channel, teller):
                newest = await self._hub.channel(channel)
                certain = await self._certain(channel)
                teller.read_at, teller.undone = head, undone
                if channel not in self._seen.ended:
                    for fact in teller.of_records(newest, certain):
                        yield fact
                elif newest.phase is not ChannelPhase.CLOSED:
                    teller.read_at = None  # the node, or the watch, is behind: ask again
            for fact in teller.of_events(self._seen, channel, head):
                yield fact
            async with self._changed:
                await self._changed.wait_for(lambda: self._seen.turn != turn)  # noqa: B023

    def _is_due(self, channel: ChannelId, teller: _Teller) -> bool:
        """Whether the channel may have changed, or become certain, since it was read last."""
        touched = self._seen.touched.get(channel)
        if teller.read_at is None or teller.undone != self._seen.undone:
            return True
        return touched is not None and teller.read_at < touched + self._seen.confirmations

    # ------------------------------------------------------------ wallets

    async def has_code(self, account: str) -> bool:
        """Whether an account is a contract."""
        return bool(await self._chain.code(account))

    async def vouches(self, account: str, digest: bytes, signature: bytes) -> bool:
        """Whether a contract wallet takes a signature as its own (ERC-1271)."""
        data = _IS_VALID + encode(("bytes32", "bytes"), (digest, signature))
        try:
            answer = await self._chain.call(Call(account, data, "wallet.isValidSignature"))
        except Rejected:
            return False
        return answer == _IS_VALID.ljust(_WORD, b"\0")

    # ------------------------------------------------------------ actions

    async def _send(self, name: str, call: Call) -> None:
        """Do a call. Asked for at another block it is another deed: a repeat is wanted only if the
        first did not do it, and is refused by the dry run if it did.
        """
        head = await self._chain.head()
        await self._sender.send(f"{name} {keccak(call.data).hex()} {head.number}", call)

    async def reveal(self, preimage: bytes) -> None:
        """Put a preimage into the registry, unless it stands there."""
        if await self._preimages.revealed_at(keccak(preimage)):
            return
        await self._send("reveal", self._preimages.reveal(preimage))

    async def register_state(
        self, parameters: Parameters, book: Book, signatures: Signatures
    ) -> None:
        """Register the state of a book; the opening (version 0) needs no signatures."""
        await self._send("register", self._hub.register_state(parameters, book, signatures))

    async def settle(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        """End the channel by the registered book, and resolve these of its locks."""
        ripe = await self._ripe(book, positions, cancelled)
        await self._send("settle", self._hub.settle(parameters, book, ripe, cancelled))

    async def resolve(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        """Resolve locks of the book by which the channel ended."""
        ripe = await self._ripe(book, positions, cancelled)
        if not ripe:
            raise Unavailable("the chain's clock has not come to the expiry")
        await self._send("resolve", self._hub.resolve(parameters, book, ripe, cancelled))

    async def _ripe(
        self, book: Book, positions: Sequence[int], cancelled: Mapping[int, bytes]
    ) -> list[int]:
        """Those that the hub would not skip: by its clock, which is not ours, an unrevealed lock
        has expired.
        """
        now = (await self._chain.head()).timestamp
        ripe = []
        for position in positions:
            lock = book.locks[position]
            waits = now <= lock.expiry and position not in cancelled
            if not waits or await self._preimages.revealed_at(lock.hash):
                ripe.append(position)
        return ripe

    async def close_cooperatively(
        self, parameters: Parameters, book: Book, deadline: int, signatures: Signatures
    ) -> None:
        """End the channel at once by a book that has no lock pending."""
        call = self._hub.close_cooperatively(parameters, book, deadline, signatures)
        await self._send("close", call)

    async def withdraw(
        self,
        parameters: Parameters,
        account: str,
        total: int,
        deadline: int,
        signatures: Signatures,
    ) -> None:
        """Take out what both agreed on."""
        call = self._hub.withdraw(parameters, account, total, deadline, signatures)
        await self._send("withdraw", call)
