"""A chain that takes an end back, under peers that run, and under peers that are away meanwhile.
(SPEC CH-28, PR-12)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from handfast.chain.client import Chain
from handfast.channels.effects import Offered, Revived
from handfast.channels.handles import ClientChannel, ProviderChannel
from handfast.channels.state import Parameters
from handfast.channels.wire import Party
from handfast.crypto.keccak import keccak
from tests.services.channels.running import (
    CHALLENGE,
    FEE,
    TIMING,
    Node,
    Town,
    balance,
    listener,
    open_channel,
    reopen_channel,
    running,
    sent,
    until,
    url_of,
)

Run = Callable[[Coroutine[Any, Any, None]], None]
PRODUCT = keccak(b"a")
SLACK = 5
salts = count(2_000)


@dataclass
class Sold:
    """A channel in which one product was offered.

    start    newest block before its opening
    money    what the provider had then
    """

    start: int
    money: int
    parameters: Parameters
    provider: Node
    seller: ProviderChannel
    buyer: ClientChannel


@asynccontextmanager
async def selling(town: Town) -> AsyncIterator[Sold]:
    listening = listener()
    money = await balance(town, Party.PROVIDER)
    async with Chain(town.anvil.url) as chain:
        await chain.request("anvil_mine", hex(2 * SLACK))
        start = (await chain.head()).number
    parameters = await open_channel(town, next(salts))
    async with (
        running(town, Party.PROVIDER, listening=listening) as provider,
        running(town, Party.CLIENT) as client,
    ):
        await client.network.connect(url_of(listening), parameters.provider)
        buyer = await client.client(parameters)
        await until(lambda: buyer.id in provider.peer.channels)
        seller = await provider.provider(parameters)
        await seller.sell(PRODUCT, FEE, seconds=600)
        await until(lambda: any(isinstance(each, Offered) for each in client.events))
        yield Sold(start, money, parameters, provider, seller, buyer)
    listening.close()


async def cut(town: Town, start: int) -> None:
    """Empty blocks take the place of all after `start`."""
    async with Chain(town.anvil.url) as chain:
        depth = (await chain.head()).number - start
        await chain.request("anvil_reorg", depth, [])


async def head(town: Town) -> int:
    async with Chain(town.anvil.url) as chain:
        await chain.request("anvil_mine", hex(SLACK))
        return (await chain.head()).number


def test_an_end_whose_opening_vanished_too_waits_for_it_and_pays(
    town: Town, home: Path, run: Run
) -> None:
    """Opening, registration and settlement fall out; the opening is another account's to send."""

    async def scenario() -> None:
        async with selling(town) as sold:
            await sold.buyer.buy(PRODUCT, FEE)
            before = await sent(town, Party.PROVIDER)
            await sold.seller.leave()
            await until(lambda: sold.seller.end.channel.exit.challenge_end > 0)
            await town.pass_time(CHALLENGE + 5)
            for end in (sold.seller, sold.buyer):
                await end.over()
            await cut(town, sold.start)
            await until(lambda: Revived() in sold.provider.events)
            assert sold.seller.end.channel.holdings.held == 0
            # What the provider did for this channel is held back, and does not fail meanwhile.
            await asyncio.sleep(0.5)
            assert await sent(town, Party.PROVIDER) == before
            await reopen_channel(town, sold.parameters)
            await until(lambda: sold.seller.end.channel.exit.challenge_end > 0)
            await town.pass_time(CHALLENGE + 5)
            for end in (sold.seller, sold.buyer):
                await end.over()
        assert await balance(town, Party.PROVIDER) == sold.money + FEE

    run(scenario())


def test_a_close_that_vanished_while_nobody_ran_is_made_good_by_the_seller_alone(
    town: Town, home: Path, run: Run
) -> None:
    """The client sent it, is gone, and its deadline has passed."""

    async def scenario() -> None:
        async with selling(town) as sold:
            await sold.buyer.buy(PRODUCT, FEE)
            opened = await head(town)
            await sold.buyer.close()
            for end in (sold.seller, sold.buyer):
                await end.over()
        assert await balance(town, Party.PROVIDER) == sold.money + FEE
        await cut(town, opened)
        assert await balance(town, Party.PROVIDER) == sold.money
        await town.pass_time(TIMING.closing + 5)
        async with running(town, Party.PROVIDER) as provider:
            seller = await provider.provider(sold.parameters)
            await until(lambda: seller.end.channel.exit.challenge_end > 0)
            await town.pass_time(CHALLENGE + 5)
            await seller.over()
        assert await balance(town, Party.PROVIDER) == sold.money + FEE

    run(scenario())


@pytest.mark.parametrize("away", [False, True])
def test_a_reveal_and_its_resolution_that_vanished_are_done_again(
    town: Town, home: Path, run: Run, away: bool
) -> None:
    """The client paid on chain. Both are there still, or the seller alone comes back."""

    async def scenario() -> None:
        async with selling(town) as sold:
            purchase = await sold.buyer.lock(PRODUCT, FEE)
            await purchase.locked()
            await sold.seller.leave()
            await until(lambda: sold.seller.end.channel.exit.challenge_end > 0)
            registered = await head(town)
            await purchase.pay()
            await until(lambda: sold.seller.end.channel.revealed != {})
            await town.pass_time(CHALLENGE + 5)
            await sold.seller.over()
            assert await balance(town, Party.PROVIDER) == sold.money + FEE
            if not away:
                await cut(town, registered)
                await until(lambda: Revived() in sold.provider.events)
                await town.pass_time(CHALLENGE + 5)
                await sold.seller.over()
        if away:
            await cut(town, registered)
            async with running(town, Party.PROVIDER) as provider:
                seller = await provider.provider(sold.parameters)
                await until(lambda: Revived() in provider.events)
                await town.pass_time(CHALLENGE + 5)
                await seller.over()
        assert await balance(town, Party.PROVIDER) == sold.money + FEE

    run(scenario())
