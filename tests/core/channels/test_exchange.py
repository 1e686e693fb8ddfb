"""Rounds between two ends that both do their part. (SPEC CH-20 to CH-22, CH-25)"""

from __future__ import annotations

import pytest

from handfast.channels.channel import receipt_of
from handfast.channels.client import Stage
from handfast.channels.effects import Complaint, Concluded, Locked, Offered, Result, Transferred
from handfast.channels.ends import LINES
from handfast.channels.inputs import Buy, Entry, Funded, GiveUp, Grant, Heard, Learn, Sell, Transfer
from handfast.channels.rules import state_of
from handfast.channels.state import NO_PRODUCT, Holdings, SettleLock
from handfast.channels.wire import Party, Reason, Update
from handfast.crypto.ecdsa import is_signed_by
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import leaf_hash, root_of
from handfast.errors import InvalidInput
from handfast.protocol.constants import FEE_UNIT, MAX_LOCKS_PER_DIRECTION
from tests.channel_world import DEPOSIT, FEE, World, number_of, product_of

KEY = b"\7" * 32


def updates(world: World) -> list[Update]:
    """What the provider took in."""
    entries = [LINES.decode(line) for line in world.provider.journal]
    heard = [
        entry.input.message
        for entry in entries
        if isinstance(entry, Entry) and isinstance(entry.input, Heard)
    ]
    return [message for message in heard if isinstance(message, Update)]


def test_the_clients_number_moves_fee_and_product_and_brings_the_receipt(world: World) -> None:
    """(SPEC CH-22)"""
    ended = world.buy("cat")
    assert ended.result is Result.SETTLED
    assert (ended.position, ended.receipt) == (0, 1)
    for actor in (world.client, world.provider):
        agreed = actor.end.channel.agreed
        assert agreed.transferred == FEE
        assert agreed.products.root == root_of([leaf_hash(product_of("cat"))])
        assert not agreed.locks
    receipt = receipt_of(ended.lock, world.buyer.channel.agreed)
    digest = receipt.digest(world.client.terms.domain)
    assert is_signed_by(world.provider.signer.address, digest, ended.signature)


def test_a_keys_release_moves_fee_and_product_and_brings_the_key(world: World) -> None:
    """(SPEC CH-22)"""
    hash_ = world.lock_for_key("cat", KEY)
    world.talk()
    ended = world.client.concluded()[hash_]
    assert (ended.result, ended.preimage, ended.receipt) == (Result.SETTLED, KEY, 1)
    assert world.provider.concluded()[hash_].preimage == KEY


def test_the_key_stays_with_the_provider_until_the_fee_is_locked(world: World) -> None:
    world.sell("cat", KEY)
    assert not any(KEY in message for message in world.client.inbox)
    world.talk()
    (offered,) = (each for each in world.client.events if isinstance(each, Offered))
    assert offered.offer.hash == keccak(KEY)


def test_a_held_number_is_not_revealed_before_the_application_says_so(world: World) -> None:
    """(SPEC PR-6)"""
    hash_ = world.lock("cat")
    assert world.round(hash_).stage is Stage.LOCKED
    assert not any(isinstance(each, SettleLock) for u in updates(world) for each in u.operations)
    world.feed(world.client, Learn(number_of("cat")))
    world.talk()
    assert world.client.concluded()[hash_].result is Result.SETTLED


def test_a_number_learnt_while_the_lock_is_not_agreed_yet_pays_once_it_is(world: World) -> None:
    world.sell("cat")
    hash_ = world.wish("cat")
    world.feed(world.client, Learn(number_of("cat")))
    world.talk()
    assert world.client.concluded()[hash_].result is Result.SETTLED


