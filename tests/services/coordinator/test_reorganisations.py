"""A coordinator whose chain re-orders, above what was taken for good and below.

What counts is on chain: every accepted opinion in one batch. (PR-12, CO-8, CO-11)
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handfast.chain.client import Chain
from handfast.chain.registry import ParticipantRegistry
from handfast.coordinator.settings import BatchSettings
from handfast.coordinator.shard import Shard
from handfast.registry.participants import Role
from tests.services.coordinator.replaying import last_nonces, replayed, request
from tests.services.coordinator.running import running
from tests.services.coordinator.town import WINDOW, Town, pass_time, register, until


def test_a_batch_that_a_reorganisation_drops_is_posted_again(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            await here.clients.submit(town.evidence())
            await here.reached(tip=1)
            await here.chain.request("anvil_reorg", 1, [])
            assert (await town.rollup(here.chain).shard(0)).index == 0
            await until(lambda: index_is(town, here.chain, 1))
            await here.clients.submit(town.evidence())
            await here.reached(tip=2, opinions=2, waiting=0)
            assert (await replayed(town, here.chain)).root.hex() == here.shard["root"][2:]

    run(scenario())


async def index_is(town: Town, chain: Chain, index: int) -> bool:
    return (await town.rollup(chain).shard(0)).index == index


def test_batches_and_their_finality_survive_a_deep_reorganisation(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            for number in (1, 2, 3):
                await here.clients.submit(town.evidence(number % 2))
                await here.reached(tip=number)
            await pass_time(here.chain, WINDOW)
            await here.reached(final=3)
            await here.chain.request("anvil_reorg", 6, [])
            await until(lambda: all_in(town, here.chain, 3))
            await here.reached(waiting=0, built=False, opinions=3)
            assert (await replayed(town, here.chain)).root.hex() == here.shard["root"][2:]
            await pass_time(here.chain, WINDOW)

            async def final_again() -> bool:
                return bool(here.shard["final"] == here.shard["tip"])

            await until(final_again)

    run(scenario())


async def all_in(town: Town, chain: Chain, opinions: int) -> bool:
    return (await replayed(town, chain)).words.opinions == opinions


def test_below_what_was_taken_for_good_it_begins_anew_and_loses_nothing(
    town: Town, run: Any
) -> None:
    """CO-11: two batches are final and deep, and fall with all that stood on them."""

    async def scenario() -> None:
        head = await request(town, "eth_blockNumber")
        async with running(town) as here:
            await here.clients.submit_all([town.evidence(0, client) for client in (0, 1)])
            await here.reached(tip=1)
            await here.clients.submit_all([town.evidence(1, client) for client in (0, 2)])
            await here.reached(tip=2)
            await pass_time(here.chain, WINDOW)
            await here.reached(final=2)
            await here.chain.request("anvil_mine", "0x50")
            shard = here.coordinator._memory.shards[0]
            await until(lambda: settled(shard, 2))

            async def forgotten() -> bool:
                return here.coordinator._memory.store.floor() == 5

            await until(forgotten)
            await here.clients.submit(town.evidence(0, 2))
            await here.reached(tip=3)
            newest = (await here.chain.head()).number
            await here.chain.request("anvil_reorg", newest - int(head, 16), [])
            assert (await town.rollup(here.chain).shard(0)).index == 0
            await until(lambda: all_in(town, here.chain, 5))
            await here.reached(opinions=5, waiting=0, built=False, trouble=None)
            assert last_nonces(await replayed(town, here.chain)) == town.nonces
            assert await here.clients.submit(town.evidence(1, 1))
        async with running(town) as here:
            await here.reached(opinions=6, waiting=0, built=False)
            assert here.shard["root"][2:] == (await replayed(town, here.chain)).root.hex()

    run(scenario())


async def settled(shard: Shard, index: int) -> bool:
    return shard.base.index == index


def test_an_opinion_finds_its_parties_again_under_other_ids(own_town: Town, run: Any) -> None:
    """CO-11: the registrations of two clients fall, and come back the other way round."""

    town = own_town

    async def scenario() -> None:
        registry = town.deployment.participant_registry.address
        async with running(town, batch=BatchSettings(count=100, age=3_600)) as here:
            found = [town.evidence(0, client) for client in (1, 1, 2)]
            answers = await here.clients.submit_all(found)
            assert [answer.code for answer in answers] == ["accepted"] * 3
            await here.chain.request("anvil_reorg", 2, [])
            await here.chain.request("anvil_mine", "0x1")
            await until(lambda: there_are(here, 3))
            await here.reached(trouble=None, waiting=0)
            contract = ParticipantRegistry(here.chain, registry)
            for client in (2, 1):
                party = town.clients[client]
                await register(here.chain, contract, party.identity, Role.CLIENT)
            await until(lambda: there_are(here, 5))
            await here.reached(waiting=3)
            again = await here.clients.submit_all([found[0], replace(found[1], satisfied=False)])
            assert [answer.code for answer in again] == ["accepted", "contradiction"]
        async with running(town) as here:
            await here.reached(opinions=3, tip=1)
            assert last_nonces(await replayed(town, here.chain)) == {(1, 5): 2, (1, 4): 1}

    run(scenario())


async def there_are(here: Any, participants: int) -> bool:
    return bool(here.coordinator.status()["participants"] == participants)


def test_a_registration_that_a_reorganisation_takes_back_is_forgotten(
    own_town: Town, run: Any
) -> None:
    town = own_town

    async def scenario() -> None:
        async with running(town) as here:
            head = await here.chain.head()
            await until(lambda: at_block(here, head.number))
            assert here.coordinator.status()["participants"] == 5
            await here.chain.request("anvil_reorg", 2, [])
            await here.chain.request("anvil_mine", "0x1")

            async def forgotten() -> bool:
                return bool(here.coordinator.status()["participants"] == 3)

            await until(forgotten)
            gone = (await here.clients.submit_all([town.evidence(0, 2)]))[0]
            assert gone.code == "client"

    run(scenario())


async def at_block(here: Any, number: int) -> bool:
    return bool(here.coordinator.status()["block"] >= number)
