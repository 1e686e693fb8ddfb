"""Shows people how far a long transfer is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from handfast.storage.ingest import Progress as Report
from handfast.storage.ingest import ignore


@contextmanager
def progress_bar(verb: str, total: Callable[[], int | None]) -> Iterator[Report]:
    """A bar on the standard error, if a person watches it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield ignore
        return
    columns = (TextColumn(verb), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(verb, total=total())
        yield lambda count: bars.advance(task, count)