def test_a_receipt_repeats_the_nonce_of_its_lock(world: World) -> None:
    """A lock that failed leaves a gap. (SPEC CH-25, RP-1)"""
    world.lock("given up")
    world.feed(world.client, GiveUp(keccak(number_of("given up"))))
    world.talk()
    ended = [world.buy(name) for name in "abc"]
    assert [each.receipt for each in ended] == [2, 3, 4]
    assert [each.lock.nonce for each in ended] == [2, 3, 4]


def test_another_token_gives_no_receipts(unrated: World) -> None:
    """(SPEC CH-25)"""
    unrated.sell("cat", amount=FEE + 1)
    hash_ = unrated.wish("cat", amount=FEE + 1, hold=False)
    unrated.talk()
    ended = unrated.client.concluded()[hash_]
    assert (ended.result, ended.receipt, ended.signature) == (Result.SETTLED, 0, b"")


def test_money_alone_moves_no_product_and_gives_no_receipt(world: World) -> None:
    number = b"\1" * 32
    world.feed(world.client, Buy(NO_PRODUCT, 5, keccak(number), number))
    world.talk()
    ended = world.client.concluded()[keccak(number)]
    assert (ended.result, ended.position, ended.receipt) == (Result.SETTLED, None, 0)


def test_many_rounds_ride_in_few_updates(world: World) -> None:
    """(SPEC CH-21)"""
    names = [str(number) for number in range(100)]
    for name in names:
        world.sell(name, amount=FEE_UNIT)
    world.talk()
    for name in names:
        world.wish(name, hold=False, amount=FEE_UNIT)
    world.talk()
    assert len(world.client.settled()) == len(world.provider.settled()) == 100
    assert len(updates(world)) <= 6
    assert world.buyer.channel.agreed == world.seller.channel.agreed


def test_as_many_locks_are_pending_as_a_direction_holds_and_the_rest_waits(world: World) -> None:
    """(SPEC CH-7)"""
    names = [str(number) for number in range(MAX_LOCKS_PER_DIRECTION + 6)]
    for name in names:
        world.sell(name, amount=FEE_UNIT)
        world.wish(name, amount=FEE_UNIT)
    world.talk()
    assert len(world.seller.channel.agreed.locks) == MAX_LOCKS_PER_DIRECTION
    for name in names[:5]:
        world.feed(world.client, Learn(number_of(name)))
    world.talk()
    assert len(world.client.settled()) == 5
    assert len(world.seller.channel.agreed.locks) == MAX_LOCKS_PER_DIRECTION
    waiting = [each for each in world.buyer.rounds.values() if each.stage is Stage.QUEUED]
    assert [each.product for each in waiting] == [product_of(names[-1])]


def test_one_update_is_outstanding_at_a_time(world: World) -> None:
    """(SPEC CH-20)"""
    for name in "abc":
        world.sell(name)
    world.talk()
    for name in "abc":
        world.wish(name)
    assert len(world.provider.inbox) == 1
    world.deliver(world.provider)
    world.deliver(world.client)
    assert len(world.provider.inbox) == 1
    world.talk()
    assert [len(update.operations) for update in updates(world)] == [1, 2]


def test_a_round_is_given_up_before_its_lock_is_proposed(world: World) -> None:
    world.sell("a")
    world.wish("a")
    hash_ = world.wish("b")
    world.feed(world.client, GiveUp(hash_))
    assert world.client.concluded()[hash_].reason is Reason.CANCELLED
    world.talk()
    assert [lock.product for lock in world.seller.channel.agreed.locks] == [product_of("a")]


@pytest.mark.parametrize("agreed", [False, True])
def test_a_locked_round_is_given_up_by_an_update(world: World, agreed: bool) -> None:
    """(SPEC CH-23)"""
    world.sell("cat")
    hash_ = world.wish("cat")
    if agreed:
        world.talk()
    world.feed(world.client, GiveUp(hash_))
    world.talk()
    for actor in (world.client, world.provider):
        assert actor.concluded()[hash_].result is Result.ROLLED_BACK
        assert actor.end.channel.agreed.transferred == 0
        assert not actor.end.channel.agreed.locks


