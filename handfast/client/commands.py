"""`handfast client`: buy generations, look at what is owned, close channels."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console
from rich.table import Table

from handfast import log
from handfast.client.channels import Poor
from handfast.client.client import Bought, Client
from handfast.client.settings import ClientSettings
from handfast.errors import Rejected, Unavailable
from handfast.process import process_options
from handfast.protocol.constants import SCALE
from handfast.provider.settings import MODES

TOKEN = 10**18


def client_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of `ClientSettings` on a command."""
    options = (
        click.option(
            "--coordinator", "coordinators", multiple=True, help="URL; several are possible."
        ),
        click.option("--max-fee", type=int, help="Most to pay for a round, smallest units."),
        click.option("--mode", type=click.Choice(list(MODES)), help="Who chooses the preimage."),
        click.option("--judge", help="digits, digits@0.8, python:module:function or none."),
        click.option("--temperature", type=float, help="Draw by softmax instead of the best."),
        click.option("--modality", help="What to buy: image, text, …"),
        click.option("--deposit", type=int, help="Of a new channel, smallest units."),
    )
    for option in reversed(options):
        command = option(command)
    return process_options(command)


@click.group("client")
def client() -> None:
    """Buy AI generations from providers chosen by reputation."""


@client.command()
@click.argument("prompt")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the content here.")
@click.option("--ask", is_flag=True, help="Show the content first, and ask before paying.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@client_options
def buy(prompt: str, output: Path | None, ask: bool, as_json: bool, **flags: Any) -> None:
    """Buy one generation of PROMPT from the best provider that delivers."""

    async def work(running: Client) -> None:
        order = await running.order(prompt, hold=ask)
        if output is not None:
            await asyncio.to_thread(output.write_bytes, await order.content())
        if ask and not await asyncio.to_thread(click.confirm, f"Pay for {output or 'it'}?"):
            await order.give_up()
            click.echo("taken back: nothing was paid")
            return
        bought = await order.pay()
        click.echo(json.dumps(as_plain(bought)) if as_json else _line(bought, output))
        await running.settle_opinions()

    _with_client(flags, work)


@client.command()
@click.argument("prompts", type=click.File())
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Folder for contents."
)
@click.option("--pause", type=float, default=0.0, help="Seconds between two rounds.")
@client_options
def run(prompts: TextIO, output: Path | None, pause: float, **flags: Any) -> None:
    """Buy one generation for each line of the file PROMPTS, as it comes; print one JSON object a
    round.
    """

    async def work(running: Client) -> None:
        number = -1
        while line := await asyncio.to_thread(prompts.readline):
            number, prompt = number + 1, line.rstrip("\n")
            try:
                bought = await running.buy(prompt)
            except (Unavailable, Rejected) as error:
                if isinstance(error, Poor):
                    raise
                click.echo(json.dumps({"prompt": prompt, "error": str(error)}))
                continue
            plain = as_plain(bought)
            if output is not None:
                file = output / f"{number:04}{_suffix(bought.media_type)}"
                await asyncio.to_thread(file.write_bytes, bought.content)
                plain["file"] = str(file)
            click.echo(json.dumps(plain))
            await asyncio.sleep(pause)
        await running.settle_opinions()

    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    _with_client(flags, work)


@client.command()
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
@client_options
def providers(as_json: bool, **flags: Any) -> None:
    """Show who sells, in the order in which they would be asked."""

    async def work(running: Client) -> None:
        found = await running.providers()
        if as_json:
            rows = [
                {"id": int(who.id), "endpoint": who.endpoint, "score": each.score / SCALE}
                for who, each in found
            ]
            click.echo(json.dumps(rows))
            return
        table = Table("id", "score", "endpoint")
        for who, each in found:
            table.add_row(str(int(who.id)), f"{each.score / SCALE:.3f}", who.endpoint)
        Console().print(table)

    _with_client(flags, work)


@client.command()
@click.option("--claim", "and_claim", is_flag=True, help="Then claim what was bought in them.")
@client_options
def close(and_claim: bool, **flags: Any) -> None:
    """End all channels and get back what is left in them."""

    async def work(running: Client) -> None:
        await running.channels.close_all()
        click.echo("all channels are closed")
        if and_claim:
            click.echo(f"{len(await running.claim_all())} products claimed")

    _with_client(flags, work)


@client.command()
@client_options
def claim(**flags: Any) -> None:
    """Register the products of closed channels as tokens of ours."""

    async def work(running: Client) -> None:
        click.echo(f"{len(await running.claim_all())} products claimed")

    _with_client(flags, work)


def _suffix(media_type: str) -> str:
    return mimetypes.guess_extension(media_type.partition(";")[0]) or ".bin"


def as_plain(bought: Bought) -> dict[str, Any]:
    """A paid round as JSON has it."""
    verdict = bought.verdict
    return {
        "provider": bought.provider,
        "prompt": bought.prompt,
        "fee": str(bought.fee),
        "product": "0x" + bought.product.hex(),
        "media_type": bought.media_type,
        "satisfied": None if verdict is None else verdict.satisfied,
        "confidence": None if verdict is None else round(verdict.confidence, 4),
        "seconds": round(bought.seconds, 3),
    }


def _line(bought: Bought, output: Path | None) -> str:
    verdict = bought.verdict
    said = "no verdict" if verdict is None else "satisfied" if verdict.satisfied else "unsatisfied"
    where = f", written to {output}" if output is not None else ""
    return (
        f"bought from provider {bought.provider} for {bought.fee / TOKEN:g} tokens "
        f"in {bought.seconds:.2f} s: {said}{where}"
    )


def _with_client(flags: dict[str, Any], work: Callable[[Client], Awaitable[None]]) -> None:
    config = flags.pop("config")
    flags["coordinators"] = flags["coordinators"] or None
    settings = ClientSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)

    async def run() -> None:
        async with Client.open(settings) as running:
            await work(running)

    asyncio.run(run())
