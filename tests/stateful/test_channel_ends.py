"""Two ends of a channel against every order of things: lost, late and repeated messages, restarts,
stale closes, exits with locks pending.

(SPEC CH-5 to CH-10, CH-20 to CH-25, CH-I1, CH-I2, CH-I4, CH-I6)
"""

from __future__ import annotations

from collections import Counter
from copy import deepcopy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from handfast.channels.channel import state_digest
from handfast.channels.client.end import ClientEnd, proposals
from handfast.channels.effects import Concluded, Over, Revived
from handfast.channels.inputs import (
    Buy,
    Close,
    GiveUp,
    Grant,
    Learn,
    Leave,
    Sell,
    Transfer,
    Withdraw,
)
from handfast.channels.provider.end import ProviderEnd
from handfast.channels.rules import is_full, shortfall, state_of
from handfast.channels.simulation import Actor, Simulation
from handfast.channels.state import NO_PRODUCT, Book, Holdings
from handfast.channels.terms import Timing
from handfast.channels.wire import Party
from handfast.codec import Codec
from handfast.crypto.ecdsa import is_signed_by
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import FEE_UNIT, ChannelPhase
from tests.campaign import examples

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
DEPOSIT = 200 * FEE_UNIT
ENDS = {Party.CLIENT: Codec(ClientEnd), Party.PROVIDER: Codec(ProviderEnd)}
parties = st.sampled_from(list(Party))
fees = st.integers(1, 40).map(lambda units: units * FEE_UNIT)


