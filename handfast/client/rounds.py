"""Runs a client's rounds from the announcement on: journals, locks, fetches, pays, judges, rates.

What is decided stands in `handfast.rounds.client`; here it is done.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from handfast import log
from handfast.channels import inputs as channel_inputs
from handfast.channels.effects import Concluded, Event, Locked, Result
from handfast.channels.inputs import Command
from handfast.channels.state import ChannelId
from handfast.client.judging import Judge
from handfast.crew import Crew
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.inference.judge import Verdict
from handfast.journal import Stored, Stream
from handfast.protocol.messages import Domain, Receipt
from handfast.reputation.evidence import Evidence, Receipted, give_evidence
from handfast.reputation.payments import Payment as ChainPayment
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
_TURN_SECONDS = 120.0
"""How long an opinion waits for those with lower numbers on the same provider."""

ARCHIVE = "round"
"""Kind of the journal's notes about rounds that have ended."""

SNAPSHOT_LINES = 1_000
"""Lines after which the open rounds are written whole, so that a restart is quick."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a client's rounds work with.

    command   gives a channel's end something to do
    look      the newest event of a lock, by channel and hash; True if it was asked for and is not
              agreed yet, False if nobody knows it
    prove     what the end of a channel shows of a lock's payment, by channel and nonce; None if
              nothing; raises Unavailable while the channel has not ended
    submit    brings evidence to a coordinator: True once it is durable, False if it never will be;
              raises Unavailable to be tried again. None: there is no coordinator, opinions are kept
    """

    domain: Domain
    signer: Signer
    store: LocalStore
    lines: Stream
    judge: Judge
    command: Callable[[ChannelId, Command], Awaitable[None]]
    look: Callable[[ChannelId, bytes], Locked | Concluded | bool]
    prove: Callable[[ChannelId, int], ChainPayment | None]
    submit: Callable[[Evidence], Awaitable[bool]] | None


