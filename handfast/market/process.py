"""The seller's process: serves bundles, hands over keys, takes what it has earned. (SPEC MK-3)"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from handfast import log
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment, load
from handfast.chain.marketplace import Marketplace
from handfast.chain.rules import default_confirmations
from handfast.market.buyer import STREAM as BUYER
from handfast.market.buyer import Bar, Buyer, no_bar
from handfast.market.seller import STREAM as SELLER
from handfast.market.seller import Seller
from handfast.market.settings import ReadSettings, TraderSettings
from handfast.market.state import Book
from handfast.market.trader import Trader, open_trader
from handfast.market.watch import Watch
from handfast.process import open_world, run_until_stopped
from handfast.protocol.constants import PurchasePhase
from handfast.serving import Limits, Server
from handfast.storage.serving import block_routes

_log = log.get(__name__)

_LIMITS = Limits(rate=5_000.0, burst=10_000)
"""A transfer is one request for each block of 256 KiB."""


async def run(settings: TraderSettings, kind: type[Seller] = Seller) -> None:
    """Sell until asked to stop."""
    async with open_world(settings) as world, open_trader(world, settings) as trader:
        seller = kind(trader, world.scribe.stream(SELLER))
        metrics = CollectorRegistry()
        _measure(trader, metrics)
        routes = block_routes(world.store)
        async with Server(routes, partial(_health, trader, seller), metrics, _LIMITS) as server:
            await server.start(settings.host, settings.port)
            _log.info("selling", port=server.port, account=trader.account)
            await run_until_stopped(seller.run(), server.watch())


@asynccontextmanager
async def open_seller(
    settings: TraderSettings, kind: type[Seller] = Seller
) -> AsyncIterator[Seller]:
    """A seller for one command."""
    async with open_world(settings) as world, open_trader(world, settings) as trader:
        yield kind(trader, world.scribe.stream(SELLER))


@asynccontextmanager
async def open_buyer(
    settings: TraderSettings, bar: Bar = no_bar, kind: type[Buyer] = Buyer
) -> AsyncIterator[Buyer]:
    """A buyer for one command."""
    async with open_world(settings) as world, open_trader(world, settings) as trader:
        folder = settings.data / "bundles"
        yield kind(trader, world.scribe.stream(BUYER), folder, bar)


async def read_book(settings: ReadSettings) -> tuple[Book, Deployment]:
    """The market as it stands, for who only looks."""
    async with Chain(settings.rpc) as chain:
        deployment = await load(chain, settings.deployments)
        watch = Watch(
            chain,
            Marketplace(chain, deployment.marketplace.address),
            first_block=deployment.block,
            confirmations=settings.confirmations or default_confirmations(deployment.chain_id),
            poll=0,
            fell=lambda: None,
        )
        await watch.catch_up()
        return watch.book, deployment


async def _health(trader: Trader, seller: Seller) -> dict[str, Any]:
    return {
        "account": trader.account,
        "listings": len(seller.drafts),
        "open": sum(count(trader, phase) for phase in _OPEN),
    }


_OPEN = (PurchasePhase.BOUGHT, PurchasePhase.DELIVERED, PurchasePhase.DISPUTED)


def count(trader: Trader, phase: PurchasePhase) -> int:
    """How many of our sales stand so."""
    sold = trader.watch.book.sold_by(trader.account)
    return sum(purchase.phase is phase for purchase in sold)


def _measure(trader: Trader, metrics: CollectorRegistry) -> None:
    sales = Gauge("handfast_market_sales", "Sales by phase", ["phase"], registry=metrics)
    for phase in list(PurchasePhase)[1:]:
        sales.labels(phase.name.lower()).set_function(partial(count, trader, phase))
