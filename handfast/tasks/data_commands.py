"""`handfast task data`: data that only the requester can open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from handfast.chain.client import Chain
from handfast.chain.data_tasks import DataTask, DataTasks, DataTerms, DeliveryStatus
from handfast.chain.deployment import Deployment
from handfast.market.commands import read_options
from handfast.market.settings import ReadSettings
from handfast.process import World, process_options
from handfast.storage.bars import progress_bar
from handfast.storage.cid import Cid, Codec
from handfast.tasks.acting import read_events
from handfast.tasks.data import DataDesk, Opened, deliveries_in
from handfast.tasks.options import (
    Duration,
    Tokens,
    file_argument,
    json_option,
    panel_of,
    plain,
    say,
    terms_options,
    tokens,
    with_chain,
    with_world,
)


@click.group("data")
def data() -> None:
    """Data: workers deliver sealed files; the requester judges them, and a panel judges it."""


# ---------------------------------------------------------------- looking


@data.command("list")
@json_option
@read_options
def list_(as_json: bool, **flags: Any) -> None:
    """List the tasks, newest first."""

    async def work(chain: Chain, deployment: Deployment, _: ReadSettings) -> list[Any]:
        tasks = DataTasks(chain, deployment.data_tasks.address)
        return [(i, await tasks.task(i)) for i in range(await tasks.count(), 0, -1)]

    found: list[tuple[int, DataTask]] = with_chain(flags, work)
    if as_json:
        say(True, "", tasks=[{"task": i, **plain(each)} for i, each in found])
        return
    table = Table("task", "reward", "deadline", "delivered", "honest", "disputed", "settled")
    for i, each in found:
        table.add_row(
            str(i),
            tokens(each.reward),
            str(each.deadline),
            f"{each.delivered} of {each.max_deliveries}",
            str(each.honest),
            str(each.disputed),
            "yes" if each.is_settled else "no",
        )
    Console().print(table)


@data.command()
@click.argument("number", metavar="TASK", type=int)
@json_option
@read_options
def show(number: int, as_json: bool, **flags: Any) -> None:
    """Show a TASK: what it asks for, and how its deliveries stand."""

    async def work(chain: Chain, deployment: Deployment, settings: ReadSettings) -> Any:
        tasks = DataTasks(chain, deployment.data_tasks.address)
        standing = await tasks.task(number)
        events = await read_events(chain, [tasks], deployment.block, settings.confirmations)
        delivered = deliveries_in(events, number)
        states = [(each, await tasks.delivery(number, each.worker)) for each in delivered]
        created = next(
            each.arguments["terms"]
            for each in events
            if each.name == "DataTaskCreated" and each.arguments["task"] == number
        )
        return standing, created, states

    standing, created, states = with_chain(flags, work)
    digest, codec = created[2]
    schema = str(Cid(Codec(codec), digest))
    if as_json:
        rows = [{"worker": each.worker, **plain(status)} for each, status in states]
        say(True, "", task=number, **plain(standing), schema=schema, deliveries=rows)
        return
    click.echo(f"task {number} of {standing.requester}, schema {schema}")
    click.echo(
        f"{tokens(standing.reward)} tokens and {tokens(standing.compensation)} at stake; deadline "
        f"{standing.deadline}, judged by {standing.judging_end}, disputes until "
        f"{standing.dispute_end}"
    )
    table = Table("position", "worker", "bytes", "state", "paid")
    for each, status in states:
        row: DeliveryStatus = status
        paid = "yes" if row.is_claimed else ""
        state = row.state.name.lower()
        table.add_row(str(row.position), each.worker, str(each.seal.size), state, paid)
    Console().print(table)


# ---------------------------------------------------------------- requester


@data.command()
@click.option("--schema", type=file_argument, required=True, help="Features, as JSON.")
@click.option("--compensation", type=Tokens(), help="Whole tokens at stake; else the reward.")
@click.option("--judging-period", type=Duration(), default="2d", help="After the deadline.")
@click.option("--dispute-period", type=Duration(), default="2d", help="After the judgement.")
@terms_options
@json_option
@process_options
def create(
    schema: Path, compensation: int | None, deadline: int, as_json: bool, **flags: Any
) -> None:
    """Put a task up, with reward and compensation, as a registered account. Serve the schema.

    Silence for the whole judging period makes every delivery honest.
    """
    panel, reward = panel_of(flags), flags.pop("reward")
    terms = DataTerms(
        reward=reward,
        compensation=reward if compensation is None else compensation,
        schema=Cid(Codec.RAW, bytes(32)),
        deadline=0,
        judging_period=flags.pop("judging_period"),
        dispute_period=flags.pop("dispute_period"),
        minimum_reputation=flags.pop("minimum_reputation"),
        max_deliveries=flags.pop("most"),
        panel=panel,
    )

    async def work(world: World) -> int:
        return await DataDesk(world).create(terms, schema, deadline)

    number = with_world(flags, work)
    say(as_json, f"task {number} is open for {deadline} seconds", task=number)


@data.command("open")
@click.argument("number", metavar="TASK", type=int)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--from", "source", default="", help="URL that serves them; else each worker.")
@json_option
@process_options
def open_(number: int, folder: Path, source: str, as_json: bool, **flags: Any) -> None:
    """Fetch and open every delivery of TASK into FOLDER; prove wrong keys and chunks on chain."""

    async def work(world: World) -> tuple[Opened, ...]:
        with progress_bar("fetching", lambda: None) as report:
            return await DataDesk(world).open_all(number, folder, source, report)

    found = with_world(flags, work)
    if as_json:
        say(True, "", deliveries=[_plain_opened(each) for each in found])
        return
    table = Table("position", "worker", "file", "fault")
    for each in found:
        place = str(each.delivery.position)
        table.add_row(place, each.delivery.worker, str(each.path or ""), each.fault)
    Console().print(table)


def _plain_opened(each: Opened) -> dict[str, Any]:
    return {
        "position": each.delivery.position,
        "worker": each.delivery.worker,
        "path": None if each.path is None else str(each.path),
        "fault": each.fault,
        "voided": each.voided,
    }


@data.command()
@click.argument("number", metavar="TASK", type=int)
@click.option("--dishonest", multiple=True, type=int, help="A position; repeat it for more.")
@json_option
@process_options
def judge(number: int, dishonest: tuple[int, ...], as_json: bool, **flags: Any) -> None:
    """Judge TASK: all but the named are honest. The court's fee for each named one is put aside.

    A worker that disputes and wins has its costs out of it, and the compensation.
    """

    async def work(world: World) -> None:
        await DataDesk(world).judge(number, dishonest)

    with_world(flags, work)
    say(as_json, f"judged: {len(dishonest)} dishonest", dishonest=sorted(dishonest))


# ---------------------------------------------------------------- worker


@data.command()
@click.argument("number", metavar="TASK", type=int)
@click.argument("path", type=file_argument)
@json_option
@process_options
def deliver(number: int, path: Path, as_json: bool, **flags: Any) -> None:
    """Seal the file at PATH for the requester and deliver it, with a deposit. Serve it then."""

    async def work(world: World) -> int:
        with progress_bar("sealing", lambda: path.stat().st_size) as report:
            return await DataDesk(world).deliver(number, path, report)

    position = with_world(flags, work)
    text = f"delivered at position {position}; keep `handfast task serve` running"
    say(as_json, text, position=position)


@data.command()
@click.argument("number", metavar="TASK", type=int)
@json_option
@process_options
def dispute(number: int, as_json: bool, **flags: Any) -> None:
    """Take being marked dishonest to the court, at its fee.

    Who wins has the fee back and shares the compensation; who loses, or opens no key, or meets a
    silent panel, loses fee and deposit.
    """

    async def work(world: World) -> int:
        return await DataDesk(world).dispute(number)

    case = with_world(flags, work)
    say(as_json, f"case {case} is open; open the key once its panel is drawn", case=case)


@data.command("open-key")
@click.argument("number", metavar="TASK", type=int)
@click.option("--content", type=file_argument, help="If delivered from another folder.")
@json_option
@process_options
def open_key(number: int, content: Path | None, as_json: bool, **flags: Any) -> None:
    """Open the disputed delivery to the panel that sits now, and to nobody else."""

    async def work(world: World) -> int:
        return await DataDesk(world).open_key(number, content)

    round_ = with_world(flags, work)
    say(as_json, f"opened to the panel of round {round_}", round=round_)


# ---------------------------------------------------------------- anybody


@data.command()
@click.argument("number", metavar="TASK", type=int)
@json_option
@process_options
def settle(number: int, as_json: bool, **flags: Any) -> None:
    """Take over the court's rulings, and fix what everybody gets."""

    async def work(world: World) -> None:
        await DataDesk(world).settle(number)

    with_world(flags, work)
    say(as_json, "settled", task=number)


@data.command()
@click.argument("number", metavar="TASK", type=int)
@click.option("--worker", help="Whose; else this account's.")
@json_option
@process_options
def claim(number: int, worker: str | None, as_json: bool, **flags: Any) -> None:
    """Have a worker paid what is its own, and its participation recorded."""

    async def work(world: World) -> int:
        return await DataDesk(world).claim(number, worker)

    amount = with_world(flags, work)
    say(as_json, f"{tokens(amount)} tokens paid", amount=str(amount))
