"""`handfast send`: give another account coins of the chain, or MarketToken."""

from __future__ import annotations

import asyncio
import re
import secrets
from pathlib import Path
from typing import Any

import click
from eth_utils.address import is_address, to_checksum_address

from handfast import log
from handfast.chain.client import Call
from handfast.chain.token import MarketToken
from handfast.errors import InvalidInput, Rejected
from handfast.process import AccountSettings, World, open_world, process_options

UNIT = 10**18
_AMOUNT = re.compile(r"(\d+)(?:\.(\d{1,18}))?")


@click.command("send")
@click.argument("account")
@click.option("--coins", default="0", help="Native coins of the chain, such as 0.5.")
@click.option("--tokens", default="0", help="MarketToken, such as 100 or 0.25.")
@process_options
def send(account: str, coins: str, tokens: str, **flags: Any) -> None:
    """Give ACCOUNT coins of the chain, MarketToken, or both."""
    if not is_address(account):
        raise InvalidInput(f"{account} is no account: 0x and 40 hexadecimal digits")
    amounts = parse_amount(coins), parse_amount(tokens)
    if not any(amounts):
        raise InvalidInput("say how much to send: --coins, --tokens or both")
    config: Path | None = flags.pop("config")
    settings = AccountSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)

    async def run() -> None:
        async with open_world(settings) as world:
            await _give(world, to_checksum_address(account), *amounts)
        click.echo(f"{account} has {coins} coins and {tokens} tokens more")

    asyncio.run(run())


async def _give(world: World, account: str, coins: int, tokens: int) -> None:
    if coins:
        call = Call(account, b"", "sending coins", coins)
        await world.sender.send(f"coins {secrets.token_hex(16)}", call)
    if tokens:
        token = MarketToken(world.chain, world.deployment.market_token.address)
        held = await token.balance_of(world.identity.address)
        if held < tokens:
            raise Rejected(
                f"{world.identity.address} has {held} smallest units of MarketToken, "
                f"{tokens} are to be sent",
                "no_funds",
            )
        call = token.transfer(account, tokens)
        await world.sender.send(f"tokens {secrets.token_hex(16)}", call)


def parse_amount(text: str) -> int:
    """Smallest units of an amount with at most 18 decimals.

    raises   InvalidInput if it is none
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text!r} is no amount, such as 100 or 0.25")
    whole, rest = found[1], found[2] or ""
    return int(whole) * UNIT + int(rest.ljust(18, "0"))
