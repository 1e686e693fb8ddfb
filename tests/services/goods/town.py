"""Sellers and buyers as processes on a real chain."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from handfast.chain import deployment as deployments
from handfast.chain.anvil import Anvil
from handfast.chain.client import Chain
from handfast.chain.deployment import Deployment, DeploymentParameters, MarketParameters
from handfast.chain.marketplace import Marketplace
from handfast.chain.registry import ParticipantRegistry
from handfast.crypto.keys import Identity
from handfast.market.process import read_book
from handfast.market.settings import ReadSettings
from handfast.market.state import Listing, Purchase
from handfast.protocol.constants import SELLER_PENALTY
from handfast.protocol.messages import Domain
from handfast.registry.participants import NO_METADATA, Role
from handfast.registry.possession import prove_possession
from tests.services.market.actors import Process
from tests.services.market.town import Account, Town

TOKEN = 10**18
PRICE = 3 * TOKEN
DELIVERY, CHALLENGE = 8, 5
"""Seconds of the chain."""
FUNDS = 1_000 * TOKEN

Flaw = str | Callable[[], None]


def content_of(size: int) -> bytes:
    return hashlib.shake_128(b"goods").digest(size)


class Bazaar(Town):
    """A town whose people trade finished goods."""

    async def trader(self, bond: int = 0) -> Account:
        """Somebody registered, with tokens; sellers are bonded."""
        account = self.account()
        token = self._token(self.chain)
        await self._send(self._anvil.keys[0], token.transfer(account.address, FUNDS + bond))
        registry = ParticipantRegistry(self.chain, self.deployment.participant_registry.address)
        if bond:
            await self._send(account.key, token.approve(registry.address, bond))
        identity = account.identity
        keys = prove_possession(
            identity.signing_key(),
            identity.decryption_key(),
            identity.address,
            1,
            Domain(self.deployment.chain_id, registry.address),
        )
        call = registry.register(Role.CLIENT, NO_METADATA, account.url, keys, bond)
        await self._send(account.key, call)
        return account

    async def seller(self) -> Account:
        return await self.trader(2 * SELLER_PENALTY)

    async def bond_of(self, who: Account) -> int:
        registry = ParticipantRegistry(self.chain, self.deployment.participant_registry.address)
        id_ = await registry.id_of(who.address)
        assert id_ is not None
        return await registry.bond_of(id_)

    # ------------------------------------------------------------ commands

    def market(self, account: Account, *arguments: str, flaw: Flaw = "none") -> Process:
        """Begin a `handfast market` command."""
        return self.handfast(account, "market", *arguments, flaw=flaw)

    async def done(self, process: Process, code: int = 0) -> str:
        """What a command says, once it has ended as it should."""
        assert await asyncio.to_thread(process.wait) == code, process.output
        return process.output

    async def publish(
        self,
        seller: Account,
        content: bytes,
        *options: str,
        price: int = PRICE,
        flaw: Flaw = "none",
        code: int = 0,
    ) -> str:
        """Put a file on sale; the listing's id."""
        path = seller.folder / "goods.bin"
        path.write_bytes(content)
        told = ("--price", str(price), "--description", "what it is", "--json", *options)
        output = await self.done(self.market(seller, "publish", str(path), *told, flaw=flaw), code)
        return last_json(output)["listing"] if not code else ""

    async def selling(self, seller: Account, flaw: Flaw = "none") -> Process:
        """A seller's process, once it serves."""
        process = self.handfast(
            seller,
            "market",
            "sell",
            flaw=flaw,
            environment={"HANDFAST_PORT": str(seller.port)},
        )
        await asyncio.to_thread(self._until_served, seller, process)
        return process

    def buying(self, buyer: Account, listing: str, *options: str, flaw: Flaw = "none") -> Process:
        """A buyer's process under way."""
        output = str(buyer.folder / "bought.bin")
        told = ("buy", listing, "--output", output, "--yes", "--json", *options)
        return self.market(buyer, *told, flaw=flaw)

    # ------------------------------------------------------------ the chain

    async def purchases(self) -> list[Purchase]:
        settings = ReadSettings(rpc=self.rpc, deployments=self.folder)
        book, _ = await read_book(settings)
        return list(book.purchases.values())

    async def listings(self) -> list[Listing]:
        settings = ReadSettings(rpc=self.rpc, deployments=self.folder)
        book, _ = await read_book(settings)
        return list(book.listings.values())

    async def until(self, happened: Callable[[], Any], seconds: float = 60.0) -> None:
        """Wait until an asynchronous question is answered with yes."""
        deadline = time.monotonic() + seconds
        while not await happened():
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)

    async def escrow(self) -> int:
        """MarketToken in the marketplace."""
        return await self._token(self.chain).balance_of(self.deployment.marketplace.address)

    async def owed(self, who: Account) -> int:
        market = Marketplace(self.chain, self.deployment.marketplace.address)
        return await market.owed_to(self.deployment.market_token.address, who.address)


def last_json(output: str) -> Any:
    """The last line of an output that is JSON of a command, not of its log."""
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if "event" not in line][-1]


async def found(
    anvil: Anvil,
    folder: Path,
    delivery: int = DELIVERY,
    challenge: int = CHALLENGE,
    voting: int = 2,
) -> Deployment:
    """Put the protocol on a fresh chain, with short periods."""
    identity = Identity.parse(anvil.keys[0])
    market = MarketParameters(delivery, challenge, 3, voting, voting, 2)
    parameters = replace(DeploymentParameters.local(identity.address), market=market)
    async with Chain(anvil.url) as chain:
        deployment = await deployments.deploy(chain, identity.account(), parameters)
    await asyncio.to_thread(partial(deployments.save, deployment, folder))
    return deployment
