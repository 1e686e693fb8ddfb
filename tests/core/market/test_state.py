"""What the market's events add up to, and what follows from it. (SPEC MK-1 to MK-6)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from handfast.chain.marketplace import (
    listing_words,
    purchase_words,
    read_listing,
)
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.market.rules import BuyerAct, SellerAct, buyer_act, may_object, seller_act
from handfast.market.seals import Seal
from handfast.market.state import (
    FALSE_CLAIM,
    NATIVE,
    Book,
    Bought,
    Delivered,
    Disputed,
    Ended,
    Handed,
    Judged,
    ListingTerms,
    PriceChanged,
    Published,
    Purchase,
    PurchaseTerms,
    Rated,
    Withdrawn,
)
from handfast.market.terms import Conditions, Money, dispute_terms, purchase_terms, span
from handfast.protocol.constants import ListingPhase, PurchasePhase
from handfast.storage.cid import Cid, Codec

SELLER, BUYER, TOKEN = ("0x" + digit * 40 for digit in "123")
HANDED = Handed((1, 2, 3, 4), bytes(32))
DEADLINE = 1_000

numbers = st.integers(0, (1 << 256) - 1)
salts = st.integers(0, (1 << 64) - 1)
words = numbers.map(lambda number: number.to_bytes(32, "big"))
addresses = st.integers(0, (1 << 160) - 1).map(lambda number: f"0x{number:040x}")
seals = st.builds(Seal, st.integers(1, 1 << 38), words, words, words)
cids = st.builds(Cid, st.sampled_from(Codec), words)
listings = st.builds(ListingTerms, addresses, addresses, seals, cids, words)
purchases = st.builds(PurchaseTerms, words, addresses, addresses, addresses, numbers, words, salts)

GOODS = Seal(5_000, keccak(b"key"), keccak(b"plain"), keccak(b"sealed"))
LISTING = ListingTerms(SELLER, TOKEN, GOODS, Cid(Codec.RAW, keccak(b"content")), bytes(32))
TERMS = PurchaseTerms(LISTING.id, SELLER, BUYER, TOKEN, 7, keccak(b"receiver"), 0)


@given(listings)
def test_a_listings_id_is_the_hash_of_its_abi_encoding(terms: ListingTerms) -> None:
    sealed = "(bytes32,bytes32,bytes32,bytes32,uint8,uint64)"
    data = encode([f"(address,address,{sealed},bytes32)"], [listing_words(terms)])
    assert terms.id == keccak(data)
    assert read_listing(listing_words(terms)) == terms


@given(purchases)
def test_a_purchases_id_is_the_hash_of_its_abi_encoding(terms: PurchaseTerms) -> None:
    struct = "(bytes32,address,address,address,uint256,bytes32,uint64)"
    assert terms.id == keccak(encode([struct], [purchase_words(terms)]))


def opened() -> Book:
    book = Book()
    book.take(Published(LISTING, 5))
    book.take(PriceChanged(LISTING.id, 7))
    book.take(Bought(TERMS, bytes(48), DEADLINE))
    return book


def purchase_of(book: Book) -> Purchase:
    return book.purchases[TERMS.id]


def test_a_sale_from_its_listing_to_its_rating() -> None:
    book = opened()
    assert book.listings[LISTING.id].price == 7
    assert purchase_of(book).phase is PurchasePhase.BOUGHT
    book.take(Delivered(TERMS.id, HANDED, 2_000))
    assert (purchase_of(book).handed, purchase_of(book).deadline) == (HANDED, 2_000)
    book.take(Ended(TERMS.id, PurchasePhase.PAID))
    book.take(Rated(TERMS.id, 9))
    listing = book.listings[LISTING.id]
    assert (listing.sold, listing.rating_sum, listing.rating_count) == (1, 9, 1)
    assert (purchase_of(book).phase, purchase_of(book).rating) == (PurchasePhase.RATED, 9)
    assert list(book.sold_by(SELLER)) == list(book.bought_by(BUYER)) == [purchase_of(book)]
    assert list(book.sold_by(BUYER)) == list(book.bought_by(SELLER)) == []


def test_a_refund_counts_as_no_sale() -> None:
    book = opened()
    book.take(Ended(TERMS.id, PurchasePhase.REFUNDED))
    assert book.listings[LISTING.id].sold == 0
    assert seller_act(purchase_of(book), 0) is SellerAct.OVER
    assert buyer_act(purchase_of(book), 0) is BuyerAct.OVER


def test_a_claim_and_a_dispute_leave_their_mark() -> None:
    book = opened()
    book.take(Delivered(TERMS.id, HANDED, 2_000))
    book.take(Judged(TERMS.id, FALSE_CLAIM))
    assert purchase_of(book).verdict == FALSE_CLAIM
    book.take(Disputed(TERMS.id, 4))
    assert (purchase_of(book).phase, purchase_of(book).case) == (PurchasePhase.DISPUTED, 4)
    assert seller_act(purchase_of(book), 0) is SellerAct.RESOLVE
    assert buyer_act(purchase_of(book), 0) is BuyerAct.OPEN


def test_a_withdrawn_listing_keeps_its_purchases() -> None:
    """MK-1."""
    book = opened()
    book.take(Withdrawn(LISTING.id))
    assert book.listings[LISTING.id].phase is ListingPhase.WITHDRAWN
    assert seller_act(purchase_of(book), DEADLINE) is SellerAct.DELIVER


def test_both_act_by_the_deadlines_last_second() -> None:
    """MK-3, MK-4: until the deadline the seller delivers and the buyer objects, after it the price
    goes back, or to the seller.
    """
    book = opened()
    bought = purchase_of(book)
    assert seller_act(bought, DEADLINE) is SellerAct.DELIVER
    assert seller_act(bought, DEADLINE + 1) is SellerAct.MISSED
    assert buyer_act(bought, DEADLINE) is BuyerAct.WAIT
    assert buyer_act(bought, DEADLINE + 1) is BuyerAct.REFUND
    book.take(Delivered(TERMS.id, HANDED, 2_000))
    delivered = purchase_of(book)
    assert seller_act(delivered, 2_000) is SellerAct.WAIT
    assert seller_act(delivered, 2_001) is SellerAct.FINALISE
    assert buyer_act(delivered, 2_001) is BuyerAct.OPEN
    assert may_object(delivered, 2_000)
    assert not may_object(delivered, 2_001)
    assert not may_object(bought, 0)


def test_listings_and_purchases_are_named_by_how_their_ids_begin() -> None:
    book = opened()
    assert book.listing(LISTING.id.hex()[:6]).id == LISTING.id
    assert book.purchase("0x" + TERMS.id.hex().upper()).id == TERMS.id
    other = replace(LISTING, description=bytes(31) + b"\1")
    while other.id[:1] != LISTING.id[:1]:
        number = int.from_bytes(other.description, "big") + 1
        other = replace(other, description=number.to_bytes(32, "big"))
    book.take(Published(other, 5))
    for prefix, words_ in (("", "no listing"), ("zz", "no listing"), (LISTING.id.hex()[:2], "2 ")):
        with pytest.raises(InvalidInput, match=words_):
            book.listing(prefix)


# ---------------------------------------------------------------- what people are told


def test_a_buyer_is_told_the_conditions_of_the_chain() -> None:
    told = "\n".join(
        purchase_terms("3 ETH", 60 * 10**18, Conditions(86_400, 7_200, 5 * 10**18), Money(TOKEN))
    )
    for fact in (
        "You pay 3 ETH into escrow",
        "The seller has 1 day",
        "you have 2 hours to object",
        "50 MarketToken of its bond (it has 60 MarketToken)",
        "a panel of voters can, for 5 MarketToken",
        "the seller wins",
    ):
        assert fact in told


def test_who_goes_to_the_court_is_told_what_it_costs() -> None:
    told = "\n".join(dispute_terms("3 ETH", Conditions(1, 1, 5 * 10**18), Money(TOKEN)))
    assert "fee of 5 MarketToken now" in told
    assert "silent or is divided, the seller wins" in told


def test_amounts_and_spans_are_exact() -> None:
    money = Money(TOKEN)
    assert money.text(1, NATIVE) == "0.000000000000000001 ETH"
    assert money.text(25 * 10**17, TOKEN.upper().replace("X", "x")) == "2.5 MarketToken"
    assert money.text(12, BUYER) == f"12 of token {BUYER}"
    assert [span(each) for each in (0, 1, 90, 60, 7_200, 86_400)] == [
        "no time", "1 second", "90 seconds", "1 minute", "2 hours", "1 day",
    ]  # fmt: skip
