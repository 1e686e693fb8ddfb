"""Every instruction has a timer, and every silence an end. (SPEC CH-22, CH-23)"""

from __future__ import annotations

import pytest

from handfast.channels.client import Stage
from handfast.channels.effects import Effect, Leaving, Result
from handfast.channels.ends import step, wake_at
from handfast.channels.inputs import Close, Grant, Heard, Learn, Tick, Transfer
from handfast.channels.simulation import Actor
from handfast.channels.state import FailLock
from handfast.channels.terms import Timing
from handfast.channels.wire import MESSAGES, Party, Reason, Release, Update
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import ChannelPhase
from tests.channel_world import DEPOSIT, TIMING, World, number_of

KEY = b"\7" * 32


def leaving(actor: Actor) -> list[Reason]:
    """Why an actor leaves."""
    return [event.reason for event in actor.events if isinstance(event, Leaving)]


def test_a_wish_that_is_never_proposed_is_forgotten(world: World) -> None:
    world.sell("a")
    world.talk()
    world.wish("a")
    hash_ = world.wish("b")
    world.advance(TIMING.instruction, talking=False)
    ended = world.client.concluded()[hash_]
    assert (ended.result, ended.reason, ended.lock.nonce) == (
        Result.ROLLED_BACK,
        Reason.TIMEOUT,
        0,
    )


def test_an_offer_that_nobody_takes_lapses(world: World) -> None:
    world.sell("cat")
    world.advance(1_000, talking=False)
    assert world.seller.offers
    world.advance(1, talking=False)
    assert not world.seller.offers


def test_a_lock_that_the_application_forgets_is_rolled_back(world: World) -> None:
    """(SPEC CH-23)"""
    hash_ = world.lock("cat")
    world.advance(TIMING.instruction)
    for actor in (world.client, world.provider):
        assert actor.concluded()[hash_].result is Result.ROLLED_BACK
    assert world.client.concluded()[hash_].reason is Reason.TIMEOUT
    assert world.hub.phase is ChannelPhase.OPEN


def test_a_key_that_is_not_released_in_time_is_asked_to_be_forgotten(world: World) -> None:
    """The provider does not let go while it may still claim; the key it says again pays."""
    hash_ = world.lock_for_key("cat", KEY)
    world.deliver(world.client)
    world.client.inbox.clear()
    world.advance(TIMING.instruction, talking=False)
    assert world.round(hash_).stage is Stage.CANCELLING
    world.deliver(world.provider)
    assert world.seller.refusal is not None
    assert world.seller.refusal.objections[0].reason is Reason.STILL_CLAIMED
    world.reconnect()
    world.talk()
    assert world.client.concluded()[hash_].result is Result.SETTLED


def test_a_key_that_comes_while_its_rollback_is_proposed_pays_once_that_is_refused(
    world: World,
) -> None:
    hash_ = world.lock_for_key("cat", KEY)
    world.deliver(world.client)
    (release,) = world.client.inbox
    world.client.inbox.clear()
    world.advance(TIMING.instruction, talking=False)
    world.client.inbox.append(release)
    world.deliver(world.client)
    assert world.round(hash_).stage is Stage.CANCELLING
    world.talk()
    assert world.client.concluded()[hash_].result is Result.SETTLED


def test_a_key_that_comes_after_the_expiry_pays_nothing(world: World) -> None:
    """(SPEC CH-9)"""
    world.lock_for_key("cat", KEY)
    world.deliver(world.client)
    (lock,) = world.buyer.channel.agreed.locks
    world.now = lock.expiry + 1
    assert world.say(world.client, Release(KEY)) == ()


def test_an_expired_lock_to_the_client_is_rolled_back_by_it(world: World) -> None:
    """(SPEC CH-23)"""
    world.feed(world.provider, Grant(9, keccak(KEY)))
    world.talk()
    world.advance(TIMING.lifetime)
    assert world.seller.channel.agreed.locks
    world.advance(1)
    assert not world.seller.channel.agreed.locks
    assert world.client.concluded()[keccak(KEY)].reason is Reason.EXPIRED


@pytest.mark.parametrize("party", list(Party))
def test_a_peer_that_is_silent_with_a_lock_pending_is_left(world: World, party: Party) -> None:
    """And the money is free again. (SPEC CH-23, CH-I5)"""
    hash_ = world.lock("cat")
    actor = world.actors[party]
    while not actor.end.channel.exit.over:
        moment = wake_at(actor.end, world.now)
        assert moment is not None
        world.now = moment
        world.feed(actor, Tick())
        world.mine()
    assert leaving(actor)[0] is Reason.SILENT
    assert actor.concluded()[hash_].result is Result.ROLLED_BACK
    assert world.hub.paid == {Party.CLIENT: DEPOSIT, Party.PROVIDER: DEPOSIT}


def test_the_client_leaves_when_its_update_is_not_answered_for_too_long(world: World) -> None:
    """(SPEC CH-23)"""
    world.sell("cat")
    world.talk()
    world.wish("cat")
    world.advance(TIMING.patience - 1, talking=False)
    assert not leaving(world.client)
    world.advance(1, talking=False)
    assert leaving(world.client) == [Reason.SILENT]


def test_the_client_bears_silence_while_nothing_is_locked(world: World) -> None:
    world.feed(world.client, Transfer(1))
    world.advance(100 * TIMING.patience, talking=False)
    assert not leaving(world.client)


