"""Ends that the chain takes back, and how both come to the same end again. (SPEC CH-28, PR-12)"""

from __future__ import annotations

from copy import deepcopy

import pytest

from handfast.channels.channel import state_digest
from handfast.channels.effects import (
    CloseCooperatively,
    Concluded,
    Over,
    RegisterState,
    Result,
    Revived,
    SettleChannel,
)
from handfast.channels.ends import ENDS, LINES, replay
from handfast.channels.inputs import (
    Buy,
    Close,
    Closed,
    Entry,
    Final,
    Funded,
    Learn,
    Leave,
    Registered,
    Resolved,
    Revealed,
    Unregistered,
)
from handfast.channels.model import ModelHub
from handfast.channels.rules import state_of
from handfast.channels.simulation import Actor
from handfast.channels.state import Holdings
from handfast.channels.wire import Party
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import ChannelPhase, LockOutcome
from tests.channel_world import CHALLENGE, DEPOSIT, FEE, TIMING, World, number_of, product_of

BOTH = [Party.CLIENT, Party.PROVIDER]
KEY = b"\7" * 32


def close(world: World) -> ModelHub:
    """Both end with each other; the hub as it was before."""
    before = deepcopy(world.hub)
    world.feed(world.client, Close())
    world.talk()
    world.mine()
    assert world.hub.phase is ChannelPhase.CLOSED
    return before


def reorganise(world: World, before: ModelHub, *who: Actor) -> None:
    """The chain becomes what it was, and some hear of it; what was due by then is forgotten."""
    world.hub = deepcopy(before)
    for actor in (world.client, world.provider):
        actor.actions.clear()
    for actor in who or (world.client, world.provider):
        world.observe(actor)


def paid(world: World) -> tuple[int, int]:
    return world.hub.paid[Party.CLIENT] - DEPOSIT, world.hub.paid[Party.PROVIDER] - DEPOSIT


def is_over(actor: Actor) -> bool:
    return actor.end.channel.exit.over


@pytest.mark.parametrize("party", BOTH)
def test_a_close_that_vanished_is_sent_again_by_whoever_is_there(
    world: World, party: Party
) -> None:
    world.buy("a")
    actor = world.actors[party]
    reorganise(world, close(world), actor)
    assert not is_over(actor)
    assert actor.events[-2:] == [Over(), Revived()]
    assert [type(action) for action in actor.actions] == [CloseCooperatively]
    world.mine()
    assert is_over(actor)
    assert paid(world) == (-FEE, FEE)


@pytest.mark.parametrize("party", BOTH)
def test_a_close_that_vanished_too_late_is_made_good_by_the_agreed_state(
    world: World, party: Party
) -> None:
    world.buy("a")
    before = close(world)
    world.now += TIMING.closing + 1
    actor = world.actors[party]
    reorganise(world, before, actor)
    assert [type(action) for action in actor.actions] == [RegisterState]
    world.mine()
    world.advance(2 * CHALLENGE, talking=False)
    assert is_over(actor)
    assert paid(world) == (-FEE, FEE)


def test_an_end_by_the_chain_that_vanished_is_made_again_from_the_start(world: World) -> None:
    """Opening, registration and settlement fell out; the opening is the client's to send."""
    world.buy("a")
    before = deepcopy(world.hub)
    world.feed(world.provider, Leave())
    world.mine()
    world.advance(2 * CHALLENGE, talking=False)
    assert is_over(world.provider)
    assert is_over(world.client)
    for actor in (world.client, world.provider):
        world.feed(actor, Unregistered())
        world.feed(actor, Funded(Holdings()))
        assert not is_over(actor)
        assert actor.end.channel.holdings.held == 0
    reorganise(world, before)
    world.mine()
    world.advance(2 * CHALLENGE, talking=False)
    for actor in (world.client, world.provider):
        assert is_over(actor)
    assert paid(world) == (-FEE, FEE)


def test_a_settlement_that_vanished_alone_is_due_again(world: World) -> None:
    world.buy("a")
    world.feed(world.provider, Leave())
    world.mine()
    closing = deepcopy(world.hub)
    world.advance(2 * CHALLENGE, talking=False)
    reorganise(world, closing, world.provider)
    assert world.provider.end.channel.exit.phase is ChannelPhase.CLOSING
    assert [type(action) for action in world.provider.actions] == [SettleChannel]
    world.mine()
    assert is_over(world.provider)
    assert paid(world) == (-FEE, FEE)


def test_a_channel_that_came_back_is_ended_and_not_used(world: World) -> None:
    world.buy("a")
    reorganise(world, close(world))
    with pytest.raises(InvalidInput, match="ending"):
        world.sell("b")
    with pytest.raises(InvalidInput, match="ending"):
        world.feed(world.client, Buy(product_of("b"), FEE, keccak(KEY), KEY))


def test_while_the_opening_is_out_of_the_chain_nothing_is_agreed_to(world: World) -> None:
    world.feed(world.provider, Funded(Holdings()))
    world.sell("a")
    hash_ = world.wish("a")
    world.talk()
    assert world.client.concluded()[hash_].result is Result.ROLLED_BACK
    assert not world.seller.channel.agreed.locks