def test_what_is_paid_cannot_be_given_up(world: World) -> None:
    world.sell("cat")
    world.talk()
    hash_ = world.wish("cat", hold=False)
    world.deliver(world.provider)
    world.deliver(world.client)
    assert world.round(hash_).stage is Stage.PAYING
    with pytest.raises(InvalidInput, match="paying"):
        world.feed(world.client, GiveUp(hash_))


def test_the_provider_gives_a_lock_up(world: World) -> None:
    """(SPEC CH-9, CH-23)"""
    hash_ = world.lock("cat")
    world.feed(world.provider, GiveUp(hash_))
    world.talk()
    assert world.client.concluded()[hash_].result is Result.ROLLED_BACK
    assert world.provider.concluded()[hash_].result is Result.ROLLED_BACK


def test_the_client_pays_unconditionally(world: World) -> None:
    for amount in (5, 7):
        world.feed(world.client, Transfer(amount))
    world.talk()
    assert world.seller.channel.agreed.transferred == 12
    for actor in (world.client, world.provider):
        paid = [each.amount for each in actor.events if isinstance(each, Transferred)]
        assert paid == [5, 7]


def test_a_payment_beside_a_refused_lock_is_made_once(world: World) -> None:
    """(SPEC CH-20)"""
    world.feed(world.client, Transfer(1))
    world.feed(world.client, Transfer(5))
    hash_ = world.wish("never offered")
    world.talk()
    assert world.client.concluded()[hash_].reason is Reason.NO_OFFER
    assert world.buyer.channel.agreed.transferred == 6
    assert world.seller.channel.agreed.transferred == 6


def test_a_payment_that_the_provider_does_not_take_is_given_up(world: World) -> None:
    world.feed(world.client, Funded(Holdings(2 * DEPOSIT, DEPOSIT)))
    world.feed(world.client, Transfer(DEPOSIT + 1))
    world.talk()
    assert world.buyer.transfer == 0
    assert world.seller.channel.agreed.transferred == 0
    assert any(
        isinstance(event, Complaint) and event.reason is Reason.UNCOVERED
        for event in world.client.events
    )


@pytest.mark.parametrize("knows", list(Party))
def test_the_provider_pays_by_a_lock_that_it_asked_for(world: World, knows: Party) -> None:
    """Whoever knows the preimage; transfer channels are duplex. [prosecutor 4.3]"""
    world.feed(world.provider, Grant(9, keccak(KEY)))
    world.talk()
    assert world.seller.channel.agreed.locked_by_provider == 9
    world.feed(world.actors[knows], Learn(KEY))
    world.talk()
    assert world.client.concluded()[keccak(KEY)].result is Result.SETTLED
    assert world.seller.channel.agreed.transferred == -9


def test_a_top_up_makes_room_and_leaves_every_signed_state_valid(world: World) -> None:
    """(SPEC CH-5)"""
    world.lock("all", amount=DEPOSIT)
    before = state_of(world.seller.channel.agreed)
    world.sell("more")
    with pytest.raises(InvalidInput, match="from 1 to 0"):
        world.wish("more")
    world.hub.top_up(Party.CLIENT, FEE)
    for actor in (world.client, world.provider):
        world.observe(actor)
    assert state_of(world.seller.channel.agreed) == before
    world.wish("more")
    world.talk()
    assert len(world.seller.channel.agreed.locks) == 2


def test_a_top_up_that_the_provider_has_not_seen_is_refused_and_asked_for_again(
    world: World,
) -> None:
    world.feed(world.client, Funded(Holdings(2 * DEPOSIT, DEPOSIT)))
    world.sell("big", amount=2 * DEPOSIT)
    hash_ = world.wish("big", amount=2 * DEPOSIT)
    world.talk()
    assert world.client.concluded()[hash_].reason is Reason.UNCOVERED
    world.feed(world.provider, Funded(Holdings(2 * DEPOSIT, DEPOSIT)))
    world.wish("big", amount=2 * DEPOSIT)
    world.talk()
    assert world.round(hash_).stage is Stage.LOCKED


