"""Runs a client's rounds from the announcement on: journals, locks, fetches, pays, judges, rates.

What is decided stands in `handfast.rounds.client`; here it is done.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from handfast import log
from handfast.channels import inputs as channel_inputs
from handfast.channels.effects import Concluded, Event, Locked, Result
from handfast.channels.inputs import Command
from handfast.channels.state import ChannelId
from handfast.client.judging import Judge
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.inference.judge import Verdict
from handfast.journal import Stream
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.reputation.evidence import Evidence
from handfast.rounds import client as rules
from handfast.rounds.client import Input, Ledger, Payment, Round, Stage
from handfast.rounds.messages import NO_HASH, Product, RequestId
from handfast.rounds.sealing import unseal
from handfast.storage.cid import Cid, Codec
from handfast.storage.local import LocalStore
from handfast.storage.remote import RemoteReader
from handfast.storage.store import cid_of_bytes

_log = log.get(__name__)

MAX_CONTENT = 16 * 1024 * 1024
SEAL_BYTES = 16
_FETCH_ATTEMPTS = 5
_FETCH_SECONDS = 10.0
_SUBMIT_SECONDS = (0.5, 60.0)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a client's rounds work with.

    command   gives a channel's end something to do
    look      the newest event of a lock, by channel and hash; True if it was asked for and is not
              agreed yet, False if nobody knows it
    submit    brings evidence to a coordinator: True once it is durable, False if it never will be;
              raises Unavailable to be tried again
    """

    domain: Domain
    signer: Signer
    store: LocalStore
    lines: Stream
    judge: Judge
    command: Callable[[ChannelId, Command], Awaitable[None]]
    look: Callable[[ChannelId, bytes], Locked | Concluded | bool]
    submit: Callable[[Evidence], Awaitable[bool]]


