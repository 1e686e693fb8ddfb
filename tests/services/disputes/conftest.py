"""A courtroom for all tests of a module; what a test did to the chain is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.client import Chain
from tests.services.disputes.courtroom import Courtroom, build


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end; one that hangs fails in two minutes."""

    async def guarded(scenario: Coroutine[Any, Any, Any]) -> Any:
        async with asyncio.timeout(120):
            return await scenario

    return lambda scenario: asyncio.run(guarded(scenario))


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Courtroom]:
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path_factory.mktemp("room")))


@pytest.fixture
def room(shared_room: Courtroom, tmp_path: Path) -> Iterator[Courtroom]:
    snapshot = asyncio.run(_request(shared_room, "evm_snapshot"))
    yield replace(shared_room, folder=tmp_path)
    asyncio.run(_request(shared_room, "evm_revert", snapshot))


async def _request(room: Courtroom, method: str, *parameters: Any) -> Any:
    async with Chain(room.anvil.url) as chain:
        return await chain.request(method, *parameters)
