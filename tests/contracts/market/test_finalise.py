"""The seller is paid once the buyer has had its time, or says so itself. (SPEC MK-4, MK-I2)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import PurchasePhase
from tests.chain import mine_at, plain, reverts, set_next_timestamp
from tests.market import ETHER


def test_pays_the_seller_after_the_challenge_period(dealt_in, stranger, provider, ledger, client):
    dealt_in.deliver()
    set_next_timestamp(dealt_in.deadline + 1)
    tx = dealt_in.finalise(stranger)
    assert dealt_in.phase == PurchasePhase.PAID
    assert dealt_in.owed(provider) == ETHER
    assert tx.events["PurchasePaid"]["id"] == "0x" + dealt_in.id.hex()
    for party in (provider, client):
        assert plain(ledger.participationOf(party)) == (0, 1, 1)


def test_the_buyer_may_be_content_before(delivered, client, provider):
    delivered.finalise(client)
    assert delivered.phase == PurchasePhase.PAID
    assert delivered.owed(provider) == ETHER


@pytest.mark.parametrize("who", ["provider", "stranger"])
def test_reverts_while_the_buyer_may_object(delivered, who, request):
    who = request.getfixturevalue(who)
    deadline = delivered.deadline
    set_next_timestamp(deadline)
    with reverts("DeadlineNotPassed", delivered.id, deadline, deadline):
        delivered.finalise(who)


def test_reverts_before_anything_was_delivered(bought, client):
    """Ocean's fault: paid, not delivered."""
    mine_at(bought.deadline + 10_000)
    with reverts("WrongPhase", bought.id, PurchasePhase.BOUGHT, PurchasePhase.DELIVERED):
        bought.finalise(client)


def test_pays_once(delivered, client, provider):
    """MetaAICM's fault: `evaluate` called twice paid twice."""
    delivered.finalise(client)
    with reverts("WrongPhase", delivered.id, PurchasePhase.PAID, PurchasePhase.DELIVERED):
        delivered.finalise(client)
    assert delivered.owed(provider) == ETHER


def test_reverts_for_terms_that_nobody_agreed_to(delivered, client):
    """MK-I3: the price in the terms is part of what was agreed to."""
    delivered.price += 1
    with reverts("WrongPhase", delivered.id, PurchasePhase.ABSENT, PurchasePhase.DELIVERED):
        delivered.finalise(client)
