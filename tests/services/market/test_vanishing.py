"""Processes that vanish, and what the others do without them. (SPEC CH-13, CH-14, CH-23, PR-10)"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from handfast.client.channels import OPENING_LINES, OPENINGS
from handfast.client.client import Client
from handfast.errors import Rejected, Unavailable
from handfast.journal import Journal
from handfast.registry.participants import Role
from tests.services.market.actors import HOLD
from tests.services.market.town import DEPOSIT, FEE, TIMING, TOKEN, Account, Town

MOST_WRITES = 60
LEAST_WRITES = 5
DEATHS = [False, True]
"""Whether the write at which a process dies is still done."""
LASTS = [True, True]

Play = Callable[[Callable[[], Awaitable[None]]], None]


def test_a_provider_that_a_client_deserted_exits_alone(town: Town, play: Play) -> None:
    """SPEC CH-13, CH-14, CH-23"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        brief = TIMING.model_copy(update={"patience": 2, "margin": 1, "lifetime": 6})
        options = {"environment": {"HANDFAST_TIMING": brief.model_dump_json()}}
        provider = town.provider(seller, **options)
        paid = town.buyer(buyer, "buy", "a seven", **options)
        assert await asyncio.to_thread(paid.wait) == 0, paid.output
        holding = town.buyer(buyer, HOLD, "a three", **options)
        while HOLD not in holding.output.splitlines():
            assert holding.is_running, holding.output
            await asyncio.sleep(0.05)
        assert town.health(seller)["pending"] == 1
        holding.kill()
        while await town.tokens(seller) < TOKEN + FEE:
            await asyncio.sleep(0.2)
        assert provider.is_running
        # The fee of the other round is the client's again, and keeps nobody waiting.
        assert await town.held_by_hub() == FEE
        async with town.client(buyer):
            await town.until_hub_is_empty()  # unasked, as soon as the client is back
        await settled(town, seller, buyer)
        assert await town.products(buyer) == 1

    play(test)


def test_a_client_that_its_provider_deserted_owns_what_it_pays_and_has_the_rest_back(
    town: Town, play: Play
) -> None:
    """One round is paid on chain, the other comes back at its expiry, by itself. The provider finds
    its fee when it is back. (SPEC CH-14, CH-17, CH-22, CH-23, PV-4)
    """

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        provider = town.provider(seller)
        async with town.client(buyer) as client:
            wanted, unwanted = [await client.order(f"a {digit}") for digit in ("three", "four")]
            provider.kill()
            assert (await wanted.pay()).fee == FEE
            while await town.tokens(buyer) != TOKEN - FEE:
                await asyncio.sleep(0.05)
            assert await town.held_by_hub() == FEE
            with pytest.raises(Rejected, match="came to nothing"):
                await unwanted.pay()
        claiming = town.buyer(buyer, "claim")
        assert await asyncio.to_thread(claiming.wait) == 0, claiming.output
        assert await town.products(buyer) == 1
        town.provider(seller)
        await town.until_hub_is_empty()
        assert await town.tokens(seller) == TOKEN + FEE

    play(test)


async def bought(town: Town, buyer: Account, **options: Any) -> int:
    """Have a client buy once, in a process of its own; its exit code."""
    return await asyncio.to_thread(town.buyer(buyer, "buy", "a seven", **options).wait)


async def settled(town: Town, seller: Account, buyer: Account) -> None:
    """Nobody has lost anything: what was paid for is owned, and the rest of the money came back."""
    for deed in ("close", "claim"):
        done = town.buyer(buyer, deed)
        assert await asyncio.to_thread(done.wait) == 0, done.output
    await town.until_hub_is_empty()
    owned = await town.products(buyer)
    assert owned
    assert await town.tokens(seller) == TOKEN + owned * FEE
    assert await town.tokens(buyer) == TOKEN - owned * FEE


def test_a_provider_killed_at_any_write_goes_on(town: Town, play: Play) -> None:
    """Each of its lives ends just before its n-th write, or just after, while a client buys one
    thing after the other; the last life outlasts a whole round. (SPEC PR-10, CH-I6)
    """

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        options = {"environment": {"HANDFAST_UNPAID": "1000"}}
        begun: list[float] = []
        async with town.client(buyer) as client:
            shopping = asyncio.create_task(shop(client, begun))
            for number in range(MOST_WRITES):
                if [await live(town, seller, begun, number, a, options) for a in DEATHS] == LASTS:
                    break
            else:
                raise AssertionError("a round has no end")
            assert number > LEAST_WRITES
            town.provider(seller)
            shopping.cancel()
            await asyncio.gather(shopping, return_exceptions=True)
        # One that is back in time finishes what it began.
        assert len(begun) > number // 2
        await settled(town, seller, buyer)

    play(test)


async def live(
    town: Town, seller: Account, begun: list[float], number: int, after: bool, options: Any
) -> bool:
    """One life of a provider; whether it outlasted a round, rather than reach its last write.

    begun    when each round began that was paid
    """
    born = asyncio.get_running_loop().time()
    provider = await asyncio.to_thread(
        town.provider, seller, kill_at=number, after=after, **options
    )
    lasts = False
    while provider.is_running and not lasts:
        await asyncio.sleep(0.01)
        lasts = bool(begun) and begun[-1] > born
    provider.stop()
    return lasts


async def shop(client: Client, begun: list[float]) -> None:
    """Buy one thing after the other, whoever is there."""
    while True:
        start = asyncio.get_running_loop().time()
        with suppress(Unavailable, Rejected):
            await client.buy("a seven")
            begun.append(start)
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("after", DEATHS)
def test_a_client_killed_at_any_write_goes_on(town: Town, play: Play, after: bool) -> None:
    """SPEC PR-10, CH-I6"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        for number in range(MOST_WRITES):
            code = await bought(town, buyer, kill_at=number, after=after)
            assert code in (0, -signal.SIGKILL)
            if code == 0:
                break
        else:
            raise AssertionError("a round has no end")
        assert number > LEAST_WRITES
        await settled(town, seller, buyer)

    play(test)


def test_a_provider_that_vanished_before_it_was_paid_finds_its_money(
    town: Town, play: Play
) -> None:
    """The number is revealed to nobody: it goes on chain, or the fee comes back. (SPEC CH-I6)"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        provider = town.provider(seller)
        assert await bought(town, buyer) == 0
        async with town.client(buyer) as client:
            order = await client.order("a three")
            provider.kill()
            paying = asyncio.create_task(order.pay())
            await asyncio.sleep(0.5)
            town.provider(seller)
            assert (await paying).fee == FEE
        await settled(town, seller, buyer)
        assert await town.products(buyer) == 2

    play(test)


def test_a_client_that_finds_its_unused_channel_closing_gets_its_deposit_back(
    town: Town, play: Play
) -> None:
    """It was killed before it took up the channel that it had opened; the provider began to end it.
    (SPEC CH-13, CH-28)
    """

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        assert await bought(town, buyer, kill_at=1, after=False) == -signal.SIGKILL
        with Journal(buyer.folder / "data" / "journal.db") as journal:
            (line,) = journal.load(OPENINGS).lines
        assert await town.held_by_hub() == DEPOSIT
        await town.register_opening(seller, OPENING_LINES.decode(line).parameters)
        async with town.client(buyer):
            await town.until_hub_is_empty()
        assert await town.tokens(buyer) == TOKEN

    play(test)
