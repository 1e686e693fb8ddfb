"""A listing says once and for ever what is for sale. (SPEC MK-1)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import MAX_SEALED_BYTES, SELLER_PENALTY, ListingPhase
from tests.chain import plain, reverts
from tests.market import DESCRIPTION, ETHER, Deal, package_of


def test_its_id_is_the_hash_of_its_terms(deal, market, provider):
    tx = deal.publish()
    assert bytes(tx.return_value) == deal.listing_id
    event = tx.events["ListingPublished"]
    assert plain(event["terms"]) == plain(deal.listing)
    assert (event["seller"], event["price"]) == (provider, ETHER)
    assert plain(market.listingOf(deal.listing_id)) == (
        provider,
        ListingPhase.LISTED,
        0,
        0,
        deal.token,
        ETHER,
    )


def test_a_token_must_be_one_that_the_hub_allows(deal, token, hub, deployer):
    deal.token = token
    hub.disallowToken(token, {"from": deployer})
    with reverts("TokenNotListed", token):
        deal.publish()
    hub.allowToken(token, {"from": deployer})
    deal.publish()


def test_reverts_for_another_seller(deal, market, stranger, provider):
    """Nobody offers in another's name."""
    with reverts("NotSeller", provider, stranger):
        market.publish(deal.listing, 1, {"from": stranger})


def test_a_seller_without_a_bond_has_nothing_to_lose(deal, market, stranger):
    deal.seller = stranger
    with reverts("SellerNotBonded", stranger, 0, SELLER_PENALTY):
        deal.publish()


def test_who_is_not_registered_sells_nothing(deal, market, deployer):
    deal.seller = deployer
    with reverts("SellerNotBonded", deployer, 0, SELLER_PENALTY):
        deal.publish()


def test_is_published_once(published, market):
    with reverts("ListingKnown", published.listing_id, ListingPhase.LISTED):
        published.publish()
    market.withdrawListing(published.listing_id, {"from": published.seller})
    with reverts("ListingKnown", published.listing_id, ListingPhase.WITHDRAWN):
        published.publish()


def test_content_has_a_size_that_can_be_judged(deal, market, provider):
    sealed = deal.package.words()
    for size in (0, MAX_SEALED_BYTES + 1):
        terms = (provider.address, deal.token, (*sealed[:5], size), DESCRIPTION)
        with reverts("InvalidSize", size, MAX_SEALED_BYTES):
            market.publish(terms, 1, {"from": provider})


def test_a_price_has_96_bits(deal):
    deal.publish(price=2**96 - 1)
    deal.package = package_of(seed=2)
    with reverts("PriceTooHigh", 2**96, 2**96 - 1):
        deal.publish(price=2**96)


@pytest.mark.parametrize("count", [12])
def test_the_next_listing_costs_what_the_first_did(market, provider, client, count):
    """2^16 of them stay O(1): nothing is walked. (tests/forge/Marketplace.t.sol has them all)"""
    package = package_of(100)
    costs = []
    for seed in range(1, count + 1):
        deal = Deal(market, provider, client, 1, package=package)
        words = (seed.to_bytes(32, "big"), *package.words()[1:])
        terms = (provider.address, deal.token, words, DESCRIPTION)
        costs.append(market.publish(terms, 1, {"from": provider}).gas_used)
    assert max(costs) - min(costs) < 1_000
