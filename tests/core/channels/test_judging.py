"""What the provider's end makes of updates that it should not agree to.

(SPEC CH-21, CH-24, PR-11)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from handfast.channels.channel import state_digest
from handfast.channels.effects import Complaint, Report, Send
from handfast.channels.ends import step
from handfast.channels.inputs import GiveUp, Grant, Heard, Leave
from handfast.channels.rules import apply
from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    FailLock,
    Operation,
    Pay,
    SettleLock,
)
from handfast.channels.wire import (
    Agreement,
    CloseAgreement,
    Fault,
    Message,
    Objection,
    Offer,
    Reason,
    Refusal,
    Release,
    Update,
)
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import FEE_UNIT, MAX_LOCKS_PER_DIRECTION, Direction
from tests.channel_world import DEPOSIT, FEE, TIMING, World, number_of, product_of

KEY = b"\7" * 32
Make = Callable[[World], Operation]


def objections(world: World, update: Update) -> list[tuple[int, Reason]]:
    """What stands against an update, which the provider has refused then."""
    world.feed(world.provider, Heard(update))
    assert world.seller.refusal is not None
    return [(each.index, each.reason) for each in world.seller.refusal.objections]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda w: w.add("other"), Reason.NO_OFFER),
        (lambda w: w.add("lapsed"), Reason.NO_OFFER),
        (lambda w: w.add("cat", amount=FEE - FEE_UNIT), Reason.WRONG_AMOUNT),
        (lambda w: w.add("cat", amount=0), Reason.WRONG_AMOUNT),
        (lambda w: w.add("keyed"), Reason.WRONG_HASH),
        (lambda w: w.add("cat", hash=keccak(number_of("locked"))), Reason.DUPLICATE_HASH),
        (lambda w: w.add("cat", expiry=w.now + TIMING.shortest - 1), Reason.EXPIRES_TOO_SOON),
        (lambda w: w.add("cat", expiry=w.now - 1), Reason.EXPIRES_TOO_SOON),
        (lambda w: w.add("cat", expiry=w.now + TIMING.longest + 1), Reason.EXPIRES_TOO_LATE),
        (lambda w: w.add("cat", direction=Direction.ABSENT), Reason.WRONG_AMOUNT),
        (lambda w: w.add("cat", direction=Direction.TO_CLIENT), Reason.NO_OFFER),
        (
            lambda w: w.add("x", direction=Direction.TO_CLIENT, product=NO_PRODUCT),
            Reason.NO_OFFER,
        ),
        (
            lambda w: AddLock(Direction.TO_CLIENT, 8, keccak(KEY), w.now + 300, NO_PRODUCT),
            Reason.WRONG_AMOUNT,
        ),
        (lambda w: Pay(DEPOSIT), Reason.UNCOVERED),
        (lambda w: w.add("x", amount=DEPOSIT, product=NO_PRODUCT), Reason.UNCOVERED),
    ],
)
def test_refuses_what_it_did_not_offer_or_ask_for(make: Make, reason: Reason, world: World) -> None:
    world.sell("cat")
    world.sell("keyed", KEY)
    world.sell("lapsed")
    world.lock("locked")
    world.feed(world.provider, Grant(9, keccak(KEY)))
    offers = {**world.seller.offers}
    offers[product_of("lapsed")] = replace(offers[product_of("lapsed")], deadline=world.now - 1)
    world.provider.end = replace(world.seller, offers=offers)
    agreed = world.seller.channel.agreed
    assert objections(world, world.update(Pay(1), make(world))) == [(1, reason)]
    assert world.seller.channel.agreed is agreed


def test_refuses_to_sell_one_product_twice_in_an_update(world: World) -> None:
    world.sell("cat")
    again = world.add("cat", hash=b"\1" * 32)
    assert objections(world, world.update(world.add("cat"), again)) == [(1, Reason.NO_OFFER)]


def test_names_every_operation_that_it_refuses(world: World) -> None:
    world.sell("cat")
    update = world.update(world.add("a"), world.add("cat"), world.add("b"))
    assert objections(world, update) == [(0, Reason.NO_OFFER), (2, Reason.NO_OFFER)]


def test_refuses_the_last_locks_where_there_are_too_many(world: World) -> None:
    """(SPEC CH-7)"""
    many = [
        world.add(str(each), amount=1, product=NO_PRODUCT)
        for each in range(MAX_LOCKS_PER_DIRECTION + 2)
    ]
    found = objections(world, world.update(*many, Pay(1)))
    assert sorted(found) == [(64, Reason.TOO_MANY), (65, Reason.TOO_MANY)]


def test_refuses_the_last_operations_where_not_all_is_covered(world: World) -> None:
    """(SPEC CH-8)"""
    half = [world.add(str(each), amount=DEPOSIT // 2, product=NO_PRODUCT) for each in range(3)]
    found = objections(world, world.update(*half, Pay(1)))
    assert sorted(found) == [(2, Reason.UNCOVERED), (3, Reason.UNCOVERED)]


def test_settles_even_what_a_shrunken_balance_does_not_cover(world: World) -> None:
    """An update that only takes locks away makes nothing worse."""
    hash_ = world.lock("cat", amount=DEPOSIT)
    world.hub.holdings = replace(world.hub.holdings, client_deposit=DEPOSIT - 1)
    world.observe(world.provider)
    world.feed(world.provider, Heard(world.update(SettleLock(1, number_of("cat")))))
    assert world.provider.concluded()[hash_].preimage == number_of("cat")


def test_does_not_let_go_of_a_lock_whose_key_it_released(world: World) -> None:
    """(SPEC CH-23)"""
    world.lock_for_key("cat", KEY)
    assert objections(world, world.update(FailLock(1))) == [(0, Reason.STILL_CLAIMED)]


def test_lets_go_of_it_once_its_claim_has_lapsed(world: World) -> None:
    """(SPEC CH-23)"""
    world.lock_for_key("cat", KEY)
    (lock,) = world.seller.channel.agreed.locks
    world.now = lock.expiry + TIMING.margin + 1
    world.feed(world.provider, Heard(world.update(FailLock(1))))
    assert not world.seller.channel.agreed.locks


def test_does_not_pay_the_client_after_the_expiry(world: World) -> None:
    """(SPEC CH-9)"""
    world.feed(world.provider, Grant(9, keccak(KEY)))
    world.talk()
    (lock,) = world.seller.channel.agreed.locks
    late = world.update(SettleLock(1, KEY))
    world.now = lock.expiry + 1
    assert objections(world, late) == [(0, Reason.EXPIRED)]


def test_pays_the_client_after_the_expiry_if_the_chain_will(world: World) -> None:
    """(SPEC CH-9)"""
    world.feed(world.provider, Grant(9, keccak(KEY)))
    world.talk()
    (lock,) = world.seller.channel.agreed.locks
    world.hub.reveal(KEY, lock.expiry)
    world.observe(world.provider)
    world.now = lock.expiry + 1
    world.feed(world.provider, Heard(world.update(SettleLock(1, KEY))))
    assert world.seller.channel.agreed.transferred == -9


def test_keeps_a_preimage_that_pays_it_whatever_becomes_of_the_update(world: World) -> None:
    """(SPEC CH-22)"""
    hash_ = world.lock("cat")
    settles = world.update(SettleLock(1, number_of("cat")), world.add("nothing"))
    assert objections(world, settles) == [(1, Reason.NO_OFFER)]
    assert world.seller.channel.preimages == {hash_: number_of("cat")}


# ---------------------------------------------------------------- what is repeated or contradicts


def test_a_repeated_update_gets_the_same_answer(world: World) -> None:
    """(SPEC CH-24)"""
    world.sell("cat")
    update = world.update(world.add("cat"))
    world.feed(world.provider, Heard(update))
    settles = world.update(SettleLock(1, number_of("cat")))
    _, effects = step(world.provider.end, Heard(settles), world.now)
    world.feed(world.provider, Heard(settles))
    answer = next(each for each in effects if isinstance(each, Send))
    assert isinstance(answer.message, Agreement)
    assert len(answer.digests) == 2
    after, repeated = step(world.provider.end, Heard(settles), world.now + 10)
    assert after is world.provider.end
    assert repeated == (answer,)


def test_a_repeated_refused_update_gets_the_same_refusal_for_ever(world: World) -> None:
    """Or the provider could agree to what the client has given up. (SPEC CH-20)"""
    update = world.update(world.add("cat"))
    assert objections(world, update) == [(0, Reason.NO_OFFER)]
    world.sell("cat")
    after, effects = step(world.provider.end, Heard(update), world.now)
    assert after is world.provider.end
    assert effects == (Send(Refusal(update.version, (Objection(0, Reason.NO_OFFER),))),)


def test_a_refused_version_is_never_agreed_to_whatever_it_says(world: World) -> None:
    """(SPEC CH-20)"""
    refused = world.update(world.add("cat"), version=5)
    assert objections(world, refused) == [(0, Reason.NO_OFFER)]
    for version in (1, 4):
        late = world.update(Pay(1), version=version)
        assert world.refuses(world.provider, late) is Reason.STALE_VERSION
    newer = world.update(Pay(1), version=6)
    world.feed(world.provider, Heard(newer))
    assert world.seller.channel.agreed.version == 6


def test_another_update_of_the_agreed_version_contradicts_what_was_signed(world: World) -> None:
    """(SPEC CH-24)"""
    first = world.update(Pay(1))
    other = world.update(Pay(2))
    world.feed(world.provider, Heard(first))
    assert world.refuses(world.provider, other) is Reason.CONTRADICTION


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda w: replace(w.update(Pay(1)), base=1), Reason.WRONG_BASE),
        (lambda w: w.update(Pay(1), version=1_025), Reason.STALE_VERSION),
        (lambda w: Update(0, 0, (Pay(1),), bytes(65)), Reason.STALE_VERSION),
        (lambda w: replace(w.update(Pay(1)), operations=(FailLock(1),)), Reason.INVALID_OPERATION),
        (
            lambda w: replace(w.update(Pay(1)), operations=(SettleLock(9, KEY),)),
            Reason.INVALID_OPERATION,
        ),
        (
            lambda w: replace(w.update(Pay(1)), operations=(Pay(2**127), Pay(2**127))),
            Reason.INVALID_OPERATION,
        ),
        (lambda w: replace(w.update(Pay(1)), operations=(Pay(2),)), Reason.BAD_SIGNATURE),
        (lambda w: replace(w.update(Pay(1)), signature=b""), Reason.BAD_SIGNATURE),
        (lambda w: replace(w.update(Pay(1)), signature=bytes(65)), Reason.BAD_SIGNATURE),
        (lambda w: Agreement(1, bytes(65)), Reason.UNEXPECTED),
        (lambda w: Offer(KEY, 1, None, 2**40), Reason.UNEXPECTED),
        (lambda w: Release(KEY), Reason.UNEXPECTED),
        (lambda w: CloseAgreement(1, bytes(65)), Reason.UNEXPECTED),
    ],
)
def test_what_makes_no_sense_gets_a_typed_fault_and_changes_nothing(
    make: Callable[[World], Message], reason: Reason, world: World
) -> None:
    """(SPEC PR-11)"""
    assert world.refuses(world.provider, make(world)) is reason


def test_a_strangers_signature_is_none(world: World) -> None:
    book = apply(world.seller.channel.agreed, (Pay(1),), 1).book
    signature = Signer(b"\1" * 32).sign(state_digest(world.client.terms, book))
    update = Update(0, 1, (Pay(1),), signature)
    assert world.refuses(world.provider, update) is Reason.BAD_SIGNATURE


def test_a_provider_that_leaves_agrees_to_nothing_but_keeps_what_pays_it(world: World) -> None:
    hash_ = world.lock("cat")
    world.feed(world.provider, Leave())
    settles = world.update(SettleLock(1, number_of("cat")))
    world.feed(world.provider, Heard(settles))
    assert world.seller.channel.agreed.version == 1
    assert hash_ in world.seller.channel.preimages


def test_an_offer_is_withdrawn_by_its_key(world: World) -> None:
    world.sell("cat", KEY)
    world.feed(world.provider, GiveUp(keccak(KEY)))
    assert not world.seller.offers


def test_a_released_key_cannot_be_given_up(world: World) -> None:
    hash_ = world.lock_for_key("cat", KEY)
    with pytest.raises(InvalidInput, match="released"):
        world.feed(world.provider, GiveUp(hash_))


def test_what_a_peer_complains_about_is_reported(world: World) -> None:
    for actor in (world.client, world.provider):
        effects = world.say(actor, Fault(Reason.MALFORMED, "what?"))
        assert effects == (Report(Complaint(Reason.MALFORMED, "what?")),)
