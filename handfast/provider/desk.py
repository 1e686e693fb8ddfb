"""Runs a provider's rounds: journals, then answers, generates, stores and offers.

What is decided stands in `handfast.rounds.provider`; here it is done.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from handfast import log
from handfast.channels.state import ChannelId, Lock, Parameters
from handfast.crew import Crew
from handfast.crypto.bls import SecretKey
from handfast.crypto.ecdsa import Signer
from handfast.crypto.encryption import decrypt
from handfast.crypto.keccak import keccak
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.inference.generation import Generator
from handfast.journal import Stored, Stream
from handfast.protocol.constants import LockMode
from handfast.protocol.messages import Domain
from handfast.rounds import provider as rules
from handfast.rounds.messages import (
    NO_HASH,
    PROMPT,
    PROMPT_CONTEXT,
    Product,
    RequestId,
    SealedPrompt,
    SignedAcknowledgement,
    SignedAnnouncement,
    SignedRequest,
    check_request,
    sign_acknowledgement,
    sign_announcement,
)
from handfast.rounds.provider import Desk, Input, Round, Stage, Standing, Terms
from handfast.rounds.sealing import seal
from handfast.serving import RateLimit
from handfast.storage.cid import Cid, Codec
from handfast.storage.local import LocalStore
from handfast.storage.reading import node_of

_log = log.get(__name__)

_SWEEP_SECONDS = 5.0
_RETRY_SECONDS = 2.0
_ATTEMPTS = 3
_UNFUNDED = 2.0, 20
"""Requests a second of one address without a channel that pays, and how many at once."""

SNAPSHOT_LINES = 1_000
"""Lines after which the desk is written whole, so that a restart is quick."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What a desk works with.

    ready   checks that the channel of a request is open and can pay the fee; raises Rejected if not
    knows   standing of a client by the channel it names, beside so many rounds that it is to pay
    offer   brings a made round to its channel; may be repeated
    now     seconds
    """

    terms: Terms
    domain: Domain
    signer: Signer
    decryption_keys: tuple[SecretKey, ...]
    generator: Generator
    store: LocalStore
    lines: Stream
    ready: Callable[[Parameters, int], Awaitable[None]]
    knows: Callable[[Parameters, int], Awaitable[Standing]]
    offer: Callable[[Round], Awaitable[None]]
    now: Callable[[], int]


class ProviderDesk:
    """All rounds of one provider, live."""

    def __init__(self, tools: Tools) -> None:
        stored = tools.lines.load()
        self._desk = replay(stored, tools.terms)
        self._behind = len(stored.lines)
        self._tools = tools
        self._changed = asyncio.Condition()
        self._crew = Crew()
        self._unfunded = RateLimit(*_UNFUNDED)

    @property
    def desk(self) -> Desk:
        """The rounds as they stand."""
        return self._desk

    async def run(self) -> None:
        """Take up what the journal left open, then sweep until cancelled."""
        try:
            self._perform(rules.resume(self._desk))
            while True:
                await self._crew.rest(_SWEEP_SECONDS)
                await self.take(rules.Tick())
        finally:
            await self._crew.close()

    async def take(self, input_: Input) -> tuple[rules.Effect, ...]:
        """Decide, make the decision durable, then begin its effects.

        raises   Rejected with the refusal's code
        """
        now = self._tools.now()
        desk, effects = rules.step(self._desk, input_, now, self._tools.terms)
        if desk != self._desk:
            self._desk = desk
            self._append(rules.Entry(now, input_))
        await self._tools.lines.sync()
        for effect in effects:
            if isinstance(effect, rules.Refuse):
                raise Rejected(effect.refusal.text, effect.refusal.code)
        self._perform(effects)
        async with self._changed:
            self._changed.notify_all()
        return effects

    def _append(self, entry: rules.Entry) -> None:
        lines = self._tools.lines
        lines.append(rules.ENTRIES.encode(entry))
        self._behind += 1
        if self._behind >= SNAPSHOT_LINES:
            lines.snapshot(rules.DESK.encode(self._desk))
            self._behind = 0

    # ------------------------------------------------------------ what a client asks

    async def ask(self, request: SignedRequest, address: str) -> SignedAcknowledgement:
        """The first round of the handshake.

        address   of the network, that it came from
        """
        request_id = check_request(request, self._tools.domain)
        if request_id not in self._desk.rounds:
            standing = await self._standing(request.channel, address)
            await self.take(rules.Asked(request_id, request, standing))
        return self._acknowledgement(request_id, 1)

    async def _standing(self, channel: Parameters, address: str) -> Standing:
        """What is known of a client. (SPEC PR-15)

        raises   Rejected if its address asks too often for who is not funded
        """
        rounds = rules.unlocked_rounds(self._desk, channel.client.lower())
        standing = await self._tools.knows(channel, rounds)
        if standing is not Standing.FUNDED and self._unfunded.wait(address):
            raise Rejected("too many requests without a channel that pays", "rate")
        return standing

    async def prompt(self, request_id: RequestId, sealed: SealedPrompt) -> SignedAcknowledgement:
        """The second round of the handshake: from here on the model works."""
        each = self._desk.rounds.get(request_id)
        if each is None:
            raise Rejected("ask first", "unknown_request")  # before anything is decrypted
        if each.stage is Stage.AGREED:
            await self._tools.ready(each.request.channel, each.fee)
        await self.take(rules.Prompted(request_id, PROMPT.decode(self._open(request_id, sealed))))
        return self._acknowledgement(request_id, 2)

    async def announcement(self, request_id: RequestId, wait: float) -> SignedAnnouncement:
        """What was made, waited for if need be.

        raises   InvalidInput if there is no such round, Rejected if it came to nothing, Unavailable
                 if it is not made yet
        """
        try:
            async with asyncio.timeout(wait), self._changed:
                await self._changed.wait_for(lambda: self._is_decided(request_id))
        except TimeoutError:
            raise Unavailable("the product is not made yet") from None
        each = self._desk.rounds.get(request_id)
        if each is None:
            raise InvalidInput("no such round")
        if each.product is None:
            raise Rejected("nothing could be made of the prompt", "not_made")
        tools = self._tools
        return sign_announcement(request_id, each.product, tools.signer, tools.domain)

    async def block(self, request_id: RequestId, cid: Cid) -> bytes:
        """A block of a round's content, if it may be served now."""
        each = rules.may_serve(self._desk, request_id)
        product = each.product
        if product is not None and product.key_hash == NO_HASH and not each.served:
            await self.take(rules.Served(request_id))
        allowed = await asyncio.to_thread(self._holds, each, cid)
        if not allowed:
            raise InvalidInput("no such block in this round")
        blocks = await asyncio.to_thread(self._tools.store.fetch, (cid,))
        return bytes(blocks[0])

    def _holds(self, each: Round, cid: Cid) -> bool:
        """Whether a block belongs to what the round serves."""
        return any(cid == block for block in _below(self._tools.store, _root(each)))

    def _is_decided(self, request_id: RequestId) -> bool:
        each = self._desk.rounds.get(request_id)
        return each is None or each.product is not None or each.stage is Stage.LOST

    def _acknowledgement(self, request_id: RequestId, step: int) -> SignedAcknowledgement:
        each = self._desk.rounds[request_id]
        tools = self._tools
        return sign_acknowledgement(
            each.request, step, each.fee, each.deadline, signer=tools.signer, domain=tools.domain
        )

    def _open(self, request_id: RequestId, sealed: SealedPrompt) -> bytes:
        faults = []
        for key in self._tools.decryption_keys:
            try:
                return decrypt(key, sealed.ciphertext, PROMPT_CONTEXT, request_id)
            except InvalidInput as fault:
                faults.append(fault)
        raise faults[-1]

    # ------------------------------------------------------------ what the channel reports

    async def fee_locked(self, channel: ChannelId, lock: Lock) -> None:
        """A lock pays us, once its preimage shows."""
        await self.take(rules.FeeLocked(channel, lock))

    async def fee_concluded(self, channel: ChannelId, lock: Lock, paid: bool) -> None:
        """A lock that was to pay us has ended."""
        await self.take(rules.FeeConcluded(channel, lock, paid))

    # ------------------------------------------------------------ effects

    def _perform(self, effects: tuple[rules.Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case rules.Generate(request_id, prompt):
                    self._crew.spawn(self._make(request_id, prompt))
                case rules.Announce(request_id):
                    self._crew.spawn(self._offer(request_id))
                case rules.Acknowledge() | rules.Refuse():
                    pass  # the answer to whoever asked

    async def _offer(self, request_id: RequestId) -> None:
        """Bring a made round to its channel; where that fails for good, the round is over."""
        for attempt in range(_ATTEMPTS):
            try:
                await self._tools.offer(self._desk.rounds[request_id])
                return
            except Unavailable as error:
                _log.warning("not offered yet", error=str(error), attempt=attempt)
                await asyncio.sleep(_RETRY_SECONDS * attempt)
            except HandfastError as error:
                _log.warning("not offered", error=str(error))
                break
        await self.take(rules.NotMade(request_id))

    async def _make(self, request_id: RequestId, prompt: str) -> None:
        """Generate and store; the model's failure is the round's end, not the process's."""
        # Equal requests make equal content after a restart, and nobody can choose the seed.
        seed = int.from_bytes(keccak(request_id + self._tools.signer.sign(request_id))[:8], "big")
        for attempt in range(_ATTEMPTS):
            try:
                made = await self._tools.generator.generate(prompt, seed)
                product, key = await self._keep(request_id, made.content, made.media_type)
                await self.take(rules.Made(request_id, product, key))
                return
            except Unavailable as error:
                _log.warning("the model is unavailable", error=str(error), attempt=attempt)
                await asyncio.sleep(_RETRY_SECONDS * attempt)
            except HandfastError as error:
                _log.warning("the model refused", error=str(error))
                break
        await self.take(rules.NotMade(request_id))

    async def _keep(
        self, request_id: RequestId, content: bytes, media_type: str
    ) -> tuple[Product, bytes]:
        store = self._tools.store
        cid = await asyncio.to_thread(store.put_bytes, content)
        plain = Product(cid.digest, cid.codec, len(content), media_type[:100])
        if self._desk.rounds[request_id].request.details.mode is not LockMode.KEY_RELEASE:
            return plain, NO_HASH
        key = secrets.token_bytes(32)
        sealed = await asyncio.to_thread(store.put_bytes, seal(content, key, request_id))
        product = Product(
            plain.digest,
            plain.codec,
            plain.size,
            plain.media_type,
            sealed.digest,
            sealed.codec,
            keccak(key),
        )
        return product, key


def replay(stored: Stored, terms: Terms) -> Desk:
    """The desk that a journal leads to."""
    desk = rules.EMPTY if stored.snapshot is None else rules.DESK.decode(stored.snapshot)
    for line in stored.lines:
        entry = rules.ENTRIES.decode(line)
        desk, _ = rules.step(desk, entry.input, entry.now, terms)
    return desk


def _below(store: LocalStore, root: Cid) -> Iterator[Cid]:
    """A root and all blocks that it leads to."""
    yield root
    if root.codec is Codec.DAG_PB:
        for link in node_of(store, root).links:
            yield from _below(store, link.cid)


def _root(each: Round) -> Cid:
    """The root of what a round serves: ciphertext under key release, else the plaintext."""
    product = each.product
    if product is None:
        raise InvalidInput("no such round")
    if product.key_hash != NO_HASH:
        return Cid(Codec(product.ciphertext_codec), product.ciphertext)
    return Cid(Codec(product.codec), product.digest)
