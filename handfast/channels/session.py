"""A connection between two peers: who is at the other end, and frames of limited size and rate.

The dialler says `Hello`, the listener answers with a signature of the dialler's nonce, the dialler
with one of the listener's. What follows are frames of items. The transport is not trusted with
more than that: states, receipts and closes carry their own signatures. Secrecy is TLS's task.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

import aiohttp

from handfast.channels.state import Address, Parameters, same_account
from handfast.channels.wire import Signature
from handfast.codec import Bytes32, Codec, Size, Uint8, Uint64, Uint128
from handfast.crypto.ecdsa import Signer, is_signed_by
from handfast.errors import Rejected, Unavailable
from handfast.protocol.messages import Domain
from handfast.protocol.messages import Session as SessionMessage

VERSION = 1
MAX_MESSAGE = 64 * 1024
MAX_FRAME = 256 * 1024
MAX_ITEMS = 256
HANDSHAKE_SECONDS = 10.0
HEARTBEAT_SECONDS = 20.0
_MAX_OUTBOX = 16 * MAX_FRAME
_ITEM_OVERHEAD = 64


# ---------------------------------------------------------------- what is said


@dataclass(frozen=True, slots=True)
class Hello:
    """The dialler: who it is, and what the listener is to sign."""

    version: Uint8
    account: Address
    nonce: Bytes32


@dataclass(frozen=True, slots=True)
class Welcome:
    """The listener: who it is, its signature, and what the dialler is to sign."""

    account: Address
    nonce: Bytes32
    signature: Signature


@dataclass(frozen=True, slots=True)
class Proof:
    """The dialler's signature."""

    signature: Signature


@dataclass(frozen=True, slots=True)
class Introduce:
    """Speak about the channel with these parameters from now on.

    first_nonce   that the client's end begins its locks with, should the provider's be new to it
    """

    parameters: Parameters
    first_nonce: Uint64


@dataclass(frozen=True, slots=True)
class Introduced:
    """Agreed."""

    channel: Bytes32


@dataclass(frozen=True, slots=True)
class AskOpening:
    """Sign an `Opening`, so that this channel can be opened with your deposit too."""

    parameters: Parameters
    client_deposit: Uint128
    provider_deposit: Uint128
    deadline: Uint64


@dataclass(frozen=True, slots=True)
class Consent:
    """The signature of the `Opening`."""

    channel: Bytes32
    signature: Signature


@dataclass(frozen=True, slots=True)
class Declined:
    """No, and why."""

    channel: Bytes32
    reason: Annotated[str, Size(0, 256)]


@dataclass(frozen=True, slots=True)
class Said:
    """A message about a channel (see `wire`)."""

    channel: Bytes32
    body: Annotated[bytes, Size(1, MAX_MESSAGE)]


Item = Introduce | Introduced | AskOpening | Consent | Declined | Said


@dataclass(frozen=True, slots=True)
class Frame:
    """What travels at once."""

    items: Annotated[tuple[Item, ...], Size(1, MAX_ITEMS)]


GREETINGS: Codec[Hello | Welcome | Proof] = Codec(Hello | Welcome | Proof)
FRAMES: Codec[Frame] = Codec(Frame)


class Socket(Protocol):
    """What both ends of an aiohttp WebSocket can do."""

    async def receive(self, timeout: float | None = None) -> aiohttp.WSMessage: ...  # noqa: ASYNC109

    async def send_bytes(self, data: bytes, compress: int | None = None) -> None: ...

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool: ...


Vouch = Callable[[str, bytes, bytes], Awaitable[bool]]
"""Whether a contract wallet takes a signature (ERC-1271): account, digest, signature."""


