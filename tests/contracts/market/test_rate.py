"""One rating a finished purchase, by who bought it. (SPEC MK-6)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import BAD_RATING, GOOD_RATING, MAX_RATING, SCALE, PurchasePhase
from tests.chain import plain, reverts
from tests.contracts.market.conftest import STRANGER_SECRET
from tests.market import Deal, package_of


@pytest.fixture
def paid(delivered, client):
    delivered.finalise(client)
    return delivered


@pytest.mark.parametrize("rating", range(MAX_RATING + 1))
def test_counts_for_listing_seller_and_reputation(paid, market, ledger, provider, rating):
    tx = paid.rate(rating)
    assert paid.phase == PurchasePhase.RATED
    assert plain(market.listingOf(paid.listing_id))[2:4] == (rating, 1)
    assert plain(market.ratingsOf(provider)) == (rating, 1)
    steps = (rating >= GOOD_RATING) - (rating <= BAD_RATING)  # r + A/P with one partner of one
    assert ledger.scoreOf(provider) == steps * SCALE
    assert tx.events["PurchaseRated"]["rating"] == rating


def test_ratings_of_a_seller_add_up_over_its_listings(paid, market, provider, stranger, client):
    paid.rate(10)
    other = Deal(market, provider, stranger, STRANGER_SECRET, package=package_of(seed=3))
    other.publish()
    other.buy()
    other.deliver()
    other.finalise(stranger)
    other.rate(5)
    assert plain(market.listingOf(paid.listing_id))[2:4] == (10, 1)
    assert plain(market.listingOf(other.listing_id))[2:4] == (5, 1)
    assert plain(market.ratingsOf(provider)) == (15, 2)


def test_once(paid):
    """A rating can't be repeated, nor changed."""
    paid.rate(10)
    with reverts("WrongPhase", paid.id, PurchasePhase.RATED, PurchasePhase.PAID):
        paid.rate(10)


def test_by_the_buyer_alone(paid, market, provider, client):
    with reverts("NotBuyer", client, provider):
        market.rate(paid.terms, 10, {"from": provider})


def test_up_to_ten(paid):
    for rating in (MAX_RATING + 1, 2**56 + 1, 2**256 - 1):
        with reverts("InvalidRating", rating, MAX_RATING):
            paid.rate(rating)


def test_not_before_it_is_paid(delivered):
    with reverts("WrongPhase", delivered.id, PurchasePhase.DELIVERED, PurchasePhase.PAID):
        delivered.rate(10)


def test_not_after_a_refund(bought, provider):
    bought.refund(provider)
    with reverts("WrongPhase", bought.id, PurchasePhase.REFUNDED, PurchasePhase.PAID):
        bought.rate(0)


def test_also_after_a_false_claim(delivered):
    delivered.claim_wrong_key()
    delivered.rate(0)
    assert delivered.phase == PurchasePhase.RATED
