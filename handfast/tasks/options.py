"""What the commands of tasks share: flags, the world, money in words."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from pathlib import Path
from typing import Any, TypeVar

import click

from handfast import log
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment, load
from handfast.chain.model_tasks import PanelTerms
from handfast.errors import InvalidInput
from handfast.market.settings import ReadSettings
from handfast.process import ProcessSettings, World, open_world
from handfast.protocol.constants import MAX_SUBMISSIONS, SCALE
from handfast.storage.cid import Cid

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])

TOKEN = 10**18
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION = re.compile(r"(\d+)([smhd]?)")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
file_argument = click.Path(path_type=Path, dir_okay=False, exists=True)


class Tokens(click.ParamType[int]):
    """An amount in whole tokens, `2.5`; becomes smallest units."""

    name = "tokens"

    def convert(self, value: Any, *_: Any) -> int:
        if isinstance(value, int):
            return value
        return _scaled(str(value), TOKEN, "an amount of tokens")


class Share(click.ParamType[int]):
    """A number like `0.85`; becomes a share out of SCALE."""

    name = "number"

    def convert(self, value: Any, *_: Any) -> int:
        if isinstance(value, int):
            return value
        return _scaled(str(value), SCALE, "a number", negative=True)


class Duration(click.ParamType[int]):
    """A time like `90`, `30m` or `2d`; becomes seconds."""

    name = "duration"

    def convert(self, value: Any, *_: Any) -> int:
        if isinstance(value, int):
            return value
        match = _DURATION.fullmatch(str(value))
        if match is None:
            raise InvalidInput(f"{value!r} is no time: say 90, 30m, 12h or 2d")
        return int(match[1]) * _SECONDS[match[2] or "s"]


def _scaled(text: str, one: int, what: str, *, negative: bool = False) -> int:
    try:
        number = Decimal(text) * one
    except InvalidOperation:
        raise InvalidInput(f"{text!r} is not {what}") from None
    if not number.is_finite() or number != int(number) or (number < 0 and not negative):
        raise InvalidInput(f"{text!r} is not {what} with so many digits")
    return int(number)


def terms_options(command: Command) -> Command:
    """The flags of everything that tasks of both kinds ask for."""
    options = (
        click.option("--reward", type=Tokens(), required=True, help="Whole tokens."),
        click.option("--deadline", type=Duration(), default="7d", help="From now on: 90, 30m, 7d."),
        click.option("--minimum-reputation", type=Share(), default="0", help="Of a worker."),
        click.option("--most", type=int, default=MAX_SUBMISSIONS, help="Places for workers."),
        click.option("--seats", type=int, default=5, help="Of the court's panel, odd."),
        click.option("--vote-period", type=Duration(), default="1d", help="Of the panel."),
        click.option("--vote-reveal-period", type=Duration(), default="1d", help="Of the panel."),
        click.option("--appeal-period", type=Duration(), default="1d", help="Of the court."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def panel_of(flags: dict[str, Any]) -> PanelTerms:
    """Take the panel's flags out of all of them."""
    names = "seats", "vote_period", "vote_reveal_period", "appeal_period"
    return PanelTerms(*(flags.pop(name) for name in names))


def with_world(flags: dict[str, Any], work: Callable[[World], Awaitable[T]]) -> T:
    """Run something as the account that the flags name."""
    config: Path | None = flags.pop("config")
    settings = ProcessSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)

    async def run() -> T:
        async with open_world(settings) as world:
            return await work(world)

    return asyncio.run(run())


def with_chain(
    flags: dict[str, Any], work: Callable[[Chain, Deployment, ReadSettings], Awaitable[T]]
) -> T:
    """Run something that only looks."""
    config: Path | None = flags.pop("config")
    settings = ReadSettings.load(config, **flags)

    async def run() -> T:
        async with Chain(settings.rpc) as chain:
            return await work(chain, await load(chain, settings.deployments), settings)

    return asyncio.run(run())


def tokens(amount: int) -> str:
    """An amount for people."""
    return f"{Decimal(amount).scaleb(-18).normalize():f}"


def plain(value: Any) -> Any:
    """A value as JSON has it: amounts and hashes as text, since JSON's numbers lose digits."""
    if is_dataclass(value) and not isinstance(value, type | Cid):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return str(value)


def say(as_json: bool, text: str, **fields: Any) -> None:
    """One line, or one JSON object."""
    click.echo(json.dumps(plain(fields)) if as_json else text)
