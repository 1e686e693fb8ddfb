"""Lets peers meet: listens for those who dial, dials those we deal with, and introduces channels.
(SPEC PR-11)
"""

from __future__ import annotations

import asyncio
import random

import aiohttp
from aiohttp import web

from handfast import log
from handfast.channels.inputs import Heard
from handfast.channels.live import Live
from handfast.channels.peer import Peer
from handfast.channels.rules import id_of
from handfast.channels.session import (
    HEARTBEAT_SECONDS,
    MAX_FRAME,
    AskOpening,
    Consent,
    Declined,
    Introduce,
    Introduced,
    Item,
    Limits,
    Said,
    Session,
    Socket,
    admit,
    greet,
)
from handfast.channels.state import ChannelId, Parameters, same_account
from handfast.channels.wire import MESSAGES, Fault, Party, Reason
from handfast.codec import Malformed
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.protocol.messages import Opening

_log = log.get(__name__)
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 30.0
_ANSWER_SECONDS = 30.0
_REASON = 256

_USUAL = Limits()


class Network:
    """The connections of a peer: at most one to each account, a newer one replaces an older.

    sessions    most at a time, those that have not proved themselves included
    """

    def __init__(self, peer: Peer, *, sessions: int = 1_024, limits: Limits = _USUAL) -> None:
        self._peer = peer
        self._most = sessions
        self._limits = limits
        self._sessions: dict[str, Session] = {}
        self._sockets: set[Socket] = set()
        self._dialling: dict[str, asyncio.Task[None]] = {}
        self._asked: dict[tuple[str, ChannelId], asyncio.Future[Consent]] = {}
        self._met = asyncio.Condition()
        self._http: aiohttp.ClientSession | None = None

    # ------------------------------------------------------------ meeting

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The WebSocket route of a listener; mount it where the registry says."""
        if len(self._sockets) >= self._most:
            return web.Response(status=503, text="too many sessions")
        socket = web.WebSocketResponse(
            max_msg_size=2 * MAX_FRAME, heartbeat=HEARTBEAT_SECONDS, compress=False
        )
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            account = await admit(socket, self._peer.credentials)
            await self._converse(Session(socket, account, self._limits))
        except (Unavailable, Rejected, InvalidInput) as error:
            _log.info("session refused", remote=request.remote, error=str(error))
        finally:
            self._sockets.discard(socket)
            await socket.close()
        return socket

    async def connect(self, url: str, account: str, *, seconds: float = 10.0) -> None:
        """Dial an account, and again whenever the connection breaks, until `close`.

        url       ws:// or wss://
        raises    Unavailable if it could not be reached within `seconds`; it is dialled on
        """
        name = account.lower()
        if name not in self._dialling:
            self._dialling[name] = asyncio.create_task(self._dial(url, name), name=f"dial {name}")
        try:
            async with asyncio.timeout(seconds), self._met:
                await self._met.wait_for(lambda: name in self._sessions)
        except TimeoutError:
            raise Unavailable(f"{account} does not answer at {url}") from None

    async def _dial(self, url: str, account: str) -> None:
        if self._http is None:
            self._http = aiohttp.ClientSession()
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._http.ws_connect(
                    url, max_msg_size=2 * MAX_FRAME, heartbeat=HEARTBEAT_SECONDS
                ) as socket:
                    await greet(socket, self._peer.credentials, account)
                    pause = _FIRST_PAUSE
                    await self._converse(Session(socket, account, self._limits), dialled=True)
            except (Unavailable, Rejected, InvalidInput) as error:
                _log.warning("not connected", account=account, error=str(error))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                _log.info("not connected", account=account, error=str(error))
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def close(self) -> None:
        """End every connection, and dial nobody any more."""
        for task in self._dialling.values():
            task.cancel()
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)
        self._dialling.clear()
        # All at once: each waits a while for its other end.
        await asyncio.gather(*(session.close() for session in self._sessions.values()))
        await asyncio.gather(*(socket.close() for socket in self._sockets))
        if self._http is not None:
            await self._http.close()
            self._http = None

    # ------------------------------------------------------------ channels

    async def introduce(self, live: Live) -> None:
        """Speak about a channel that was just taken up, if its other end is connected."""
        session = self._sessions.get(live.terms.peer.lower())
        if session is not None and live.session is not session:
            session.say(Introduce(live.terms.parameters, live.terms.first_nonce))

    async def ask_opening(
        self,
        parameters: Parameters,
        client_deposit: int,
        provider_deposit: int,
        deadline: int,
    ) -> bytes:
        """The connected counterparty's signature of an Opening. (SPEC CH-3)

        raises   Rejected if it declines, Unavailable if it is not connected or does not answer
        """
        ours = self._peer.party_in(parameters)
        other = parameters.provider if ours is Party.CLIENT else parameters.client
        session = self._sessions.get(other.lower())
        if session is None:
            raise Unavailable(f"{other} is not connected")
        key = (session.account, id_of(parameters))
        answer = self._asked.setdefault(key, asyncio.get_running_loop().create_future())
        session.say(AskOpening(parameters, client_deposit, provider_deposit, deadline))
        try:
            consent = await asyncio.wait_for(answer, _ANSWER_SECONDS)
        except TimeoutError:
            raise Unavailable(f"{other} does not answer") from None
        finally:
            self._asked.pop(key, None)
        return consent.signature

    # ------------------------------------------------------------ conversation

    async def _converse(self, session: Session, *, dialled: bool = False) -> None:
        older = self._sessions.get(session.account)
        if older is not None:
            await older.close()
        async with self._met:
            self._sessions[session.account] = session
            self._met.notify_all()
        _log.info("connected", account=session.account)
        sending = asyncio.create_task(session.send_all())
        try:
            if dialled:
                self._introduce_all(session)
            async for frame in session.frames():
                done: asyncio.Future[None] | None = None
                for item in frame.items:
                    done = await self._hear(session, item) or done
                if done is not None:
                    await done  # so that a peer that floods waits for the disk like everybody
        finally:
            await session.close()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._forget(session)

    def _introduce_all(self, session: Session) -> None:
        for live in self._peer.channels.values():
            if live.terms.peer.lower() == session.account and not live.over.is_set():
                session.say(Introduce(live.terms.parameters, live.terms.first_nonce))

    def _forget(self, session: Session) -> None:
        if self._sessions.get(session.account) is session:
            del self._sessions[session.account]
        for live in self._peer.channels.values():
            if live.session is session:
                live.session = None
        _log.info("disconnected", account=session.account)

    async def _hear(self, session: Session, item: Item) -> asyncio.Future[None] | None:
        match item:
            case Said(channel, body):
                return self._hear_message(session, ChannelId(channel), body)
            case Introduce(parameters, first_nonce):
                await self._hear_introduction(session, parameters, first_nonce)
            case Introduced(channel):
                live = self._peer.channels.get(ChannelId(channel))
                if live is not None and same_account(live.terms.peer, session.account):
                    self._peer.attach(live, session)
            case AskOpening():
                self._hear_opening(session, item)
            case Consent(channel) | Declined(channel):
                self._hear_answer(session, ChannelId(channel), item)
        return None

    def _hear_message(
        self, session: Session, channel: ChannelId, body: bytes
    ) -> asyncio.Future[None] | None:
        live = self._peer.channels.get(channel)
        if live is None or live.session is not session:
            session.say(Declined(channel, "the channel was not introduced"))
            return None
        try:
            message = MESSAGES.decode(body)
        except Malformed as error:
            fault = MESSAGES.encode(Fault(Reason.MALFORMED, str(error)[:_REASON]))
            session.say(Said(channel, fault))
            return None
        return self._peer.bring(live, Heard(message))

    async def _hear_introduction(
        self, session: Session, parameters: Parameters, first_nonce: int
    ) -> None:
        channel = id_of(parameters)
        try:
            self._require_party(session, parameters)
            live = await self._peer.take_up(parameters, first_nonce)
        except (InvalidInput, Rejected, Unavailable) as error:
            session.say(Declined(channel, str(error)[:_REASON]))
            return
        session.say(Introduced(channel))
        self._peer.attach(live, session)

    def _require_party(self, session: Session, parameters: Parameters) -> None:
        party = self._peer.party_in(parameters)
        other = parameters.provider if party is Party.CLIENT else parameters.client
        if not same_account(other, session.account):
            raise Rejected("you are no party of the channel", "not_party")

    def _hear_opening(self, session: Session, wish: AskOpening) -> None:
        channel = id_of(wish.parameters)
        policy = self._peer.policy
        try:
            self._require_party(session, wish.parameters)
            policy.require(wish.parameters, len(self._peer.channels))
        except (InvalidInput, Rejected) as error:
            session.say(Declined(channel, str(error)[:_REASON]))
            return
        deposits = wish.client_deposit, wish.provider_deposit
        if not policy.consents(wish.parameters, *deposits, wish.deadline):
            session.say(Declined(channel, "no deposit for this channel"))
            return
        opening = Opening(channel, *deposits, wish.deadline)
        signature = self._peer.signer.sign(opening.digest(self._peer.domain))
        session.say(Consent(channel, signature))

    def _hear_answer(self, session: Session, channel: ChannelId, item: Consent | Declined) -> None:
        answer = self._asked.get((session.account, channel))
        if isinstance(item, Declined):
            _log.warning("declined", channel=channel.hex(), reason=item.reason)
            if answer is not None and not answer.done():
                answer.set_exception(Rejected(item.reason, "declined"))
        elif answer is not None and not answer.done():
            answer.set_result(item)
