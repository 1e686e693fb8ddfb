"""What a provider answers over HTTP around a round; the channel itself is a WebSocket beside it.

    POST /rounds                          a SignedRequest: the acknowledgement of step 1
    POST /rounds/{id}/prompt              a SealedPrompt: the acknowledgement of step 2
    GET  /rounds/{id}/announcement?wait=  what was made; 503 until then
    GET  /rounds/{id}/blocks/{cid}        a block of it, when it may be served

Errors are those of `handfast.serving`. (SPEC PR-4 to PR-7, PR-11)
"""

from __future__ import annotations

from aiohttp import web

from handfast.errors import InvalidInput
from handfast.provider.desk import ProviderDesk
from handfast.rounds.messages import (
    ACKNOWLEDGEMENT,
    ANNOUNCEMENT,
    REQUEST,
    SEALED,
    RequestId,
)
from handfast.storage.cid import Cid

MAX_WAIT = 30.0


def round_routes(desk: ProviderDesk) -> list[web.RouteDef]:
    """What an aiohttp application adds to take part in rounds."""

    async def ask(request: web.Request) -> web.Response:
        answer = await desk.ask(REQUEST.decode(await request.read()), request.remote or "")
        return web.Response(body=ACKNOWLEDGEMENT.encode(answer))

    async def prompt(request: web.Request) -> web.Response:
        answer = await desk.prompt(_id(request), SEALED.decode(await request.read()))
        return web.Response(body=ACKNOWLEDGEMENT.encode(answer))

    async def announcement(request: web.Request) -> web.Response:
        made = await desk.announcement(_id(request), _wait(request))
        return web.Response(body=ANNOUNCEMENT.encode(made))

    async def block(request: web.Request) -> web.Response:
        data = await desk.block(_id(request), Cid.parse(request.match_info["cid"]))
        return web.Response(body=data, content_type="application/vnd.ipld.raw")

    return [
        web.post("/rounds", ask),
        web.post("/rounds/{id}/prompt", prompt),
        web.get("/rounds/{id}/announcement", announcement),
        web.get("/rounds/{id}/blocks/{cid}", block),
    ]


def _id(request: web.Request) -> RequestId:
    try:
        value = bytes.fromhex(request.match_info["id"])
    except ValueError:
        value = b""
    if len(value) != 32:
        raise InvalidInput("a round is named by 64 hexadecimal digits")
    return RequestId(value)


def _wait(request: web.Request) -> float:
    try:
        wait = float(request.query.get("wait", "0"))
    except ValueError:
        raise InvalidInput("wait is a number of seconds") from None
    return min(max(wait, 0.0), MAX_WAIT)
