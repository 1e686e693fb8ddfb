"""The client: chooses a provider, buys, judges, rates.

    async with Client.open(settings) as client:
        bought = await client.buy("a handwritten seven")
        bought.content, bought.verdict, bought.provider

`order` stops before paying, so that the content can be looked at first:

        order = await client.order("a handwritten seven")
        if good(await order.content()):
            bought = await order.pay()
        else:
            await order.give_up()
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Self

from handfast import log
from handfast.chain.client import Call
from handfast.chain.products import ProductRegistry
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.reputation import ReputationRollup
from handfast.channels.client import ClientEnd
from handfast.channels.effects import Concluded, Locked
from handfast.channels.handles import ClientChannel
from handfast.channels.inputs import Command
from handfast.channels.live import Live
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.policy import Policy
from handfast.channels.state import ChannelId
from handfast.client.channels import ClientChannels, Poor
from handfast.client.claims import claims_of, is_free
from handfast.client.handshake import Caller, Made, Wish
from handfast.client.judging import open_judge
from handfast.client.rounds import ClientRounds, Tools, new_number
from handfast.client.settings import ClientSettings
from handfast.coordinator.client import CoordinatorClient
from handfast.crew import beside
from handfast.crypto.bls import PublicKey
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.inference.judge import Verdict
from handfast.process import World, open_world
from handfast.protocol.constants import ChannelPhase
from handfast.provider.process import channels_of
from handfast.provider.settings import MODES
from handfast.registry.participants import Participant, Role, check_endpoint
from handfast.reputation.payments import Payment, Signed, prove_payment
from handfast.rounds.client import Round, Stage
from handfast.rounds.messages import NO_HASH, OpenPrompt, RequestId
from handfast.selection.rules import Ranked, draw, rank, scored

_log = log.get(__name__)

_ROUNDS_STREAM = b"rounds"
_CLAIMS_AT_ONCE = 16
"""A node holds about so many transactions of one account that wait for a block."""
_ASKS = 2


@dataclass(frozen=True, slots=True)
class Bought:
    """A round that was paid.

    provider   registry id
    fee        smallest units
    product    digest that names what is owned now
    seconds    from the first request to the payment
    """

    provider: int
    prompt: str
    fee: int
    product: bytes
    content: bytes
    media_type: str
    verdict: Verdict | None
    seconds: float


class Client:
    """A client of the market. Use `Client.open`."""

    def __init__(
        self, settings: ClientSettings, world: World, peer: Peer, stack: AsyncExitStack
    ) -> None:
        self._settings = settings
        self._world = world
        self._peer = peer
        self._network = Network(peer)
        stack.push_async_callback(self._network.close)
        self._caller = Caller(peer.signer, world.hub)
        stack.push_async_callback(self._caller.close)
        self.channels = ClientChannels(
            world, peer, self._network, settings.deposit, settings.challenge_period
        )
        self._coordinators = CoordinatorClient(
            ReputationRollup(world.chain, world.deployment.reputation_rollup.address),
            world.deployment.parameters.shards,
            settings.coordinators,
        )
        stack.push_async_callback(self._coordinators.close)
        self._registry = ParticipantRegistry(
            world.chain, world.deployment.participant_registry.address
        )
        self._registered = False
        self._products = ProductRegistry(world.chain, world.deployment.product_registry.address)
        tools = Tools(
            world.hub,
            peer.signer,
            world.store,
            world.scribe.stream(_ROUNDS_STREAM),
            open_judge(settings.judge),
            self._command,
            self._look,
            self._prove,
            self._coordinators.submit if settings.coordinators else None,
        )
        self.rounds = ClientRounds(tools)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: ClientSettings) -> AsyncIterator[Self]:
        """A running client; what an earlier run left open is taken up.

        raises   InvalidInput or Unavailable in one line if something is missing
        """
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(open_world(settings))
            policy = Policy(
                market_token=world.deployment.market_token.address,
                challenge=(1, max(settings.challenge_period, 30 * 86_400)),
                timing=settings.timing.timing(),
            )
            peer, port = channels_of(world, settings, policy)
            client = cls(settings, world, peer, stack)
            works = (port.watch(), client._listen(), client.rounds.run())
            await stack.enter_async_context(beside(*works))
            await peer.start()
            stack.push_async_callback(peer.stop)
            await stack.enter_async_context(beside(peer.run()))
            stack.push_async_callback(client.rounds.close)
            await client.channels.resume()
            await client._reconnect()
            await client.rounds.resume()
            yield client

    # ------------------------------------------------------------ what a user wants

    async def providers(self) -> tuple[tuple[Participant, Ranked], ...]:
        """Everybody who sells, in the order in which they would be asked. (SPEC PR-1, PR-2)"""
        found = {
            int(each.id): each for each in await self._registry.find(Role.PROVIDER) if _serves(each)
        }
        scores = await self._coordinators.scores(tuple(found))
        candidates = scored(tuple(found), {id_: scores[id_] for id_ in found if id_ in scores})
        temperature = self._settings.temperature
        if temperature is None:
            order = rank(candidates)
        else:
            uniforms = [(1 + secrets.randbelow(2**53 - 1)) / 2**53 for _ in candidates]
            order = draw(candidates, temperature, uniforms)
        return tuple((found[each.provider], each) for each in order)

    async def buy(self, prompt: str) -> Bought:
        """Choose, pay and judge: one round, with the first provider that delivers.

        raises   Unavailable if none does; nothing was paid then
        """
        order = await self.order(prompt, hold=False)
        return await order.bought()

    async def order(self, prompt: str, *, hold: bool = True) -> Order:
        """Have the first willing provider make something, and lock its fee.

        hold     wait for `Order.pay`, in the client's-number mode
        raises   Unavailable if no provider delivers; Rejected if this account is not registered, or
                 has not what a channel takes
        """
        started = time.monotonic()
        await self._require_registered()
        wish = self._wish(prompt)
        for participant, _ in await self.providers():
            try:
                return await self._order_from(participant, wish, hold, started)
            except Poor:
                raise
            except (Rejected, Unavailable, InvalidInput) as error:
                _log.info("next provider", provider=int(participant.id), reason=str(error))
        raise Unavailable("no provider delivers this now; nothing was paid")

    async def settle_opinions(self, seconds: float = 15.0) -> None:
        """Wait a while until every opinion is durable; what is left goes on at the next start."""
        if not self._settings.coordinators:
            _log.warning("no coordinator is named: opinions wait until one is")
            return
        try:
            async with asyncio.timeout(seconds):
                await self.rounds.all_rated()
        except TimeoutError:
            _log.warning("opinions are still to be brought; the next start goes on")

    async def claim_all(self) -> list[bytes]:
        """Make the products of channels that are over tokens of ours, also those that their
        provider registered. (SPEC CH-17, PV-4, PV-6)
        """
        bought = (*self.rounds.ended(), *self.rounds.ledger.rounds.values())
        codecs = {each.product.digest: each.product.codec for each in bought}
        room = asyncio.Semaphore(_CLAIMS_AT_ONCE)
        claims = [
            self._claim(live, product, call, room)
            for live in self._peer.channels.values()
            if live.over.is_set()
            for product, call in claims_of(self._products, live, self._sold(live), codecs)
        ]
        done = await asyncio.gather(*claims)
        return [product for product in done if product is not None]

    async def _claim(
        self, live: Live, product: bytes, call: Call, room: asyncio.Semaphore
    ) -> bytes | None:
        async with room:
            known = await self._products.product(product)
            if not is_free(known, live.terms.peer):
                return None
            try:
                await self._world.sender.send(f"claim {product.hex()}", call)
            except Rejected as error:
                _log.warning("not claimed", product=product.hex(), error=str(error))
                return None
        return product

    def _sold(self, live: Live) -> list[bytes]:
        """The products of a channel's tree, in its order."""
        ended = ClientChannel(self._peer, live).rounds()
        found = {each.position: each.lock.product for each in ended if each.position is not None}
        return [found[position] for position in sorted(found)]

    # ------------------------------------------------------------ one provider

    def _wish(self, prompt: str) -> Wish:
        settings = self._settings
        return Wish(
            OpenPrompt(prompt, secrets.token_bytes(32)),
            settings.modality,
            MODES[settings.mode],
            settings.max_fee,
            settings.patience,
        )

    async def _require_registered(self) -> None:
        """Only those whom the registry knows can rate, and so are worth a provider's work."""
        account = self._world.identity.address
        if self._registered:
            return
        id_ = await self._registry.id_of(account)
        if id_ is None or Role.CLIENT not in (await self._registry.participant(id_)).roles:
            raise Rejected(
                f"{account} is not registered as a client: "
                "`handfast registry register --role client`",
                "not_registered",
            )
        self._registered = True

    async def _order_from(
        self, participant: Participant, wish: Wish, hold: bool, started: float
    ) -> Order:
        endpoint = check_endpoint(participant.endpoint).rstrip("/")
        key = PublicKey.parse(participant.decryption_key)
        parameters = self.channels.plan(participant.account)
        for _ in range(_ASKS):
            asked_at = time.monotonic()
            request, fee = await self._caller.request(endpoint, parameters, wish, int(time.time()))
            await self.channels.ready(parameters, endpoint, fee)
            if time.monotonic() < asked_at + wish.patience[0]:
                break  # else the channel was opened meanwhile: the provider may have forgotten us
        made = await self._caller.order(endpoint, request, fee, key, wish)
        each = _begin(made, participant, endpoint, wish, hold=hold)
        await self.rounds.begin(each, made.id)
        order = Order(self, made.id, started=started)
        await self._until_locked(order, each, sum(wish.patience))
        return order

    async def _until_locked(self, order: Order, each: Round, seconds: float) -> None:
        """Wait for a round's lock and content. With its own number unrevealed the client owes
        nothing: it need not wait for the fee to come back before it asks somebody else. (SPEC PR-9)
        """
        if not each.is_held:
            await order.locked()
            return
        try:
            async with asyncio.timeout(seconds):
                await order.locked()
        except TimeoutError:
            if await self.rounds.give_up(order.id) in (Stage.GIVEN_UP, Stage.LOST):
                raise Unavailable("the provider does not go on with the round") from None
            await order.locked()

    # ------------------------------------------------------------ joints

    async def _command(self, channel: ChannelId, command: Command) -> None:
        await self._peer.bring(self._peer.find(channel), command)

    def _look(self, channel: ChannelId, hash_: bytes) -> Locked | Concluded | bool:
        """What became of a lock: its newest event; else whether it was asked for at all."""
        live = self._peer.find(channel)
        # Before the locks: those by which a channel ended stay in its last state for ever.
        for ended in ClientChannel(self._peer, live).rounds():
            if ended.lock.hash == hash_:
                return ended
        for lock in live.end.channel.agreed.locks:
            if lock.hash == hash_:
                return Locked(lock)
        return isinstance(live.end, ClientEnd) and hash_ in live.end.rounds

    def _prove(self, channel: ChannelId, nonce: int) -> Payment | None:
        """What the end of a channel proves of a payment without a receipt. (SPEC RP-5)

        raises   Unavailable while the channel has not ended: a re-organisation undid its end
        """
        live = self._peer.find(channel)
        known = live.end.channel
        ended = known.exit.standing
        if known.exit.phase is not ChannelPhase.CLOSED or ended is None:
            raise Unavailable("the channel has not ended yet")
        agreed = Signed(known.agreed, known.signature)
        return prove_payment(agreed, ended, nonce, self._sold(live))

    async def _listen(self) -> None:
        async for channel, event in self._peer.events():
            await self.rounds.hear(channel, event)

    async def _reconnect(self) -> None:
        """Dial the providers of open channels again, without waiting for them."""
        accounts = {each.account.lower(): each for each in await self._registry.find(Role.PROVIDER)}
        for live in self._peer.channels.values():
            participant = accounts.get(live.terms.peer.lower())
            if participant is None or live.over.is_set() or not _serves(participant):
                continue
            self._peer.spawn(self._meet(live, participant.endpoint), "reconnect")

    async def _meet(self, live: Live, endpoint: str) -> None:
        try:
            await self.channels.meet(live, endpoint)
        except (Unavailable, Rejected) as error:
            _log.info("the provider is not there", account=live.terms.peer, error=str(error))


