"""A local chain in a process of its own, for the devnet, the demo and tests."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import handfast
from handfast.errors import InvalidInput, Unavailable
from handfast.kin import tied

CHAIN_ID = 31337
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_LISTENING = re.compile(r"^Listening on (\S+)$", re.MULTILINE)
_KEY = re.compile(r"^\(\d+\) (0x[0-9a-f]{64})$", re.MULTILINE)


def _checkout_binaries() -> Iterator[Path]:
    for root in (Path.cwd(), Path(handfast.__file__).parents[1]):
        yield from root.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")


def find_anvil() -> Path:
    """Where Anvil is: on PATH, or in the checkout.

    raises   InvalidInput with the one line that says how to get it
    """
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    for binary in _checkout_binaries():
        return binary
    raise InvalidInput(
        "anvil was not found on PATH: run `make setup` in a checkout, "
        "or install it with `npm install --global @foundry-rs/anvil`"
    )


class Anvil:
    """A running Anvil. Use it as a context manager, or call `stop`.

    url    where it answers JSON-RPC
    keys   private keys of the accounts it has funded, as 0x-hex
    """

    def __init__(self, process: subprocess.Popen[bytes], url: str, keys: tuple[str, ...]) -> None:
        self._process = process
        self.url = url
        self.keys = keys

    @classmethod
    def start(
        cls,
        *,
        port: int = 0,
        accounts: int = 10,
        block_time: int | None = None,
        state: Path | None = None,
        log: Path | None = None,
        arguments: tuple[str, ...] = (),
        tie: bool = False,
    ) -> Self:
        """Start a chain and wait until it listens.

        port         0 takes a free one
        block_time   seconds between blocks; None mines each transaction at once
        state        file the chain is loaded from if it exists, and saved to when it stops
        log          file of its output; None keeps none
        arguments    more of Anvil's own flags
        tie          have it end with the thread that starts it, should that be killed
        raises       InvalidInput if Anvil is missing, Unavailable if it does not start
        """
        command = [str(find_anvil()), "--port", str(port), "--accounts", str(accounts), *arguments]
        if block_time is not None:
            command += ["--block-time", str(block_time)]
        if state is not None:
            command += ["--state", str(state)]
        if tie:
            command = [*tied(command)]
        if log is not None:
            return cls._launch(command, log)
        with tempfile.TemporaryDirectory(prefix="handfast-anvil-") as folder:
            # The open file outlives its name, so nothing is left behind.
            return cls._launch(command, Path(folder) / "log")

    @classmethod
    def _launch(cls, command: list[str], log: Path) -> Self:
        with log.open("wb") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches our process alone, which then stops it
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            text = log.read_text(errors="replace")
            listening = _LISTENING.search(text)
            if listening:
                return cls(process, f"http://{listening[1]}", tuple(_KEY.findall(text)))
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                last = (text.strip().splitlines() or ["no output"])[-1]
                raise Unavailable(f"anvil did not start: {last}")
            time.sleep(0.02)

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        """End it, saving its state if it was given a file for that. Safe to repeat."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
