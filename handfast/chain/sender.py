"""Sends one account's transactions so that each takes effect once, whatever dies on the way.

A transaction is signed, kept, and only then handed to a node. From then on the same nonce is pushed
until the chain holds it deep enough: the same bytes first, dearer ones if it is stuck, again if a
re-organisation drops it. Two processes must never send from the same account.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from eth_account.signers.local import LocalAccount

from handfast.chain.client import Call, Chain, Mined
from handfast.chain.outbox import Attempt, Outbox, Outcome, Transaction
from handfast.chain.rules import (
    Action,
    Fees,
    Policy,
    Refusal,
    Seen,
    bumped_fees,
    classify_refusal,
    first_fees,
    funds_line,
    is_deep,
    next_action,
)
from handfast.errors import HandfastError, InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.log import get

_log = get(__name__)
_DEFAULT_PRIORITY = 10**9


@dataclass(slots=True)
class _Watched:
    """What this process knows of a transaction beyond what is kept.

    signed_at   head when its newest attempt was signed, or when this process began
    refusal     why the node did not take the newest attempt, or why it would fail now
    was_in      whether the chain held it before
    held        looks in a row at which it would have failed, had it gone
    """

    signed_at: int
    refusal: Refusal | None = None
    words: str = ""
    was_in: bool = False
    held: int = 0


class Sender:
    """Use it as an async context manager: leaving it stops the watching, not the transactions.

    chain     read and written through one node
    account   signs; no other process may
    outbox    keeps what was signed
    """

    def __init__(
        self, chain: Chain, account: LocalAccount, outbox: Outbox, policy: Policy | None = None
    ) -> None:
        self._chain = chain
        self._account = account
        self._outbox = outbox
        self._policy = policy or Policy()
        self._nonces = asyncio.Lock()
        self._open: dict[str, Transaction] = {}
        self._watched: dict[str, _Watched] = {}
        self._waiting: dict[str, list[asyncio.Future[Mined]]] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._chain_id = 0

    @property
    def address(self) -> str:
        """The account that pays for everything sent here."""
        return str(self._account.address)

    async def start(self) -> None:
        """Bind to the chain and take up what an earlier process left open.

        raises   InvalidInput if the outbox belongs to another chain, Unavailable without a node
        """
        genesis = await self._chain.block(0)
        if genesis is None:
            raise Unavailable("the node does not have the chain's first block")
        self._chain_id = await self._chain.id()
        self._outbox.bind(self._chain_id, genesis.hash)
        head = await self._chain.head()
        for transaction in self._outbox.open():
            self._watch(transaction, head.number)
        self._task = asyncio.create_task(self._run(), name=f"sender {self.address}")
        self._task.add_done_callback(self._stopped)

    async def close(self) -> None:
        """Stop watching. What was signed stays in the outbox and is taken up by the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def recheck(self) -> None:
        """Look at the chain now, for instance because a re-organisation was noticed."""
        self._wake.set()

    def knows(self, key: str) -> bool:
        """Whether a call was signed under this key."""
        return key in self._open or self._outbox.find(key) is not None

    async def send(self, key: str, call: Call, spare: int = 0) -> Mined:
        """Do a call once, and wait until the chain holds it deep enough.

        A key that was used before is not sent again: its outcome is returned, or waited for. So a
        caller that was interrupted repeats the same call with the same key.

        key      names the deed, for ever
        spare    gas beyond what the call takes now, for what others' calls before it leave to it
        raises   Rejected if the call would revert, or did, or the account can't pay for it;
                 Unavailable if the node is away or gas is too dear: nothing was signed;
                 InvalidInput if the key was used for another call
        """
        self._require_running()
        known = self._open.get(key) or self._outbox.find(key)
        if known is None:
            gas = await self._rehearse(call) + spare
            async with self._nonces:
                known = self._outbox.find(key) or await self._sign_first(key, call, gas)
        if known.call != call:
            raise InvalidInput(f"{key} was sent before as another call, {known.call.label}")
        if known.outcome is not Outcome.SENT:
            return await self._outcome(known)
        return await self._await_outcome(key)

    async def drain(self) -> None:
        """Wait until the outcome of everything that was signed is known, whatever it is: from then
        on the chain's latest state has it.
        """
        self._require_running()
        outcomes = [self._await_outcome(key) for key in self._open]
        await asyncio.gather(*outcomes, return_exceptions=True)

    def _await_outcome(self, key: str) -> asyncio.Future[Mined]:
        future: asyncio.Future[Mined] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(future)
        self._wake.set()
        return future

    def _require_running(self) -> None:
        if self._task is None:
            raise Unavailable("the sender is not running")
        if self._task.done():
            raise InvariantBroken("the sender has stopped by itself")

    async def _rehearse(self, call: Call) -> int:
        """Try a call without sending it, and say how much gas to give it."""
        held = await self._chain.balance(self.address)
        if call.value > held:
            raise self._poor(call, call.value, held)
        await self._chain.call(call, self.address)
        gas = await self._chain.estimate_gas(call, self.address)
        return gas + gas // 4

    async def _sign_first(self, key: str, call: Call, gas: int) -> Transaction:
        fees = await self._market()
        held = await self._chain.balance(self.address)
        promised = sum(_cost(other) for other in self._open.values())
        needed = promised + call.value + gas * fees.max_fee
        if needed > held:
            raise self._poor(call, needed, held)
        pending = await self._chain.transaction_count(self.address)
        nonce = max(pending, self._outbox.next_nonce())
        head = await self._chain.head()
        transaction = Transaction(key, nonce, call, gas, (self._sign(call, nonce, gas, fees),))
        self._outbox.add(transaction)
        self._watch(transaction, head.number)
        await self._broadcast(transaction)
        return transaction

    def _poor(self, call: Call, needed: int, held: int) -> Rejected:
        line = funds_line(self.address, self._chain_id, call.label, needed, held)
        return Rejected(line, "InsufficientFunds")

    async def _market(self) -> Fees:
        head = await self._chain.head()
        try:
            priority = await self._chain.priority_fee()
        except Rejected:
            priority = _DEFAULT_PRIORITY  # the node has no opinion
        return first_fees(head.base_fee, priority, self._policy.max_fee)

    def _sign(
        self, call: Call, nonce: int, gas: int, fees: Fees, *, cancels: bool = False
    ) -> Attempt:
        fields: dict[str, Any] = {
            "type": 2,
            "chainId": self._chain_id,
            "nonce": nonce,
            "gas": gas,
            "maxFeePerGas": fees.max_fee,
            "maxPriorityFeePerGas": fees.priority,
            "value": call.value,
            "data": call.data,
        }
        if call.to is not None:
            fields["to"] = call.to
        signed = self._account.sign_transaction(fields)
        return Attempt(bytes(signed.hash), bytes(signed.raw_transaction), fees, cancels)

    def _watch(self, transaction: Transaction, head: int, *, was_in: bool = False) -> None:
        self._open[transaction.key] = transaction
        self._watched[transaction.key] = _Watched(head, was_in=was_in)

    async def _broadcast(self, transaction: Transaction) -> None:
        """Hand the newest attempt to the node. Whatever it says, the attempt stays."""
        watched = self._watched[transaction.key]
        try:
            await self._chain.broadcast(transaction.attempts[-1].raw)
        except Unavailable as error:
            _log.info("transaction not handed over", deed=transaction.key, error=str(error))
            return
        except Rejected as error:
            watched.refusal, watched.words = classify_refusal(error.reason), error.reason
            if watched.refusal not in {Refusal.KNOWN, Refusal.NONCE_USED}:
                _log.warning("transaction refused", deed=transaction.key, error=error.reason)
            return
        watched.refusal = None

    async def _run(self) -> None:
        """Look at the chain for ever."""
        delay = 0.0
        while True:
            # Not wait_for: under Python 3.11 it can swallow the cancellation of this task.
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._look()
            except (Unavailable, Rejected) as error:
                _log.warning("the chain can't be read", error=str(error))
            delay = self._policy.interval if self._open else self._policy.idle_interval

    async def _look(self) -> None:
        head = await self._chain.head()
        count = await self._chain.transaction_count(self.address, head.number)
        async with self._nonces:
            self._reopen_dropped(count, head.number)
            for transaction in sorted(self._open.values(), key=lambda item: item.nonce):
                await self._advance(transaction, head.number, count)

    def _reopen_dropped(self, count: int, head: int) -> None:
        """A count below what was concluded means that a re-organisation dropped transactions."""
        for dropped in self._outbox.concluded_from(count):
            _log.warning("transaction fell out of the chain", deed=dropped.key, nonce=dropped.nonce)
            self._outbox.reopen(dropped.key)
            self._watch(replace(dropped, outcome=Outcome.SENT, mined=b""), head, was_in=True)

    async def _advance(self, transaction: Transaction, head: int, count: int) -> None:
        watched = self._watched[transaction.key]
        mined = await self._find(transaction) if transaction.nonce < count else None
        watched.was_in = watched.was_in or mined is not None
        is_next = watched.was_in and transaction.nonce == count
        seen = Seen(
            head=head,
            count=count,
            mined_in=mined.block_number if mined else None,
            taken=mined is None and await self._is_taken(transaction, head, count),
            waited=head - watched.signed_at,
            refusal=watched.refusal,
            fell_out=watched.was_in,
            held=await self._held(transaction, watched) if is_next else 0,
        )
        match next_action(transaction.nonce, seen, self._policy):
            case Action.WAIT:
                return
            case Action.CONCLUDE if mined is not None:
                await self._conclude(transaction, mined)
            case Action.BROADCAST:
                await self._broadcast(transaction)
            case Action.BUMP:
                await self._bump(transaction, head)
            case Action.CANCEL:
                await self._cancel(transaction, head)
            case Action.RENEW:
                await self._renew(transaction, head)

    async def _held(self, transaction: Transaction, watched: _Watched) -> int:
        """At how many looks in a row what fell out of the chain would have failed."""
        if transaction.attempts[-1].cancels:
            return 0
        try:
            await self._chain.call(transaction.call, self.address)
        except Rejected as error:
            if not watched.held:
                _log.info("transaction held back", deed=transaction.key, reason=error.reason)
            watched.held, watched.words = watched.held + 1, error.reason
        else:
            watched.held = 0
        return watched.held

    async def _find(self, transaction: Transaction) -> Mined | None:
        for attempt in reversed(transaction.attempts):
            mined = await self._chain.mined(attempt.hash)
            if mined is not None:
                return mined
        return None

    async def _is_taken(self, transaction: Transaction, head: int, count: int) -> bool:
        if transaction.nonce >= count:
            return False
        try:
            spend = await self._chain.spender(self.address, transaction.nonce, head)
        except (Rejected, Unavailable) as error:
            _log.warning("can't tell what spent a nonce", nonce=transaction.nonce, error=str(error))
            return False
        if spend is None or any(spend.transaction == one.hash for one in transaction.attempts):
            return False
        _log.warning(
            "another process sends from this account",
            account=self.address,
            nonce=transaction.nonce,
            transaction="0x" + spend.transaction.hex(),
        )
        return is_deep(spend.block_number, head, self._policy)

    async def _bump(self, transaction: Transaction, head: int) -> None:
        newest = transaction.attempts[-1]
        fees = bumped_fees(newest.fees, await self._market(), self._policy.max_fee)
        if fees is None:
            _log.warning("transaction stuck at the fee ceiling", deed=transaction.key)
            await self._broadcast(transaction)
            return
        if newest.cancels:
            attempt = await self._sign_nothing(transaction.nonce, fees)
        else:
            attempt = self._sign(transaction.call, transaction.nonce, transaction.gas, fees)
        await self._replace(transaction, attempt, transaction.reason, head)

    async def _cancel(self, transaction: Transaction, head: int) -> None:
        """Fill the nonce of a transaction that no node takes, so that later ones can pass."""
        newest = transaction.attempts[-1]
        fees = bumped_fees(newest.fees, await self._market(), self._policy.max_fee)
        words = self._watched[transaction.key].words
        if newest.cancels:
            _log.error("the node refuses even an empty transaction", reason=words)
            await self._broadcast(transaction)
            return
        attempt = await self._sign_nothing(transaction.nonce, fees or newest.fees)
        await self._replace(transaction, attempt, words, head)

    async def _sign_nothing(self, nonce: int, fees: Fees) -> Attempt:
        nothing = Call(self.address, b"", "nothing")
        gas = await self._chain.estimate_gas(nothing, self.address)
        return self._sign(nothing, nonce, gas, fees, cancels=True)

    async def _replace(
        self, transaction: Transaction, attempt: Attempt, reason: str, head: int
    ) -> None:
        self._outbox.add_attempt(transaction, attempt, reason)
        attempts = (*transaction.attempts, attempt)
        replaced = replace(transaction, attempts=attempts, reason=reason)
        self._watch(replaced, head)
        await self._broadcast(replaced)

    async def _renew(self, transaction: Transaction, head: int) -> None:
        if transaction.attempts[-1].cancels:
            self._settle(transaction, Outcome.FAILED, b"", transaction.reason)
            return
        fees = await self._market()
        pending = await self._chain.transaction_count(self.address)
        nonce = max(pending, self._outbox.next_nonce())
        attempt = self._sign(transaction.call, nonce, transaction.gas, fees)
        self._outbox.renew(transaction.key, nonce, attempt)
        renewed = replace(transaction, nonce=nonce, attempts=(attempt,))
        self._watch(renewed, head)
        await self._broadcast(renewed)

    async def _conclude(self, transaction: Transaction, mined: Mined) -> None:
        taken = next(one for one in transaction.attempts if one.hash == mined.transaction)
        if taken.cancels:
            self._settle(transaction, Outcome.FAILED, mined.transaction, transaction.reason)
        elif mined.status:
            self._settle(transaction, Outcome.DONE, mined.transaction, "", mined)
        else:
            reason = await self._why(transaction.call, mined)
            self._settle(transaction, Outcome.FAILED, mined.transaction, reason)

    async def _why(self, call: Call, mined: Mined) -> str:
        """The reason of a revert, by calling again on the state before."""
        try:
            await self._chain.call(call, self.address, mined.block_number - 1)
        except Rejected as error:
            return error.reason
        return f"reverted in block {mined.block_number} after {mined.gas_used} gas"

    def _settle(
        self,
        transaction: Transaction,
        outcome: Outcome,
        hash_: bytes,
        reason: str,
        mined: Mined | None = None,
    ) -> None:
        key = transaction.key
        self._outbox.conclude(key, outcome, hash_, reason)
        del self._open[key], self._watched[key]
        for future in self._waiting.pop(key, []):
            if future.done():
                continue
            if mined is not None:
                future.set_result(mined)
            else:
                future.set_exception(_failure(transaction.call, reason))

    async def _outcome(self, transaction: Transaction) -> Mined:
        if transaction.outcome is Outcome.FAILED:
            raise _failure(transaction.call, transaction.reason)
        mined = await self._chain.mined(transaction.mined)
        if mined is None:
            self._wake.set()
            raise Unavailable(f"the node does not have the receipt of {transaction.key} now")
        return mined

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a loop that has ended."""
        error: HandfastError = Unavailable("the sender was closed")
        if not task.cancelled() and task.exception() is not None:
            error = InvariantBroken(f"the sender has stopped: {task.exception()!r}")
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        self._waiting.clear()


def _failure(call: Call, reason: str) -> Rejected:
    return Rejected(f"{call.label} failed: {reason}", reason)


def _cost(transaction: Transaction) -> int:
    dearest = max(attempt.fees.max_fee for attempt in transaction.attempts)
    return transaction.call.value + transaction.gas * dearest
