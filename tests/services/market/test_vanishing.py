"""Processes that vanish, and what the others do without them. (SPEC CH-13, CH-14, CH-23, PR-10)"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handfast.client.channels import OPENING_LINES, OPENINGS
from handfast.errors import Rejected
from handfast.journal import Journal
from handfast.registry.participants import Role
from tests.services.market.actors import HOLD
from tests.services.market.town import DEPOSIT, FEE, TOKEN, Account, Town

MOST_WRITES = 60
LEAST_WRITES = 5

Play = Callable[[Callable[[], Awaitable[None]]], None]


def test_a_provider_that_a_client_deserted_exits_alone(town: Town, play: Play) -> None:
    """SPEC CH-13, CH-14, CH-23"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        provider = town.provider(seller)
        paid = town.buyer(buyer, "buy", "a seven")
        assert await asyncio.to_thread(paid.wait) == 0, paid.output
        holding = town.buyer(buyer, HOLD, "a three")
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


def test_a_provider_killed_after_any_write_goes_on(town: Town, play: Play) -> None:
    """SPEC PR-10, CH-I6"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        codes: list[int] = []
        for number in range(MOST_WRITES):
            doomed = town.provider(seller, kill_at=number)
            buying = asyncio.create_task(bought(town, buyer))
            while doomed.is_running and not buying.done():
                await asyncio.sleep(0.05)
            survived = doomed.is_running
            if survived:
                doomed.stop()
            provider = town.provider(seller)
            # It may have been refused or taken back, and then says so.
            code = await buying
            assert code in (0, 4)
            codes.append(code)
            provider.stop()
            if survived:
                break
        else:
            raise AssertionError("a round has no end")
        assert number > LEAST_WRITES
        # One that is back in time finishes what it began.
        assert codes.count(0) > len(codes) // 2
        town.provider(seller)
        assert await bought(town, buyer) == 0
        await settled(town, seller, buyer)

    play(test)


def test_a_client_killed_after_any_write_goes_on(town: Town, play: Play) -> None:
    """SPEC PR-10, CH-I6"""

    async def test() -> None:
        seller = await town.settle_down(Role.PROVIDER)
        buyer = await town.settle_down(Role.CLIENT)
        town.provider(seller)
        for number in range(MOST_WRITES):
            code = await bought(town, buyer, kill_at=number)
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
