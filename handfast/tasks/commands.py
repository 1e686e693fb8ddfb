"""`handfast task`: have strangers make a model or collect data, or work for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click
from prometheus_client import CollectorRegistry
from pydantic import Field
from rich.console import Console
from rich.table import Table

from handfast import log
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment
from handfast.chain.model_tasks import ModelTask, ModelTasks, ModelTerms
from handfast.market.commands import read_options
from handfast.market.settings import ReadSettings
from handfast.process import ProcessSettings, World, process_options, run_until_stopped
from handfast.protocol.constants import Metric, ModelOutcome
from handfast.serving import Limits, Server
from handfast.storage.bars import progress_bar
from handfast.storage.cid import Cid, Codec
from handfast.storage.local import LocalStore
from handfast.storage.serving import block_routes
from handfast.tasks.acting import read_events
from handfast.tasks.data_commands import data
from handfast.tasks.models import ModelDesk, Submitted, submissions_in
from handfast.tasks.options import (
    Duration,
    Share,
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

_METRICS = {metric.name.lower().replace("_", "-"): metric for metric in Metric if metric}


class ServeSettings(ProcessSettings):
    """Settings of `handfast task serve`.

    host, port   to serve content on; port 0 takes a free one
    """

    host: str = "127.0.0.1"
    port: int = Field(8720, ge=0, le=65_535)


@click.group("task")
def task() -> None:
    """Have strangers make a model or collect data, or work for them.

    Money is MarketToken. Commands that were interrupted are simply given again.
    """


task.add_command(data)


@task.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@process_options
def serve(config: Path | None, **flags: Any) -> None:
    """Serve models, deliveries, schemas and validation data of the data folder, until stopped.

    Others find them at the endpoint that is registered for the account. The folder's other commands
    run beside it.
    """
    settings = ServeSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(_serve(settings))


async def _serve(settings: ServeSettings) -> None:
    with LocalStore(settings.data / "blocks") as store:

        async def health() -> dict[str, Any]:
            return {"pins": len(await asyncio.to_thread(store.pins))}

        routes, metrics = block_routes(store), CollectorRegistry()
        async with Server(routes, health, metrics, Limits()) as server:
            await server.start(settings.host, settings.port)
            click.echo(f"serving on port {server.port}", err=True)
            await run_until_stopped(server.watch())


@task.group("model")
def model() -> None:
    """Models: workers commit, reveal, and are paid by the scores that a panel measures."""


# ---------------------------------------------------------------- looking


@model.command("list")
@json_option
@read_options
def list_(as_json: bool, **flags: Any) -> None:
    """List the tasks, newest first."""

    async def work(chain: Chain, deployment: Deployment, _: ReadSettings) -> list[Any]:
        tasks = ModelTasks(chain, deployment.model_tasks.address)
        return [(i, await tasks.task(i)) for i in range(await tasks.count(), 0, -1)]

    found: list[tuple[int, ModelTask]] = with_chain(flags, work)
    if as_json:
        say(True, "", tasks=[{"task": i, **plain(each)} for i, each in found])
        return
    table = Table("task", "reward", "threshold", "deadline", "submitted", "revealed", "outcome")
    for i, each in found:
        table.add_row(
            str(i),
            tokens(each.reward),
            f"{each.threshold / 10**9:g}",
            str(each.deadline),
            f"{each.committed} of {each.max_submissions}",
            str(each.revealed.bit_count()),
            _outcome(each),
        )
    Console().print(table)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@json_option
@read_options
def show(number: int, as_json: bool, **flags: Any) -> None:
    """Show a TASK: what it asks for, and who has submitted what."""

    async def work(chain: Chain, deployment: Deployment, settings: ReadSettings) -> Any:
        tasks = ModelTasks(chain, deployment.model_tasks.address)
        standing = await tasks.task(number)
        events = await read_events(chain, [tasks], deployment.block, settings.confirmations)
        created = next(
            each.arguments["terms"]
            for each in events
            if each.name == "ModelTaskCreated" and each.arguments["task"] == number
        )
        return standing, created, submissions_in(events, number)

    standing, created, submitted = with_chain(flags, work)
    _reward, (digest, codec), _validation, metric, *_ = created
    description, measured = str(Cid(Codec(codec), digest)), Metric(metric)
    if as_json:
        more = {"description": description, "metric": measured, "submissions": submitted}
        say(True, "", task=number, **plain(standing), **more)
        return
    click.echo(f"task {number} of {standing.requester}: {_outcome(standing)}")
    click.echo(f"description {description}, measured by {measured.name.lower()}")
    click.echo(
        f"{tokens(standing.reward)} tokens; deadline {standing.deadline}, reveal until "
        f"{standing.reveal_end}, publish until {standing.publish_end}, case {standing.case_id}"
    )
    _print(submitted)


def _outcome(task_: ModelTask) -> str:
    return "open" if task_.outcome is ModelOutcome.ABSENT else task_.outcome.name.lower()


def _print(submitted: tuple[Submitted, ...]) -> None:
    table = Table("position", "worker", "model", "paid")
    for each in submitted:
        paid = "" if each.paid is None else tokens(each.paid)
        table.add_row(str(each.position), each.worker, str(each.model or ""), paid)
    Console().print(table)


# ---------------------------------------------------------------- acting


@model.command()
@click.option("--description", type=file_argument, required=True, help="What is asked for.")
@click.option("--validation", type=file_argument, required=True, help="Data that are kept secret.")
@click.option("--metric", type=click.Choice(list(_METRICS)), default="accuracy")
@click.option("--threshold", type=Share(), required=True, help="Lowest score that is paid: 0.85.")
@click.option("--tolerance", type=Share(), default="0.001", help="Between voters' scores.")
@click.option("--reveal-period", type=Duration(), default="1d", help="After the deadline.")
@click.option("--publish-period", type=Duration(), default="1d", help="After that.")
@terms_options
@json_option
@process_options
def create(
    description: Path, validation: Path, metric: str, deadline: int, as_json: bool, **flags: Any
) -> None:
    """Put a task up, with its reward and the court's fee. Serve the description from now on."""
    panel = panel_of(flags)
    nothing = Cid(Codec.RAW, bytes(32))
    terms = ModelTerms(
        reward=flags.pop("reward"),
        description=nothing,
        validation=bytes(32),
        metric=_METRICS[metric],
        threshold=flags.pop("threshold"),
        tolerance=flags.pop("tolerance"),
        deadline=0,
        reveal_period=flags.pop("reveal_period"),
        publish_period=flags.pop("publish_period"),
        minimum_reputation=flags.pop("minimum_reputation"),
        max_submissions=flags.pop("most"),
        panel=panel,
    )

    async def work(world: World) -> int:
        return await ModelDesk(world).create(terms, description, validation, deadline)

    number = with_world(flags, work)
    say(as_json, f"task {number} is open for {deadline} seconds", task=number)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@click.argument("path", type=file_argument)
