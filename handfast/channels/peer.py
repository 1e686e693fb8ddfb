"""Runs the channels of one account: journals, then acts; signs, speaks to peers and to the chain.

One worker takes every input, of all channels, in the order of arrival: a batch of them is stepped,
journalled with one sync, and only then acted upon. A process that dies at any instant is brought
back by its journal: lost effects are asked for again by the first `Tick`, lost messages by the next
connection. (SPEC CH-24, PR-10, PR-11)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

from handfast import log
from handfast.channels.acting import carry_out
from handfast.channels.chain import ChainPort, Told
from handfast.channels.effects import ChainAction, CheckWallet, Effect, Event, Report, Send, sign
from handfast.channels.ends import LINES, Begin, begin, last_nonce, replay
from handfast.channels.inputs import Connected, Heard, Input, Sell, Tick
from handfast.channels.live import PRODUCTS, Live
from handfast.channels.policy import Policy
from handfast.channels.rules import id_of
from handfast.channels.session import Credentials, Said, Session
from handfast.channels.state import ChannelId, Parameters, same_account
from handfast.channels.terms import Terms
from handfast.channels.wire import MESSAGES, Party
from handfast.crypto.ecdsa import Signer
from handfast.errors import HandfastError, InvalidInput, Rejected, Unavailable
from handfast.journal import Scribe
from handfast.protocol.constants import ChannelPhase
from handfast.protocol.messages import Domain

_log = log.get(__name__)
_BATCH = 512
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 2.0
_BACKLOG = 65_536
_REMEMBERED = 256


class Peer:
    """Every channel of one account, live. `start`, then `run` until it fails or is cancelled.

    scribe    writes the journal; the peer does not close it
    clock     seconds; never allowed to run backwards
    """

    def __init__(
        self,
        signer: Signer,
        domain: Domain,
        scribe: Scribe,
        chain: ChainPort,
        policy: Policy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.signer = signer
        self.domain = domain
        self.chain = chain
        self.policy = policy
        self._scribe = scribe
        self._clock = clock
        self._now = 0
        self._channels: dict[ChannelId, Live] = {}
        self._queue: asyncio.Queue[tuple[Live, Input, asyncio.Future[None]]] = asyncio.Queue()
        self._changed: set[Live] = set()
        self._wakes: dict[Live, int] = {}
        self._watchers: list[asyncio.Queue[tuple[ChannelId, Event]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker: asyncio.Task[None] | None = None
        self._taking = asyncio.Lock()

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Bring every channel back from the journal, and take up work."""
        for name in self._scribe.journal.streams():
            if len(name) == len(ChannelId(bytes(32))):
                self._restore(ChannelId(name))
        self._worker = asyncio.create_task(self._work(), name="channels")
        self.spawn(self._look(), "timers of channels")
        for live in self._channels.values():
            self._attend(live)

    async def run(self) -> None:
        """Return when the peer is stopped.

        raises   Unavailable if the journal could not be written, InvariantBroken if a rule failed
        """
        if self._worker is None:
            raise InvalidInput("the peer was not started")
        await asyncio.wait([self._worker])
        if not self._worker.cancelled():
            await self._worker

    async def stop(self) -> None:
        """Stop work in order: what was taken in is done, and every state is written whole."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._worker is None:
            return
        idle = asyncio.create_task(self._queue.join())
        await asyncio.wait([idle, self._worker], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        if not self._worker.done():
            self._worker.cancel()
            for live in self._channels.values():
                if live.lines[0]:
                    live.write_whole(self._scribe.batch)
            await self._scribe.sync()
        await asyncio.gather(self._worker, return_exceptions=True)

    def spawn(self, deed: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something until it ends or the peer stops."""
        task = asyncio.create_task(deed, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _restore(self, channel: ChannelId) -> None:
        stored = self._scribe.journal.load(channel)
        end, now = replay(stored.snapshot, stored.lines)
        size = sum(len(line) for line in stored.lines)
        live = Live(channel, end, stepped_at=now, lines=(len(stored.lines), size))
        if end.channel.exit.over:
            live.over.set()
        self._channels[channel] = live
        self._now = max(self._now, now)

    def _attend(self, live: Live) -> None:
        """Watch the chain for a channel, and see what is due."""
        if live.end.channel.exit.is_done:
            return
        self.bring(live, Tick())
        self.spawn(self._follow(live), f"facts of {live.id.hex()[:8]}")

    # ------------------------------------------------------------ channels

    @property
    def channels(self) -> dict[ChannelId, Live]:
        """Every channel, over or not."""
        return dict(self._channels)

    def find(self, channel: ChannelId) -> Live:
        """A channel that was taken up.

        raises   InvalidInput if there is none with this id
        """
        live = self._channels.get(channel)
        if live is None:
            raise InvalidInput(f"channel 0x{channel.hex()} is not known here")
        return live

    async def take_up(
        self, parameters: Parameters, first_nonce: int = 0, *, ending: bool = False
    ) -> Live:
        """Begin to run a channel that stands open on chain; nothing happens if we run it already.

        first_nonce   that the client of a rated channel says it begins with; 0: nothing was said
        ending        whether to take it up too if it is Closing: to see it to its end

        raises   InvalidInput if we are no party of it, Rejected if it is not open or against the
                 policy, Unavailable if the node does not answer
        """
        channel = id_of(parameters)
        async with self._taking:
            if channel in self._channels:
                return self._channels[channel]
            first = await self._first_line(parameters, first_nonce, ending)
            self._scribe.batch.lines.append((channel, LINES.encode(first)))
            await self._scribe.sync()
            live = Live(channel, begin(first), stepped_at=self._time(), lines=(1, 0))
            self._channels[channel] = live
        self._attend(live)
        return live

    async def _first_line(self, parameters: Parameters, said: int, ending: bool) -> Begin:
        party = self.party_in(parameters)
        rated = same_account(parameters.token, self.policy.market_token)
        peer = parameters.provider if party is Party.CLIENT else parameters.client
        self.policy.require(parameters, len(self._channels))
        wallet = await self.chain.has_code(peer)
        if wallet and not self.policy.wallets:
            raise Rejected(f"{peer} is a contract wallet: no consent to that", "contract_wallet")
        holdings = await self.chain.holdings(parameters, ChannelPhase.OPEN)
        first_nonce = 1
        if holdings is None and ending:
            holdings = await self.chain.holdings(parameters, ChannelPhase.CLOSING)
        elif rated:
            first_nonce = self._first_nonce(parameters, said)
        if holdings is None:
            raise Rejected("the channel is not open, or not deep enough yet", "not_open")
        terms = Terms(
            party, self.domain, parameters, rated, first_nonce, wallet, self.policy.timing
        )
        return Begin(terms, holdings)

    def party_in(self, parameters: Parameters) -> Party:
        """Which party of a channel we are.

        raises   InvalidInput if none
        """
        if same_account(parameters.client, self.signer.address):
            return Party.CLIENT
        if same_account(parameters.provider, self.signer.address):
            return Party.PROVIDER
        raise InvalidInput(f"{self.signer.address} is no party of the channel")

    def _first_nonce(self, parameters: Parameters, said: int) -> int:
        """The client numbers its locks through all channels of a pair, so its rated channels come
        one after the other; the provider takes the number that it is told, if none is used twice.
        (SPEC RP-1)
        """
        pair = (parameters.client.lower(), parameters.provider.lower())
        first = 1
        for live in self._channels.values():
            known = live.terms.parameters
            if live.terms.rated and (known.client.lower(), known.provider.lower()) == pair:
                if not live.over.is_set():
                    raise Rejected(f"channel 0x{live.id.hex()} of the pair is open", "pair_busy")
                first = max(first, last_nonce(live.end) + 1)
        if said == 0 or self.party_in(parameters) is Party.CLIENT:
            return first
        if said < first:
            raise Rejected(f"locks of the pair are numbered from {first} on", "used_nonce")
        return said

    # ------------------------------------------------------------ work

    def now(self) -> int:
        """The peer's time, seconds."""
        return self._time()

    async def sync(self) -> None:
        """Return once everything that was taken in is on disk."""
        await self._scribe.sync()

    def notes(self, live: Live, kind: str) -> Iterator[tuple[bytes, bytes]]:
        """What the journal keeps about a channel beside its state."""
        return self._scribe.journal.notes(live.id, kind)

    def bring(self, live: Live, input: Input) -> asyncio.Future[None]:  # noqa: A002
        """Hand in an input. The result is there once its effects are under way; an InvalidInput, if
        it is a command that cannot be followed.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Whoever does not wait need not hear of it.
        done.add_done_callback(lambda future: future.cancelled() or future.exception())
        if self._worker is not None and self._worker.done():
            done.set_exception(Unavailable("the peer has stopped"))
        else:
            self._queue.put_nowait((live, input, done))
        return done

    async def _work(self) -> None:
        while True:
            taken = [await self._queue.get()]
            while len(taken) < _BATCH and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            try:
                await self._take(taken)
            except BaseException:
                for _, _, done in taken:
                    _fail(done, Unavailable("the peer has stopped"))
                raise
            finally:
                for _ in taken:
                    self._queue.task_done()

    async def _take(self, taken: list[tuple[Live, Input, asyncio.Future[None]]]) -> None:
        now = self._time()
        wanted: list[tuple[Live, tuple[Effect, ...], asyncio.Future[None]]] = []
        for live, input_, done in taken:
            try:
                if isinstance(input_, Sell):
                    self._require_new(live, input_.product)
                effects = live.take(input_, now, self._scribe.batch)
            except InvalidInput as error:
                _fail(done, error)
                continue
            wanted.append((live, effects, done))
            self._changed.add(live)
        await self._scribe.sync()
        for live, _, _ in wanted:
            live.unwritten.clear()
        for live, effects, done in wanted:
            for effect in effects:
                self._perform(live, effect)
            if not done.done():
                done.set_result(None)

    def _require_new(self, live: Live, product: bytes) -> None:
        """A product stands for its payment: it is locked once in a channel. (SPEC CH-25, RP-5)"""
        written = self._scribe.journal.note(live.id, PRODUCTS, product) is not None
        if written or product in live.unwritten:
            raise InvalidInput("the product was locked in this channel before")

    def _time(self) -> int:
        self._now = max(self._now, int(self._clock()))
        return self._now

    def _perform(self, live: Live, effect: Effect) -> None:
        match effect:
            case Send():
                if live.session is not None:
                    message = sign(effect, self.signer)
                    live.session.say(Said(live.id, MESSAGES.encode(message)))
            case Report(event):
                live.tell(event)
                self._tell(live, event)
            case CheckWallet():
                self.spawn(self._ask_wallet(live, effect), "contract wallet")
            case _:
                self._act(live, effect)

    async def _ask_wallet(self, live: Live, check: CheckWallet) -> None:
        account = live.terms.peer
        try:
            vouched = [
                digest
                for digest, signature in check.signatures
                if await self.chain.vouches(account, digest, signature)
            ]
        except Unavailable as error:
            _log.warning("wallet not asked", channel=live.id.hex(), error=str(error))
            if live.session is not None:
                await live.session.close()  # so that the message is said again
            return
        self.bring(live, Heard(check.message, tuple(vouched)))

    # ------------------------------------------------------------ the chain

    def _act(self, live: Live, action: ChainAction) -> None:
        """Send an action to the chain, unless that is under way or was done a moment ago."""
        loop_time = asyncio.get_running_loop().time()
        done_at = live.done_at.get(action)
        recent = done_at is not None and loop_time < done_at + live.terms.timing.retry
        if action in live.running or recent:
            return
        live.running.add(action)
        self.spawn(self._carry_out(live, action), type(action).__name__)

    async def _carry_out(self, live: Live, action: ChainAction) -> None:
        name = type(action).__name__
        try:
            await carry_out(self.chain, live.terms, self.signer, action)
            _log.info("sent to the chain", channel=live.id.hex(), action=name)
        except (Rejected, Unavailable) as error:
            # If it is still due, the end asks again.
            _log.warning("not done on chain", channel=live.id.hex(), action=name, error=str(error))
        finally:
            live.running.discard(action)
            if len(live.done_at) >= _REMEMBERED:
                live.done_at.clear()
            live.done_at[action] = asyncio.get_running_loop().time()

    async def _follow(self, live: Live) -> None:
        while not live.end.channel.exit.is_done:
            try:
                async for fact in self.chain.follow(live.terms.parameters, _told(live)):
                    await self.bring(live, fact)
                    if live.end.channel.exit.is_done:
                        return
            except Unavailable as error:
                _log.warning("the chain is not seen", channel=live.id.hex(), error=str(error))
            await asyncio.sleep(_RETRY_SECONDS)

    # ------------------------------------------------------------ time and events

    async def _look(self) -> None:
        """Wake each channel when it asked for it, to the second."""
        while True:
            changed, self._changed = self._changed, set()
            for live in changed:
                wake_at = live.wake_at
                if wake_at is None:
                    self._wakes.pop(live, None)
                else:
                    self._wakes[live] = wake_at
            now = self._time()
            for live in [live for live, wake_at in self._wakes.items() if wake_at <= now]:
                del self._wakes[live]
                self.bring(live, Tick())
            await asyncio.sleep(_LOOK_SECONDS)

    def _tell(self, live: Live, event: Event) -> None:
        for watcher in self._watchers:
            if watcher.qsize() < _BACKLOG:
                watcher.put_nowait((live.id, event))

    async def events(self) -> AsyncIterator[tuple[ChannelId, Event]]:
        """What is reported of any channel from now on.

        raises   Unavailable if events were not taken for so long that some were missed
        """
        watcher: asyncio.Queue[tuple[ChannelId, Event]] = asyncio.Queue()
        self._watchers.append(watcher)
        try:
            while watcher.qsize() < _BACKLOG:
                yield await watcher.get()
            raise Unavailable("events were missed: nobody took them")
        finally:
            self._watchers.remove(watcher)

    # ------------------------------------------------------------ sessions

    @property
    def credentials(self) -> Credentials:
        """What the peer proves itself with on a connection."""
        vouch = self.chain.vouches if self.policy.wallets else None
        return Credentials(self.domain, self.signer, vouch)

    def attach(self, live: Live, session: Session) -> None:
        """Both ends have introduced the channel on a connection: speak."""
        live.session = session
        self.bring(live, Connected())


def _told(live: Live) -> Told:
    """What the chain has said of a channel up to now that it may take back."""
    channel = live.end.channel
    revealed = (channel.preimages[hash_] for hash_, time in channel.revealed.items() if time)
    return Told(frozenset(revealed), channel.exit.outcomes)


def _fail(done: asyncio.Future[None], error: HandfastError) -> None:
    if not done.done():
        done.set_exception(error)
