"""Both ends of a channel, a wire between them and a hub, in virtual time: what experiments and
tests drive. Everything that an end sends goes through the codecs, as on a real wire.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

from handfast.channels.channel import payee_of
from handfast.channels.effects import (
    ChainAction,
    CloseCooperatively,
    Concluded,
    Effect,
    Event,
    RegisterState,
    Report,
    ResolveLocks,
    Result,
    Reveal,
    Send,
    SettleChannel,
    Transferred,
    WithdrawTotal,
    sign,
)
from handfast.channels.ends import LINES, Begin, End, begin, replay, step, wake_at
from handfast.channels.inputs import (
    Close,
    Connected,
    Entry,
    Heard,
    Input,
    Tick,
)
from handfast.channels.model import ModelHub
from handfast.channels.rules import close_of, state_of
from handfast.channels.state import Holdings, Parameters
from handfast.channels.terms import Terms, Timing
from handfast.channels.wire import MESSAGES, Message, Party
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import leaf_hash, root_of
from handfast.errors import InvalidInput, InvariantBroken, Rejected
from handfast.protocol.constants import ChannelPhase
from handfast.protocol.messages import Domain, Withdrawal


@dataclass
class Actor:
    """One end with its key, its journal, and what it told its application.

    inbox    messages on their way to it
    actions  that it wants done on chain, each once
    ended    the newest conclusion of each round, by its hash
    """

    party: Party
    terms: Terms
    signer: Signer
    end: End
    journal: list[bytes]
    events: list[Event] = field(default_factory=list)
    inbox: deque[bytes] = field(default_factory=deque)
    actions: dict[ChainAction, None] = field(default_factory=dict)
    ended: dict[bytes, Concluded] = field(default_factory=dict)

    def concluded(self) -> dict[bytes, Concluded]:
        """The rounds that ended, by the hash of their lock."""
        return self.ended

    def settled(self) -> list[Concluded]:
        """The rounds that were paid, in order."""
        ended = (event for event in self.events if isinstance(event, Concluded))
        return [event for event in ended if event.result is Result.SETTLED]

    def wake_at(self, now: int) -> int | None:
        """When it wants its next tick."""
        return wake_at(self.end, now)


class Simulation:
    """A channel between two actors. Nothing happens by itself: the driver delivers, ticks, mines.

    now    seconds, for both actors and the chain
    """

    def __init__(
        self,
        holdings: Holdings,
        *,
        timing: Timing | None = None,
        rated: bool = True,
        challenge_period: int = 3_600,
        now: int = 1_000_000,
    ) -> None:
        keys = {party: Signer(keccak(party.name.encode())) for party in Party}
        parameters = Parameters(
            keys[Party.CLIENT].address,
            keys[Party.PROVIDER].address,
            "0x" + 40 * "7",
            challenge_period,
            bytes(32),
        )
        domain = Domain(31_337, "0x" + 40 * "4")
        self.now = now
        self.hub = ModelHub(domain, parameters, holdings)
        self.actors: dict[Party, Actor] = {}
        for party in Party:
            terms = Terms(party, domain, parameters, rated, timing=timing or Timing())
            first = Begin(terms, holdings)
            end = begin(first)
            self.actors[party] = Actor(party, terms, keys[party], end, [LINES.encode(first)])
        self.client = self.actors[Party.CLIENT]
        self.provider = self.actors[Party.PROVIDER]

    def other(self, actor: Actor) -> Actor:
        """Who stands at the other end."""
        return self.provider if actor is self.client else self.client

    def feed(self, actor: Actor, input: Input) -> None:  # noqa: A002
        """One step of an actor: journal, apply, perform."""
        after, effects = step(actor.end, input, self.now)
        if after is not actor.end:
            actor.journal.append(LINES.encode(Entry(self.now, input)))
            actor.end = after
        for effect in effects:
            self.perform(actor, effect)

    def perform(self, actor: Actor, effect: Effect) -> None:
        """Do what an actor wants done; what concerns the chain waits for `mine`."""
        match effect:
            case Send():
                message = sign(effect, actor.signer)
                self.post(self.other(actor), message)
            case Report(event):
                actor.events.append(event)
                if isinstance(event, Concluded):
                    actor.ended[event.lock.hash] = event
            case (
                Reveal()
                | RegisterState()
                | SettleChannel()
                | ResolveLocks()
                | CloseCooperatively()
                | WithdrawTotal()
            ):
                actor.actions[effect] = None
            case _:
                raise InvariantBroken("no wallet takes part in a simulation")

    def post(self, receiver: Actor, message: Message) -> None:
        """Put a message on its way."""
        receiver.inbox.append(MESSAGES.encode(message))

    def deliver(self, actor: Actor) -> bool:
        """Hand an actor the next message; whether there was one."""
        if not actor.inbox:
            return False
        self.feed(actor, Heard(MESSAGES.decode(actor.inbox.popleft())))
        return True

    def talk(self, limit: int = 10_000) -> None:
        """Deliver until nothing is on its way."""
        for _ in range(limit):
            if not (self.deliver(self.client) | self.deliver(self.provider)):
                return
        raise InvariantBroken("the ends never stop talking")

    def reconnect(self) -> None:
        """Lose what is on its way, and connect anew."""
        for actor in self.actors.values():
            actor.inbox.clear()
        for actor in self.actors.values():
            self.feed(actor, Connected())

    def restart(self, actor: Actor) -> None:
        """Kill an actor and let it come back from its journal."""
        end, _ = replay(None, actor.journal)
        if end != actor.end:
            raise InvariantBroken("the journal leads to another state")
        actor.end = end
        actor.actions.clear()
        self.reconnect()
        self.feed(actor, Tick())

    def advance(self, seconds: int, *, talking: bool = True) -> None:
        """Let time pass, waking each actor whenever it asked for it; the chain is always at work.

        talking    whether messages arrive meanwhile
        """
        end = self.now + seconds
        while True:
            times = [actor.wake_at(self.now) for actor in self.actors.values()]
            due = min((time for time in times if time is not None), default=end + 1)
            if due > end:
                break
            self.now = due
            for actor in self.actors.values():
                wanted = times[actor.party - 1]
                if wanted is not None and wanted <= due:
                    self.feed(actor, Tick())
            if talking:
                self.talk()
            self.mine()
            if talking:
                self.talk()
        self.now = end

    # ------------------------------------------------------------ the end

    def finish(self) -> None:
        """Bring the channel to its end, by the chain if need be."""
        self.reconnect()
        self.talk()
        for actor in self.actors.values():
            self.observe(actor)
        self.mine()
        if not self.client.end.channel.leaving:
            with suppress(InvalidInput):
                self.feed(self.client, Close())
        self.talk()
        self.mine()
        timing = self.client.terms.timing
        longest = timing.longest + self.hub.parameters.challenge_period
        self.advance(4 * longest + 4 * timing.patience)

    def verify(self) -> set[bytes]:
        """The rounds that were paid, by hash, once the channel has ended.

        raises   InvariantBroken if fee and ownership of any round did not move together, or anybody
                 lost anything else. (SPEC CH-I2, CH-I6)
        """
        client, provider, hub = self.client, self.provider, self.hub
        paid = {event.lock.hash for event in client.settled()}
        standing = client.end.channel.exit.standing
        moved = [event for event in client.settled() if event.position is not None]
        transferred = sum(
            event.lock.amount if payee_of(event.lock) is Party.PROVIDER else -event.lock.amount
            for event in client.settled()
        ) + sum(event.amount for event in client.events if isinstance(event, Transferred))
        facts = {
            "both ends are over": all(
                actor.end.channel.exit.over for actor in self.actors.values()
            ),
            "both tell the same": paid == {event.lock.hash for event in provider.settled()},
            "what moved is owned": hub.products_root
            == root_of(leaf_hash(event.lock.product) for event in moved),
            "products stand in order": [event.position for event in moved]
            == list(range(len(moved))),
            "locks paid as told": standing is not None
            and all(
                hub.has_paid(standing, position) == (lock.hash in paid)
                for position, lock in enumerate(standing.locks)
            ),
            "the client paid that": hub.paid[Party.CLIENT]
            == hub.holdings.client_deposit - transferred,
            "the provider got that": hub.paid[Party.PROVIDER]
            == hub.holdings.provider_deposit + transferred,
        }
        for fact, holds in facts.items():
            if not holds:
                raise InvariantBroken(f"not true: {fact}")
        return paid

    # ------------------------------------------------------------ the chain

    def mine(self) -> None:
        """Do what the actors want done on chain, and tell both what came of it."""
        while any(actor.actions for actor in self.actors.values()):
            for actor in self.actors.values():
                actions, actor.actions = actor.actions, {}
                for action in actions:
                    self._transact(actor, action)
            for actor in self.actors.values():
                self.observe(actor)
            # What is still due comes back with the next tick; what is due now, with the facts.
            for actor in self.actors.values():
                actor.actions = {action: None for action in actor.actions if self._is_new(action)}

    def _is_new(self, action: ChainAction) -> bool:
        match action:
            case RegisterState(book):
                return book.version > self.hub.version or self.hub.phase is ChannelPhase.OPEN
            case Reveal(preimage):
                return keccak(preimage) not in self.hub.revealed
            case SettleChannel():
                return self.hub.phase is ChannelPhase.CLOSING and self.now > self.hub.challenge_end
            case ResolveLocks(positions=positions):
                return any(position not in self.hub.outcomes for position in positions)
            case _:
                return False

    def _transact(self, actor: Actor, action: ChainAction) -> None:
        try:
            self._send(actor, action)
        except Rejected:
            return  # the other was first, or it is too late: the facts will tell

    def _send(self, actor: Actor, action: ChainAction) -> None:
        hub, now, domain = self.hub, self.now, self.hub.domain
        match action:
            case Reveal(preimage):
                hub.reveal(preimage, now)
            case RegisterState(book, signature):
                state = state_of(book)
                own = actor.signer.sign(state.digest(domain))
                hub.register_state(state, *self._ordered(actor, own, signature), now, actor.party)
            case SettleChannel(book, positions, cancelled):
                hub.settle(book, positions, dict(cancelled), now)
            case ResolveLocks(book, positions, cancelled):
                hub.resolve(book, positions, dict(cancelled), now)
            case CloseCooperatively(book, deadline, signature):
                close = close_of(book, deadline)
                own = actor.signer.sign(close.digest(domain))
                hub.close_cooperatively(close, *self._ordered(actor, own, signature), now)
            case WithdrawTotal(party, total, deadline, signature):
                account = self.actors[party].signer.address
                message = Withdrawal(hub.channel, account, total, deadline)
                own = actor.signer.sign(message.digest(domain))
                hub.withdraw(message, *self._ordered(actor, own, signature), now)

    def _ordered(self, actor: Actor, own: bytes, other: bytes) -> tuple[bytes, bytes]:
        return (own, other) if actor is self.client else (other, own)

    def observe(self, actor: Actor) -> None:
        """Tell an actor what is on chain."""
        for fact in self.hub.facts():
            self.feed(actor, fact)