@pytest.mark.parametrize("party", BOTH)
def test_a_resolution_that_vanished_is_due_again(world: World, party: Party) -> None:
    """A fee that the chain paid to the provider, or gave back to the client."""
    actor = world.actors[party]
    if party is Party.PROVIDER:
        world.lock_for_key("a", KEY)
    else:
        world.lock("a")
    world.lose_messages()
    world.feed(world.provider, Leave())
    world.mine()
    world.advance(2_000, talking=False)
    (outcome,) = world.hub.outcomes.values()
    assert outcome is (LockOutcome.PAID if party is Party.PROVIDER else LockOutcome.REFUNDED)
    before = paid(world)
    reopen_lock(world)
    world.feed(actor, Resolved(0, LockOutcome.ABSENT))
    assert not is_over(actor)
    world.mine()
    assert is_over(actor)
    assert paid(world) == before
    ended = [each for each in actor.events if isinstance(each, Concluded)]
    assert len(ended) == 1


def reopen_lock(world: World) -> None:
    """The hub as it was before its one lock was resolved."""
    hub, standing = world.hub, world.client.end.channel.exit.standing
    assert standing is not None
    (lock,), (outcome,) = standing.locks, hub.outcomes.values()
    payer, payee = Party.CLIENT, Party.PROVIDER
    hub.outcomes.clear()
    hub.locked[lock.direction] = lock.amount
    hub.paid[payee if outcome is LockOutcome.PAID else payer] -= lock.amount


def test_a_reveal_that_vanished_after_the_end_is_made_again_in_time(world: World) -> None:
    """Its round is over only once it stands again."""
    hash_ = world.lock_for_key("a", KEY)
    world.lose_messages()
    world.feed(world.provider, Leave())
    world.mine()
    world.advance(CHALLENGE + 1, talking=False)
    assert is_over(world.provider)
    reopen_lock_without_reveal(world, hash_)
    for fact in (Revealed(KEY, 0), Resolved(0, LockOutcome.ABSENT)):
        world.feed(world.provider, fact)
    assert not is_over(world.provider)
    world.mine()
    assert world.hub.outcomes == {0: LockOutcome.PAID}
    assert is_over(world.provider)


def reopen_lock_without_reveal(world: World, hash_: bytes) -> None:
    world.observe(world.client)
    reopen_lock(world)
    del world.hub.revealed[hash_], world.hub.preimages[hash_]


def test_another_proposal_may_come_to_stand_the_second_time(world: World) -> None:
    """The provider ended without the client's last update, and then, after all, by it."""
    hash_ = world.lock("cat")
    agreed = world.seller.channel.agreed
    signature = world.seller.channel.signature
    own = world.provider.signer.sign(state_digest(world.provider.terms, agreed))
    before = deepcopy(world.hub)
    world.feed(world.client, Learn(number_of("cat")))
    world.hub.register_state(state_of(agreed), signature, own, world.now, Party.PROVIDER)
    world.now = world.hub.challenge_end + 1
    world.hub.settle(agreed, (), {}, world.now)
    world.observe(world.client)
    assert world.client.end.channel.exit.standing == agreed
    reorganise(world, before, world.client)
    world.deliver(world.provider)
    newer = world.seller.channel.agreed
    assert newer.version > agreed.version
    world.feed(world.provider, Leave())
    world.mine()
    world.advance(2 * CHALLENGE, talking=False)
    assert world.client.end.channel.exit.standing == newer
    assert world.client.concluded()[hash_].position == 0
    assert paid(world) == (-FEE, FEE)


def test_an_end_by_another_state_counts_as_that(world: World) -> None:
    """A re-organisation put one end in the place of another, and no moment between was seen."""
    world.buy("a")
    world.lock("b")
    agreed = world.seller.channel.agreed
    for actor in (world.client, world.provider):
        world.feed(actor, Closed(0))
        assert is_over(actor)
        world.feed(actor, Closed(agreed.version))
        assert actor.end.channel.exit.standing == agreed
        assert not is_over(actor)


def test_the_end_is_done_once_it_is_final(world: World) -> None:
    """From then on nothing of it is watched."""
    close(world)
    exit_ = world.provider.end.channel.exit
    assert (exit_.over, exit_.is_done) == (True, False)
    world.feed(world.provider, Final())
    assert world.provider.end.channel.exit.is_done
    world.feed(world.provider, Registered(0, world.now + CHALLENGE))
    assert not world.provider.end.channel.exit.is_done


def test_what_a_channel_went_through_is_in_its_journal(world: World) -> None:
    world.buy("a")
    reorganise(world, close(world))
    world.mine()
    world.feed(world.client, Final())
    end, _ = replay(None, world.client.journal)
    assert end == world.client.end
    assert ENDS.decode(ENDS.encode(end)) == end
    last = LINES.decode(world.client.journal[-1])
    assert isinstance(last, Entry)
    assert last.input == Final()
