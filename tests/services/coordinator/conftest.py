"""One chain with a town on it for each module; what has become of it is taken back after a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.client import Chain
from tests.services.coordinator.town import Town, build


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end; one that hangs fails in two minutes."""

    async def guarded(scenario: Coroutine[Any, Any, Any]) -> Any:
        async with asyncio.timeout(120):
            return await scenario

    return lambda scenario: asyncio.run(guarded(scenario))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path_factory.mktemp("town")))


@pytest.fixture
def town(built: Town, tmp_path: Path) -> Iterator[Town]:
    """The town as it was built, with a folder of the test's own."""
    snapshot = asyncio.run(_ask(built, "evm_snapshot"))
    yield replace(built, folder=tmp_path, nonces={})
    asyncio.run(_ask(built, "evm_setAutomine", True))
    asyncio.run(_ask(built, "evm_revert", snapshot))


@pytest.fixture
def own_town(tmp_path: Path) -> Iterator[Town]:
    """A town on a chain of its own, whose very beginning can be taken back."""
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path))


async def _ask(town: Town, method: str, *parameters: Any) -> Any:
    async with Chain(town.anvil.url) as chain:
        return await chain.request(method, *parameters)
