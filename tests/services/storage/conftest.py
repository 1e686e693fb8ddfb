"""A real Kubo, and servers that answer whatever a test says."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web

ROOT = Path(__file__).parents[3]
ADD = ("add", "--recursive", "--quieter", "--cid-version=1", "--raw-leaves")
_NO_GO = 3
_START_SECONDS = 60


@dataclass(frozen=True)
class Kubo:
    """A node that runs without peers. address: of its RPC, as a multiaddress."""

    binary: str
    repository: Path
    process: subprocess.Popen[bytes]
    address: str

    def run(self, *arguments: str) -> str:
        return _run([self.binary, *arguments], self.repository)

    def add(self, path: Path, *options: str) -> str:
        return self.run(*ADD, *options, str(path))


def _run(command: list[str], repository: Path) -> str:
    return subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"IPFS_PATH": str(repository)},
    ).stdout.strip()


@pytest.fixture(scope="session")
def kubo_binary() -> str:
    script = ROOT / "scripts" / "build_kubo.sh"
    built = subprocess.run([script], check=False, capture_output=True, text=True)
    if built.returncode == _NO_GO:
        pytest.skip(built.stderr.strip())
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


@contextmanager
def running(binary: str, repository: Path) -> Iterator[Kubo]:
    """Start a daemon on free ports, and stop it."""
    if not repository.exists():
        _run([binary, "init", "--profile=test"], repository)
    api = repository / "api"
    api.unlink(missing_ok=True)
    environment = os.environ | {"IPFS_PATH": str(repository), "IPFS_TELEMETRY": "off"}
    with (repository.parent / "kubo.log").open("ab") as log:
        process = subprocess.Popen(
            [binary, "daemon", "--offline"], stdout=log, stderr=log, env=environment
        )
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not api.exists() or not api.read_text():
                assert process.poll() is None, "kubo ended; see kubo.log"
                assert time.monotonic() < deadline, "kubo does not start"
                time.sleep(0.05)
            yield Kubo(binary, repository, process, api.read_text().strip())
        finally:
            process.kill()  # its shutdown takes a while, and nothing here is needed again
            process.wait()


@pytest.fixture(scope="session")
def kubo(kubo_binary: str) -> Iterator[Kubo]:
    with TemporaryDirectory() as folder, running(kubo_binary, Path(folder) / "repository") as node:
        yield node


Serve = Callable[[web.Application], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve an application from a thread; returns its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runners: list[web.AppRunner] = []

    async def start(application: web.Application) -> str:
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def stop() -> None:
        for runner in runners:
            await runner.cleanup()

    yield lambda application: asyncio.run_coroutine_threadsafe(start(application), loop).result()
    asyncio.run_coroutine_threadsafe(stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def unused_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
