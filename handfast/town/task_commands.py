"""`handfast demo tasks`: a model crowdsourced and judged on this machine, honestly and not."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from handfast import log
from handfast.errors import InvalidInput
from handfast.town.task_report import TaskReport, draw_workers, show_tasks
from handfast.town.tasks import play
from handfast.town.town import empty

FOLDER = Path("handfast-town") / "tasks"


@click.command("tasks")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Journals, logs, a picture and report.json; made anew.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of tables.")
def tasks(folder: Path, as_json: bool) -> None:
    """Have a model crowdsourced and judged, where some cheat, one is bribed, and one dies."""
    empty(folder)
    log.configure("error")
    console = Console(stderr=as_json)
    try:
        report = asyncio.run(_play(folder, console))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    (folder / "report.json").write_text(json.dumps(report.json(), indent=1) + "\n")
    try:
        draw_workers(report, folder / "scores.png")
    except InvalidInput as error:
        click.echo(f"handfast: {error}", err=True)
    if as_json:
        click.echo(json.dumps(report.json()))
    else:
        show_tasks(report, console)
        console.print(f"{report.seconds:.0f} s; {folder}/: scores.png, report.json, and logs")
    sys.exit(0 if report.passed else 1)


async def _play(folder: Path, console: Console) -> TaskReport:
    task = asyncio.current_task()
    if task is not None:  # so that nobody is left running when the demo is told to end
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with console.status("a chain starts …") as status:
        return await play(folder, status.update)
