"""A channel between two ends in virtual time, with names for what tests do to it."""

from __future__ import annotations

from dataclasses import replace

from handfast.channels.channel import state_digest
from handfast.channels.client import ClientEnd, Round
from handfast.channels.effects import Concluded, Effect, Send
from handfast.channels.ends import step
from handfast.channels.inputs import Buy, Heard, Sell
from handfast.channels.provider import ProviderEnd
from handfast.channels.rules import apply
from handfast.channels.simulation import Actor, Simulation
from handfast.channels.state import AddLock, Holdings, Operation
from handfast.channels.terms import Timing
from handfast.channels.wire import Fault, Message, Reason, Update
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import FEE_UNIT, Direction

FEE = 3 * FEE_UNIT
DEPOSIT = 100 * FEE
TIMING = Timing(
    instruction=20,
    patience=60,
    margin=30,
    lifetime=300,
    shortest=100,
    longest=600,
    closing=50,
    retry=10,
)
CHALLENGE = 120


def product_of(name: str) -> bytes:
    """The digest of a product."""
    return keccak(name.encode())


def number_of(name: str) -> bytes:
    """The number that the client draws for a product."""
    return keccak(b"number of " + name.encode())


class World(Simulation):
    """A channel with deposits of both sides, connected."""

    def __init__(
        self, *, rated: bool = True, deposit: int = DEPOSIT, timing: Timing = TIMING
    ) -> None:
        holdings = Holdings(deposit, deposit)
        super().__init__(holdings, timing=timing, rated=rated, challenge_period=CHALLENGE)
        self.reconnect()
        self.talk()

    @property
    def buyer(self) -> ClientEnd:
        """The client's end."""
        assert isinstance(self.client.end, ClientEnd)
        return self.client.end

    @property
    def seller(self) -> ProviderEnd:
        """The provider's end."""
        assert isinstance(self.provider.end, ProviderEnd)
        return self.provider.end

    # ------------------------------------------------------------ rounds

    def sell(self, name: str, key: bytes | None = None, amount: int = FEE) -> None:
        """The provider offers a product."""
        self.feed(self.provider, Sell(product_of(name), amount, key, self.now + 1_000))

    def wish(self, name: str, *, hold: bool = True, amount: int = FEE) -> bytes:
        """The client wishes to lock a fee under its number; the hash."""
        hash_ = keccak(number_of(name))
        wish = Buy(product_of(name), amount, hash_, number_of(name), hold)
        self.feed(self.client, wish)
        return hash_

    def lock(self, name: str, *, amount: int = FEE) -> bytes:
        """A product is offered and its fee locked under the client's number; the hash."""
        self.sell(name, amount=amount)
        hash_ = self.wish(name, amount=amount)
        self.talk()
        return hash_

    def lock_for_key(self, name: str, key: bytes) -> bytes:
        """A product is offered and its fee locked for a key, up to the provider's agreement, which
        is on its way to the client together with the key; the hash.
        """
        self.sell(name, key)
        self.talk()
        self.feed(self.client, Buy(product_of(name), FEE, keccak(key), None))
        self.deliver(self.provider)
        return keccak(key)

    def buy(self, name: str) -> Concluded:
        """One round; how it ended at the client."""
        self.sell(name)
        hash_ = self.wish(name, hold=False)
        self.talk()
        return self.client.concluded()[hash_]

    def round(self, hash_: bytes) -> Round:
        """A round that is open at the client."""
        return self.buyer.rounds[hash_]

    # ------------------------------------------------------------ the wire

    def say(self, actor: Actor, message: Message) -> tuple[Effect, ...]:
        """What an actor would do about a message; it is not told."""
        _, effects = step(actor.end, Heard(message), self.now)
        return effects

    def refuses(self, actor: Actor, message: Message) -> Reason:
        """The reason of the fault by which an actor answers a message that changes nothing."""
        after, effects = step(actor.end, Heard(message), self.now)
        assert after is actor.end
        answers = [effect.message for effect in effects if isinstance(effect, Send)]
        (fault,) = answers
        assert isinstance(fault, Fault)
        return fault.reason

    def lose_messages(self) -> None:
        """Whatever is on its way is lost."""
        for actor in self.actors.values():
            actor.inbox.clear()

    def update(self, *operations: Operation, version: int = 0, base: int = -1) -> Update:
        """An update that the client signed, whether it should have or not."""
        agreed = self.seller.channel.agreed
        number = version or agreed.version + 1
        book = apply(agreed, operations, number).book
        signature = self.client.signer.sign(state_digest(self.client.terms, book))
        return Update(agreed.version if base < 0 else base, number, operations, signature)

    def add(self, name: str, **changes: object) -> AddLock:
        """The operation that locks a fee for a product."""
        operation = AddLock(
            Direction.TO_PROVIDER, FEE, keccak(number_of(name)), self.now + 300, product_of(name)
        )
        return replace(operation, **changes)