class Order:
    """A round whose fee is locked."""

    def __init__(self, client: Client, id_: RequestId, *, started: float) -> None:
        self._client = client
        self._started = started
        self.id = id_

    async def locked(self) -> None:
        """Return once the content is here and verified, or, if it is not held, once it is paid.

        raises   Rejected if the round came to nothing
        """
        rounds = self._client.rounds
        each = rounds.find(self.id)
        wanted = Stage.VERIFIED if each.hold else Stage.GIVEN_UP if each.is_held else Stage.PAID
        if (await rounds.until(self.id, wanted)).stage in (Stage.GIVEN_UP, Stage.LOST):
            raise Rejected("the round came to nothing: nothing was paid", "rolled_back")

    async def content(self) -> bytes:
        """What was made."""
        return await self._client.rounds.content(self.id)

    async def pay(self) -> Bought:
        """Reveal the number: the content is ours, the fee the provider's."""
        await self._client.rounds.approve(self.id)
        return await self.bought()

    async def give_up(self) -> None:
        """Take the fee back, and own nothing. It returns once the fee is free again."""
        await self._client.rounds.give_up(self.id)
        await self._client.rounds.until(self.id, Stage.PAID)

    async def bought(self) -> Bought:
        """The paid round with its verdict.

        raises   Rejected if it was rolled back
        """
        rounds = self._client.rounds
        each = await rounds.until(self.id, Stage.PAID)
        if each.stage is Stage.LOST:
            raise Rejected("the round came to nothing: nothing was paid", "rolled_back")
        seconds = time.monotonic() - self._started
        each = await rounds.until(self.id, Stage.JUDGED)
        return Bought(
            each.provider,
            each.prompt.text,
            each.fee,
            each.product.digest,
            await rounds.content(self.id),
            each.product.media_type,
            rounds.verdicts.get(self.id),
            seconds,
        )


def _begin(made: Made, participant: Participant, endpoint: str, wish: Wish, *, hold: bool) -> Round:
    if made.product.key_hash != NO_HASH:
        number, hash_, hold = NO_HASH, made.product.key_hash, False
    else:
        number, hash_ = new_number()
    return Round(
        made.request,
        int(participant.id),
        endpoint,
        wish.prompt,
        made.fee,
        made.product,
        number,
        hash_,
        Stage.BEGUN,
        hold,
    )


def _serves(participant: Participant) -> bool:
    try:
        check_endpoint(participant.endpoint)
    except InvalidInput:
        return False
    return Role.PROVIDER in participant.roles
