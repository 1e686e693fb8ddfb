"""A server bears strangers who ask too much, too often, too slowly or nonsense. (PR-11)"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from handfast.errors import InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.serving import Limits, RateLimit, Server

ERRORS = {
    "invalid": InvalidInput("no"),
    "rejected": Rejected("no", "stale_nonce"),
    "unavailable": Unavailable("later"),
    "broken": InvariantBroken("impossible"),
}


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


async def fail(request: web.Request) -> web.Response:
    raise ERRORS[request.match_info["kind"]]


async def health() -> dict[str, Any]:
    return {"status": "ok"}


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[tuple[Server, aiohttp.ClientSession]]:
    routes = [web.post("/echo", echo), web.get("/fail/{kind}", fail)]
    async with Server(routes, health, CollectorRegistry(), Limits(**limits)) as server:
        await server.start("127.0.0.1", 0)
        base = f"http://127.0.0.1:{server.port}"
        async with aiohttp.ClientSession(base, timeout=aiohttp.ClientTimeout(10)) as session:
            yield server, session


def run(scenario: Any) -> None:
    async def guarded() -> None:
        async with asyncio.timeout(30):
            await scenario()

    asyncio.run(guarded())


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def is_shown_out(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("invalid", 400, "invalid"),
        ("rejected", 409, "stale_nonce"),
        ("unavailable", 503, "unavailable"),
    ],
)
def test_an_error_has_a_code_and_a_line(kind: str, status: int, code: str) -> None:
    async def scenario() -> None:
        async with serving() as (_, session), session.get(f"/fail/{kind}") as response:
            assert response.status == status
            assert (await response.json())["error"] == code

    run(scenario)


def test_a_broken_invariant_is_passed_to_the_process() -> None:
    async def scenario() -> None:
        async with serving() as (server, session):
            async with session.get("/fail/broken") as response:
                assert response.status == 500
            with pytest.raises(InvariantBroken, match="impossible"):
                await server.watch()

    run(scenario)


def test_a_body_above_the_limit_is_refused_unread() -> None:
    async def scenario() -> None:
        async with serving(body=1000) as (_, session):
            async with session.post("/echo", data=bytes(1000)) as response:
                assert response.status == 200
            async with session.post("/echo", data=bytes(1001)) as response:
                assert response.status == 413
                assert (await response.json())["error"] == "request_entity_too_large"

    run(scenario)


def test_one_address_can_ask_only_so_often_but_health_always_answers() -> None:
    async def scenario() -> None:
        async with serving(rate=0.1, burst=2) as (_, session):
            statuses = []
            for _ in range(3):
                async with session.post("/echo", data=b"x") as response:
                    statuses.append(response.status)
            assert statuses == [200, 200, 429]
            assert int(response.headers["Retry-After"]) >= 1
            async with session.get("/health") as response:
                assert await response.json() == {"status": "ok"}

    run(scenario)


def test_a_silent_connection_is_shown_out() -> None:
    async def scenario() -> None:
        async with serving(patience=0.1) as (server, _):
            reader, _writer = await connect(server)
            assert await is_shown_out(reader)

    run(scenario)


def test_a_header_that_drips_is_shown_out() -> None:
    async def scenario() -> None:
        async with serving(patience=0.2) as (server, _):
            reader, writer = await connect(server)
            writer.write(b"GET /health HTTP/1.1\r\nX-Long: ")

            async def drip() -> None:
                while True:
                    writer.write(b"x")
                    await asyncio.sleep(0.02)

            dripping = asyncio.create_task(drip())
            assert await is_shown_out(reader)
            dripping.cancel()

    run(scenario)


def test_a_body_that_does_not_come_is_refused() -> None:
    async def scenario() -> None:
        async with serving(patience=0.1) as (server, _):
            reader, writer = await connect(server)
            writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
            assert b"408" in await reader.readline()

    run(scenario)


def test_a_connection_that_rests_too_long_is_shown_out() -> None:
    async def scenario() -> None:
        async with serving(idle=0.1) as (server, _):
            reader, writer = await connect(server)
            writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in await reader.readline()
            await reader.readuntil(b'"}')
            assert await is_shown_out(reader)

    run(scenario)


def test_more_connections_than_allowed_are_shown_out_and_the_others_served() -> None:
    async def scenario() -> None:
        async with serving(connections=2) as (server, _):
            first = await connect(server)
            second = await connect(server)
            third = await connect(server)
            assert await is_shown_out(third[0])
            for reader, writer in (first, second):
                writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                assert b"200" in await reader.readline()

    run(scenario)


def test_an_unknown_path_has_a_typed_error_and_shows_in_the_metrics() -> None:
    async def scenario() -> None:
        async with serving() as (_, session):
            async with session.get("/nowhere") as response:
                assert response.status == 404
                assert (await response.json())["error"] == "not_found"
            async with session.get("/metrics") as response:
                text = await response.text()
                assert 'handfast_http_requests_total{route="unknown",status="404"} 1.0' in text

    run(scenario)


def test_an_address_that_is_taken_is_one_clear_line() -> None:
    async def scenario() -> None:
        async with serving() as (server, _):
            other = Server([], health, CollectorRegistry())
            with pytest.raises(InvalidInput, match=f"can't listen on 127.0.0.1:{server.port}"):
                await other.start("127.0.0.1", server.port)

    run(scenario)


def test_a_server_that_stops_ends_its_conversations() -> None:
    async def scenario() -> None:
        open_ = set[web.WebSocketResponse]()

        async def converse(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            open_.add(socket)
            async for message in socket:
                await socket.send_bytes(message.data)
            return socket

        async def farewell() -> None:
            await asyncio.gather(*(socket.close() for socket in open_))

        routes = [web.get("/talk", converse)]
        server = Server(routes, health, CollectorRegistry(), farewell=farewell)
        await server.start("127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.port}/talk"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as talk:
            await talk.send_bytes(b"still there?")
            assert await talk.receive_bytes() == b"still there?"
            listening = asyncio.create_task(talk.receive())
            await server.stop()  # else it would wait for who never leaves
            assert (await listening).type is aiohttp.WSMsgType.CLOSE

    run(scenario)


def test_a_bucket_refills_with_time() -> None:
    now = 0.0
    limit = RateLimit(2.0, 2, clock=lambda: now)
    assert [limit.wait("a") for _ in range(3)] == [0.0, 0.0, 0.5]
    assert limit.wait("b") == 0.0
    now = 0.5
    assert [limit.wait("a") for _ in range(2)] == [0.0, 0.5]
