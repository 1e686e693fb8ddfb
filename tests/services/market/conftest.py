"""One chain for each module, a town on it for each test."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.deployment import Deployment
from tests.services.market.town import Town, deploy

HANG_SECONDS = 150.0


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil.start(accounts=20) as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    folder = tmp_path_factory.mktemp("deployments")
    return asyncio.run(deploy(anvil, folder)), folder


@pytest.fixture
def town(anvil: Anvil, deployed: tuple[Deployment, Path], tmp_path: Path) -> Iterator[Town]:
    deployment, folder = deployed
    snapshot = _ask(anvil, "evm_snapshot")
    # The chain's clock went back with the last test's blocks.
    _ask(anvil, "evm_setNextBlockTimestamp", int(time.time()))
    _ask(anvil, "evm_mine")
    there = Town(anvil, deployment, folder, tmp_path)
    try:
        yield there
    finally:
        there.close()
        _ask(anvil, "evm_revert", snapshot)


@pytest.fixture
def play(town: Town) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's coroutine; one that hangs fails."""

    def run(test: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(HANG_SECONDS), town.connected():
                await test()

        asyncio.run(bounded())

    return run


def _ask(anvil: Anvil, method: str, *parameters: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    request = urllib.request.Request(anvil.url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]
