"""What runs in processes of its own in tests of the market: the command line, whole or with a flaw.

Processes are forked from one that has everything imported, so that they start at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from handfast.channels import peer
from handfast.channels.effects import Send
from handfast.channels.provider import ProviderEnd, transition
from handfast.channels.state import SettleLock
from handfast.channels.wire import Agreement, Message, Update
from handfast.cli import main
from handfast.client.client import Client
from handfast.client.settings import ClientSettings
from handfast.crypto.ecdsa import Signer
from handfast.journal import Batch, Journal
from handfast.provider.desk import ProviderDesk
from handfast.rounds.messages import RequestId, SignedAcknowledgement, sign_acknowledgement
from handfast.storage.cid import Cid

HOLD = "hold"
"""A command of a client that the command line has not."""

_PRELOADED = ("tests.services.goods.actors", "handfast.market.commands", "handfast.tasks.commands")
_PARENT_DIES = 1
_HANG_SECONDS = 60.0


class Process:
    """A `handfast` command under way, its output in a file."""

    def __init__(self, process: BaseProcess, log: Path) -> None:
        self._process = process
        self.log = log

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.join()

    def stop(self) -> int:
        """Ask it to end, and wait; its exit code."""
        self._process.terminate()
        return self.wait()

    def wait(self) -> int:
        """Its exit code, negative for the signal that killed it."""
        self._process.join(_HANG_SECONDS)
        code = self._process.exitcode
        if code is None:
            self.kill()
            raise AssertionError(f"the process hangs:\n{self.output}")
        return code

    @property
    def is_running(self) -> bool:
        return self._process.is_alive()

    @property
    def output(self) -> str:
        return self.log.read_text(errors="replace")


def start(
    arguments: tuple[str, ...],
    environment: Mapping[str, str],
    log: Path,
    *,
    flaw: str | Callable[[], None] = "none",
    kill_at: int | None = None,
    after: bool = True,
) -> Process:
    """Begin a command.

    flaw      one of FLAWS, that a hostile process has; or what makes it so, called in it
    kill_at   number of the journal's write, from 0, at which the process is killed
    after     whether that write is still done
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__, *_PRELOADED])
    values = (arguments, dict(environment), str(log), flaw, kill_at, after)
    process = context.Process(target=_run, args=values, daemon=True)
    process.start()
    return Process(process, log)


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    log: str,
    flaw: str | Callable[[], None],
    kill_at: int | None,
    after: bool,
) -> None:
    ctypes.CDLL(None).prctl(_PARENT_DIES, signal.SIGKILL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (FLAWS[flaw] if isinstance(flaw, str) else flaw)()
    if kill_at is not None:
        _kill_at(kill_at, after)
    if arguments[0] == HOLD:
        asyncio.run(_hold(arguments[1]))
    main(list(arguments), prog_name="handfast")


async def _hold(prompt: str) -> None:
    """Have a fee locked and the content delivered, and do nothing from then on."""
    async with Client.open(ClientSettings.load()) as client:
        await client.order(prompt)
        sys.stdout.write(f"{HOLD}\n")
        await asyncio.sleep(_HANG_SECONDS)


def _kill_at(number: int, after: bool) -> None:
    write = Journal.write
    left = number

    def counted(self: Journal, batch: Batch) -> None:
        nonlocal left
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        write(self, batch)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    Journal.write = counted  # type: ignore[method-assign]


# ---------------------------------------------------------------- hostile providers


def _none() -> None:
    """Honest."""


def _lies() -> None:
    """Serves other bytes than it announced."""

    async def block(_self: ProviderDesk, _request: RequestId, _cid: Cid) -> bytes:
        return b"something else"

    ProviderDesk.block = block  # type: ignore[method-assign]


def _silent() -> None:
    """Takes the lock and serves nothing."""

    async def block(_self: ProviderDesk, _request: RequestId, _cid: Cid) -> bytes:
        await asyncio.sleep(_HANG_SECONDS)
        return b""

    ProviderDesk.block = block  # type: ignore[method-assign]


def _greedy() -> None:
    """Asks for more once it knows the prompt."""
    honest = ProviderDesk._acknowledgement

    def dearer(self: ProviderDesk, request: RequestId, step: int) -> SignedAcknowledgement:
        answer = honest(self, request, step)
        if step == 1:
            return answer
        tools, each = self._tools, self.desk.rounds[request]
        return sign_acknowledgement(
            each.request,
            step,
            answer.fee + 1,
            answer.deadline,
            signer=tools.signer,
            domain=tools.domain,
        )

    ProviderDesk._acknowledgement = dearer  # type: ignore[method-assign]


def _tight_lipped() -> None:
    """Agrees to what pays it, and keeps the receipt to itself."""
    honest = peer.sign

    def without_receipts(send: Send, signer: Signer) -> Message:
        message = honest(send, signer)
        return replace(message, receipts=()) if isinstance(message, Agreement) else message

    peer.sign = without_receipts


def _deaf() -> None:
    """Hears nothing of a settlement, so that it is paid on chain or not at all."""
    honest = transition.hear

    def hear(end: ProviderEnd, message: Message, *rest: Any) -> Any:
        settles = isinstance(message, Update) and any(
            isinstance(operation, SettleLock) for operation in message.operations
        )
        return (end, ()) if settles else honest(end, message, *rest)

    transition.hear = hear


FLAWS = {
    "none": _none,
    "lies": _lies,
    "silent": _silent,
    "greedy": _greedy,
    "tight-lipped": _tight_lipped,
    "deaf": _deaf,
}
