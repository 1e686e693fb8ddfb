"""Quality that no hash settles goes to the court, at the buyer's cost if it loses. (SPEC MK-5)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import SCALE, SEAT_FEE, CaseKind, PurchasePhase
from tests.chain import plain, reverts, set_next_timestamp
from tests.contracts.market.conftest import BOND, BUYER_BOND
from tests.market import ETHER, PANEL, SEATS
from tests.points import g1

BUYER_WINS, SELLER_WINS = 1, 2
FEE = SEATS * SEAT_FEE


@pytest.fixture
def disputed(delivered):
    delivered.dispute()
    return delivered


def rule(court, choice, costs=0):
    court.rule(1, choice, bytes(32), costs)


def test_opens_a_case_that_the_buyer_pays(delivered, market, court, token, client):
    before = token.balanceOf(client)
    tx = delivered.dispute()
    assert token.balanceOf(client) == before - FEE
    assert token.balanceOf(market) == 0
    terms, opener, payer, *_ = plain(court.scriptOf(1))
    _, *periods = PANEL
    # The default is the seller: silence of the panel takes nobody's money back.
    asked = (CaseKind.CHOICE, SEATS, 2, SELLER_WINS, 0, BUYER_WINS, 0, *periods, delivered.id)
    assert terms == asked
    assert (opener, payer) == (market, client)
    assert plain(market.purchaseOf(delivered.id)) == (PurchasePhase.DISPUTED, 0, 1)
    assert tx.events["PurchaseDisputed"]["dispute"] == 1


def test_only_the_buyer_in_time(delivered, market, stranger, client):
    with reverts("NotBuyer", client, stranger):
        market.dispute(delivered.terms, {"from": stranger})
    deadline = delivered.deadline
    set_next_timestamp(deadline + 1)
    with reverts("DeadlinePassed", delivered.id, deadline, deadline + 1):
        delivered.dispute()


def test_no_other_way_out_while_the_court_sits(disputed, client, provider):
    for step in (
        disputed.claim_wrong_key,
        disputed.dispute,
        lambda: disputed.finalise(client),
        lambda: disputed.rate(1),
    ):
        with reverts("WrongPhase", disputed.id, PurchasePhase.DISPUTED, ...):
            step()
    with reverts("NotRuled", disputed.id, 1):
        disputed.resolve(provider)


def test_the_buyer_that_wins_has_its_price_and_its_costs(
    disputed, market, court, token, registry, ledger, client, provider, stranger
):
    before = token.balanceOf(client)
    rule(court, BUYER_WINS, FEE)
    disputed.resolve(stranger)
    assert disputed.phase == PurchasePhase.REFUNDED
    assert disputed.owed(client) == ETHER
    assert token.balanceOf(client) == before + FEE
    assert token.balanceOf(market) == 0
    assert registry.bondOf(1) == BOND - FEE
    assert (ledger.scoreOf(provider), ledger.scoreOf(client)) == (-SCALE, 0)


def test_costs_are_made_good_as_far_as_the_bond_goes(
    disputed, court, token, registry, client, provider
):
    before = token.balanceOf(client)
    rule(court, BUYER_WINS, 2 * BOND)
    disputed.resolve(client)
    assert token.balanceOf(client) == before + BOND
    assert registry.bondOf(1) == 0
    assert disputed.owed(client) == ETHER


def test_a_loser_without_a_bond_blocks_nothing(disputed, court, registry, client):
    """Nothing to slash is no reason to stay open."""
    rule(court, SELLER_WINS, 2 * BUYER_BOND)
    disputed.resolve(client)
    assert registry.bondOf(2) == 0
    disputed.salt = 1
    disputed.buy()
    disputed.deliver()
    disputed.dispute()
    court.rule(2, SELLER_WINS, bytes(32), BUYER_BOND)
    disputed.resolve(client)
    assert disputed.phase == PurchasePhase.PAID


def test_the_buyer_that_loses_pays(disputed, court, token, registry, ledger, client, provider):
    before = token.balanceOf(client)
    rule(court, SELLER_WINS, BUYER_BOND - 1)
    disputed.resolve(provider)
    assert disputed.phase == PurchasePhase.PAID
    assert disputed.owed(provider) == ETHER
    assert token.balanceOf(client) == before + BUYER_BOND - 1  # the scripted court pays its payer
    assert registry.bondOf(2) == 1
    assert registry.bondOf(1) == BOND
    assert (ledger.scoreOf(provider), ledger.scoreOf(client)) == (0, -SCALE)
    assert plain(ledger.participationOf(client)) == (-SCALE, 1, 1)


def test_the_default_is_the_seller(disputed, court, provider):
    """Who wins by silence stands in the case from the start."""
    rule(court, 0)
    disputed.resolve(provider)
    assert disputed.owed(provider) == ETHER


def test_resolves_once(disputed, court, provider):
    rule(court, SELLER_WINS)
    disputed.resolve(provider)
    with reverts("WrongPhase", disputed.id, PurchasePhase.PAID, PurchasePhase.DISPUTED):
        disputed.resolve(provider)
    assert disputed.owed(provider) == ETHER


def test_bonds_are_held_until_it_is_resolved(disputed, court, registry, provider, client):
    """MK-9: however long the court sits, nobody withdraws what it may lose."""
    for participant, account in ((1, provider), (2, client)):
        registry.unbond(1, {"from": account})
        with reverts("BondHeld", participant, 1):
            registry.withdraw({"from": account})
    rule(court, SELLER_WINS)
    disputed.resolve(client)
    assert registry.participantOf(1)[4] == registry.participantOf(2)[4] == 0


def test_the_one_who_pays_must_have_the_fee(delivered, token, client, market):
    token.approve(market, FEE - 1, {"from": client})
    with reverts("ERC20InsufficientAllowance", market, FEE - 1, FEE):
        delivered.dispute()
    assert delivered.phase == PurchasePhase.DELIVERED


@pytest.mark.parametrize("who", ["client", "provider"])
def test_either_party_opens_the_key_to_the_panel(disputed, market, court, who, request, accounts):
    """MK-5: and to nobody else; each voter checks it against the key's hash."""
    court.draw(1, accounts[5:8])
    opened = g1(disputed.receiver), [bytes([n] * 32) for n in range(3)]
    sender = {"from": request.getfixturevalue(who)}
    event = market.openKey(disputed.terms, *opened, sender).events["KeyOpened"]
    assert plain(event["ephemeral"]) == opened[0]
    assert list(map(bytes, event["masked"])) == opened[1]
    assert event["caseId"] == 1


def test_a_panel_gets_a_key_for_each_seat(disputed, market, court, client, stranger, accounts):
    ephemeral = g1(disputed.receiver)
    with reverts("UnevenPanel", 1, 0, 0):
        market.openKey(disputed.terms, ephemeral, [], {"from": client})
    court.draw(1, accounts[5:8])
    with reverts("UnevenPanel", 1, 2, 3):
        market.openKey(disputed.terms, ephemeral, [bytes(32)] * 2, {"from": client})
    with reverts("NotPartyToPurchase", disputed.id, stranger):
        market.openKey(disputed.terms, ephemeral, [bytes(32)] * 3, {"from": stranger})


def test_a_key_is_opened_in_a_dispute_alone(delivered, market, client):
    with reverts("WrongPhase", delivered.id, PurchasePhase.DELIVERED, PurchasePhase.DISPUTED):
        market.openKey(delivered.terms, g1(delivered.receiver), [], {"from": client})
