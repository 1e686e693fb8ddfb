"""A coordinator in the test's own process, with what is asked of it from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from handfast.chain.client import Chain
from handfast.coordinator.client import CoordinatorClient
from handfast.coordinator.intake import Answer
from handfast.coordinator.process import Coordinator, open_coordinator
from handfast.coordinator.settings import BatchSettings, CoordinatorSettings
from handfast.process import open_world
from tests.services.coordinator.town import Town, until

ACCEPTED = Answer("accepted")


@dataclass
class Running:
    """A coordinator that runs."""

    coordinator: Coordinator
    chain: Chain
    clients: CoordinatorClient
    url: str

    @property
    def shard(self) -> dict[str, Any]:
        found: dict[str, Any] = self.coordinator.status()["shards"][0]
        return found

    async def caught_up(self) -> None:
        """Wait until the coordinator has taken in the newest block."""
        head = await self.chain.head()

        async def check() -> bool:
            return bool(self.coordinator.observer.block >= head.number)

        await until(check)

    async def reached(self, **wanted: Any) -> None:
        """Wait until the shard's status says so."""

        async def check() -> bool:
            return all(self.shard[name] == value for name, value in wanted.items())

        await until(check)


def settings_of(town: Town, **changes: Any) -> CoordinatorSettings:
    values: dict[str, Any] = {
        "rpc": town.anvil.url,
        "deployments": town.deployments,
        "data": town.folder / "coordinator",
        "port": 0,
        "poll": 0.05,
        "batch": BatchSettings(count=100, age=0.2),
    }
    return CoordinatorSettings(**{**values, **changes})


@asynccontextmanager
async def running(town: Town, **changes: Any) -> AsyncIterator[Running]:
    """Run a coordinator; leaving stops it in good order."""
    settings = settings_of(town, **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDFAST_KEY", town.coordinator.secret.hex())
        async with (
            Chain(town.anvil.url) as chain,
            open_world(settings) as world,
            open_coordinator(world, settings) as coordinator,
            coordinator.server as server,
        ):
            await server.start("127.0.0.1", 0)
            url = f"http://127.0.0.1:{server.port}"
            tasks = [asyncio.create_task(work) for work in coordinator.works()]
            try:
                shards = town.deployment.parameters.shards
                async with CoordinatorClient(town.rollup(chain), shards, [url]) as clients:
                    yield Running(coordinator, chain, clients, url)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
