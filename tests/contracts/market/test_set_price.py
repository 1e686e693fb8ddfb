"""Prices change for later buyers alone. (SPEC MK-1)"""

from __future__ import annotations

from handfast.protocol.constants import ListingPhase, PurchasePhase
from tests.chain import reverts
from tests.market import ETHER


def test_later_buyers_pay_the_new_price(published, market, provider):
    tx = market.setPrice(published.listing_id, 2 * ETHER, {"from": provider})
    assert tx.events["ListingPriceChanged"]["price"] == 2 * ETHER
    with reverts("PriceChangedTo", published.listing_id, 2 * ETHER, ETHER):
        published.buy()
    published.price = 2 * ETHER
    published.buy()
    assert published.phase == PurchasePhase.BOUGHT


def test_a_price_changed_under_the_buyer_refuses(published, market, provider):
    """Down as well as up: the buyer gets what it asked for, or nothing."""
    for price in (ETHER - 1, ETHER + 1, 0):
        market.setPrice(published.listing_id, price, {"from": provider})
        with reverts("PriceChangedTo", published.listing_id, price, ETHER):
            published.buy()


def test_a_purchase_under_way_keeps_its_price(bought, market, provider, client):
    market.setPrice(bought.listing_id, 7 * ETHER, {"from": provider})
    bought.deliver()
    bought.finalise(client)
    assert bought.owed(provider) == ETHER


def test_only_the_seller_changes_it(published, market, provider, client):
    with reverts("NotSeller", provider, client):
        market.setPrice(published.listing_id, 1, {"from": client})


def test_reverts_for_what_is_not_listed(deal, market, provider):
    with reverts("NotListed", deal.listing_id, ListingPhase.ABSENT):
        market.setPrice(deal.listing_id, 1, {"from": provider})
    deal.publish()
    market.withdrawListing(deal.listing_id, {"from": provider})
    with reverts("NotListed", deal.listing_id, ListingPhase.WITHDRAWN):
        market.setPrice(deal.listing_id, 1, {"from": provider})
