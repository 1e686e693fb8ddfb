"""Not delivered in time: the buyer has its price back. (SPEC MK-3)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import PurchasePhase
from tests.chain import mine_at, plain, reverts, set_next_timestamp
from tests.market import ETHER


def test_by_anybody_after_the_delivery_period(dealt_in, client, stranger, ledger):
    """Ocean's fault: paid, not delivered, and to buy again."""
    set_next_timestamp(dealt_in.deadline + 1)
    tx = dealt_in.refund(stranger)
    assert dealt_in.phase == PurchasePhase.REFUNDED
    assert dealt_in.owed(client) == ETHER
    assert tx.events["PurchaseRefunded"]["id"] == "0x" + dealt_in.id.hex()
    assert plain(ledger.participationOf(client)) == (0, 0, 0)


def test_by_the_seller_at_once(bought, provider, client):
    bought.refund(provider)
    assert bought.owed(client) == ETHER


@pytest.mark.parametrize("who", ["client", "stranger"])
def test_by_nobody_else_while_the_seller_may_deliver(bought, who, request):
    deadline = bought.deadline
    set_next_timestamp(deadline)
    with reverts("DeadlineNotPassed", bought.id, deadline, deadline):
        bought.refund(request.getfixturevalue(who))


def test_once(bought, provider, client):
    bought.refund(provider)
    with reverts("WrongPhase", bought.id, PurchasePhase.REFUNDED, PurchasePhase.BOUGHT):
        bought.refund(provider)
    assert bought.owed(client) == ETHER


def test_not_after_delivery(delivered, provider, client):
    mine_at(delivered.deadline + 10_000)
    for who in (provider, client):
        with reverts("WrongPhase", delivered.id, PurchasePhase.DELIVERED, PurchasePhase.BOUGHT):
            delivered.refund(who)


def test_nothing_follows_a_refund(bought, provider, client):
    """chatch's fault: a withdrawal that follows a refund."""
    bought.refund(provider)
    for step in (
        bought.deliver,
        lambda: bought.finalise(client),
        bought.claim_wrong_key,
        bought.dispute,
        lambda: bought.resolve(client),
        lambda: bought.rate(1),
    ):
        with reverts("WrongPhase", bought.id, PurchasePhase.REFUNDED, ...):
            step()
    assert bought.owed(client) + bought.owed(provider) == ETHER
