"""The provider's process: one desk, one peer, one server. (SPEC PR)"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Gauge

from handfast import log
from handfast.chain.channels import ChannelHub, PreimageRegistry
from handfast.chain.port import HubPort
from handfast.chain.registry import ParticipantRegistry
from handfast.channels.effects import Concluded, Locked, Result
from handfast.channels.handles import ProviderChannel
from handfast.channels.inputs import Sell
from handfast.channels.live import Live
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.policy import Policy
from handfast.channels.provider import ProviderEnd
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.crypto.bls import SecretKey
from handfast.crypto.ecdsa import Signer
from handfast.errors import Rejected
from handfast.inference.adapters import open_generator
from handfast.process import ProcessSettings, World, joined, open_world, run_until_stopped
from handfast.provider.desk import ProviderDesk, Tools
from handfast.provider.http import round_routes
from handfast.provider.settings import MODES, ProviderSettings
from handfast.provider.standing import Acquaintance, free_in
from handfast.registry.participants import Participant, Role
from handfast.rounds.messages import NO_HASH
from handfast.rounds.provider import Round, Stage, Terms
from handfast.serving import Limits, Server

_log = log.get(__name__)

CHANNEL_ROUTE = "/channel"
"""Where a provider's endpoint takes the WebSocket of its channels."""

_DESK_STREAM = b"desk"


async def run(settings: ProviderSettings) -> None:
    """Serve until asked to stop.

    raises   InvalidInput if the account is no registered provider or a setting does not fit the
             chain; Unavailable if the node is away at the start
    """
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings))
        participant = await _participant(world)
        peer, port = channels_of(world, settings, _policy(world, settings))
        metrics = CollectorRegistry()
        provider = Provider(world, settings, peer, participant)
        listening = asyncio.create_task(provider.listen())
        await asyncio.sleep(0)  # so that it hears the first event
        await peer.start()
        stack.push_async_callback(peer.stop)
        network = Network(peer)
        stack.push_async_callback(network.close)
        routes = [*round_routes(provider.desk), web.get(CHANNEL_ROUTE, network.handle)]
        limits = Limits(rate=500.0, burst=1_000)
        server = Server(routes, provider.health, metrics, limits, network.close)
        await stack.enter_async_context(server)
        provider.measure(metrics)
        await provider.reconcile()
        await server.start(settings.host, settings.port)
        _log.info("serving", port=server.port, account=world.identity.address)
        await run_until_stopped(
            peer.run(), port.watch(), provider.desk.run(), joined(listening), server.watch()
        )


def channels_of(world: World, settings: ProcessSettings, policy: Policy) -> tuple[Peer, HubPort]:
    """The peer of this process's account, and the chain as it sees it."""
    deployment = world.deployment
    port = HubPort(
        world.chain,
        world.sender,
        ChannelHub(world.chain, deployment.channel_hub.address),
        PreimageRegistry(world.chain, deployment.preimage_registry.address),
        first_block=deployment.block,
        confirmations=world.confirmations,
        poll=settings.poll,
    )
    signer = Signer(world.identity.secret)
    return Peer(signer, world.hub, world.scribe, port, policy), port


