"""One chain for each module, a bazaar on it for each test."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.deployment import Deployment
from tests.services.goods.town import Bazaar, found

HANG_SECONDS = 150.0


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    with Anvil.start(accounts=20) as chain:
        yield chain


@pytest.fixture(scope="module")
def deployed(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    folder = tmp_path_factory.mktemp("deployments")
    return asyncio.run(found(anvil, folder)), folder


@pytest.fixture
def bazaar(anvil: Anvil, deployed: tuple[Deployment, Path], tmp_path: Path) -> Iterator[Bazaar]:
    deployment, folder = deployed
    snapshot = _ask(anvil, "evm_snapshot")
    there = Bazaar(anvil, deployment, folder, tmp_path)
    try:
        yield there
    finally:
        there.close()
        _ask(anvil, "evm_revert", snapshot)


@pytest.fixture
def play(bazaar: Bazaar) -> Callable[[Callable[[], Awaitable[None]]], None]:
    """Run a test's coroutine; one that hangs fails."""

    def run(test: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(HANG_SECONDS), bazaar.connected():
                await test()

        asyncio.run(bounded())

    return run


def _ask(anvil: Anvil, method: str, *parameters: object) -> object:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters})
    request = urllib.request.Request(anvil.url, body.encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["result"]
