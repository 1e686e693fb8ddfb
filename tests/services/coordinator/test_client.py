"""Whoever reads scores believes no coordinator and needs one honest one. (PR-1, RP-31, CO-7)"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from handfast.coordinator.client import CoordinatorClient
from handfast.errors import Unavailable
from handfast.protocol.constants import SCALE
from tests.services.coordinator.running import Running, running
from tests.services.coordinator.town import EPOCH, WINDOW, Party, Town, identities, pass_time

LIMIT = 1_000_000
Lie = Callable[[str, Any], Any]
"""What becomes of an honest answer, by the path asked."""


@asynccontextmanager
async def lying(honest: str | None, lie: Lie) -> AsyncIterator[str]:
    """A coordinator that asks an honest one, if it does, and tells something else."""

    async def answer(request: web.Request) -> web.Response:
        if honest is None:
            return web.json_response(lie(request.path, None))
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method, f"{honest}{request.path_qs}", data=await request.read()
            ) as response,
        ):
            told = lie(request.path, await response.json())
        if isinstance(told, bytes):
            return web.Response(body=told)
        return web.json_response(told, status=response.status)

    app = web.Application()
    app.add_routes([web.route("*", "/{path:.*}", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def with_scores(town: Town, here: Running) -> None:
    """Two providers with opinions of three clients, scored and final; the third has none."""
    found = [
        town.evidence(provider, client, satisfied=provider == 0)
        for provider in (0, 1)
        for client in (0, 1, 2, 0)
    ]
    assert {answer.code for answer in await here.clients.submit_all(found)} == {"accepted"}
    await here.reached(tip=1)
    await pass_time(here.chain, EPOCH)
    await here.reached(tip=2)
    await pass_time(here.chain, WINDOW)
    await here.reached(final=2)


def changed_score(_: str, answer: Any) -> Any:
    """The last byte before the epoch belongs to the score."""
    for each in answer["shards"][0]["scores"]:
        leaf = bytearray.fromhex(each["leaf"][2:])
        leaf[-5] ^= 1
        each["leaf"] = "0x" + leaf.hex()
    return answer


def swapped(_: str, answer: Any) -> Any:
    one, two = answer["shards"][0]["scores"]
    one["leaf"], two["leaf"] = two["leaf"], one["leaf"]
    return answer


def hidden(_: str, answer: Any) -> Any:
    answer["shards"][0]["scores"][0]["leaf"] = None
    return answer


def left_out(_: str, answer: Any) -> Any:
    del answer["shards"][0]["scores"][0]
    return answer


def another_state(_: str, answer: Any) -> Any:
    answer["shards"][0]["words"]["levy"] += 1
    return answer


def another_shard(_: str, answer: Any) -> Any:
    answer["shards"][0]["words"]["shard"] = 1
    return answer


def nonsense(_: str, answer: Any) -> Any:
    return {"shards": [{"words": 7}]}


def beyond_a_word(_: str, answer: Any) -> Any:
    answer["shards"][0]["words"]["levy"] = 1 << 300
    return answer


def below_zero(_: str, answer: Any) -> Any:
    answer["shards"][0]["words"]["opinions"] = -1
    return answer


def infinite(_: str, answer: Any) -> Any:
    return json.dumps(answer).replace('"levy": ', '"levy": 1e999, "was": ').encode()


def no_text(_: str, answer: Any) -> Any:
    answer["shards"][0]["words"]["root"] = 7
    return answer


def bottomless(_: str, answer: Any) -> Any:
    return b"[" * (LIMIT // 2)


def no_json(_: str, answer: Any) -> Any:
    return b"<html>"


def endless(_: str, answer: Any) -> Any:
    return b'"' + bytes(2 * LIMIT)


LIES = [
    changed_score,
    swapped,
    hidden,
    left_out,
    another_state,
    another_shard,
    nonsense,
    beyond_a_word,
    below_zero,
    infinite,
    no_text,
    bottomless,
    no_json,
    endless,
]


def test_no_lie_about_scores_is_believed_and_the_next_coordinator_is_asked(
    town: Town, run: Any
) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            await with_scores(town, here)
            true = await here.clients.scores([1, 2])
            assert true.keys() == {1, 2}
            rollup = town.rollup(here.chain)
            for lie in LIES:
                async with (
                    lying(here.url, lie) as liar,
                    CoordinatorClient(rollup, 1, [liar], pause=0.01, limit=LIMIT) as alone,
                    CoordinatorClient(rollup, 1, [liar, here.url], pause=0.01, limit=LIMIT) as both,
                ):
                    assert await alone.scores([1, 2]) == {}, lie.__name__
                    assert await both.scores([1, 2]) == true, lie.__name__

    run(scenario())


def test_a_personal_score_is_computed_from_all_clients_or_not_at_all(town: Town, run: Any) -> None:
    def kept_back(path: str, answer: Any) -> Any:
        if path.endswith("/clients"):
            answer["clients"] = answer["clients"][: -2 * 56]
        return answer

    def turned_round(path: str, answer: Any) -> Any:
        if path.endswith("/clients") and len(answer["clients"]) > 2:
            clients = bytearray.fromhex(answer["clients"][2:])
            clients[4:20] = clients[12:20] + clients[4:12]
            answer["clients"] = "0x" + clients.hex()
        return answer

    def without_end(path: str, answer: Any) -> Any:
        if path.endswith("/clients"):
            answer["clients"] = "0x" + bytes(56).hex()
        return answer

    async def scenario() -> None:
        async with running(town) as here:
            await with_scores(town, here)
            rollup = town.rollup(here.chain)
            client = town.clients[0].id
            true = await here.clients.personal_score(1, client, SCALE // 2, 2)
            assert true.s + true.u + true.c <= SCALE
            for lie in (kept_back, turned_round, without_end):
                async with (
                    lying(here.url, lie) as liar,
                    CoordinatorClient(rollup, 1, [liar], pause=0.01) as alone,
                ):
                    with pytest.raises(Unavailable, match="no coordinator helps"):
                        await alone.personal_score(1, client, SCALE // 2, 2)

    run(scenario())


def test_an_opinion_is_brought_again_until_somebody_has_it_or_nobody_ever_will(
    town: Town, run: Any
) -> None:
    async def scenario() -> None:
        async with running(town) as here:
            rollup = town.rollup(here.chain)
            evidence = town.evidence()
            assert await here.clients.submit(evidence)
            assert await here.clients.submit(evidence)
            assert not await here.clients.submit(replace(evidence, satisfied=False))
            async with CoordinatorClient(rollup, 1, []) as nobody:
                with pytest.raises(Unavailable, match="none is named"):
                    await nobody.submit(evidence)
            async with CoordinatorClient(rollup, 1, ["http://127.0.0.1:1", here.url]) as second:
                assert await second.submit(evidence)
            newcomer = replace(town, clients=[Party(identities(3, 1)[0], 99)], nonces={})
            with pytest.raises(Unavailable, match="is not registered yet"):
                await here.clients.submit(newcomer.evidence())

    run(scenario())


def test_one_coordinator_that_lies_keeps_no_opinion_from_the_others(town: Town, run: Any) -> None:
    """PR-8: it is refused for good where all of them refuse it."""

    def refused(_: str, answer: Any) -> Any:
        return {"answers": [{"code": "contradiction", "detail": "not at all"}]}

    async def scenario() -> None:
        async with running(town) as here, lying(None, refused) as liar:
            rollup = town.rollup(here.chain)
            evidence = town.evidence()
            async with (
                CoordinatorClient(rollup, 1, [liar]) as alone,
                CoordinatorClient(rollup, 1, [liar, "http://127.0.0.1:1"]) as away,
                CoordinatorClient(rollup, 1, [liar, here.url]) as both,
            ):
                assert not await alone.submit(evidence)
                with pytest.raises(Unavailable, match="does not answer"):
                    await away.submit(evidence)
                assert await both.submit(evidence)
                assert not await both.submit(replace(evidence, satisfied=False))

    run(scenario())


def test_the_pages_of_status_batches_and_metrics_answer(town: Town, run: Any) -> None:
    async def scenario() -> None:
        async with running(town) as here, aiohttp.ClientSession(here.url) as session:
            await with_scores(town, here)
            async with session.get("/status") as response:
                assert (await response.json())["shards"][0]["final"] == 2
            async with session.get("/batches") as response:
                opinions, scores = (await response.json())["batches"]
            assert (opinions["kind"], opinions["opinions"]) == ("OPINIONS", 8)
            assert (scores["kind"], scores["closes"]) == ("SCORES", True)
            async with session.get("/health") as response:
                assert (await response.json())["status"] == "ok"
            async with session.get("/metrics") as response:
                text = await response.text()
                assert 'handfast_coordinator_final{shard="0"} 2.0' in text
                assert 'handfast_coordinator_opinions{shard="0"} 8.0' in text
            for path in (
                "/scores",
                "/scores?providers=x",
                "/providers/-1/clients",
                "/batches?from=x",
            ):
                async with session.get(path) as response:
                    assert response.status == 400, path
                    assert json.loads(await response.text())["error"] == "invalid"

    run(scenario())
