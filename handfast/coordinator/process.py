"""The coordinator's process: an intake, an observer, a proposer for each shard, a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from handfast import log
from handfast.chain.channels import ChannelHub
from handfast.chain.follower import Follower
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.reputation import ReputationRollup, RollupSettings
from handfast.chain.token import MarketToken
from handfast.coordinator.allowance import Allowance
from handfast.coordinator.intake import Confirm, Intake, Room
from handfast.coordinator.memory import Memory, recall
from handfast.coordinator.observer import Observer
from handfast.coordinator.payments import Payments
from handfast.coordinator.proposer import Proposer, Tools
from handfast.coordinator.routes import routes
from handfast.coordinator.settings import CoordinatorSettings
from handfast.coordinator.shard import Shard
from handfast.coordinator.store import Store
from handfast.database import open_database
from handfast.errors import Unavailable
from handfast.process import World, open_world, run_until_stopped
from handfast.serving import Server

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts that a coordinator deals with, and what the roll-up's deployment fixed."""

    registry: ParticipantRegistry
    rollup: ReputationRollup
    token: MarketToken
    fixed: RollupSettings

    @classmethod
    async def of(cls, world: World) -> Contracts:
        """Those of a deployment.

        raises   Unavailable if the node does not answer
        """
        chain, deployment = world.chain, world.deployment
        rollup = ReputationRollup(chain, deployment.reputation_rollup.address)
        return cls(
            ParticipantRegistry(chain, deployment.participant_registry.address),
            rollup,
            MarketToken(chain, deployment.market_token.address),
            await rollup.settings(),
        )


class Coordinator:
    """All parts of a coordinator, wired; `open_coordinator` makes one."""

    def __init__(
        self, world: World, settings: CoordinatorSettings, contracts: Contracts, memory: Memory
    ) -> None:
        self._settings = settings
        self._memory = memory
        hub = ChannelHub(world.chain, world.deployment.channel_hub.address)
        confirm = Payments(hub, lambda: self.observer.block).confirm
        self.intake = _make_intake(world, settings, contracts, memory, confirm, self._arrived)
        self._proposers = _make_proposers(world, settings, contracts, memory, self.intake)
        self.observer = Observer(
            world.chain,
            Follower(
                world.chain,
                [contracts.registry, contracts.rollup],
                confirmations=world.confirmations,
                first_block=world.deployment.block,
            ),
            contracts.rollup,
            memory,
            confirm=confirm,
            moved=self._moved,
            fell=world.sender.recheck,
        )
        metrics = CollectorRegistry()
        metrics.register(_ShardMetrics(memory.shards))
        self.server = Server(
            routes(self.intake, memory.shards, memory.store, world.store, self.status),
            self._health,
            metrics,
            settings.limits.limits(),
        )

    def works(self) -> list[Coroutine[Any, Any, None]]:
        """What runs for ever, once the observer has caught up."""
        poll = self._settings.poll
        proposing = [proposer.run(poll) for proposer in self._proposers]
        return [self.intake.run(), self.observer.run(poll), *proposing, self.server.watch()]

    def _arrived(self) -> None:
        for proposer in self._proposers:
            proposer.look_at_the_ledger()

    def _moved(self) -> None:
        for proposer in self._proposers:
            proposer.wake()

    def status(self) -> dict[str, Any]:
        """Where everything is."""
        return {
            "block": self.observer.block,
            "participants": self._memory.directory.highest,
            "shards": [proposer.status() for proposer in self._proposers],
        }

    async def _health(self) -> dict[str, Any]:
        if self.observer.trouble:
            raise Unavailable(self.observer.trouble)
        troubles = [proposer.trouble for proposer in self._proposers if proposer.trouble]
        return {"status": "ok", "block": self.observer.block, "troubles": troubles}


def _make_intake(
    world: World,
    settings: CoordinatorSettings,
    contracts: Contracts,
    memory: Memory,
    confirm: Confirm,
    arrived: Callable[[], None],
) -> Intake:
    levy = settings.levy
    return Intake(
        world.hub,
        contracts.token.address,
        memory,
        Allowance(levy.per_opinion, levy.per_client, levy.total, levy.period, time.monotonic),
        confirm,
        arrived,
        Room(waiting=settings.waiting),
    )


def _make_proposers(
    world: World,
    settings: CoordinatorSettings,
    contracts: Contracts,
    memory: Memory,
    intake: Intake,
) -> list[Proposer]:
    tools = Tools(
        world.chain,
        world.sender,
        contracts.rollup,
        contracts.token,
        contracts.fixed,
        world.store,
        memory,
        intake.age,
        settings.batch.pace(),
        settings.deposit,
    )
    return [Proposer(shard, tools) for shard in memory.shards.values()]


_READINGS: dict[str, tuple[str, Callable[[Shard], int]]] = {
    "waiting": ("Opinions in no batch", lambda shard: len(shard.ledger)),
    "tip": ("Index of the newest batch", lambda shard: shard.tip.index),
    "final": ("Index of the newest final batch", lambda shard: shard.final_tip.index),
    "opinions": ("Opinions in batches", lambda shard: shard.newest.words.opinions),
}


class _ShardMetrics(Collector):
    """Metrics that are read off the shards when somebody asks."""

    def __init__(self, shards: dict[int, Shard]) -> None:
        self._shards = shards

    def collect(self) -> Iterable[Metric]:
        for name, (what, read) in _READINGS.items():
            family = GaugeMetricFamily(f"handfast_coordinator_{name}", what, labels=["shard"])
            for number, shard in self._shards.items():
                family.add_metric([str(number)], read(shard))
            yield family


@asynccontextmanager
async def open_coordinator(
    world: World, settings: CoordinatorSettings
) -> AsyncIterator[Coordinator]:
    """Bring a coordinator back from its store, and up to the chain's head.

    raises   InvalidInput if the store is not ours, Unavailable if the node does not answer
    """
    contracts = await Contracts.of(world)
    async with AsyncExitStack() as stack:
        engine = open_database(settings.database or settings.data / "coordinator.db")
        stack.callback(engine.dispose)
        writer = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="store"))
        store = Store(engine)
        await asyncio.to_thread(store.prepare, f"{world.chain_id}:{contracts.rollup.address}")
        memory = await asyncio.to_thread(recall, store, writer, contracts.fixed.shards)
        coordinator = Coordinator(world, settings, contracts, memory)
        await coordinator.observer.catch_up()
        yield coordinator


async def run(settings: CoordinatorSettings) -> None:
    """Be a coordinator until asked to stop."""
    async with (
        open_world(settings) as world,
        open_coordinator(world, settings) as coordinator,
        coordinator.server as server,
    ):
        await server.start(settings.host, settings.port)
        _log.info("coordinator listens", host=settings.host, port=server.port)
        await run_until_stopped(*coordinator.works())
