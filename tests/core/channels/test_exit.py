"""Ends by the chain: each alone, whatever the other does. (SPEC CH-11 to CH-17, CH-I5, CH-I6)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.channels.channel import state_digest
from handfast.channels.effects import Complaint, Leaving, Over, Result, Transferred
from handfast.channels.ends import last_nonce, step
from handfast.channels.inputs import (
    Buy,
    Funded,
    GiveUp,
    Grant,
    Heard,
    Learn,
    Leave,
    Registered,
    Resolved,
    Revealed,
    Tick,
    Transfer,
    Unregistered,
)
from handfast.channels.rules import state_of
from handfast.channels.simulation import Actor
from handfast.channels.state import Book
from handfast.channels.wire import Agreement, Party, Reason
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import leaf_hash, root_of
from handfast.errors import InvalidInput
from handfast.protocol.constants import ChannelPhase, LockOutcome
from tests.channel_world import CHALLENGE, DEPOSIT, FEE, World, number_of, product_of

KEY = b"\7" * 32
BOTH = [Party.CLIENT, Party.PROVIDER]


def leave(world: World, actor: Actor) -> None:
    """An actor ends the channel by the chain, without a word to the other."""
    world.lose_messages()
    world.feed(actor, Leave())
    world.mine()


def finish(world: World, seconds: int = 2_000) -> None:
    """Time passes; nobody talks."""
    world.advance(seconds, talking=False)
    world.mine()
    for actor in (world.client, world.provider):
        assert actor.end.channel.exit.over


def paid(world: World) -> tuple[int, int]:
    """What has left the channel for the client and for the provider, less their deposits."""
    return world.hub.paid[Party.CLIENT] - DEPOSIT, world.hub.paid[Party.PROVIDER] - DEPOSIT


@pytest.mark.parametrize("party", BOTH)
def test_each_ends_alone_from_the_opening(world: World, party: Party) -> None:
    """(SPEC CH-13, CH-I5)"""
    leave(world, world.actors[party])
    assert world.hub.phase is ChannelPhase.CLOSING
    finish(world)
    assert paid(world) == (0, 0)


@pytest.mark.parametrize("party", BOTH)
def test_each_ends_alone_by_the_newest_state(world: World, party: Party) -> None:
    """(SPEC CH-13, CH-14)"""
    for name in "ab":
        world.buy(name)
    leave(world, world.actors[party])
    assert world.hub.version == world.seller.channel.agreed.version
    finish(world)
    assert paid(world) == (-2 * FEE, 2 * FEE)
    assert world.hub.products_root == root_of(leaf_hash(product_of(name)) for name in "ab")


@pytest.mark.parametrize("cheat", BOTH)
def test_a_stale_state_is_answered_with_the_newest(world: World, cheat: Party) -> None:
    """(SPEC CH-13)"""
    world.buy("a")
    old, signature = world.seller.channel.agreed, world.seller.channel.signature
    own = world.provider.signer.sign(state_digest(world.provider.terms, old))
    world.buy("b")
    world.hub.register_state(state_of(old), signature, own, world.now, cheat)
    honest = world.other(world.actors[cheat])
    world.observe(honest)
    assert leaving(honest) == [Reason.ENDING]
    world.mine()
    assert world.hub.version == honest.end.channel.agreed.version
    finish(world)
    assert paid(world) == (-2 * FEE, 2 * FEE)


def leaving(actor: Actor) -> list[Reason]:
    return [event.reason for event in actor.events if isinstance(event, Leaving)]


def test_a_stale_close_is_not_answered_after_the_challenge_period(world: World) -> None:
    """There is nothing left to do then but to take what the registered state gives."""
    world.buy("a")
    world.hub.register_state(state_of(Book(world.hub.channel)), b"", b"", world.now, Party.CLIENT)
    world.now = world.hub.challenge_end + 1
    world.observe(world.provider)
    assert not world.provider.actions
    assert world.provider.events[-1] == Leaving(Reason.ENDING)


@pytest.mark.parametrize("party", BOTH)
def test_a_held_number_that_is_never_revealed_is_refunded(world: World, party: Party) -> None:
    """(SPEC CH-9, CH-14)"""
    hash_ = world.lock("cat")
    leave(world, world.actors[party])
    finish(world)
    assert paid(world) == (0, 0)
    for actor in (world.client, world.provider):
        assert actor.concluded()[hash_].result is Result.ROLLED_BACK


def test_a_client_that_sent_its_number_in_vain_pays_on_chain(world: World) -> None:
    """Both or neither, and it had decided for both. (SPEC CH-I6)"""
    hash_ = world.lock("cat")
    world.feed(world.client, Learn(number_of("cat")))
    leave(world, world.client)
    assert hash_ in world.hub.revealed
    finish(world)
    assert paid(world) == (-FEE, FEE)
    standing = world.buyer.channel.exit.standing
    assert standing is not None
    assert world.hub.has_paid(standing, 0)
    for actor in (world.client, world.provider):
        ended = actor.concluded()[hash_]
        assert (ended.result, ended.position, ended.receipt) == (Result.SETTLED, None, 0)


def test_a_client_may_decide_to_pay_when_the_channel_ends_already(world: World) -> None:
    hash_ = world.lock("cat")
    leave(world, world.provider)
    world.feed(world.client, Learn(number_of("cat")))
    world.mine()
    finish(world)
    assert world.client.concluded()[hash_].result is Result.SETTLED
    assert paid(world) == (-FEE, FEE)


@pytest.mark.parametrize("party", BOTH)
def test_a_released_key_is_paid_for_on_chain(world: World, party: Party) -> None:
    """Even if the client ends by the state before the lock. (SPEC CH-22, CH-I6)"""
    hash_ = world.lock_for_key("cat", KEY)
    leave(world, world.actors[party])
    finish(world)
    assert world.hub.version == 1
    assert paid(world) == (-FEE, FEE)
    assert world.provider.concluded()[hash_].result is Result.SETTLED
    assert world.client.concluded()[hash_].preimage == KEY


def test_a_key_is_not_shown_before_a_state_with_its_lock_stands(world: World) -> None:
    """Or the client would have it for nothing, by ending without the lock."""
    world.lock_for_key("cat", KEY)
    world.lose_messages()
    world.feed(world.provider, Leave())
    assert not any(type(action).__name__ == "Reveal" for action in world.provider.actions)
    world.hub.register_state(state_of(Book(world.hub.channel)), b"", b"", world.now, Party.CLIENT)
    world.provider.actions.clear()
    world.observe(world.provider)
    kinds = [type(action).__name__ for action in world.provider.actions]
    assert kinds == ["RegisterState"]
    world.mine()
    assert keccak(KEY) in world.hub.revealed


def test_the_provider_may_end_by_an_update_that_it_never_answered(world: World) -> None:
    """The client finds out, without a receipt, and counts it. (SPEC CH-I6)"""
    hash_ = world.lock("cat")
    world.lock("dog")
    world.feed(world.client, Transfer(1))
    world.feed(world.client, Transfer(5))
    world.feed(world.client, Learn(number_of("cat")))
    world.deliver(world.provider)
    world.deliver(world.client)
    world.deliver(world.provider)
    assert world.seller.channel.agreed.version == world.buyer.channel.agreed.version + 1
    leave(world, world.provider)
    finish(world)
    ended = world.client.concluded()[hash_]
    assert (ended.result, ended.position, ended.receipt) == (Result.SETTLED, 0, 0)
    assert Transferred(5) in world.client.events
    assert paid(world) == (-FEE - 6, FEE + 6)
    for actor in (world.client, world.provider):
        assert Over() in actor.events
    assert last_nonce(world.buyer) == last_nonce(world.seller) == 2


def test_the_provider_may_end_by_an_update_that_it_refused(world: World) -> None:
    """The client signed it, so it stays good until a newer state is agreed. (SPEC CH-20)"""
    number = b"\1" * 32
    world.feed(world.client, Buy(product_of("none"), FEE, keccak(number), number, True))
    proposal = world.buyer.outstanding
    assert proposal is not None
    digest = state_digest(world.client.terms, proposal.book)
    both = world.client.signer.sign(digest), world.provider.signer.sign(digest)
    world.deliver(world.provider)
    world.deliver(world.client)
    assert world.buyer.refused == (proposal,)
    world.lose_messages()
    world.hub.register_state(state_of(proposal.book), *both, world.now, Party.PROVIDER)
    world.observe(world.client)
    finish(world)
    assert world.client.concluded()[keccak(number)].result is Result.ROLLED_BACK
    assert paid(world) == (0, 0)


def test_a_refused_round_is_over_only_once_a_newer_state_is_agreed(world: World) -> None:
    """(SPEC CH-20)"""
    hash_ = world.wish("none")
    world.deliver(world.provider)
    world.deliver(world.client)
    assert hash_ not in world.client.concluded()
    world.talk()
    assert world.client.concluded()[hash_].reason is Reason.NO_OFFER
    assert world.seller.channel.agreed.version == 2


@pytest.mark.parametrize("party", BOTH)
def test_the_payees_cancellation_refunds_before_the_expiry(world: World, party: Party) -> None:
    """(SPEC CH-9)"""
    payee = world.actors[party]
    if party is Party.PROVIDER:
        hash_ = world.lock("cat")
    else:
        hash_ = keccak(KEY)
        world.feed(world.provider, Grant(9, hash_))
        world.talk()
    (lock,) = world.seller.channel.agreed.locks
    leave(world, world.other(payee))
    world.feed(payee, GiveUp(hash_))
    world.talk()
    world.advance(CHALLENGE + 1)
    assert world.now < lock.expiry
    assert world.hub.outcomes == {0: LockOutcome.REFUNDED}
    assert paid(world) == (0, 0)


def test_one_pending_lock_holds_back_its_own_amount_alone(world: World) -> None:
    """(SPEC CH-14)"""
    world.buy("a")
    world.lock("b")
    leave(world, world.provider)
    world.advance(CHALLENGE + 1, talking=False)
    assert world.hub.phase is ChannelPhase.CLOSED
    assert paid(world) == (-2 * FEE, FEE)
    finish(world)
    assert paid(world) == (-FEE, FEE)


def test_each_resolves_what_pays_itself(world: World) -> None:
    world.lock_for_key("a", KEY)
    world.talk()
    world.lock("b")
    leave(world, world.client)
    world.now = world.hub.challenge_end + 1
    for actor in (world.client, world.provider):
        world.feed(actor, Tick())
    assert not world.hub.outcomes
    finish(world)
    assert set(world.hub.outcomes.values()) == {LockOutcome.REFUNDED}


# ---------------------------------------------------------------- facts


@pytest.mark.parametrize("party", BOTH)
def test_facts_that_repeat_change_nothing(world: World, party: Party) -> None:
    """(SPEC PR-12)"""
    world.lock_for_key("cat", KEY)
    actor = world.actors[party]
    leave(world, world.provider)
    finish(world)
    for fact in world.hub.facts():
        after, _ = step(actor.end, fact, world.now)
        assert after is actor.end, fact


def test_a_reorganisation_that_undoes_the_registration_makes_it_due_again(world: World) -> None:
    """(SPEC PR-12)"""
    leave(world, world.provider)
    world.hub.phase, world.hub.state, world.hub.challenge_end = ChannelPhase.OPEN, None, 0
    world.feed(world.provider, Unregistered())
    world.mine()
    assert world.hub.phase is ChannelPhase.CLOSING


def test_a_reorganisation_that_undoes_a_reveal_makes_it_due_again(world: World) -> None:
    """(SPEC PR-12)"""
    hash_ = world.lock_for_key("cat", KEY)
    leave(world, world.provider)
    assert hash_ in world.hub.revealed
    world.hub.revealed.clear()
    world.hub.preimages.clear()
    world.feed(world.provider, Revealed(KEY, 0))
    world.mine()
    assert hash_ in world.hub.revealed


def test_a_preimage_of_nobody_here_is_not_kept(world: World) -> None:
    for actor in (world.client, world.provider):
        after, effects = step(actor.end, Revealed(KEY, 5), world.now)
        assert after is actor.end
        assert effects == ()


def test_a_registered_state_that_is_newer_than_all_we_know_is_reported(world: World) -> None:
    """The journal was lost, or an old copy of it was put in its place."""
    world.feed(world.provider, Registered(9, world.now + CHALLENGE))
    assert world.provider.events[-1] == Complaint(
        Reason.LOST_STATE, "version 9 is registered, ours is 0"
    )
    assert not world.provider.actions


def test_a_peer_that_knows_a_newer_state_is_reported(world: World) -> None:
    world.buy("cat")
    world.provider.end = replace(world.seller, channel=World().seller.channel)
    world.reconnect()
    world.talk()
    for actor, reason in ((world.client, "provider is at"), (world.provider, "client is at")):
        complaints = [each for each in actor.events if isinstance(each, Complaint)]
        assert complaints[0].reason is Reason.LOST_STATE
        assert reason in complaints[0].detail


def test_after_the_end_nothing_is_taken(world: World) -> None:
    leave(world, world.client)
    finish(world)
    with pytest.raises(InvalidInput, match="ending"):
        world.feed(world.client, Transfer(1))
    with pytest.raises(InvalidInput, match="ending"):
        world.sell("cat")


def test_agreements_that_come_too_late_are_not_taken(world: World) -> None:
    world.feed(world.client, Transfer(1))
    world.feed(world.client, Leave())
    assert world.refuses(world.client, Agreement(1, bytes(65))) is Reason.UNEXPECTED


def test_money_that_arrives_is_noticed_until_the_end(world: World) -> None:
    world.feed(world.client, Funded(replace(world.hub.holdings, client_deposit=2 * DEPOSIT)))
    assert world.buyer.channel.holdings.client_deposit == 2 * DEPOSIT


def test_an_outcome_is_noticed_once(world: World) -> None:
    world.lock("cat")
    leave(world, world.provider)
    finish(world)
    after, effects = step(world.client.end, Resolved(0, LockOutcome.REFUNDED), world.now)
    assert after is world.client.end
    assert effects == ()


def test_a_message_of_a_peer_that_is_being_left_changes_no_agreement(world: World) -> None:
    world.sell("cat")
    world.talk()
    update = world.update(world.add("cat"))
    world.feed(world.provider, Leave())
    world.feed(world.provider, Heard(update))
    assert world.seller.channel.agreed.version == 0