@json_option
@process_options
def commit(number: int, path: Path, as_json: bool, **flags: Any) -> None:
    """Commit to the model at PATH, with a deposit. Nobody learns of it before the reveal."""

    async def work(world: World) -> int:
        with progress_bar("storing", lambda: path.stat().st_size) as report:
            return await ModelDesk(world).commit(number, path, report)

    position = with_world(flags, work)
    say(as_json, f"committed at position {position}; reveal after the deadline", position=position)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@click.option("--model", "path", type=file_argument, help="If committed from another folder.")
@json_option
@process_options
def reveal(number: int, path: Path | None, as_json: bool, **flags: Any) -> None:
    """Reveal the model that was committed to TASK. Serve it from now on."""

    async def work(world: World) -> Cid:
        return await ModelDesk(world).reveal(number, path)

    cid = with_world(flags, work)
    say(as_json, f"revealed {cid}; keep `handfast task serve` running", model=cid)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@click.option("--validation", type=file_argument, help="If created from another folder.")
@json_option
@process_options
def publish(number: int, validation: Path | None, as_json: bool, **flags: Any) -> None:
    """Publish the validation data of TASK and ask the court. Serve them from now on."""

    async def work(world: World) -> int:
        return await ModelDesk(world).publish(number, validation)

    case = with_world(flags, work)
    say(as_json, f"case {case} is open; keep `handfast task serve` running", case=case)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@json_option
@process_options
def settle(number: int, as_json: bool, **flags: Any) -> None:
    """Fix what everybody gets, once the court has ruled or the requester's time is over."""

    async def work(world: World) -> ModelOutcome:
        return await ModelDesk(world).settle(number)

    outcome = with_world(flags, work)
    say(as_json, f"settled: {outcome.name.lower()}", outcome=outcome)


@model.command()
@click.argument("number", metavar="TASK", type=int)
@click.option("--worker", help="Whose; else this account's.")
@json_option
@process_options
def claim(number: int, worker: str | None, as_json: bool, **flags: Any) -> None:
    """Have a worker paid what is its own, and its participation recorded."""

    async def work(world: World) -> int:
        return await ModelDesk(world).claim(number, worker)

    amount = with_world(flags, work)
    say(as_json, f"{tokens(amount)} tokens paid", amount=str(amount))
