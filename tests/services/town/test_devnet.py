"""A devnet keeps up what is killed in it, and leaves nothing behind when it is killed itself."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handfast.town.town import free_port

_SECONDS = 90.0


def until(condition: Callable[[], object], why: Callable[[], str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Devnet:
    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.log = folder / "town", free_port(), folder / "devnet.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "handfast", "devnet", *self.options),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self.wait_for("Ctrl-C ends the town")

    @property
    def options(self) -> tuple[str, ...]:
        return "--folder", str(self.folder), "--port", str(self.port)

    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.said() or self.process.poll() is not None, self.said)
        assert text in self.said(), self.said()

    def running(self, what: str = "") -> list[int]:
        """Processes of its citizens."""
        config = f"{self.folder}/{what}"
        found = subprocess.run(("pgrep", "-f", config), capture_output=True, text=True, check=False)
        return [int(line) for line in found.stdout.split() if int(line) != self.process.pid]


@pytest.fixture
def devnet(tmp_path: Path) -> Iterator[Devnet]:
    running = Devnet(tmp_path)
    yield running
    running.process.kill()  # what it started ends with it
    running.process.wait(_SECONDS)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="takes setpriv of util-linux")
def test_nothing_stays_down_and_nothing_is_left_behind(devnet: Devnet) -> None:
    time.sleep(5)  # what ends sooner than that is not worth starting again
    (cleo,) = devnet.running("Cleo.toml")
    os.kill(cleo, signal.SIGKILL)
    devnet.wait_for("Cleo was killed by signal 9: it is started again")
    until(lambda: devnet.running("Cleo.toml") not in ([], [cleo]), devnet.said)

    command = (sys.executable, "-m", "handfast", "devnet", *devnet.options)
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    assert second.returncode == 2
    assert f"port {devnet.port} can't be had" in second.stderr
    assert devnet.folder.exists()

    devnet.process.kill()
    devnet.process.wait(_SECONDS)
    until(lambda: not devnet.running() and not answers(devnet.port), lambda: "somebody is left")


def test_a_stranger_sells_to_it_and_it_ends_when_told_to(devnet: Devnet, tmp_path: Path) -> None:
    """What the README tells a new provider to type."""
    port, fee = free_port(), "1000000000000000"
    environment = {
        **os.environ,
        "HANDFAST_DEPLOYMENTS": str(devnet.folder / "deployments"),
        "HANDFAST_PASSWORD": "secret",
        "HANDFAST_RPC": f"http://127.0.0.1:{devnet.port}",
    }

    def handfast(*command: str) -> str:
        done = subprocess.run(
            (sys.executable, "-m", "handfast", *command),
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            check=False,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    mine = ("--keystore", "me.json", "--data", "me")
    me = handfast("key", "new", "me.json")
    mayor = str(devnet.folder / "mayor.toml")
    handfast("send", me, "--coins", "1", "--tokens", "10", "--config", mayor)
    endpoint = f"http://127.0.0.1:{port}"
    handfast("registry", "register", "--role", "provider", "--endpoint", endpoint, *mine)
    serving = (sys.executable, "-m", "handfast", "provider", "run", "--fee", fee, *mine)
    with subprocess.Popen((*serving, "--port", str(port)), env=environment, cwd=tmp_path) as shop:
        try:
            until(lambda: answers(port) or shop.poll() is not None, devnet.said)
            eve = str(devnet.folder / "Eve.toml")  # only the stranger is so cheap
            bought = handfast("client", "buy", "a seven", "--max-fee", fee, "--config", eve)
            assert "bought from provider 10 for 0.001 tokens" in bought
        finally:
            shop.terminate()

    devnet.process.terminate()
    assert devnet.process.wait(_SECONDS) == 0, devnet.said()
    assert devnet.said().endswith("the town closes\n")
    assert not devnet.running()
