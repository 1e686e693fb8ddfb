"""A real chain for each test, and what is deployed on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from handfast.chain.anvil import Anvil

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T]], T]


@pytest.fixture
def anvil() -> Iterator[Anvil]:
    with Anvil.start() as chain:
        yield chain


@pytest.fixture
def run() -> Run[Any]:
    """Run a coroutine to its end; a test that hangs fails in a minute."""

    async def guarded(scenario: Coroutine[Any, Any, T]) -> T:
        async with asyncio.timeout(60):
            return await scenario

    return lambda scenario: asyncio.run(guarded(scenario))
