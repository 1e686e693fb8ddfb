"""Peers in processes of their own, killed as by `kill -9` at a write of their journal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handfast.journal import Batch, Journal


@dataclass(frozen=True)
class Death:
    """When a process dies.

    at       number of the write, from 1
    word     or the first write of a line that has this in it
    after    once the write is on disk, before anything was done about it; else before it
    """

    at: int = 0
    word: bytes = b""
    after: bool = True


class DyingJournal(Journal):
    """A journal whose process dies at a write."""

    def __init__(self, path: Path, death: Death | None) -> None:
        super().__init__(path)
        self._death = death
        self._writes = 0

    def write(self, batch: Batch) -> None:
        self._writes += 1
        death = self._death
        ripe = death is not None and (
            self._writes == death.at
            or (death.word and any(death.word in body for _, body in batch.lines))
        )
        if ripe and death is not None and not death.after:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(batch)
        if ripe:
            os.kill(os.getpid(), signal.SIGKILL)


Scenario = Callable[[Callable[[Path], Journal]], Coroutine[Any, Any, None]]
"""What a process does, given how to open its journal."""


class Process:
    """A scenario in a process of its own."""

    def __init__(self, scenario: Scenario, death: Death | None = None) -> None:
        self.code: int | None = None
        self._scenario = scenario
        self._pid = os.fork()
        if self._pid == 0:
            _be(scenario, death)

    def poll(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def again(self) -> Process:
        """The same process, started anew; it lives."""
        return Process(self._scenario)

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)
            while self.poll() is None:
                time.sleep(0.005)


def _be(scenario: Scenario, death: Death | None) -> None:
    # Nothing of pytest may run in the child, whatever happens.
    code = 1
    try:
        asyncio.run(scenario(lambda path: DyingJournal(path, death)))
        code = 0
    finally:
        if code:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(code)
