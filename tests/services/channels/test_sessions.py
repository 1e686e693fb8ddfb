"""What strangers and misbehaving peers can do to a listener: nothing.

(SPEC CH-3, CH-18, CH-27, PR-11)
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from handfast.channels import session as sessions
from handfast.channels.model import ModelHub
from handfast.channels.model_chain import ModelChain
from handfast.channels.network import Network
from handfast.channels.peer import Peer
from handfast.channels.policy import Policy
from handfast.channels.session import (
    FRAMES,
    GREETINGS,
    MAX_FRAME,
    AskOpening,
    Consent,
    Credentials,
    Declined,
    Frame,
    Hello,
    Introduce,
    Introduced,
    Item,
    Limits,
    Proof,
    Said,
    Welcome,
    greet,
)
from handfast.channels.state import Holdings, Parameters
from handfast.channels.wire import MESSAGES, Fault, Greeting, Party, Reason, Update
from handfast.crypto.ecdsa import Signer, is_signed_by
from handfast.crypto.keccak import keccak
from handfast.errors import Rejected, Unavailable
from handfast.journal import Journal, Scribe
from handfast.protocol.messages import Domain, Opening
from handfast.protocol.messages import Session as SessionMessage

TOKEN = "0x" + 40 * "7"
DOMAIN = Domain(31_337, "0x" + 40 * "4")
CLIENT, PROVIDER, STRANGER = (Signer(keccak(name)) for name in (b"client", b"provider", b"else"))
PARAMETERS = Parameters(CLIENT.address, PROVIDER.address, TOKEN, 3_600, bytes(32))
CHANNEL = ModelHub(DOMAIN, PARAMETERS, Holdings()).channel

Scenario = Coroutine[Any, Any, None]
Run = Callable[[Scenario], None]


@pytest.fixture
def run() -> Run:
    async def guarded(scenario: Scenario) -> None:
        async with asyncio.timeout(30):
            await scenario

    return lambda scenario: asyncio.run(guarded(scenario))


@dataclass
class Listener:
    """A provider's peer that listens."""

    peer: Peer
    network: Network
    url: str
    http: aiohttp.ClientSession


