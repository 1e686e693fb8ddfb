"""Work that runs beside other work, and whose failure is nobody's secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


class Crew:
    """Tasks of one owner. Made inside a running loop."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin work; it ends by itself or with `close`. After that nothing begins."""
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failure.done():
            self._failure.set_exception(error)

    async def rest(self, seconds: float | None = None) -> None:
        """Wait so long, for ever if it is None.

        raises   what the first task that failed raised
        """
        done, _ = await asyncio.wait({self._failure}, timeout=seconds)
        for failure in done:
            failure.result()

    async def close(self) -> None:
        """Cancel what is under way."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run these beside the body; they end with it, and the first that fails ends it.

    raises   what that one raised
    """
    owner = asyncio.current_task()
    failures: list[BaseException] = []

    def ended(task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        failures.append(error)
        if len(failures) == 1 and owner is not None:
            owner.cancel()

    tasks = [asyncio.create_task(work) for work in works]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        await asyncio.sleep(0)  # so that all have begun
        yield
    except asyncio.CancelledError:
        if failures and owner is not None and owner.uncancel() == 0:
            raise failures[0] from None
        raise
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
