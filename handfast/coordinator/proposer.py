"""Builds batches, archives them, posts them, makes them final. (RP-32 to RP-34, CO-4 to CO-6)

Every step can be repeated: a batch has an id before it has anything else, its row is kept before it
is sent, and the sender does each deed once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from handfast.chain.client import Chain
from handfast.chain.reputation import ReputationRollup, RollupSettings
from handfast.chain.rules import ether
from handfast.chain.sender import Sender
from handfast.chain.token import MarketToken
from handfast.coordinator.archive import archive_of_opinions, archive_of_scores
from handfast.coordinator.memory import Memory
from handfast.coordinator.rules import Due, Pace, due_batch, ripe
from handfast.coordinator.shard import BatchRow, Built, Shard, Status
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.log import get
from handfast.protocol.constants import FEE_UNIT, BatchKind
from handfast.storage.store import Store as ContentStore

_log = get(__name__)
_POOR = ("InsufficientFunds", "InsufficientDeposit")
_FINALISED_AT_ONCE = 16
_LONGEST_REST = 60.0


@dataclass(frozen=True, slots=True)
class Tools:
    """What proposers work with.

    fixed     by the roll-up's deployment
    content   where archives go
    age       seconds that the opinion of this number has waited
    deposit   smallest units of MarketToken to which the deposit is filled up
    """

    chain: Chain
    sender: Sender
    rollup: ReputationRollup
    token: MarketToken
    fixed: RollupSettings
    content: ContentStore
    memory: Memory
    age: Callable[[int], float]
    pace: Pace
    deposit: int


class Proposer:
    """Drives one shard. Use `run` as a task; `wake` when something has changed."""

    def __init__(self, shard: Shard, tools: Tools) -> None:
        self._shard = shard
        self._tools = tools
        self._changed = asyncio.Event()
        self._finalisations = 0
        self._refusals = 0
        self._resting_until = 0.0
        self.trouble = ""
        """Why nothing goes on, in one line; empty if all is well."""

    def wake(self) -> None:
        """Look again at once."""
        self._changed.set()

    def look_at_the_ledger(self) -> None:
        """Look again at once if a batch is full."""
        if len(self._shard.ledger) >= self._tools.pace.count:
            self.wake()

    def status(self) -> dict[str, Any]:
        """Where the shard is."""
        shard = self._shard
        return {
            "shard": shard.number,
            "waiting": len(shard.ledger),
            "built": shard.built is not None,
            "tip": shard.tip.index,
            "final": shard.final_tip.index,
            "opinions": shard.newest.words.opinions,
            "root": "0x" + shard.newest.root.hex(),
            "final_root": "0x" + shard.final.root.hex(),
            "trouble": self.trouble or None,
        }

    async def run(self, interval: float) -> None:
        """Advance for ever, at least every `interval` seconds."""
        while True:
            try:
                await self.advance()
                self._note("")
            except (Unavailable, Rejected) as error:
                self._note(str(error))
            # Not wait_for: under Python 3.11 it can swallow the cancellation of this task.
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await self._changed.wait()
            self._changed.clear()

    def _note(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            _log.error("batches do not advance", shard=self._shard.number, reason=trouble)
        self.trouble = trouble

    async def advance(self) -> None:
        """Do what is due, as far as it goes now.

        raises   Unavailable or Rejected with the line that says what is in the way
        """
        tools, shard = self._tools, self._shard
        if tools.memory.behind:
            raise Unavailable("the chain is being read again after a re-organisation")
        head = await tools.chain.head()
        await self._finalise(head.timestamp)
        if shard.faulty is not None:
            fault = shard.faulty.fault
            raise Rejected(f"nobody may build on batch {shard.tip.index + 1}: {fault}", "Faulty")
        if shard.built is None and not await self._build(head.timestamp):
            return
        if shard.built is not None and not shard.built.archive:
            await self._archive(shard.built)
        if shard.built is not None and shard.built.archive:
            await self._post(shard.built)

    async def _build(self, now: int) -> bool:
        """Build what is due; whether something was.

        raises   Rejected while the contract has refused too much of late
        """
        tools, shard = self._tools, self._shard
        if asyncio.get_running_loop().time() < self._resting_until:
            raise Rejected(self.trouble, "Refused")
        if self._due(now) is None or not await self._is_up_to_date():
            return False
        memory = tools.memory
        async with memory.lock:
            # The chain may have moved meanwhile: another tip, a batch of ours that fell, a fault.
            due = self._due(now)
            settled = not (memory.behind or memory.doubt or shard.built or shard.faulty)
            if due is None or not settled:
                return False
            shard.build(memory.ids.next(), due, memory.directory.highest, tools.pace)
            return True

    def _due(self, now: int) -> Due | None:
        ledger = self._shard.ledger
        oldest = ledger.oldest
        age = self._tools.age(oldest) if oldest is not None else 0.0
        present = self._tools.fixed.epoch_at(now)
        return due_batch(self._shard.tip, present, len(ledger), age, self._tools.pace)

    async def _is_up_to_date(self) -> bool:
        """Whether the tip we know is the chain's: what is built on another one is refused."""
        record = await self._tools.rollup.shard(self._shard.number)
        return record.index == self._shard.tip.index

    # ------------------------------------------------------------ archive

    async def _archive(self, built: Built) -> None:
        tools = self._tools
        if built.batch.kind is BatchKind.SCORES:
            content = archive_of_scores(built.batch)
        else:
            numbers = [arrival.number for arrival in built.arrivals]
            rows = await asyncio.to_thread(tools.memory.store.opinions, numbers)
            content = archive_of_opinions(row.evidence for row in rows)
        cid = await asyncio.to_thread(tools.content.put_bytes, content)
        row = replace(built, archive=cid.digest).row
        await self._keep(row)
        if self._shard.archived(built.id, cid.digest) is None:
            await self._keep(replace(row, status=Status.DROPPED))

    async def _keep(self, row: BatchRow) -> None:
        memory = self._tools.memory
        await memory.write(memory.store.keep_batch, row)

    # ------------------------------------------------------------ post

    async def _post(self, built: Built) -> None:
        tools = self._tools
        call = tools.rollup.post(built.batch, built.previous, built.archive)
        key = f"post {built.id}"
        if not tools.sender.knows(key):
            await self._fund(built)
        try:
            await tools.sender.send(key, call)
        except Rejected as error:
            if error.reason.startswith(_POOR):
                raise
            _log.warning("batch refused", shard=self._shard.number, reason=error.reason)
            async with tools.memory.lock:
                rows = self._shard.refused(built.id)
            for row in rows:
                await self._keep(row)
            self._rest(error.reason)
        else:
            self._refusals = 0

    def _rest(self, reason: str) -> None:
        """Somebody else may have been faster once; whoever is refused again and again would build
        for nothing, ever faster than the reason passes.

        raises   Rejected from the second refusal in a row on
        """
        self._refusals += 1
        if self._refusals > 1:
            seconds = min(2.0 ** (self._refusals - 2), _LONGEST_REST)
            self._resting_until = asyncio.get_running_loop().time() + seconds
            raise Rejected(f"the contract refuses batches: {reason}", "Refused")

    async def _fund(self, built: Built) -> None:
        """See to it that the deposit covers bond and levy.

        raises   Rejected with the line that says which account needs what
        """
        tools = self._tools
        account = tools.sender.address
        held = await tools.rollup.deposit_of(account)
        needed = tools.fixed.bond + built.batch.levy * FEE_UNIT
        if held.free >= needed:
            return
        balance = await tools.token.balance_of(account)
        if held.free + balance < needed:
            raise Rejected(
                f"{account} needs {_tokens(needed)} for the bond and levy of a batch, it has "
                f"{_tokens(held.free)} deposited and free, and {_tokens(balance)} of its own",
                "InsufficientFunds",
            )
        amount = min(balance, max(needed, tools.deposit) - held.free)
        # The keys name what was there before, so that a repeat after a crash is the same deed.
        allowed = await tools.token.allowance(account, tools.rollup.address)
        if allowed < amount:
            approve = tools.token.approve(tools.rollup.address, amount)
            await tools.sender.send(f"approve {amount} at {allowed} for {built.id}", approve)
        deposit = tools.rollup.deposit(amount)
        await tools.sender.send(f"deposit {amount} at {held.amount} for {built.id}", deposit)

    # ------------------------------------------------------------ finalise

    async def _finalise(self, now: int) -> None:
        tools, shard = self._tools, self._shard
        headers = ripe(shard.open_headers, now, tools.fixed.window)[:_FINALISED_AT_ONCE]
        if not headers:
            return
        key = f"finalise {shard.number} {headers[-1].hash().hex()} {self._finalisations}"
        try:
            await tools.sender.send(key, tools.rollup.finalise(headers))
        except InvalidInput:
            # The same last batch was made final together with others once.
            self._finalisations += 1
        except Rejected as error:
            if error.reason.startswith(_POOR):
                raise
            # Somebody else was faster, or a re-organisation intervened.
            self._finalisations += 1
            _log.info("not made final", shard=shard.number, reason=error.reason)


def _tokens(amount: int) -> str:
    return ether(amount).replace("ETH", "HAND")
