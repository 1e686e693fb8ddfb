"""Serves HTTP to strangers: limits on size, rate and sessions, typed errors, health and metrics.
(SPEC PR-11)
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render_metrics

from handfast.errors import HandfastError, InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.log import get

_log = get(__name__)
_REMEMBERED = 100_000
_LINGER = 2.0
_END_SECONDS = 10.0
_PROBES = ("/health", "/metrics")
_STATUS: dict[type[HandfastError], tuple[int, str]] = {
    InvalidInput: (400, "invalid"),
    Rejected: (409, "rejected"),
    Unavailable: (503, "unavailable"),
    InvariantBroken: (500, "broken"),
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Health = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one stranger, and all together, may ask of a server.

    body          bytes of one request
    connections   open at once
    requests      under way at once
    rate, burst   of one address: requests a second, and how many at once
    patience      seconds for a request to arrive in full
    idle          seconds between two requests of one connection
    """

    body: int = 1 << 20
    connections: int = 1_000
    requests: int = 200
    rate: float = 100.0
    burst: int = 200
    patience: float = 10.0
    idle: float = 60.0


_USUAL = Limits()


class RateLimit:
    """A bucket of tokens for each address; the longest unused are forgotten."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Take a token: 0 if there was one, else the seconds until there is."""
        now = self._clock()
        tokens, then = self._buckets.pop(address, (self._burst, now))
        tokens = min(tokens + (now - then) * self._rate, self._burst)
        allowed = tokens >= 1
        self._buckets[address] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self._rate


class _Door(asyncio.Protocol):
    """Stands before aiohttp's own protocol, shows out who keeps a connection without using it."""

    def __init__(self, inner: RequestHandler, server: Server) -> None:
        self._inner = inner
        self._server = server
        self._transport: asyncio.BaseTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, seconds: float) -> None:
        """Close the connection unless a request has arrived by then."""
        self.stop_waiting()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._show_out)

    def stop_waiting(self) -> None:
        """A request has arrived."""
        if self._timer is not None:
            self._timer.cancel()

    def _show_out(self) -> None:
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._inner.connection_made(transport)
        if self._server.enter(self._inner, self):
            self.wait(self._server.limits.patience)
        else:
            self._show_out()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        self._server.leave(self._inner)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Server:
    """An HTTP server with `/health` and `/metrics`. Use it as an async context manager.

    routes    of the application
    health    what `/health` answers; raising Unavailable makes it 503
    metrics   what `/metrics` shows
    farewell  ends the conversations (WebSockets) of these routes when the server stops, which
              would wait for them
    """

    def __init__(
        self,
        routes: Iterable[web.AbstractRouteDef],
        health: Health,
        metrics: CollectorRegistry,
        limits: Limits = _USUAL,
        farewell: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.limits = limits
        self._health = health
        self._metrics = metrics
        self._rate = RateLimit(limits.rate, limits.burst)
        self._requests = Counter(
            "handfast_http_requests", "Requests", ["route", "status"], registry=metrics
        )
        self._seconds = Histogram(
            "handfast_http_seconds", "Seconds to answer", ["route"], registry=metrics
        )
        self._open = Gauge("handfast_http_connections", "Open connections", registry=metrics)
        self._doors: dict[RequestHandler, _Door] = {}
        self._running = 0
        self._server: asyncio.Server | None = None
        self._broken = asyncio.Event()
        self._breach: InvariantBroken | None = None
        app = web.Application(client_max_size=limits.body, middlewares=[self._middleware()])
        app.add_routes([web.get("/health", self._show_health)])
        app.add_routes([web.get("/metrics", self._show_metrics)])
        app.add_routes(routes)
        if farewell is not None:
            app.on_shutdown.append(lambda _: farewell())
        self._runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=_END_SECONDS,
            keepalive_timeout=limits.idle,
            lingering_time=min(limits.patience, _LINGER),
        )

    async def start(self, host: str, port: int) -> None:
        """Listen.

        port     0 takes a free one
        raises   InvalidInput if the address is taken or not ours
        """
        await self._runner.setup()
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._door, host, port)
        except OSError as error:
            await self._runner.cleanup()
            raise InvalidInput(f"can't listen on {host}:{port}: {error.strerror}") from error

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise InvariantBroken("the server was not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def watch(self) -> None:
        """Wait for ever, or until a request runs into InvariantBroken, and raise that."""
        await self._broken.wait()
        if self._breach is not None:
            raise self._breach

    async def stop(self) -> None:
        """Take no more requests; those under way have some seconds to end."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # ------------------------------------------------------------ connections

    def _door(self) -> _Door:
        server = self._runner.server
        if server is None:
            raise InvariantBroken("a connection came before the server was set up")
        return _Door(server(), self)

    def enter(self, inner: RequestHandler, door: _Door) -> bool:
        """Count a connection in; False if there are too many."""
        self._doors[inner] = door
        self._open.set(len(self._doors))
        return len(self._doors) <= self.limits.connections

    def leave(self, inner: RequestHandler) -> None:
        """Count a connection out."""
        self._doors.pop(inner, None)
        self._open.set(len(self._doors))

    # ------------------------------------------------------------ requests

    def _middleware(self) -> Any:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            door = self._doors.get(request.protocol)
            if door is not None:
                door.stop_waiting()
            started = time.perf_counter()
            self._running += 1
            try:
                response = await self._answer(request, handler)
            finally:
                self._running -= 1
                if door is not None:
                    door.wait(self.limits.idle)
            resource = request.match_info.route.resource
            route = resource.canonical if resource is not None else "unknown"
            self._requests.labels(route, response.status).inc()
            self._seconds.labels(route).observe(time.perf_counter() - started)
            return response

        return guard

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path not in _PROBES:
            seconds = self._rate.wait(request.remote or "")
            if seconds:
                headers = {"Retry-After": str(int(seconds) + 1)}
                return refusal(429, "rate", "too many requests", headers)
            if self._running > self.limits.requests:
                return refusal(503, "busy", "too many requests under way", {"Retry-After": "1"})
        try:
            try:
                async with asyncio.timeout(self.limits.patience):
                    await request.read()
            except TimeoutError:
                return refusal(408, "slow", "the request did not arrive in time")
            return await handler(request)
        except web.HTTPException as error:
            return refusal(error.status, error.reason.lower().replace(" ", "_"), error.text or "")
        except HandfastError as error:
            return self._failure(error)

    def _failure(self, error: HandfastError) -> web.Response:
        status, code = next(answer for kind, answer in _STATUS.items() if isinstance(error, kind))
        if isinstance(error, InvariantBroken):
            _log.critical("invariant broken", error=str(error))
            self._breach = error
            self._broken.set()
        if isinstance(error, Rejected) and error.reason:
            code = error.reason
        return refusal(status, code, str(error))

    async def _show_health(self, _: web.Request) -> web.Response:
        return web.json_response(await self._health())

    async def _show_metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=render_metrics(self._metrics), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


def refusal(
    status: int, code: str, detail: str, headers: dict[str, str] | None = None
) -> web.Response:
    """A typed error: `{"error": code, "detail": …}`."""
    text = json.dumps({"error": code, "detail": detail})
    return web.Response(status=status, text=text, content_type="application/json", headers=headers)
