"""One account at the market: what sellers and buyers share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from handfast.chain.client import Call
from handfast.chain.marketplace import Marketplace
from handfast.chain.registry import ParticipantRegistry
from handfast.crew import beside
from handfast.market.deeds import do
from handfast.market.state import PurchaseId
from handfast.market.terms import Conditions, Money
from handfast.market.watch import Watch
from handfast.process import ProcessSettings, World
from handfast.protocol.constants import SEAT_FEE
from handfast.protocol.messages import Domain, PurchaseKey


@dataclass(frozen=True, slots=True)
class Trader:
    """What a seller or a buyer works with, open."""

    world: World
    market: Marketplace
    registry: ParticipantRegistry
    watch: Watch

    @property
    def account(self) -> str:
        """Who sells or buys."""
        return self.world.identity.address

    @property
    def money(self) -> Money:
        """How amounts are written."""
        return Money(self.world.deployment.market_token.address)

    def context(self, purchase: PurchaseId) -> bytes:
        """What the key is masked for in a purchase. (SPEC SL-5)"""
        domain = Domain(self.world.chain_id, self.market.address)
        return PurchaseKey(purchase).digest(domain)

    async def conditions(self) -> Conditions:
        """What the market was told for ever, and what the court asks."""
        told = await self.market.settings()
        fee = told.seats * SEAT_FEE
        return Conditions(told.delivery_period, told.challenge_period, fee)

    async def do_again(self, name: str, call: Call) -> None:
        """Something that may be wanted more than once: asked for at another block it is another
        deed.
        """
        head = await self.world.chain.head()
        await do(self.world.sender, f"{name} {head.number}", call)

    async def collect(self, token: str) -> int:
        """Take all that the market owes us in a token; how much that is."""
        owed = await self.market.owed_to(token, self.account)
        if owed:
            await self.do_again(f"collect {token}", self.market.collect(token, self.account))
        return owed


@asynccontextmanager
async def open_trader(world: World, settings: ProcessSettings) -> AsyncIterator[Trader]:
    """A trader whose watch has caught up, and follows the chain.

    raises   Unavailable if the node does not answer
    """
    deployment = world.deployment
    market = Marketplace(world.chain, deployment.marketplace.address)
    watch = Watch(
        world.chain,
        market,
        first_block=deployment.block,
        confirmations=world.confirmations,
        poll=settings.poll,
        fell=world.sender.recheck,
    )
    registry = ParticipantRegistry(world.chain, deployment.participant_registry.address)
    await watch.catch_up()
    async with beside(watch.run()):
        yield Trader(world, market, registry, watch)