class ClientRounds:
    """All rounds of one client, live."""

    def __init__(self, ledger: Ledger, tools: Tools) -> None:
        self._ledger = ledger
        self._tools = tools
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: set[RequestId] = set()
        self.verdicts: dict[RequestId, Verdict] = {}

    @property
    def ledger(self) -> Ledger:
        """The rounds as they stand."""
        return self._ledger

    async def resume(self) -> None:
        """Take up what the journal left open, and hear what it missed."""
        for each in list(self._ledger.rounds.values()):
            found = self._tools.look(each.channel, each.hash)
            if each.stage not in rules.ENDED and not isinstance(found, bool):
                await self.hear(each.channel, found)
        self._perform(rules.resume(self._ledger))

    async def close(self) -> None:
        """Stop what is under way; the journal has it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ------------------------------------------------------------ what the caller wants

    async def begin(self, each: Round, request_id: RequestId, *, hold: bool = False) -> None:
        """Lock the fee of an announced product, and go on by itself from there.

        hold   wait for `approve` or `give_up` before paying, once the content was verified
        """
        if hold:
            self._held.add(request_id)
        if not each.is_held:
            await self._fetch_sealed(each, request_id)
        await self.take(rules.Begun(request_id, each))

    async def until(self, request_id: RequestId, stage: Stage) -> Round:
        """Wait until a round is at a stage, or behind it, or has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._ledger.rounds[request_id].stage >= stage)
        return self._ledger.rounds[request_id]

    async def all_ended(self) -> None:
        """Wait until every round has ended, its opinion durable."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: all(each.stage in rules.ENDED for each in self._ledger.rounds.values())
            )

    async def approve(self, request_id: RequestId) -> None:
        """Pay for a round that was begun with `hold`."""
        self._held.discard(request_id)
        if self._ledger.rounds[request_id].stage is Stage.VERIFIED:
            await self._pay(request_id)

    async def give_up(self, request_id: RequestId) -> None:
        """Take a held round back."""
        self._held.discard(request_id)
        each = self._ledger.rounds[request_id]
        await self._tools.command(each.channel, channel_inputs.GiveUp(each.hash))

    async def content(self, request_id: RequestId) -> bytes:
        """The content of a round, as it is kept here.

        raises   Unavailable if it was not fetched yet, Rejected if it is not what was announced
        """
        each = self._ledger.rounds[request_id]
        store, product = self._tools.store, each.product
        if each.is_held:
            return await asyncio.to_thread(store.get_bytes, _plain(product), MAX_CONTENT)
        if each.payment is None:
            raise Unavailable("the content opens once its key is released")
        limit = MAX_CONTENT + SEAL_BYTES
        sealed = await asyncio.to_thread(store.get_bytes, _sealed(product), limit)
        content = unseal(sealed, each.payment.preimage, request_id)
        if cid_of_bytes(content) != _plain(product):
            raise Rejected("the released key opens other content than announced", "wrong_content")
        return content

    # ------------------------------------------------------------ what the channel reports

    async def hear(self, channel: ChannelId, event: Event) -> None:
        """Take in what happened to a lock."""
        match event:
            case Locked(lock):
                for request_id in self._named(channel, lock.hash):
                    await self.take(rules.FeeLocked(request_id))
            case Concluded(result=result, lock=lock):
                for request_id in self._named(channel, lock.hash):
                    await self.take(_conclusion(request_id, event, result))
            case _:
                pass

    def _named(self, channel: ChannelId, hash_: bytes) -> list[RequestId]:
        rounds = self._ledger.rounds.items()
        return [name for name, each in rounds if each.channel == channel and each.hash == hash_]

    async def take(self, input_: Input) -> None:
        """Decide, make the decision durable, then begin its effects."""
        ledger, effects = rules.step(self._ledger, input_)
        if ledger is not self._ledger:
            self._tools.lines.append(rules.ENTRIES.encode(rules.Entry(input_)))
            self._ledger = ledger
        await self._tools.lines.sync()
        self._perform(effects)
        async with self._changed:
            self._changed.notify_all()

    # ------------------------------------------------------------ effects

    def _perform(self, effects: tuple[rules.Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case rules.Buy(request_id):
                    self._spawn(self._buy(request_id))
                case rules.Fetch(request_id):
                    self._spawn(self._fetch(request_id))
                case rules.Pay(request_id):
                    if request_id not in self._held:
                        self._spawn(self._pay(request_id))
                case rules.GiveUp(request_id):
                    self._spawn(self.give_up(request_id))
                case rules.Judge(request_id):
                    self._spawn(self._judge(request_id))
                case rules.Submit(request_id):
                    self._spawn(self._submit(request_id))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _buy(self, request_id: RequestId) -> None:
        each = self._ledger.rounds[request_id]
        if self._tools.look(each.channel, each.hash):
            return  # before the process died
        number = each.number if each.is_held else None
        order = channel_inputs.Buy(
            each.product.digest, each.fee, each.hash, number, hold=each.is_held
        )
        try:
            await self._tools.command(each.channel, order)
        except (InvalidInput, Rejected) as error:
            _log.warning("the fee was not locked", error=str(error))
            await self.take(rules.RolledBack(request_id))

    async def _fetch(self, request_id: RequestId) -> None:
        """Get the plaintext; what is not the announced bytes is not paid for. (SPEC PR-6)"""
        each = self._ledger.rounds[request_id]
        try:
            await self._download(each, request_id, _plain(each.product), each.product.size)
            good = True
        except HandfastError as error:
            _log.warning("the content is not to be had", error=str(error))
            good = False
        await self.take(rules.Checked(request_id, good))

    async def _fetch_sealed(self, each: Round, request_id: RequestId) -> None:
        size = each.product.size + SEAL_BYTES
        await self._download(each, request_id, _sealed(each.product), size)

    async def _download(self, each: Round, request_id: RequestId, cid: Cid, size: int) -> None:
        if size > MAX_CONTENT + SEAL_BYTES:
            raise Rejected(f"the product is said to have {size} bytes", "too_large")
        base = f"{each.endpoint}/rounds/{request_id.hex()}"
        for attempt in range(_FETCH_ATTEMPTS):
            try:
                content = await asyncio.to_thread(_read, base, cid, size)
                break
            except Unavailable:
                if attempt == _FETCH_ATTEMPTS - 1:
                    raise
                await asyncio.sleep(0.2 * 2**attempt)
        if len(content) != size:
            raise Rejected(f"the product has {len(content)} bytes, not {size}", "wrong_size")
        await asyncio.to_thread(self._tools.store.put_bytes, content)

    async def _pay(self, request_id: RequestId) -> None:
        each = self._ledger.rounds[request_id]
        await self._tools.command(each.channel, channel_inputs.Learn(each.number))

    async def _judge(self, request_id: RequestId) -> None:
        """Come to a verdict; content that is not what was announced satisfies nobody."""
        each = self._ledger.rounds[request_id]
        try:
            content = await self.content(request_id)
            verdict = await self._tools.judge(content, each.prompt.text)
        except Rejected as error:
            _log.warning("paid for other content than announced", error=str(error))
            verdict = Verdict(satisfied=False, confidence=0.0)
        except (InvalidInput, Unavailable) as error:
            _log.warning("no verdict", error=str(error))
            verdict = None
        if verdict is not None:
            self.verdicts[request_id] = verdict
        await self.take(rules.Judged(request_id, None if verdict is None else verdict.satisfied))

    async def _submit(self, request_id: RequestId) -> None:
        """Bring the opinion to a coordinator until one has it. (SPEC PR-8)"""
        evidence = self._evidence(self._ledger.rounds[request_id])
        wait, longest = _SUBMIT_SECONDS
        while True:
            try:
                taken = await self._tools.submit(evidence)
                break
            except Unavailable as error:
                _log.info("no coordinator took the opinion yet", error=str(error))
                await asyncio.sleep(wait * (0.5 + secrets.randbelow(1000) / 1000))
                wait = min(2 * wait, longest)
        await self.take(rules.Submitted(request_id, taken))

    def _evidence(self, each: Round) -> Evidence:
        payment = each.payment
        if payment is None or each.satisfied is None:
            raise InvalidInput("the round has no opinion")
        receipt = Receipt(each.channel, payment.round, each.product.digest, each.fee, payment.nonce)
        tools = self._tools
        opinion = Opinion(receipt.digest(tools.domain), each.satisfied)
        return Evidence(
            each.request.channel,
            receipt,
            each.satisfied,
            payment.receipt,
            tools.signer.sign(opinion.digest(tools.domain)),
        )


def new_number() -> tuple[bytes, bytes]:
    """A random number and its hash, for a lock in the client's-number mode."""
    number = secrets.token_bytes(32)
    return number, keccak(number)


def replay(lines: tuple[bytes, ...]) -> Ledger:
    """The rounds that a journal's lines lead to."""
    ledger = rules.EMPTY
    for line in lines:
        ledger, _ = rules.step(ledger, rules.ENTRIES.decode(line).input)
    return ledger


def _conclusion(
    request_id: RequestId, event: Concluded, result: Result
) -> rules.Settled | rules.RolledBack:
    if result is not Result.SETTLED:
        return rules.RolledBack(request_id)
    payment = Payment(
        event.lock.nonce, event.receipt, event.signature, event.preimage, event.position
    )
    return rules.Settled(request_id, payment)


def _read(base: str, cid: Cid, limit: int) -> bytes:
    with RemoteReader(base, _FETCH_SECONDS) as reader:
        return reader.get_bytes(cid, limit)


def _plain(product: Product) -> Cid:
    return Cid(Codec(product.codec), product.digest)


def _sealed(product: Product) -> Cid:
    if product.ciphertext == NO_HASH:
        raise InvalidInput("the product has no ciphertext")
    return Cid(Codec(product.ciphertext_codec), product.ciphertext)
