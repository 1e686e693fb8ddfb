"""What the commands of the market ask a person."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import click

from handfast.errors import InvalidInput
from handfast.market.state import NATIVE
from handfast.market.terms import Money
from handfast.protocol.messages import is_address


async def agree(lines: Sequence[str], yes: bool, question: str) -> None:
    """Show what is agreed to, and ask.

    yes      whether it was agreed to beforehand
    raises   InvalidInput if nobody can be asked, click.Abort if they say no
    """
    for line in lines:
        click.echo(line, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidInput("nobody is here to agree: --yes agrees to these terms")
    await asyncio.to_thread(click.confirm, question, abort=True, err=True)


def token_of(name: str, money: Money) -> str:
    """The token that a person named.

    raises   InvalidInput if it is none
    """
    if name == "market":
        return money.market_token
    if name == "native":
        return NATIVE
    if not is_address(name):
        raise InvalidInput(f"{name!r} is no token: market, native or an address")
    return name