# ---------------------------------------------------------------- who it is


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an end proves itself with.

    vouch    asked where a signature is not the account's key's; None if contract wallets are not
             dealt with
    """

    domain: Domain
    signer: Signer
    vouch: Vouch | None = None


async def greet(socket: Socket, own: Credentials, listener: str) -> None:
    """As the dialler: make sure that `listener` is there, and show who we are.

    raises   Rejected if it is somebody else, Unavailable if it does not answer
    """
    nonce = secrets.token_bytes(32)
    await _say(socket, Hello(VERSION, own.signer.address, nonce))
    welcome = await _hear(socket)
    if not isinstance(welcome, Welcome) or not same_account(welcome.account, listener):
        raise Rejected(f"not {listener} answers", "wrong_account")
    await _prove(own, listener, nonce, welcome.signature)
    await _say(socket, Proof(_answer(own, listener, welcome.nonce)))


async def admit(socket: Socket, own: Credentials) -> str:
    """As the listener: show who we are, and find out who dialled.

    raises   Rejected if it cannot prove it, Unavailable if it does not answer
    """
    hello = await _hear(socket)
    if not isinstance(hello, Hello) or hello.version != VERSION:
        raise Rejected("another protocol or version is spoken", "wrong_version")
    nonce = secrets.token_bytes(32)
    answer = _answer(own, hello.account, hello.nonce)
    await _say(socket, Welcome(own.signer.address, nonce, answer))
    proof = await _hear(socket)
    if not isinstance(proof, Proof):
        raise Rejected("a proof was due", "unexpected")
    await _prove(own, hello.account, nonce, proof.signature)
    return hello.account.lower()


def _answer(own: Credentials, listener: str, nonce: bytes) -> bytes:
    message = SessionMessage(own.signer.address, listener, nonce)
    return own.signer.sign(message.digest(own.domain))


async def _prove(own: Credentials, speaker: str, nonce: bytes, signature: bytes) -> None:
    digest = SessionMessage(speaker, own.signer.address, nonce).digest(own.domain)
    if is_signed_by(speaker, digest, signature):
        return
    if own.vouch is None or not await own.vouch(speaker, digest, signature):
        raise Rejected(f"{speaker} did not prove itself", "bad_signature")


async def _say(socket: Socket, greeting: Hello | Welcome | Proof) -> None:
    try:
        await socket.send_bytes(GREETINGS.encode(greeting))
    except (ConnectionError, aiohttp.ClientError) as error:
        raise Unavailable("the connection broke during the handshake") from error


async def _hear(socket: Socket) -> Hello | Welcome | Proof:
    try:
        message = await socket.receive(timeout=HANDSHAKE_SECONDS)
    except TimeoutError as error:
        raise Unavailable("the other end is silent") from error
    if message.type is not aiohttp.WSMsgType.BINARY:
        raise Unavailable("the connection broke during the handshake")
    return GREETINGS.decode(message.data)


# ---------------------------------------------------------------- what it may do


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may do.

    rate     messages a second, in the long run
    burst    messages at once
    """

    rate: float = 2_000.0
    burst: int = 8_000


class Session:
    """An authenticated connection. Whoever speaks faster than its limit is read more slowly.

    account    of the other end, in lower case
    """

    def __init__(self, socket: Socket, account: str, limits: Limits) -> None:
        self.account = account
        self._socket = socket
        self._limits = limits
        self._outbox: list[Item] = []
        self._size = 0
        self._ready = asyncio.Event()
        self._allowance = float(limits.burst)
        self._counted_at = 0.0
        self.closed = False

    def say(self, item: Item) -> None:
        """Put an item on its way; it is lost if the connection breaks."""
        if self.closed:
            return
        self._size += _ITEM_OVERHEAD + (len(item.body) if isinstance(item, Said) else 256)
        if self._size > _MAX_OUTBOX:
            # It does not read. What it missed is said again on its next connection.
            self.closed = True
        else:
            self._outbox.append(item)
        self._ready.set()

    async def send_all(self) -> None:
        """Send what is said, until the connection ends."""
        try:
            while not self.closed:
                await self._ready.wait()
                self._ready.clear()
                for frame in self._frames():
                    await self._socket.send_bytes(FRAMES.encode(frame))
        except (ConnectionError, aiohttp.ClientError):
            pass  # the reading side notices, too
        finally:
            await self.close()

    def _frames(self) -> list[Frame]:
        """The outbox, in frames that the other end takes."""
        items, self._outbox, self._size = self._outbox, [], 0
        frames: list[Frame] = []
        start, size = 0, 0
        for index, item in enumerate(items):
            length = _ITEM_OVERHEAD + (len(item.body) if isinstance(item, Said) else 256)
            if index > start and (size + length > MAX_FRAME or index - start == MAX_ITEMS):
                frames.append(Frame(tuple(items[start:index])))
                start, size = index, 0
            size += length
        if start < len(items):
            frames.append(Frame(tuple(items[start:])))
        return frames

    async def frames(self) -> AsyncIterator[Frame]:
        """What the other end says, until the connection ends.

        raises   Malformed if it says what is no frame: no more is read then
        """
        while not self.closed:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                return
            frame = FRAMES.decode(message.data)
            await self._pace(len(frame.items))
            yield frame

    async def _pace(self, count: int) -> None:
        """Wait for as long as it takes to stay within the rate."""
        now = asyncio.get_running_loop().time()
        earned = (now - self._counted_at) * self._limits.rate
        self._allowance = min(float(self._limits.burst), self._allowance + earned) - count
        self._counted_at = now
        if self._allowance < 0:
            await asyncio.sleep(-self._allowance / self._limits.rate)

    async def close(self) -> None:
        """End the connection."""
        self.closed = True
        self._ready.set()
        await self._socket.close()
