"""What every demo does around its play: an empty folder, an early end, a report, and a verdict."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click
from rich.console import Console
from rich.text import Text

from handfast import log
from handfast.errors import InvalidInput
from handfast.town.report import Check
from handfast.town.town import empty


class Reported(Protocol):
    """What a play leaves behind."""

    @property
    def passed(self) -> bool:
        """Whether every check held."""

    def json(self) -> dict[str, Any]:
        """For programs."""


R = TypeVar("R", bound=Reported)


def perform(
    folder: Path,
    as_json: bool,
    play: Callable[[Console], Awaitable[R]],
    draw: Callable[[R], None],
    show: Callable[[R, Console], None],
) -> None:
    """Play a demo in a folder made anew, keep and show its report, and exit with its verdict.

    draw   the pictures; those that need a library which is not installed are left out
    """
    empty(folder)
    log.configure("error")
    console = Console(stderr=as_json)
    try:
        report = asyncio.run(_until_told(play(console)))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    (folder / "report.json").write_text(json.dumps(report.json(), indent=1) + "\n")
    try:
        draw(report)
    except InvalidInput as error:
        click.echo(f"handfast: {error}", err=True)
    if as_json:
        click.echo(json.dumps(report.json()))
    else:
        show(report, console)
    sys.exit(0 if report.passed else 1)


def check_lines(checks: Iterable[Check]) -> list[Text]:
    """The checks that were made so far, a line each, for the live view."""
    return [
        Text(f"{'✓' if each.held else '✗'} {each.name}", style="green" if each.held else "red")
        for each in checks
    ]


async def _until_told(playing: Awaitable[R]) -> R:
    task = asyncio.current_task()
    if task is not None:  # so that nobody is left running when the demo is told to end
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await playing