class ClientRounds:
    """All rounds of one client, live.

    raises   InvariantBroken if the journal is damaged
    """

    def __init__(self, tools: Tools) -> None:
        stored = tools.lines.load()
        self._ledger = replay(stored)
        self._behind = len(stored.lines)
        self._tools = tools
        self._changed = asyncio.Condition()
        self._crew = Crew()
        self.verdicts: dict[RequestId, Verdict] = {}

    @property
    def ledger(self) -> Ledger:
        """The rounds that are open, and some that ended lately."""
        return self._ledger

    def ended(self) -> Iterator[Round]:
        """Every round that has ended, of earlier runs too."""
        for _, note in self._tools.lines.notes(ARCHIVE):
            yield rules.ROUND.decode(note)

    async def resume(self) -> None:
        """Take up what the journal left open, and hear what it missed."""
        for request_id, each in list(self._ledger.rounds.items()):
            if each.stage in rules.UNPAID:
                await self._catch_up(request_id, each)
        self._perform(rules.resume(self._ledger), again=True)

    async def _catch_up(self, request_id: RequestId, each: Round) -> None:
        """Take in what the channel knows of a round, without its effects: those come after."""
        found = self._tools.look(each.channel, each.hash)
        match found:
            case Locked():
                await self._write(rules.FeeLocked(request_id))
            case Concluded(result=result):
                await self._write(_conclusion(request_id, found, result))
            case False if each.hold or each.stage is Stage.GIVEN_UP:
                await self._write(rules.RolledBack(request_id))
            case _:
                pass

    async def run(self) -> None:
        """Return never.

        raises   what stopped the rounds: the journal, or a rule that failed
        """
        await self._crew.rest()

    async def close(self) -> None:
        """Stop what is under way; the journal has it."""
        await self._crew.close()

    # ------------------------------------------------------------ what the caller wants

    async def begin(self, each: Round, request_id: RequestId) -> None:
        """Lock the fee of an announced product, and go on by itself from there; a round with `hold`
        waits for `approve` or `give_up` once the content was verified.
        """
        if not each.is_held:
            await self._fetch_sealed(each, request_id)
        await self.take(rules.Begun(request_id, each))

    def find(self, request_id: RequestId) -> Round:
        """A round, open or ended.

        raises   InvalidInput if there is none with this id
        """
        each = self._ledger.rounds.get(request_id)
        if each is not None:
            return each
        note = self._tools.lines.find(ARCHIVE, request_id)
        if note is None:
            raise InvalidInput(f"round 0x{request_id.hex()} is not known here")
        return rules.ROUND.decode(note)

    async def until(self, request_id: RequestId, stage: Stage) -> Round:
        """Wait until a round is at a stage, or behind it, or has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.find(request_id).stage >= stage)
        return self.find(request_id)

    async def all_rated(self) -> None:
        """Wait until no opinion is on its way any more."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: (
                    not any(
                        each.stage in (Stage.PAID, Stage.JUDGED)
                        for each in self._ledger.rounds.values()
                    )
                )
            )

    async def approve(self, request_id: RequestId) -> None:
        """Pay for a round that was begun with `hold`."""
        await self.take(rules.Approved(request_id))

    async def give_up(self, request_id: RequestId) -> Stage:
        """Take a round back, unless it is paid; where it stands then."""
        await self.take(rules.GaveUp(request_id))
        return self.find(request_id).stage

    async def content(self, request_id: RequestId) -> bytes:
        """The content of a round, as it is kept here.

        raises   Unavailable if it was not fetched yet, Rejected if it is not what was announced
        """
        each = self.find(request_id)
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
        self._perform(await self._write(input_))

    async def _write(self, input_: Input) -> tuple[rules.Effect, ...]:
        before = self._ledger
        self._ledger, effects = rules.step(before, input_)
        filed = self._append(input_) if self._ledger is not before else ()
        await self._tools.lines.sync()
        self._ledger = rules.without(self._ledger, filed)
        async with self._changed:
            self._changed.notify_all()
        return effects

    def _append(self, input_: Input) -> tuple[RequestId, ...]:
        """Bring the line, and file a round that ended by it.

        returns   now and then, the rounds that can be forgotten here once this is on disk
        """
        lines, after = self._tools.lines, self._ledger.rounds[input_.id]
        lines.append(rules.ENTRIES.encode(rules.Entry(input_)))
        if after.stage in rules.ENDED:
            lines.note(ARCHIVE, input_.id, rules.ROUND.encode(after))
        self._behind += 1
        if self._behind < SNAPSHOT_LINES:
            return ()
        self._behind = 0
        rounds = self._ledger.rounds.items()
        ended = tuple(name for name, each in rounds if each.stage in rules.ENDED)
        lines.snapshot(rules.LEDGER.encode(rules.without(self._ledger, ended)))
        return ended

    # ------------------------------------------------------------ effects

    def _perform(self, effects: tuple[rules.Effect, ...], *, again: bool = False) -> None:
        """Begin effects; `again`, if a process before this one may have begun them."""
        for effect in effects:
            match effect:
                case rules.Buy(request_id):
                    self._crew.spawn(self._buy(request_id, again=again))
                case rules.Fetch(request_id):
                    self._crew.spawn(self._fetch(request_id))
                case rules.Pay(request_id):
                    self._crew.spawn(self._pay(request_id))
                case rules.GiveUp(request_id):
                    self._crew.spawn(self._take_back(request_id))
                case rules.Judge(request_id):
                    self._crew.spawn(self._judge(request_id))
                case rules.Submit(request_id):
                    self._crew.spawn(self._submit(request_id))

    async def _buy(self, request_id: RequestId, *, again: bool) -> None:
        each = self.find(request_id)
        if each.stage is not Stage.BEGUN or (again and self._tools.look(each.channel, each.hash)):
            return  # given up meanwhile, or done before the process died
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
        each = self.find(request_id)
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
        kept = await asyncio.to_thread(self._tools.store.put_bytes, content)
        if kept != cid:
            raise Rejected("the product is laid out in blocks of another kind", "wrong_layout")

    async def _pay(self, request_id: RequestId) -> None:
        each = self.find(request_id)
        try:
            await self._tools.command(each.channel, channel_inputs.Learn(each.number))
        except InvalidInput as error:  # the round's end is on its way to us
            _log.info("not paid by us", error=str(error))

    async def _take_back(self, request_id: RequestId) -> None:
        each = self.find(request_id)
        try:
            await self._tools.command(each.channel, channel_inputs.GiveUp(each.hash))
        except InvalidInput as error:
            if self._tools.look(each.channel, each.hash) is False:
                await self.take(rules.RolledBack(request_id))  # it was never asked for
            else:
                _log.info("not taken back", error=str(error))

    async def _judge(self, request_id: RequestId) -> None:
        """Come to a verdict; content that is not what was announced satisfies nobody."""
        each = self.find(request_id)
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
        submit = self._tools.submit
        if submit is None:
            return
        await self._turn(request_id)
        wait, longest = _SUBMIT_SECONDS
        while True:
            try:
                evidence = self._evidence(self.find(request_id))
                if evidence is None:
                    _log.warning("nothing proves the payment: no opinion", round=request_id.hex())
                taken = evidence is not None and await submit(evidence)
                break
            except Unavailable as error:
                _log.info("no coordinator took the opinion yet", error=str(error))
                await asyncio.sleep(wait * (0.5 + secrets.randbelow(1000) / 1000))
                wait = min(2 * wait, longest)
        await self.take(rules.Submitted(request_id, taken))

    async def _turn(self, request_id: RequestId) -> None:
        """Let opinions with lower numbers go first: once a batch has a higher one, they are too
        late. (SPEC RP-9)"""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TURN_SECONDS), self._changed:
                await self._changed.wait_for(lambda: not self._goes_before(request_id))

    def _goes_before(self, request_id: RequestId) -> bool:
        """Whether an opinion on the same provider with a lower number is to be brought."""
        own = self.find(request_id)
        return any(
            each.stage in (Stage.PAID, Stage.JUDGED)
            and each.provider == own.provider
            and each.payment is not None
            and own.payment is not None
            and each.payment.nonce < own.payment.nonce
            for each in self._ledger.rounds.values()
        )

    def _evidence(self, each: Round) -> Evidence | None:
        """The opinion with the receipt, or with what stands for it; None if nothing does. (SPEC
        RP-4, RP-5)
        """
        payment, tools = each.payment, self._tools
        if payment is None or each.satisfied is None:
            raise InvalidInput("the round has no opinion")
        receipt = Receipt(each.channel, payment.round, each.product.digest, each.fee, payment.nonce)
        proof: Receipted | ChainPayment = Receipted(payment.receipt)
        if not payment.receipt:
            found = tools.prove(each.channel, payment.nonce)
            if found is None:
                return None
            receipt, proof = found.pledge.receipt(each.channel), found
        parameters, sign = each.request.channel, tools.signer.sign
        return give_evidence(parameters, receipt, proof, each.satisfied, tools.domain, sign)


def new_number() -> tuple[bytes, bytes]:
    """A random number and its hash, for a lock in the client's-number mode."""
    number = secrets.token_bytes(32)
    return number, keccak(number)


def replay(stored: Stored) -> Ledger:
    """The rounds that a journal leads to."""
    ledger = rules.EMPTY if stored.snapshot is None else rules.LEDGER.decode(stored.snapshot)
    for line in stored.lines:
        ledger, _ = rules.step(ledger, rules.ENTRIES.decode(line).input)
    return ledger


def _conclusion(
    request_id: RequestId, event: Concluded, result: Result
) -> rules.Settled | rules.RolledBack:
    if result is not Result.SETTLED:
        return rules.RolledBack(request_id)
    payment = Payment(
        event.version, event.lock.nonce, event.signature, event.preimage, event.position
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
