"""A coordinator from opinions to proven scores, on a real chain. (RP, CO)"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp

from handfast.chain.anvil import Anvil
from handfast.protocol.constants import GAMMA, SCALE
from handfast.storage.cid import Cid, Codec
from tests.services.coordinator.running import ACCEPTED, Running, running
from tests.services.coordinator.town import EPOCH, WINDOW, Town, build, pass_time, until


def test_opinions_become_proven_scores(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            good = [town.evidence(0, client) for client in (0, 1, 2, 0, 1)]
            bad = [town.evidence(1, client, satisfied=False) for client in (0, 1, 2, 0, 1)]
            answers = await here.clients.submit_all(good + bad)
            assert answers == [ACCEPTED] * 10
            await here.reached(tip=1, opinions=10, waiting=0)
            assert await here.clients.scores([1, 2]) == {}

            await pass_time(here.chain, EPOCH)
            await here.reached(tip=2)
            await pass_time(here.chain, WINDOW)
            await here.reached(final=2)
            scores = await here.clients.scores([1, 2, 3, 99])
            assert scores.keys() == {1, 2}
            assert scores[1] > SCALE // 2 > scores[2]
            shard = await town.rollup(here.chain).shard(0)
            assert (shard.index, shard.final_index) == (2, 2)
            assert shard.final_root.hex() == here.shard["final_root"][2:]

            own = await here.clients.personal_score(1, town.clients[0].id, SCALE // 2, 2)
            other = await here.clients.personal_score(1, 999, SCALE // 2, 2)
            assert own.score != other.score
            assert (await here.clients.personal_score(3, 999, SCALE // 2, 2)).score == GAMMA

    run(scenario())


def test_shards_advance_side_by_side(tmp_path: Path, run: Any) -> None:
    """RP-10: one account posts for all of them, and each provider is found in its own."""

    async def both(here: Running, **wanted: Any) -> None:
        async def check() -> bool:
            shards = here.coordinator.status()["shards"]
            return all(each[name] == value for each in shards for name, value in wanted.items())

        await until(check)

    async def scenario(anvil: Anvil) -> None:
        town = await build(anvil, tmp_path, providers=3, shards=2)
        async with running(town) as here:
            of = (0, 1, 2)
            found = [town.evidence(each, client) for each in of for client in (0, 1, 2)]
            assert await here.clients.submit_all(found) == [ACCEPTED] * 9
            await both(here, tip=1, waiting=0)
            await here.chain.request("anvil_reorg", 3, [])
            await both(here, tip=1, waiting=0, built=False)
            await pass_time(here.chain, EPOCH)
            await both(here, tip=2)
            await pass_time(here.chain, WINDOW)
            await both(here, final=2)
            assert (await here.clients.scores([1, 2, 3, 4])).keys() == {1, 2, 3}
            opinions = [each["opinions"] for each in here.coordinator.status()["shards"]]
            assert opinions == [3, 6]
        async with running(town) as here:
            await both(here, tip=2, final=2)
            assert await here.clients.submit(town.evidence(1, 0))
            assert await here.clients.submit(town.evidence(2, 0))
            await both(here, tip=3)

    with Anvil.start() as anvil:
        run(scenario(anvil))


def test_the_archive_of_a_batch_is_the_evidence_in_the_order_of_its_data(
    town: Town, run: Any
) -> None:
    """CO-6: what a proposer may be asked to show, found by the digest in the header."""

    async def scenario() -> None:
        async with running(town) as here, aiohttp.ClientSession(here.url) as session:
            sent = [town.evidence(provider, client) for client in (0, 1) for provider in (1, 0)]
            await here.clients.submit_all(sent)

            async def kept() -> Any:
                async with session.get("/batches") as response:
                    return (await response.json())["batches"]

            (batch,) = await until(kept)
            cid = Cid(Codec.RAW, bytes.fromhex(batch["archive"][2:]))
            async with session.get(f"/blocks/{cid}") as response:
                archive = await response.read()
            assert archive == b"".join(sent[place].encode() for place in (0, 2, 1, 3))

    run(scenario())
