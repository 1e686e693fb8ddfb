"""A town on a real chain; its state is taken back after each test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.anvil import Anvil
from tests.services.coordinator.town import Town, build


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine to its end; one that hangs fails in two minutes."""

    async def guarded(scenario: Coroutine[Any, Any, Any]) -> Any:
        async with asyncio.timeout(120):
            return await scenario

    return lambda scenario: asyncio.run(guarded(scenario))


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with Anvil.start() as anvil:
        yield asyncio.run(build(anvil, tmp_path))
