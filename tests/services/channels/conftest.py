"""A chain with the protocol deployed once; each test opens channels of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.anvil import Anvil
from tests.services.channels.running import Town, build


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path_factory.mktemp("town")))


@pytest.fixture
def home(tmp_path: Path, town: Town) -> Path:
    """Where the peers of one test keep their journals."""
    town.folder = tmp_path
    return tmp_path


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run a coroutine to its end; a test that hangs fails in two minutes."""

    async def guarded(scenario: Coroutine[Any, Any, None]) -> None:
        async with asyncio.timeout(120):
            await scenario

    return lambda scenario: asyncio.run(guarded(scenario))
