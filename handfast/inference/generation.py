"""What a model makes, and the one method that every model answers to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from handfast.errors import Unavailable

Result = TypeVar("Result")

MAX_CONTENT = 16 * 1024 * 1024
"""Largest content of one generation, in bytes."""

TEXT = "text/plain; charset=utf-8"

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


@dataclass(frozen=True, slots=True)
class Generation:
    """What a model made of a prompt."""

    content: bytes
    media_type: str


class Generator(Protocol):
    """A model that a provider serves."""

    @property
    def modality(self) -> str:
        """What it makes: "image", "text", ...; clients choose their judge by it."""
        ...

    async def generate(self, prompt: str, seed: int) -> Generation:
        """Make one thing. Never blocks the event loop.

        seed     0 to 2^64 - 1; a model that can repeat itself does so for equal seeds
        raises   InvalidInput for a prompt it cannot serve; Unavailable when it is busy, slow or
                 down; Rejected when the model behind it refuses or answers nonsense
        """
        ...


class WorkerPool:
    """A few threads for synchronous models, with a bounded queue before them."""

    def __init__(self, workers: int = 2, waiting: int = 64) -> None:
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="inference")
        self._places = threading.BoundedSemaphore(workers + waiting)

    def submit(self, work: Callable[[], Result]) -> asyncio.Future[Result]:
        """Queue this work; a place is taken until it ends, even if its caller stops waiting.

        raises   Unavailable at once if all places are taken
        """
        if not self._places.acquire(blocking=False):
            raise Unavailable("the model is busy: its queue is full")
        future = self._executor.submit(work)
        future.add_done_callback(lambda _: self._places.release())
        return asyncio.wrap_future(future)

    def close(self) -> None:
        """Take no more work and forget what has not begun."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def media_type(content: bytes) -> str:
    """Tell the kind of some bytes by how they begin."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    known = (kind for signature, kind in _SIGNATURES if content.startswith(signature))
    return next(known, "application/octet-stream")