def test_the_provider_leaves_when_an_expired_lock_stays_for_too_long(world: World) -> None:
    """(SPEC CH-23)"""
    world.lock("cat")
    (lock,) = world.seller.channel.agreed.locks
    for moment in (lock.expiry + TIMING.patience - 1, lock.expiry + TIMING.patience):
        world.now = moment
        world.feed(world.provider, Tick())
        expected = [Reason.SILENT] if moment == lock.expiry + TIMING.patience else []
        assert leaving(world.provider) == expected


@pytest.mark.parametrize("party", list(Party))
def test_who_wishes_to_close_and_gets_no_answer_leaves(world: World, party: Party) -> None:
    actor = world.actors[party]
    world.feed(actor, Close())
    world.lose_messages()
    world.advance(TIMING.patience - 1, talking=False)
    assert not leaving(actor)
    world.advance(1, talking=False)
    assert leaving(actor) == [Reason.SILENT]


def test_a_preimage_goes_on_chain_a_margin_before_the_expiry(world: World) -> None:
    """(SPEC CH-22)"""
    hash_ = world.lock_for_key("cat", KEY)
    world.lose_messages()
    (lock,) = world.seller.channel.agreed.locks
    world.now = lock.expiry - TIMING.margin - 1
    world.feed(world.provider, Tick())
    assert not world.provider.actions
    assert wake_at(world.seller, world.now) == lock.expiry - TIMING.margin
    world.now += 1
    world.feed(world.provider, Tick())
    world.mine()
    assert world.hub.revealed == {hash_: lock.expiry - TIMING.margin}
    assert world.hub.phase is ChannelPhase.OPEN


def test_a_client_that_comes_back_settles_what_was_revealed_and_the_channel_lives_on(
    world: World,
) -> None:
    """(SPEC CH-22)"""
    hash_ = world.lock_for_key("cat", KEY)
    world.lose_messages()
    (lock,) = world.seller.channel.agreed.locks
    world.now = lock.expiry - TIMING.margin
    world.feed(world.provider, Tick())
    world.mine()
    world.reconnect()
    world.talk()
    assert world.client.concluded()[hash_].receipt == 1
    assert world.hub.phase is ChannelPhase.OPEN


def test_a_fact_that_stands_on_chain_is_not_asked_for_again(world: World) -> None:
    world.lock_for_key("cat", KEY)
    world.lose_messages()
    (lock,) = world.seller.channel.agreed.locks
    world.now = lock.expiry - TIMING.margin
    world.feed(world.provider, Tick())
    world.mine()
    world.feed(world.provider, Tick())
    assert not world.provider.actions


def test_what_shows_no_effect_on_chain_is_asked_for_again(world: World) -> None:
    """(SPEC PR-12)"""
    world.lock_for_key("cat", KEY)
    (lock,) = world.seller.channel.agreed.locks
    world.now = lock.expiry - TIMING.margin
    world.feed(world.provider, Tick())
    assert wake_at(world.seller, world.now) == world.now + TIMING.retry
    world.provider.actions.clear()
    world.now += TIMING.retry
    world.feed(world.provider, Tick())
    assert world.provider.actions


def test_the_next_moment_lies_ahead_and_before_it_nothing_happens(world: World) -> None:
    """Or the process would spin, or sleep through what is due."""
    world.lock("a")
    world.lock_for_key("b", KEY)
    world.feed(world.provider, Grant(9, b"\1" * 32))
    world.lose_messages()
    for actor in (world.client, world.provider):
        asked: set[Effect] = set()
        for _ in range(50):
            moment = wake_at(actor.end, world.now)
            if moment is None:
                break
            assert moment > world.now
            if moment - 1 > world.now:
                same, effects = step(actor.end, Tick(), moment - 1)
                assert same is actor.end
                assert set(effects) <= asked
            actor.end, effects = step(actor.end, Tick(), moment)
            asked.update(effects)
            world.now = moment
        world.now = 1_000_000


def test_an_expired_lock_is_asked_for_again_until_the_provider_lets_go(world: World) -> None:
    """(SPEC CH-23)"""
    world.lock_for_key("cat", KEY)
    world.deliver(world.client)
    world.client.inbox.clear()
    (lock,) = world.buyer.channel.agreed.locks
    asked = 0
    while world.now <= lock.expiry + TIMING.margin + TIMING.instruction:
        world.now += 1
        world.feed(world.client, Tick())
        while world.provider.inbox:
            message = MESSAGES.decode(world.provider.inbox.popleft())
            asked += isinstance(message, Update) and FailLock(1) in message.operations
            world.feed(world.provider, Heard(message))
        while world.client.inbox:
            message = MESSAGES.decode(world.client.inbox.popleft())
            if not isinstance(message, Release):
                world.feed(world.client, Heard(message))
    assert asked > 5
    assert not world.buyer.channel.agreed.locks


@pytest.mark.parametrize(
    "wrong",
    [
        {"margin": 0},
        {"margin": 1_200},
        {"shortest": 3_601},
        {"longest": 3_599},
        {"instruction": 0},
        {"patience": 0},
        {"closing": 0},
        {"retry": 0},
    ],
)
def test_timers_that_could_not_work_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        Timing(**wrong)


def test_learning_late_is_refused_where_nothing_can_be_paid_any_more(world: World) -> None:
    world.lock("cat")
    world.advance(TIMING.instruction)
    with pytest.raises(InvalidInput, match="no round"):
        world.feed(world.client, Learn(number_of("cat")))
