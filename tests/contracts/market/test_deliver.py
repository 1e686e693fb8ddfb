"""The seller hands the key over, masked for the buyer, in time. (SPEC MK-3, SL-5)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import PurchasePhase
from tests.chain import plain, reverts, set_next_timestamp
from tests.market import CHALLENGE_PERIOD
from tests.points import INFINITY_G1, g1, stray_g1


def test_starts_the_challenge_period(bought, market):
    key = bought.masked()
    tx = bought.deliver(key)
    assert plain(market.purchaseOf(bought.id)) == (
        PurchasePhase.DELIVERED,
        tx.timestamp + CHALLENGE_PERIOD,
        0,
    )
    event = tx.events["KeyDelivered"]
    assert plain(event["key"]) == key


def test_does_not_pay_the_seller(bought, provider, token):
    """MetaAICM's fault: the seller was paid at once, whatever it delivered."""
    bought.deliver(bought.masked(key=bytes(32)))
    assert bought.owed(provider) == 0


def test_only_the_seller_delivers(bought, client, provider, market):
    with reverts("NotSeller", provider, client):
        market.deliver(bought.terms, bought.masked(), {"from": client})


def test_in_the_last_second_and_not_after_it(bought):
    deadline = bought.deadline
    set_next_timestamp(deadline + 1)
    with reverts("DeadlinePassed", bought.id, deadline, deadline + 1):
        bought.deliver()


def test_in_the_last_second(bought):
    set_next_timestamp(bought.deadline)
    bought.deliver()
    assert bought.phase == PurchasePhase.DELIVERED


def test_once(delivered):
    """What was handed over can't be exchanged once the buyer has looked."""
    with reverts("WrongPhase", delivered.id, PurchasePhase.DELIVERED, PurchasePhase.BOUGHT):
        delivered.deliver()


def test_not_after_a_refund(bought, provider):
    bought.refund(provider)
    with reverts("WrongPhase", bought.id, PurchasePhase.REFUNDED, PurchasePhase.BOUGHT):
        bought.deliver()


def test_a_point_at_infinity_hides_nothing(bought):
    with reverts("EphemeralAtInfinity"):
        bought.deliver((INFINITY_G1, bytes(32)))


@pytest.mark.parametrize("point", [stray_g1(), stray_g1() + stray_g1()])
def test_a_point_outside_the_subgroup_is_refused(bought, point):
    """From such a point the buyer could prove nothing."""
    with reverts("InvalidPoint"):
        bought.deliver((g1(point), bytes(32)))


def test_a_point_off_the_curve_is_refused(bought):
    with reverts("InvalidPoint"):
        bought.deliver(((0, 1, 0, 1), bytes(32)))
