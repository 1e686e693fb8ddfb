"""A TCP server between a process and a node that misbehaves on demand."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


class Fault(enum.Enum):
    """What becomes of one request."""

    NONE = "passed on"
    ASK_TWICE = "passed on twice"
    ANSWER_TWICE = "answered twice on one connection"
    LOSE_ANSWER = "passed on, then the connection breaks"
    SILENCE = "never passed on, never answered"
    REFUSE = "the connection breaks at once"
    HTML = "answered by a gateway's page"
    STRANGER = "answered with another request's answer"
    DENY = "refused for ever"


Plan = Callable[[str, int], Fault]
"""The fault of a request, by its JSON-RPC method and how many of that method came before."""


class FaultProxy:
    """Passes JSON-RPC on to a node, faulty as planned.

    plan      may be replaced at any time
    rewrite   changes the result of a method
    """

    def __init__(self, target: str, plan: Plan = lambda method, count: Fault.NONE) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname, parts.port
        self.plan = plan
        self.rewrite: dict[str, Callable[[Any], Any]] = {}
        self.seen: list[str] = []
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        body = await _read_message(reader)
        request = json.loads(body)
        method = request["method"]
        fault = self.plan(method, self.seen.count(method))
        self.seen.append(method)
        if fault is Fault.REFUSE:
            return False
        if fault is Fault.SILENCE:
            await asyncio.sleep(3600)
        if fault is Fault.HTML:
            writer.write(_response(b"<html>Bad Gateway</html>", "502 Bad Gateway"))
            await writer.drain()
            return True
        if fault is Fault.DENY:
            answer = {"id": request["id"], "error": {"code": -32000, "message": "against policy"}}
        else:
            answer = await self._forward(body)
        if fault is Fault.ASK_TWICE:
            answer = await self._forward(body)
        if fault is Fault.LOSE_ANSWER:
            return False
        if method in self.rewrite and "result" in answer:
            answer["result"] = self.rewrite[method](answer["result"])
        if fault is Fault.STRANGER:
            answer["id"] = request["id"] + 1000
        message = _response(json.dumps(answer).encode())
        writer.write(message * 2 if fault is Fault.ANSWER_TWICE else message)
        await writer.drain()
        return True

    async def _forward(self, body: bytes) -> Any:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(
            b"POST / HTTP/1.1\r\nHost: node\r\nConnection: close\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        answer = await _read_message(reader)
        writer.close()
        return json.loads(answer)


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    lengths = [line.split(":")[1] for line in head if line.startswith("content-length:")]
    return await reader.readexactly(int(lengths[0]))


def _response(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body
