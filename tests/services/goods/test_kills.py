"""Seller and buyer are killed at every write of their journals and outboxes, and started again:
nothing is lost, nothing paid or sold twice, nobody waits for ever. (SPEC SB-2, PR-10)
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from handfast.chain.anvil import Anvil
from handfast.chain.deployment import Deployment
from tests.services.goods.actors import dies_at
from tests.services.goods.town import FUNDS, PRICE, Bazaar, content_of, found
from tests.services.market.actors import Process
from tests.services.market.town import Account

Play = Callable[[Callable[[], Awaitable[None]]], None]
SIZE = 20_000
FEW = 5
"""Writes that each process makes at least."""


@pytest.fixture(scope="module")
def deployed(anvil: Anvil, tmp_path_factory: pytest.TempPathFactory) -> tuple[Deployment, Path]:
    """Sellers have time to come back, and are paid at once."""
    folder = tmp_path_factory.mktemp("deployments")
    return asyncio.run(found(anvil, folder, delivery=60, challenge=1)), folder


def deaths() -> Iterator[Callable[[], None]]:
    """At each write, by turns: once it is on disk and nothing was done about it, or before it."""
    return (partial(dies_at, number, after=number % 2 == 0) for number in count())


def test_a_buyer_killed_at_every_write_goes_on(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        for bought, death in enumerate(deaths(), 1):
            (buyer.folder / "bought.bin").unlink(missing_ok=True)
            process = bazaar.buying(buyer, listing, flaw=death)
            died = await asyncio.to_thread(process.wait) == -signal.SIGKILL
            gone_on = not died or await resumed(bazaar, buyer)
            if not gone_on and not (buyer.folder / "bought.bin").exists():
                # It died before it had kept what it wanted.
                await bazaar.done(bazaar.buying(buyer, listing))
            assert (buyer.folder / "bought.bin").read_bytes() == content_of(SIZE)
            assert await bazaar.tokens(buyer) == FUNDS - bought * PRICE
            if not died:
                assert bought > FEW
                return

    play(scenario)


async def resumed(bazaar: Bazaar, buyer: Account) -> bool:
    """Whether there was something to go on with."""
    output = await bazaar.done(bazaar.market(buyer, "resume", "--json"))
    return '"result": "opened"' in output


def test_a_seller_killed_at_every_write_delivers_and_is_paid_once(
    bazaar: Bazaar, play: Play
) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        for sold, death in enumerate(deaths(), 1):
            (buyer.folder / "bought.bin").unlink(missing_ok=True)
            process = await bazaar.selling(seller, death)
            purchase = bazaar.buying(buyer, listing)
            died = await is_killed(bazaar, process, seller, sold)
            if died:
                process = await bazaar.selling(seller)
            if await asyncio.to_thread(purchase.wait):
                # The seller died before its bundle had been fetched: nothing was paid.
                await bazaar.done(bazaar.buying(buyer, listing))
            assert not await is_killed(bazaar, process, seller, sold)
            assert await asyncio.to_thread(process.stop) == 0
            assert await bazaar.tokens(seller) == FUNDS + sold * PRICE
            assert await bazaar.tokens(buyer) == FUNDS - sold * PRICE
            if not died:
                assert sold > FEW
                return

    play(scenario)


async def is_killed(bazaar: Bazaar, process: Process, seller: Account, sold: int) -> bool:
    """Wait until so many sales are paid, or the process has died before."""

    async def ended() -> bool:
        paid = await bazaar.tokens(seller) == FUNDS + sold * PRICE
        return paid or not process.is_running

    await bazaar.until(ended)
    return not process.is_running


def test_a_listing_whose_seller_is_killed_at_every_write_is_published_once(
    bazaar: Bazaar, play: Play
) -> None:
    async def scenario() -> None:
        seller = await bazaar.seller()
        for listed, death in enumerate(deaths(), 1):
            path = seller.folder / "goods.bin"
            path.write_bytes(content_of(SIZE))
            told = ("--price", "1", "--description", "goods", "--json")
            process = bazaar.market(seller, "publish", str(path), *told, flaw=death)
            died = await asyncio.to_thread(process.wait) == -signal.SIGKILL
            if died:
                process = await bazaar.selling(seller)
                await asyncio.sleep(0.5)
                await asyncio.to_thread(process.stop)
            if len(await bazaar.listings()) < listed:  # it died before it had kept the key
                await bazaar.publish(seller, content_of(SIZE), price=1)
            assert len(await bazaar.listings()) == listed
            if not died:
                assert listed > FEW
                return

    play(scenario)