def test_events_tell_the_story_of_a_round(world: World) -> None:
    world.buy("cat")
    kinds = [type(event) for event in world.client.events]
    assert kinds == [Offered, Locked, Concluded]
    assert [type(event) for event in world.provider.events] == [Locked, Concluded]


# ---------------------------------------------------------------- commands that cannot be followed


def test_a_fee_that_no_receipt_can_carry_is_refused_at_both_ends(world: World) -> None:
    with pytest.raises(InvalidInput, match="FEE_UNIT"):
        world.sell("cat", amount=FEE + 1)
    with pytest.raises(InvalidInput, match="FEE_UNIT"):
        world.wish("cat", amount=FEE + 1)


@pytest.mark.parametrize("amount", [0, DEPOSIT + 1])
def test_the_client_wishes_for_what_it_can_pay_only(world: World, amount: int) -> None:
    with pytest.raises(InvalidInput, match=f"from 1 to {DEPOSIT}"):
        world.feed(world.client, Transfer(amount))
    with pytest.raises(InvalidInput, match=f"from 1 to {DEPOSIT}"):
        world.wish("cat", amount=amount)


def test_what_is_wished_for_already_is_counted(world: World) -> None:
    world.wish("a", amount=DEPOSIT // 2)
    world.wish("b", amount=DEPOSIT // 4)
    world.feed(world.client, Transfer(DEPOSIT // 8))
    with pytest.raises(InvalidInput, match=f"from 1 to {DEPOSIT // 8}"):
        world.wish("c", amount=DEPOSIT // 4)


def test_a_hash_is_used_once_at_a_time(world: World) -> None:
    world.wish("cat")
    with pytest.raises(InvalidInput, match="open"):
        world.wish("cat")


def test_a_number_must_have_its_hash(world: World) -> None:
    with pytest.raises(InvalidInput, match="hash"):
        world.feed(world.client, Buy(product_of("cat"), FEE, b"\1" * 32, b"\2" * 32))


def test_a_product_is_on_offer_once_at_a_time(world: World) -> None:
    world.sell("cat")
    with pytest.raises(InvalidInput, match="on offer"):
        world.sell("cat")
    world.wish("cat")
    world.talk()
    with pytest.raises(InvalidInput, match="on offer"):
        world.sell("cat")


@pytest.mark.parametrize(
    "command", [Sell(b"\1" * 32, FEE, None, 0), Sell(NO_PRODUCT, FEE, None, 2**40)]
)
def test_an_offer_is_of_something_and_not_over(world: World, command: Sell) -> None:
    with pytest.raises(InvalidInput):
        world.feed(world.provider, command)


def test_a_command_to_the_other_end_is_refused(world: World) -> None:
    for actor, command in (
        (world.client, Sell(product_of("cat"), FEE, None, 2**40)),
        (world.client, Grant(1, b"\1" * 32)),
        (world.provider, Transfer(1)),
        (world.provider, Buy(product_of("cat"), FEE, keccak(KEY), KEY)),
    ):
        with pytest.raises(InvalidInput, match="command to the"):
            world.feed(actor, command)


@pytest.mark.parametrize("amount", [0, DEPOSIT + 1])
def test_the_provider_grants_what_it_has_only(world: World, amount: int) -> None:
    with pytest.raises(InvalidInput, match=f"from 1 to {DEPOSIT}"):
        world.feed(world.provider, Grant(amount, keccak(KEY)))


def test_unknown_rounds_are_not_given_up_or_paid(world: World) -> None:
    for actor in (world.client, world.provider):
        with pytest.raises(InvalidInput):
            world.feed(actor, GiveUp(b"\1" * 32))
        with pytest.raises(InvalidInput):
            world.feed(actor, Learn(b"\1" * 32))
