"""A seller stops selling; what was bought is still delivered. (SPEC MK-1)"""

from __future__ import annotations

from handfast.protocol.constants import ListingPhase, PurchasePhase
from tests.chain import plain, reverts
from tests.market import ETHER


def test_nobody_buys_what_was_withdrawn(published, market, provider):
    tx = market.withdrawListing(published.listing_id, {"from": provider})
    assert tx.events["ListingWithdrawn"]["id"] == "0x" + published.listing_id.hex()
    assert plain(market.listingOf(published.listing_id))[1] == ListingPhase.WITHDRAWN
    with reverts("NotListed", published.listing_id, ListingPhase.WITHDRAWN):
        published.buy()


def test_purchases_under_way_are_untouched(bought, market, provider, client):
    market.withdrawListing(bought.listing_id, {"from": provider})
    bought.deliver()
    bought.finalise(client)
    assert bought.owed(provider) == ETHER
    bought.rate(10)
    assert bought.phase == PurchasePhase.RATED


def test_only_the_seller_withdraws(published, market, provider, client):
    with reverts("NotSeller", provider, client):
        market.withdrawListing(published.listing_id, {"from": client})


def test_once(published, market, provider):
    market.withdrawListing(published.listing_id, {"from": provider})
    with reverts("NotListed", published.listing_id, ListingPhase.WITHDRAWN):
        market.withdrawListing(published.listing_id, {"from": provider})
