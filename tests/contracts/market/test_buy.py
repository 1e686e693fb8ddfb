"""The price goes into escrow at the terms that the buyer named. (SPEC MK-2)"""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import SELLER_PENALTY, ListingPhase, PurchasePhase
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.chain import plain, reverts
from tests.contracts.market.conftest import BOND, BUYER_SECRET, STRANGER_SECRET
from tests.market import DELIVERY_PERIOD, ETHER, NATIVE, Deal


@pytest.fixture
def listed(market, provider, client, asset):
    deal = Deal(market, provider, client, BUYER_SECRET, asset)
    deal.publish()
    return deal


def held(deal):
    if str(deal.token) == NATIVE:
        return deal.market.balance()
    return deal.token.balanceOf(deal.market)


def test_holds_the_price_until_the_end(listed, market, provider, client):
    tx = listed.buy()
    assert bytes(tx.return_value) == listed.id
    assert held(listed) == ETHER
    assert plain(market.purchaseOf(listed.id)) == (
        PurchasePhase.BOUGHT,
        tx.timestamp + DELIVERY_PERIOD,
        0,
    )
    event = tx.events["PurchaseMade"]
    assert (event["seller"], event["buyer"]) == (provider, client)
    assert bytes(event["listing"]) == listed.listing_id
    assert (event["token"], event["price"], event["salt"]) == (listed.token, ETHER, listed.salt)
    assert b"".join(map(bytes, event["key"])) == listed.receiver.to_compressed_bytes()


def test_the_context_of_a_purchase_names_chain_contract_and_purchase(bought, market):
    """SL-5."""
    assert bytes(market.contextOf(bought.id)) == bought.context


def test_the_value_sent_is_the_price(published):
    for value in (0, ETHER - 1, ETHER + 1):
        with reverts("ValueMismatch", value, ETHER):
            published.buy(value=value)


def test_no_value_goes_with_a_token(market, provider, client, token):
    deal = Deal(market, provider, client, BUYER_SECRET, token)
    deal.publish()
    with reverts("ValueMismatch", 1, 0):
        deal.buy(value=1)


def test_what_is_free_is_bought_for_nothing(market, provider, client, token):
    deal = Deal(market, provider, client, BUYER_SECRET, token, price=0)
    deal.publish()
    deal.buy()
    deal.deliver()
    deal.finalise(client)
    with reverts("NothingOwed", token, provider):
        market.collect(token, provider, {"from": provider})


def test_the_same_thing_is_bought_twice_with_another_salt(bought):
    with reverts("PurchaseKnown", bought.id):
        bought.buy()
    bought.salt = 1
    bought.buy()
    assert bought.market.balance() == 2 * ETHER


def test_a_finished_purchase_does_not_begin_anew(delivered, client, stranger):
    delivered.finalise(client)
    with reverts("PurchaseKnown", delivered.id):
        delivered.buy()


def test_nobody_buys_from_itself(published, provider):
    published.buyer = provider
    with reverts("SelfPurchase", provider):
        published.buy()


def test_a_buyer_has_a_key_in_the_registry(published, deployer):
    published.buyer = deployer
    with reverts("NotParticipant", deployer):
        published.buy()


def test_what_nobody_published_is_not_for_sale(deal):
    with reverts("NotListed", deal.listing_id, ListingPhase.ABSENT):
        deal.buy()


def test_a_seller_that_lost_its_bond_sells_no_more(published, registry, provider):
    """MK-9: who cheated once is not bought from before it bonds again."""
    registry.unbond(BOND - SELLER_PENALTY + 1, {"from": provider})
    with reverts("SellerNotBonded", provider, SELLER_PENALTY - 1, SELLER_PENALTY):
        published.buy()
    registry.addBond(1, 1, {"from": provider})
    published.buy()


def test_a_key_rotated_later_changes_nothing(bought, registry, client, provider):
    """MK-2: the purchase keeps the key of its moment."""
    domain = Domain(chain.id, registry.address)
    pair = SecretKey(77), SecretKey(78)
    keys = prove_possession(*pair, client.address, 2, domain).words()
    registry.rotateKeys(keys, {"from": client})
    bought.deliver(bought.masked(key=bytes(32)))
    bought.claim_wrong_key(bought.masked(key=bytes(32)))
    assert bought.phase == PurchasePhase.REFUNDED


def test_buyers_do_not_disturb_each_other(published, market, client, stranger, provider):
    other = Deal(market, provider, stranger, STRANGER_SECRET)
    published.buy()
    other.buy()
    assert published.id != other.id
    published.deliver()
    published.finalise(client)
    other.refund(provider)
    assert published.owed(provider) == other.owed(stranger) == ETHER
    assert market.balance() == 2 * ETHER