class ChannelEnds(RuleBasedStateMachine):
    """The driver plays both applications, the network and the passing of time."""

    offers = Bundle("offers")
    numbers = Bundle("numbers")
    grants = Bundle("grants")

    @initialize()
    def open(self) -> None:
        self.world = Simulation(Holdings(DEPOSIT, DEPOSIT), timing=TIMING, challenge_period=120)
        self.count = 0
        self.heard: dict[Party, list[bytes]] = {party: [] for party in Party}
        self.agreed: list[tuple[Book, bytes, bytes]] = []
        self.world.reconnect()

    def fresh(self) -> bytes:
        self.count += 1
        return keccak(self.count.to_bytes(4, "big"))

    def try_to(self, actor: Actor, command: object) -> bool:
        """Commands that an end refuses change nothing; which they are is for other tests."""
        before = actor.end
        try:
            self.world.feed(actor, command)  # type: ignore[arg-type]
        except InvalidInput:
            assert actor.end is before
            return False
        return True

    # ------------------------------------------------------------ applications

    @rule(target=offers, amount=fees, with_key=st.booleans(), life=st.integers(0, 80))
    def sell(self, amount: int, with_key: bool, life: int) -> tuple[bytes, int, bytes | None]:
        product = self.fresh()
        key = self.fresh() if with_key else None
        self.try_to(self.world.provider, Sell(product, amount, key, self.world.now + life))
        return product, amount, key

    @rule(target=numbers, offer=offers, hold=st.booleans(), less=st.booleans())
    def buy(self, offer: tuple[bytes, int, bytes | None], hold: bool, less: bool) -> bytes:
        product, amount, key = offer
        number = None if key is not None else self.fresh()
        hash_ = keccak(key if key is not None else number or b"")
        amount -= FEE_UNIT if less and amount > FEE_UNIT else 0
        self.try_to(self.world.client, Buy(product, amount, hash_, number, hold))
        return key or number or b""

    @rule(
        target=numbers,
        amounts=st.lists(fees, min_size=1, max_size=8),
        with_key=st.booleans(),
        hold=st.booleans(),
    )
    def trade(self, amounts: list[int], with_key: bool, hold: bool) -> bytes:
        """Several offers taken at once, as a pair does that trusts its connection."""
        number = b""
        for amount in amounts:
            number = self.buy(self.sell(amount, with_key, 80), hold, False)
        self.talk()
        return number

    @rule(target=numbers, amount=fees)
    def lock_money_alone(self, amount: int) -> bytes:
        number = self.fresh()
        self.try_to(self.world.client, Buy(NO_PRODUCT, amount, keccak(number), number, True))
        return number

    @rule(target=grants, amount=fees)
    def grant(self, amount: int) -> bytes:
        number = self.fresh()
        self.try_to(self.world.provider, Grant(amount, keccak(number)))
        return number

    @rule(number=numbers)
    def pay(self, number: bytes) -> None:
        self.try_to(self.world.client, Learn(number))

    @rule(number=consumes(grants), party=parties)
    def claim_grant(self, number: bytes, party: Party) -> None:
        self.try_to(self.world.actors[party], Learn(number))

    @rule(number=st.one_of(numbers, grants), party=parties)
    def give_up(self, number: bytes, party: Party) -> None:
        self.try_to(self.world.actors[party], GiveUp(keccak(number)))

    @rule(amount=fees)
    def transfer(self, amount: int) -> None:
        self.try_to(self.world.client, Transfer(amount))

    @rule(party=parties, amount=fees)
    def withdraw(self, party: Party, amount: int) -> None:
        held = self.world.hub.holdings
        before = held.client_withdrawn if party is Party.CLIENT else held.provider_withdrawn
        self.try_to(self.world.actors[party], Withdraw(before + amount))

    @rule(party=parties, amount=fees)
    def top_up(self, party: Party, amount: int) -> None:
        if self.world.hub.phase is ChannelPhase.OPEN:
            self.world.hub.top_up(party, amount)

    @precondition(lambda self: self.count > 25)
    @rule(party=parties)
    def close(self, party: Party) -> None:
        self.try_to(self.world.actors[party], Close())

    @precondition(lambda self: self.count > 25)
    @rule(party=parties)
    def leave(self, party: Party) -> None:
        self.try_to(self.world.actors[party], Leave())

    # ------------------------------------------------------------ the network

    @rule(party=parties, many=st.integers(1, 6))
    def deliver(self, party: Party, many: int) -> None:
        actor = self.world.actors[party]
        for _ in range(many):
            if actor.inbox:
                self.heard[party].append(actor.inbox[0])
            self.world.deliver(actor)
            self.remember()

    @rule()
    def talk(self) -> None:
        for _ in range(50):
            self.deliver(Party.CLIENT, 1)
            self.deliver(Party.PROVIDER, 1)
            if not any(actor.inbox for actor in self.world.actors.values()):
                return

    @rule()
    def lose_the_connection(self) -> None:
        self.world.reconnect()

    @rule(party=parties, pick=st.integers(0, 10_000))
    def repeat_an_old_message(self, party: Party, pick: int) -> None:
        """A copy of what was said long ago moves no money and breaks no agreement."""
        if self.heard[party]:
            copy = self.heard[party][pick % len(self.heard[party])]
            self.world.actors[party].inbox.appendleft(copy)
            self.world.deliver(self.world.actors[party])

    @rule(party=parties)
    def restart(self, party: Party) -> None:
        self.world.restart(self.world.actors[party])

    @rule(seconds=st.sampled_from([1, 10, 25, 70, 320]), talking=st.booleans())
    def wait(self, seconds: int, talking: bool) -> None:
        self.world.advance(seconds, talking=talking)

    # ------------------------------------------------------------ the chain

    @rule()
    def mine(self) -> None:
        for actor in self.world.actors.values():
            self.world.observe(actor)
        self.world.mine()
        self.remember()

    @rule(party=parties, pick=st.integers(0, 10_000))
    def close_by_an_old_state(self, party: Party, pick: int) -> None:
        hub = self.world.hub
        if not self.agreed or hub.phase is not ChannelPhase.OPEN or self.count <= 25:
            return
        book, by_client, by_provider = self.agreed[pick % len(self.agreed)]
        hub.register_state(state_of(book), by_client, by_provider, self.world.now, party)
        self.mine()

    @precondition(lambda self: self.count > 6)
    @rule(
        party=parties,
        command=st.sampled_from([Close(), Leave()]),
        seconds=st.sampled_from([0, 60, 130, 500]),
        knows=st.lists(parties, max_size=2, unique=True),
    )
    def end_and_have_the_chain_take_it_back(
        self, party: Party, command: Close | Leave, seconds: int, knows: list[Party]
    ) -> None:
        """The hub is as it was before the end; what was revealed stays. (SPEC CH-28)"""
        self.try_to(self.world.actors[party], command)
        self.talk()
        self.mine()
        self.world.advance(seconds)
        if self.world.hub.phase is ChannelPhase.OPEN:
            return
        hub = deepcopy(self.opened)
        hub.revealed, hub.preimages = self.world.hub.revealed, self.world.hub.preimages
        self.world.hub = hub
        for actor in self.world.actors.values():
            actor.actions.clear()
        for each in knows:
            self.world.observe(self.world.actors[each])

    # ------------------------------------------------------------ what always holds

    def remember(self) -> None:
        """Note each state with both signatures, to cheat with later."""
        end = self.world.provider.end
        book, signature = end.channel.agreed, end.channel.signature
        if book.version and (not self.agreed or self.agreed[-1][0] != book):
            digest = state_digest(end.channel.terms, book)
            self.agreed.append((book, signature, self.world.provider.signer.sign(digest)))

    @invariant()
    def an_end_can_be_taken_back(self) -> None:
        if self.world.hub.phase is ChannelPhase.OPEN:
            self.opened = deepcopy(self.world.hub)

    @invariant()
    def each_holds_a_state_that_both_signed(self) -> None:
        for actor in self.world.actors.values():
            channel = actor.end.channel
            book = channel.agreed
            if book.version:
                digest = state_digest(channel.terms, book)
                assert is_signed_by(channel.terms.peer, digest, channel.signature)
            assert not is_full(book)
            assert shortfall(book, self.world.hub.holdings) == 0

    @invariant()
    def the_ends_differ_by_one_update_at_most(self) -> None:
        client, provider = self.world.client.end, self.world.provider.end
        assert isinstance(client, ClientEnd)
        books = {each.book.version: each.book for each in proposals(client)}
        books[client.channel.agreed.version] = client.channel.agreed
        if not client.channel.leaving and not provider.channel.leaving:
            assert books[provider.channel.agreed.version] == provider.channel.agreed

    @invariant()
    def every_state_survives_its_encoding(self) -> None:
        for party, codec in ENDS.items():
            end = self.world.actors[party].end
            assert codec.decode(codec.encode(end)) == end  # type: ignore[attr-defined]

    @invariant()
    def no_round_ends_twice(self) -> None:
        for actor in self.world.actors.values():
            ended = Counter(
                event.lock.hash
                for event in actor.events
                if isinstance(event, Concluded) and event.lock.nonce
            )
            assert not ended or max(ended.values()) == 1

    # ------------------------------------------------------------ how it ends

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.finish()
        self.world.verify()
        for actor in self.world.actors.values():
            ends = sum(isinstance(event, Over) for event in actor.events)
            assert ends - sum(isinstance(event, Revived) for event in actor.events) == 1


ChannelEnds.TestCase.settings = settings(
    max_examples=examples(60), stateful_step_count=40, deadline=None
)
TestChannelEnds = ChannelEnds.TestCase