class Provider:
    """Joins the desk to the channels."""

    def __init__(
        self, world: World, settings: ProviderSettings, peer: Peer, participant: Participant
    ) -> None:
        self._world = world
        self._peer = peer
        terms = Terms(
            world.identity.address,
            world.deployment.market_token.address,
            settings.modality,
            settings.fee,
            frozenset(MODES[name] for name in settings.modes),
            patience=settings.patience,
            open_rounds=settings.open_rounds,
            unpaid=settings.unpaid,
            challenge=settings.challenge,
        )
        generator = open_generator(settings.model, settings.modality)
        registry = ParticipantRegistry(world.chain, world.deployment.participant_registry.address)
        tools = Tools(
            terms,
            world.hub,
            peer.signer,
            _decryption_keys(world, participant),
            generator,
            world.store,
            world.scribe.stream(_DESK_STREAM),
            self._ready,
            Acquaintance(peer, registry, settings.fee).standing,
            self._offer,
            lambda: int(time.time()),
        )
        self.desk = ProviderDesk(tools)

    async def health(self) -> dict[str, Any]:
        """What `/health` answers."""
        return {
            "account": self._world.identity.address,
            "channels": len(self._peer.channels),
            "pending": sum(
                len(live.end.channel.agreed.locks) for live in self._peer.channels.values()
            ),
            "rounds": len(self.desk.desk.rounds),
        }

    def measure(self, metrics: CollectorRegistry) -> None:
        """Show rounds by stage and channels."""
        rounds = Gauge("handfast_provider_rounds", "Rounds kept", ["stage"], registry=metrics)
        for stage in Stage:
            rounds.labels(stage.name.lower()).set_function(partial(self._count, stage))
        channels = Gauge("handfast_provider_channels", "Channels run", registry=metrics)
        channels.set_function(lambda: len(self._peer.channels))

    def _count(self, stage: Stage) -> int:
        return sum(each.stage is stage for each in self.desk.desk.rounds.values())

    # ------------------------------------------------------------ the desk's tools

    async def _ready(self, parameters: Parameters, fee: int) -> None:
        live = self._peer.find(id_of(parameters))
        channel = live.end.channel
        if channel.leaving:
            raise Rejected("the channel is ending", "channel_ending")
        free = free_in(live, self._peer.now())
        if free < fee:
            raise Rejected(f"the channel has {free} left, the fee is {fee}", "uncovered")

    async def _offer(self, each: Round) -> None:
        live = self._peer.find(each.channel)
        product = each.product
        if product is None or _is_offered(live, product.digest):
            return  # a process before this one did
        key = each.key if each.key != NO_HASH else None
        await self._peer.bring(live, Sell(product.digest, each.fee, key, each.deadline))

    # ------------------------------------------------------------ what channels report

    async def listen(self) -> None:
        """Bring what channels report to the desk, until cancelled."""
        async for channel, event in self._peer.events():
            match event:
                case Locked(lock):
                    await self.desk.fee_locked(channel, lock)
                case Concluded(result=result, lock=lock):
                    await self.desk.fee_concluded(channel, lock, result is Result.SETTLED)
                case _:
                    pass

    async def reconcile(self) -> None:
        """Tell the desk what its journal missed when the process died."""
        waiting = {
            each.channel
            for each in self.desk.desk.rounds.values()
            if each.stage in (Stage.MADE, Stage.LOCKED)
        }
        for live in self._peer.channels.values():
            if live.id in waiting:
                await self._tell_again(live)

    async def _tell_again(self, live: Live) -> None:
        for ended in ProviderChannel(self._peer, live).rounds():
            await self.desk.fee_locked(live.id, ended.lock)
            await self.desk.fee_concluded(live.id, ended.lock, ended.result is Result.SETTLED)
        for lock in live.end.channel.agreed.locks:
            await self.desk.fee_locked(live.id, lock)


def _is_offered(live: Live, product: bytes) -> bool:
    end = live.end
    pending = any(lock.product == product for lock in end.channel.agreed.locks)
    return pending or (isinstance(end, ProviderEnd) and product in end.offers)


def _policy(world: World, settings: ProviderSettings) -> Policy:
    return Policy(
        market_token=world.deployment.market_token.address,
        challenge=settings.challenge,
        timing=settings.timing.timing(),
    )


async def _participant(world: World) -> Participant:
    """Our own entry in the registry.

    raises   Rejected if there is none, or it is no provider's
    """
    registry = ParticipantRegistry(world.chain, world.deployment.participant_registry.address)
    id_ = await registry.id_of(world.identity.address)
    if id_ is None:
        raise Rejected(
            f"{world.identity.address} is not registered: `handfast registry register`",
            "not_registered",
        )
    participant = await registry.participant(id_)
    if Role.PROVIDER not in participant.roles:
        raise Rejected(f"participant {id_} is no provider", "not_provider")
    return participant


def _decryption_keys(world: World, participant: Participant) -> tuple[SecretKey, ...]:
    """The registered decryption key, and the one before it: a prompt may be under way to that."""
    epochs = range(participant.key_epoch, max(participant.key_epoch - 2, 0), -1)
    return tuple(world.identity.decryption_key(epoch) for epoch in epochs)
