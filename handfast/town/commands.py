"""`handfast demo` and `handfast devnet`: a whole market on this machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from handfast import log
from handfast.errors import Unavailable
from handfast.process import run_until_stopped
from handfast.registry.participants import Role
from handfast.town.bazaar_commands import market
from handfast.town.demo import (
    AFTER,
    BEFORE,
    CLIENTS,
    FEW,
    MODELS,
    Play,
    members,
    open_shops,
    play,
    table_rows,
)
from handfast.town.pictures import draw_images, draw_scores
from handfast.town.report import Report
from handfast.town.stage import check_lines, perform
from handfast.town.task_commands import tasks
from handfast.town.town import TOKEN, Citizen, Town, empty, found, require_free

DEMO_FOLDER = Path("handfast-town") / "demo"
DEVNET_FOLDER = Path("handfast-town") / "devnet"
_LASTING_SECONDS = 5.0


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEMO_FOLDER,
    show_default=True,
    help="Journals, logs, pictures and report.json; made anew.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report instead of tables.")
def demo(context: click.Context, folder: Path, as_json: bool) -> None:
    """Run a market of four clients and four providers, and check that it is sound."""
    if context.invoked_subcommand is not None:
        return
    perform(
        folder,
        as_json,
        lambda console: _play(folder, console),
        lambda report: _draw(report, folder),
        lambda report, console: _show(report, folder, console),
    )


demo.add_command(market)
demo.add_command(tasks)


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=DEVNET_FOLDER,
    show_default=True,
    help="Journals, logs and settings; made anew.",
)
@click.option("--port", type=int, default=8545, show_default=True, help="Of the chain.")
def devnet(folder: Path, port: int) -> None:
    """Keep a market running on this machine, to try things by hand."""
    require_free(port)  # before the folder of what may be running there is emptied
    empty(folder)
    log.configure("error")
    asyncio.run(_keep(folder, port))


async def _play(folder: Path, console: Console) -> Report:
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        live.update(Text("a chain starts, contracts are deployed, everybody registers …"))
        return await play(folder, lambda drama: live.update(_scene(drama)))


def _scene(drama: Play) -> Group:
    """What a person sees while the demo runs."""
    table = Table(title=drama.doing, title_justify="left")
    for heading in ("provider", "score", "", "rounds", "earned", "last verdicts"):
        table.add_column(heading)
    scores = drama.standings[-1].scores if drama.standings else {}
    for name, model in MODELS.items():
        mine = [each for each in drama.rounds if each.provider == name]
        score = scores.get(name)
        verdicts = "".join("✓" if each.satisfied else "✗" for each in mine[-12:])
        table.add_row(
            f"{name}  [dim]{model.partition(':')[2]}[/dim]",
            "" if score is None else f"{score / 10**9:.3f}",
            ProgressBar(total=10**9, completed=score or 0, width=20),
            str(len(mine)),
            f"{sum(each.fee for each in mine) / TOKEN:.2f}",
            verdicts,
        )
    total = (len(CLIENTS) - 1) * (BEFORE + AFTER) + FEW
    paid = len(drama.rounds)
    return Group(
        table,
        ProgressBar(total=total, completed=min(paid, total), width=60),
        Text(f"{paid} rounds paid"),
        *check_lines(drama.checks),
    )


def _draw(report: Report, folder: Path) -> None:
    draw_images(report.rounds, folder / "images.png")
    draw_scores(report, folder / "scores.png")


def _show(report: Report, folder: Path, console: Console) -> None:
    table = Table(title="Who earned what")
    sold = f"sold until {report.turn}", "after", "earned"
    for heading in ("provider", *sold, "satisfied", "best score", "now"):
        table.add_column(heading, justify="left" if heading == "provider" else "right")
    for row in table_rows(report):
        table.add_row(*row)
    gas = Table(title="Gas per step")
    for heading in ("step", "times", "gas, mean"):
        gas.add_column(heading, justify="left" if heading == "step" else "right")
    for step, times, used in report.gas_rows():
        gas.add_row(step, str(times), f"{used:,}")
    console.print(table, gas)
    for check in report.checks:
        mark = "[green]✓[/green]" if check.held else "[red]✗[/red]"
        console.print(f"{mark} {check.name}: {check.detail}", highlight=False)
    rate = len(report.rounds) / report.seconds
    console.print(
        f"{len(report.rounds)} rounds in {report.seconds:.0f} s ({rate:.1f}/s); {folder}/:"
    )
    console.print("scores.png, images.png, report.json, and a log of every process")


async def _keep(folder: Path, port: int) -> None:
    click.echo("a chain starts, contracts are deployed, everybody registers …")
    async with found(folder, members(hurried=False), port) as town:
        await open_shops(town)
        click.echo(_hints(town))
        await run_until_stopped(_watch(town))
        click.echo("the town closes")


async def _watch(town: Town) -> None:
    """Start again what was ended from outside; fail when a process does not last."""
    servers = [each for each in town.citizens.values() if each.process is not None]
    tasks = [asyncio.create_task(_keep_up(town, each)) for each in servers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep_up(town: Town, citizen: Citizen) -> None:
    name, loop = citizen.member.name, asyncio.get_running_loop()
    while citizen.process is not None:
        started = loop.time()
        code = await citizen.process.wait()
        if loop.time() < started + _LASTING_SECONDS:
            raise Unavailable(f"{name} does not last: {town.last(citizen)}")
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        click.echo(f"{name} {how}: it is started again, and goes on from its journal")
        await town.start(citizen, *citizen.command, module=citizen.module)


def _hints(town: Town) -> str:
    (coordinator,) = town.find(Role.COORDINATOR)
    client = town.find(Role.CLIENT)[0]
    provider = town.find(Role.PROVIDER)[0]
    return f"""
The chain answers at {town.anvil.url}, the coordinator at {coordinator.url}.
Providers: {", ".join(f"{each.member.name} {each.url}" for each in town.find(Role.PROVIDER))}
Everybody's settings, keys and logs are in {town.folder}. Ctrl-C ends the town. Try:

  handfast client providers --config {client.config}
  handfast client buy "a handwritten seven" --config {client.config} -o seven.png
  handfast client buy "a handwritten two" --mode key-release --config {client.config} -o two.png
  handfast coordinator status --url {coordinator.url}
  handfast registry list --config {client.config}
  handfast client close --config {client.config}
  handfast client claim --config {client.config}
  curl {provider.url}/health
"""