@asynccontextmanager
async def listening(
    folder: Path, *, limits: Limits | None = None, most: int = 10, policy: Policy | None = None
) -> AsyncIterator[Listener]:
    hub = ModelHub(DOMAIN, PARAMETERS, Holdings(1_000, 1_000))
    scribe = Scribe(Journal(folder / "journal.db"))
    chain = ModelChain(hub, Party.PROVIDER, time.time)
    peer = Peer(PROVIDER, DOMAIN, scribe, chain, policy or Policy(TOKEN))
    await peer.start()
    network = Network(peer, sessions=most, limits=limits or Limits())
    application = web.Application()
    application.router.add_get("/channel", network.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as http:
        yield Listener(peer, network, f"ws://127.0.0.1:{port}/channel", http)
    await network.close()
    await runner.cleanup()
    await peer.stop()
    await scribe.close()


class Caller:
    """The other end of a connection, which may say anything."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def say(self, *items: Item) -> None:
        await self.socket.send_bytes(FRAMES.encode(Frame(items)))

    async def hear(self) -> list[Item]:
        message = await self.socket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.BINARY, message
        return list(FRAMES.decode(message.data).items)

    async def is_cut(self) -> bool:
        message = await self.socket.receive(timeout=5)
        return message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)

    async def introduce(self) -> None:
        """Introduce the channel, and take the listener's greeting."""
        await self.say(Introduce(PARAMETERS, 1))
        heard: list[Item] = []
        while len(heard) < 2:
            heard += await self.hear()
        assert heard[0] == Introduced(CHANNEL)


@asynccontextmanager
async def calling(listener: Listener, signer: Signer = CLIENT) -> AsyncIterator[Caller]:
    async with listener.http.ws_connect(listener.url) as socket:
        await greet(socket, Credentials(DOMAIN, signer), PROVIDER.address)
        yield Caller(socket)


def faults(items: list[Item]) -> list[Reason]:
    said = [MESSAGES.decode(each.body) for each in items if isinstance(each, Said)]
    return [each.reason for each in said if isinstance(each, Fault)]


# ---------------------------------------------------------------- who it is


def test_both_ends_prove_themselves(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener, calling(listener) as caller:
            await caller.introduce()

    run(scenario())


async def forged(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Claim to be the client without its key."""
    await socket.send_bytes(GREETINGS.encode(Hello(1, CLIENT.address, bytes(32))))
    welcome = GREETINGS.decode((await socket.receive()).data)
    assert isinstance(welcome, Welcome)
    answer = SessionMessage(CLIENT.address, PROVIDER.address, welcome.nonce).digest(DOMAIN)
    await socket.send_bytes(GREETINGS.encode(Proof(STRANGER.sign(answer))))


async def replayed(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Answer with a proof of another session."""
    await socket.send_bytes(GREETINGS.encode(Hello(1, CLIENT.address, bytes(32))))
    await socket.receive()
    old = SessionMessage(CLIENT.address, PROVIDER.address, secrets.token_bytes(32)).digest(DOMAIN)
    await socket.send_bytes(GREETINGS.encode(Proof(CLIENT.sign(old))))


async def of_another_version(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_bytes(GREETINGS.encode(Hello(2, CLIENT.address, bytes(32))))


async def proof_first(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_bytes(GREETINGS.encode(Proof(bytes(65))))


async def hello_twice(socket: aiohttp.ClientWebSocketResponse) -> None:
    for _ in range(2):
        await socket.send_bytes(GREETINGS.encode(Hello(1, CLIENT.address, bytes(32))))
    await socket.receive()


async def no_address(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_bytes(GREETINGS.encode(Hello(1, "x" * 42, bytes(32))))


async def garbage(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_bytes(b"\xff\xff\xff")


async def text(socket: aiohttp.ClientWebSocketResponse) -> None:
    await socket.send_str("hello")


@pytest.mark.parametrize(
    "deed",
    [forged, replayed, of_another_version, proof_first, hello_twice, no_address, garbage, text],
)
def test_who_cannot_prove_itself_is_cut_off(
    deed: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[None]], tmp_path: Path, run: Run
) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener:
            async with listener.http.ws_connect(listener.url) as socket:
                await deed(socket)
                assert await Caller(socket).is_cut()
            async with calling(listener) as caller:
                await caller.introduce()

    run(scenario())


def test_who_says_nothing_is_cut_off(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "HANDSHAKE_SECONDS", 0.05)

    async def scenario() -> None:
        async with (
            listening(tmp_path) as listener,
            listener.http.ws_connect(listener.url) as socket,
        ):
            assert await Caller(socket).is_cut()

    run(scenario())


def test_the_dialler_finds_out_that_somebody_else_answers(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with (
            listening(tmp_path) as listener,
            listener.http.ws_connect(listener.url) as socket,
        ):
            with pytest.raises(Rejected) as caught:
                await greet(socket, Credentials(DOMAIN, CLIENT), STRANGER.address)
            assert caught.value.reason == "wrong_account"

    run(scenario())


def test_a_listener_of_another_hub_or_chain_proves_nothing(tmp_path: Path, run: Run) -> None:
    """(SPEC GEN-2)"""

    async def scenario() -> None:
        async with listening(tmp_path) as listener:
            for domain in (Domain(1, DOMAIN.contract), Domain(31_337, "0x" + 40 * "5")):
                async with listener.http.ws_connect(listener.url) as socket:
                    with pytest.raises(Rejected) as caught:
                        await greet(socket, Credentials(domain, CLIENT), PROVIDER.address)
                    assert caught.value.reason == "bad_signature"

    run(scenario())


def test_a_contract_wallet_proves_itself_where_there_is_consent(tmp_path: Path, run: Run) -> None:
    """(SPEC CH-18)"""

    async def scenario() -> None:
        asked = []

        async def vouch(account: str, digest: bytes, signature: bytes) -> bool:
            asked.append(account)
            return is_signed_by(PROVIDER.address, digest, signature)

        wallet = "0x" + 40 * "6"
        async with listening(tmp_path) as listener:
            listener.peer.signer = Signer(keccak(b"provider"))
            listener.peer.signer.address = wallet
            async with listener.http.ws_connect(listener.url) as socket:
                with pytest.raises(Rejected):
                    await greet(socket, Credentials(DOMAIN, CLIENT), wallet)
            async with listener.http.ws_connect(listener.url) as socket:
                await greet(socket, Credentials(DOMAIN, CLIENT, vouch), wallet)
        assert asked == [wallet]

    run(scenario())


# ---------------------------------------------------------------- what it says


def test_a_malformed_message_gets_a_fault_and_changes_nothing(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener, calling(listener) as caller:
            await caller.introduce()
            before = listener.peer.find(CHANNEL).end
            for body in (b"\0", b"\xff" * 50, MESSAGES.encode(Greeting(0, 1)) + b"\0"):
                await caller.say(Said(CHANNEL, body))
                assert faults(await caller.hear()) == [Reason.MALFORMED]
            await caller.say(Said(CHANNEL, MESSAGES.encode(Update(0, 1, ()))))
            assert faults(await caller.hear()) == [Reason.BAD_SIGNATURE]
            assert listener.peer.find(CHANNEL).end is before

    run(scenario())


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\xff" * 100, b"\x91\x90", bytes(3 * MAX_FRAME)],
    ids=["nothing", "a number", "garbage", "no items", "too much"],
)
def test_what_is_no_frame_ends_the_connection_and_nothing_else(
    data: bytes, tmp_path: Path, run: Run
) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener:
            async with calling(listener) as caller:
                await caller.introduce()
                await caller.socket.send_bytes(data)
                assert await caller.is_cut()
            async with calling(listener) as caller:
                await caller.introduce()

    run(scenario())


def test_a_channel_is_spoken_of_only_once_introduced(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener, calling(listener) as caller:
            await caller.say(Said(CHANNEL, MESSAGES.encode(Greeting(0, 1))))
            assert await caller.hear() == [Declined(CHANNEL, "the channel was not introduced")]

    run(scenario())


def test_others_channels_are_not_introduced(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener:
            async with calling(listener, STRANGER) as stranger:
                await stranger.say(Introduce(PARAMETERS, 1))
                (answer,) = await stranger.hear()
                assert isinstance(answer, Declined)
                assert "no party" in answer.reason
                foreign = replace(PARAMETERS, provider=STRANGER.address)
                await stranger.say(Introduce(foreign, 1))
                (answer,) = await stranger.hear()
                assert isinstance(answer, Declined)
            assert not listener.peer.channels

    run(scenario())


def test_a_newer_connection_of_an_account_replaces_the_older(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path) as listener, calling(listener) as older:
            await older.introduce()
            async with calling(listener) as newer:
                await newer.introduce()
                assert await older.is_cut()
                await newer.say(Said(CHANNEL, b"\0"))
                assert faults(await newer.hear()) == [Reason.MALFORMED]

    run(scenario())


def test_so_many_sessions_and_no_more(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        async with listening(tmp_path, most=1) as listener, calling(listener):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await listener.http.ws_connect(listener.url)
            assert caught.value.status == 503

    run(scenario())


def test_who_speaks_too_fast_is_read_more_slowly(tmp_path: Path, run: Run) -> None:
    async def scenario() -> None:
        limits = Limits(rate=200.0, burst=20)
        async with listening(tmp_path, limits=limits) as listener, calling(listener) as caller:
            await caller.introduce()
            start = time.monotonic()
            for _ in range(6):
                await caller.say(*[Said(CHANNEL, b"\0")] * 20)
            heard: list[Reason] = []
            while len(heard) < 120:
                heard += faults(await caller.hear())
            assert time.monotonic() - start >= (120 - 20) / 200 * 0.9

    run(scenario())


# ---------------------------------------------------------------- openings


def test_a_deposit_is_promised_only_where_the_policy_consents(tmp_path: Path, run: Run) -> None:
    """(SPEC CH-3)"""
    policy = Policy(TOKEN, consents=lambda _, client, provider, deadline: provider <= 50)

    async def scenario() -> None:
        async with listening(tmp_path, policy=policy) as listener, calling(listener) as caller:
            await caller.say(AskOpening(PARAMETERS, 100, 50, 999))
            (answer,) = await caller.hear()
            assert isinstance(answer, Consent)
            digest = Opening(CHANNEL, 100, 50, 999).digest(DOMAIN)
            assert is_signed_by(PROVIDER.address, digest, answer.signature)
            await caller.say(AskOpening(PARAMETERS, 100, 51, 999))
            assert await caller.hear() == [Declined(CHANNEL, "no deposit for this channel")]
            other = replace(PARAMETERS, token="0x" + 40 * "8")
            await caller.say(AskOpening(other, 100, 50, 999))
            (answer,) = await caller.hear()
            assert isinstance(answer, Declined)
            assert "token" in answer.reason

    run(scenario())


def test_the_client_asks_for_the_providers_consent(tmp_path: Path, run: Run) -> None:
    """(SPEC CH-3)"""
    policy = Policy(TOKEN, consents=lambda _, client, provider, deadline: provider <= 50)

    async def scenario() -> None:
        async with listening(tmp_path, policy=policy) as listener:
            hub = ModelHub(DOMAIN, PARAMETERS, Holdings())
            scribe = Scribe(Journal(tmp_path / "client.db"))
            chain = ModelChain(hub, Party.CLIENT, time.time)
            peer = Peer(CLIENT, DOMAIN, scribe, chain, Policy(TOKEN))
            await peer.start()
            network = Network(peer)
            with pytest.raises(Unavailable, match="not connected"):
                await network.ask_opening(PARAMETERS, 100, 50, 999)
            await network.connect(listener.url, PROVIDER.address)
            signature = await network.ask_opening(PARAMETERS, 100, 50, 999)
            digest = Opening(CHANNEL, 100, 50, 999).digest(DOMAIN)
            assert is_signed_by(PROVIDER.address, digest, signature)
            with pytest.raises(Rejected, match="no deposit"):
                await network.ask_opening(PARAMETERS, 100, 51, 999)
            await network.close()
            await peer.stop()
            await scribe.close()

    run(scenario())
