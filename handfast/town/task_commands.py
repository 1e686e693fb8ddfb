"""`handfast demo tasks`: a model crowdsourced and judged on this machine, honestly and not."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from handfast.town.stage import perform
from handfast.town.task_report import TaskReport, draw_workers, show_tasks
from handfast.town.tasks import play

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
    perform(
        folder,
        as_json,
        lambda console: _play(folder, console),
        lambda report: draw_workers(report, folder / "scores.png"),
        lambda report, console: _show(report, folder, console),
    )


async def _play(folder: Path, console: Console) -> TaskReport:
    with console.status("a chain starts …") as status:
        return await play(folder, status.update)


def _show(report: TaskReport, folder: Path, console: Console) -> None:
    show_tasks(report, console)
    console.print(f"{report.seconds:.0f} s; {folder}/: scores.png, report.json, and logs")
