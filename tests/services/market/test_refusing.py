"""Providers that take the money and keep the receipt. (SPEC RP-5, CH-25)"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from handfast.chain.reputation import ReputationRollup
from handfast.coordinator.client import CoordinatorClient
from handfast.registry.participants import Role
from handfast.reputation.evidence import MOVED_PRODUCT, PAID_LOCK, split
from handfast.storage.cid import Cid, Codec
from tests.services.market.town import FEE, TOKEN, Town

Play = Callable[[Callable[[], Awaitable[None]]], None]
_OPINION_SECONDS = 60.0


async def kinds(url: str) -> list[int]:
    """Which kinds of evidence a coordinator's archives hold."""
    async with aiohttp.ClientSession(url) as session:
        async with session.get("/batches") as response:
            batches = (await response.json())["batches"]
        found = []
        for batch in batches:
            if batch["kind"] == "OPINIONS":
                cid = Cid(Codec.RAW, bytes.fromhex(batch["archive"][2:]))
                async with session.get(f"/blocks/{cid}") as response:
                    found += [piece[0] for piece in split(await response.read())]
        return sorted(found)


def test_a_client_rates_who_refused_its_receipt_once_the_chain_has_settled(
    town: Town, play: Play
) -> None:
    """One takes its money by the settled state, of which the client never saw the signature; the
    other by the lock. Both opinions come to be in final batches."""

    async def test() -> None:
        coordinator = await town.coordinator()
        deaf = await town.settle_down(Role.PROVIDER)
        tight_lipped = await town.settle_down(Role.PROVIDER)
        buyers = [await town.settle_down(Role.CLIENT) for _ in range(2)]
        town.provider(tight_lipped, flaw="tight-lipped")
        urls = (coordinator.url,)
        async with (
            town.client(buyers[0], coordinators=urls) as one,
            town.client(buyers[1], coordinators=urls) as other,
        ):
            buying = [asyncio.create_task(one.buy("a seven"))]
            while not one.rounds.ledger.rounds:
                await asyncio.sleep(0.05)
            # With the lower number it is asked first, now that it is there.
            await asyncio.to_thread(town.provider, deaf, flaw="deaf")
            buying.append(asyncio.create_task(other.buy("a three")))
            bought = await asyncio.gather(*buying)
            assert [each.provider for each in bought] == [3, 2]
            assert all(each.verdict is not None for each in bought)
            await asyncio.gather(
                *(client.settle_opinions(_OPINION_SECONDS) for client in (one, other))
            )
        rollup = ReputationRollup(town.chain, town.deployment.reputation_rollup.address)
        async with CoordinatorClient(rollup, 1, urls) as coordinators:
            while True:
                leaves = await coordinators.leaves((2, 3))
                if all(leaf is not None and leaf.interactions == 1 for leaf in leaves.values()):
                    break
                await asyncio.sleep(0.2)
            assert await kinds(coordinator.url) == [PAID_LOCK, MOVED_PRODUCT]
        await town.until_hub_is_empty()
        assert await town.tokens(deaf) == await town.tokens(tight_lipped) == TOKEN + FEE

    play(test)
