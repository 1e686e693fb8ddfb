"""Evaluates what strangers made, in a child process that can harm nobody.

The child gets open descriptors and limits, and no path, key, network or expected answer. Whatever
becomes of it (it crashes, loops, allocates without end, answers rubbish) is one value, `Refused`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handfast.codec import Malformed
from handfast.disputes.child import CANNOT_START
from handfast.disputes.jobs import (
    ANSWERS,
    ORDERS,
    Answer,
    Held,
    Job,
    Limits,
    Order,
    Predict,
    Probe,
    Refused,
)
from handfast.errors import InvalidInput, InvariantBroken, Unavailable

_CLOCK: Final = 4
"""How many times the processor time the clock may show: a busy machine is not the model's fault."""
_STARTING: Final = 60
_PROBE_SECONDS: Final = 10
# Nothing of the parent's, where the account's key may stand; one thread for each library.
_ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
}


@dataclass(frozen=True, slots=True)
class Protections:
    """What this machine keeps an evaluation from, found out by trying.

    mechanisms   what does it, by name
    files        whether it can't open a file
    network      whether it can't reach even this machine
    processes    whether it can't start another process
    """

    mechanisms: tuple[str, ...]
    files: bool
    network: bool
    processes: bool

    def missing(self) -> tuple[str, ...]:
        """What is not kept from it."""
        names = ("files", "network", "processes")
        return tuple(name for name in names if not getattr(self, name))


class Sandbox:
    """Runs jobs in children of their own, a few at a time.

    limits   of each job; an answer that is longer than usual is asked for with `output`
    beside   jobs at once
    """

    def __init__(self, limits: Limits | None = None, beside: int = 1) -> None:
        self.limits = limits or Limits()
        self._beside = asyncio.Semaphore(beside)

    async def protections(self) -> Protections:
        """Try what is kept from an evaluation here, and whether evaluations run at all.

        raises   Unavailable if they do not
        """
        with tempfile.NamedTemporaryFile() as file, socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            os.fchmod(file.fileno(), 0o644)  # so that only a protection keeps anybody from it
            answer = await self.run(Probe(file.name, listener.getsockname()[1]), ())
            empty = Path(file.name)
            tried = await self.run(Predict.trial(), (empty, empty))
        if not isinstance(answer, Held):
            raise Unavailable(f"evaluations do not run here: {_reason(answer)}")
        if not isinstance(tried, Refused):
            raise InvariantBroken("an empty file was evaluated")
        if answer.informed:
            raise InvariantBroken("an evaluation sees this process's settings")
        return Protections(
            answer.mechanisms, not answer.opened, not answer.connected, not answer.forked
        )

    async def run(self, job: Job, files: Sequence[Path], output: int | None = None) -> Answer:
        """Do a job.

        files    paths of what the job names, for this process alone: the child reads what they
                 hold and is not told where that is
        output   most bytes of the answer; those of the limits by default
        returns  Refused whatever the material did
        raises   Unavailable if no child can be started, or a library is missing
        """
        limits = self.limits
        if output is not None:
            limits = Limits(limits.memory, limits.seconds, output)
        async with self._beside:
            with ExitStack() as stack:
                streams = [stack.enter_context(path.open("rb")) for path in files]
                return await self._run(job, tuple(each.fileno() for each in streams), limits)

    async def _run(self, job: Job, files: tuple[int, ...], limits: Limits) -> Answer:
        order = ORDERS.encode(Order(job, limits, os.getpid(), files))
        try:
            # From the event loop's own thread: the child ends with the thread that started it.
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", "handfast.disputes.child"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                pass_fds=files,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(f"no evaluation could be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(_CLOCK * limits.seconds + _STARTING):
                data = await _converse(child, order, limits.output)
        except TimeoutError:
            return Refused("it took too long by the clock")
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if data is None:
            return Refused(f"it answers more than {limits.output} bytes")
        return _read(child, data)


async def _converse(child: Process, order: bytes, most: int) -> bytes | None:
    """Give the order and take the answer; None if it is too long."""
    if child.stdin is None or child.stdout is None:
        raise InvariantBroken("a child was started without pipes")
    with suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(order)
        await child.stdin.drain()
    child.stdin.close()
    data = bytearray()
    while chunk := await child.stdout.read(1 << 16):
        data += chunk
        if len(data) > most:
            return None
    await child.wait()
    return bytes(data)


def _read(child: Process, data: bytes) -> Answer:
    status = child.returncode
    if status == CANNOT_START:
        text = data.decode(errors="replace")
        raise Unavailable(f"evaluations need the extra `voter`: {text}")
    if not data:
        how = f"signal {-status}" if status is not None and status < 0 else f"status {status}"
        return Refused(f"it ended with {how}")
    try:
        return ANSWERS.decode(data)
    except (Malformed, InvalidInput):
        return Refused("it answers rubbish")


def _reason(answer: Answer) -> str:
    return answer.reason if isinstance(answer, Refused) else type(answer).__name__
