"""What a coordinator answers over HTTP. (CO-2, CO-7)

    POST /opinions                       evidence, one piece behind the other: an answer for each
    GET  /scores?providers=1,2           leaves and paths under the final roots
    GET  /providers/{id}/clients?from=0  client leaves of a provider, for personal scores
    GET  /batches?shard=0&from=1         batches that stand
    GET  /status                         where everything is
    GET  /blocks/{cid}                   archives, block by block

All but the first answer can be checked against the chain; nobody has to believe them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from handfast.coordinator.intake import Intake
from handfast.coordinator.shard import BatchRow, Shard
from handfast.coordinator.store import Store
from handfast.errors import InvalidInput, Rejected
from handfast.reputation.encoding import ShardState
from handfast.reputation.state import State
from handfast.storage.reading import BlockSource
from handfast.storage.serving import block_routes

MAX_PROVIDERS = 256
MAX_CLIENTS = 10_000
MAX_BATCHES = 100

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(
    intake: Intake,
    shards: Mapping[int, Shard],
    store: Store,
    content: BlockSource,
    status: Callable[[], dict[str, Any]],
) -> list[web.RouteDef]:
    """Routes of a coordinator's application.

    status   what GET /status answers
    """

    async def take_opinions(request: web.Request) -> web.Response:
        answers = await intake.submit(await request.read())
        return web.json_response({"answers": [answer._asdict() for answer in answers]})

    async def show_scores(request: web.Request) -> web.Response:
        ids = _ids(request)
        found = []
        for number, shard in shards.items():
            mine = [each for each in ids if each % len(shards) == number]
            if mine:
                found.append(_scores(shard.final, mine))
        return web.json_response({"shards": found})

    async def show_clients(request: web.Request) -> web.Response:
        provider = _number(request.match_info["id"], "a provider's id")
        state = shards[provider % len(shards)].final
        first = _number(request.query.get("from", "0"), "from")
        return web.json_response(_clients(state, provider, first))

    async def show_batches(request: web.Request) -> web.Response:
        shard = _number(request.query.get("shard", "0"), "shard")
        first = _number(request.query.get("from", "1"), "from")
        rows = await asyncio.to_thread(store.standing_batches, shard, first, MAX_BATCHES)
        return web.json_response({"batches": [_batch(row) for row in rows]})

    async def show_status(_: web.Request) -> web.Response:
        return web.json_response(status())

    return [
        web.post("/opinions", take_opinions),
        web.get("/scores", show_scores),
        web.get("/providers/{id}/clients", show_clients),
        web.get("/batches", show_batches),
        web.get("/status", show_status),
        *block_routes(content),
    ]


def _number(text: str, what: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput(f"{what} is a number")
    return int(text)


def _ids(request: web.Request) -> list[int]:
    texts = request.query.get("providers", "").split(",")
    if len(texts) > MAX_PROVIDERS:
        raise InvalidInput(f"{len(texts)} providers at once, at most {MAX_PROVIDERS}")
    return [_number(text, "a provider's id") for text in texts]


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _words(words: ShardState) -> dict[str, Any]:
    return {**words._asdict(), "root": _hex(words.root)}


def _scores(state: State, providers: list[int]) -> dict[str, Any]:
    """Leaves with their paths; null with the path of the empty place if there is none."""
    return {
        "words": _words(state.words),
        "scores": [_place(state, provider) for provider in dict.fromkeys(providers)],
    }


def _place(state: State, provider: int) -> dict[str, Any]:
    leaf = state.provider(provider)
    beyond = provider // state.shards >= state.words.providers
    path = () if beyond else state.provider_path(provider)
    return {
        "provider": provider,
        "leaf": _hex(leaf.encode()) if leaf is not None else None,
        "path": [_hex(sibling) for sibling in path],
    }


def _clients(state: State, provider: int, first: int) -> dict[str, Any]:
    if state.provider(provider) is None:
        raise Rejected(f"nobody has rated provider {provider} yet", "unknown_provider")
    leaves = state.prove_clients(provider)[first : first + MAX_CLIENTS]
    return {
        **_scores(state, [provider]),
        "from": first,
        "clients": _hex(b"".join(leaf.encode() for leaf in leaves)),
    }


def _batch(row: BatchRow) -> dict[str, Any]:
    place = row.place
    return {
        "kind": row.posted.kind.name,
        "epoch": row.posted.epoch,
        "closes": row.posted.closes,
        "levy": row.posted.levy,
        "previous": _hex(row.previous),
        "folds": _hex(row.posted.folds),
        "archive": _hex(row.archive),
        "own": row.own,
        "opinions": len(row.numbers) if row.own else None,
        "index": place.index if place else None,
        "hash": _hex(place.hash) if place else None,
        "posted_at": place.posted_at if place else None,
        "proposer": place.proposer if place else None,
        "block": place.block if place else None,
        "final_block": row.final_block or None,
    }
