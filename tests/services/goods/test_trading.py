"""Goods are traded between processes; nobody can cheat anybody. (SPEC MK-1 to MK-7, SL-4, SL-7,
SB-1 to SB-4)
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from handfast.protocol.constants import SELLER_PENALTY, PurchasePhase
from tests.services.goods.actors import (
    claims_falsely,
    garbles_a_chunk,
    hands_over_garbage,
    never_delivers,
)
from tests.services.goods.town import FUNDS, PRICE, Bazaar, content_of, last_json

Play = Callable[[Callable[[], Awaitable[None]]], None]
SIZE = 700_000


def test_an_honest_sale_pays_for_verified_content(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        bought = last_json(await bazaar.done(bazaar.buying(buyer, listing)))
        assert bought["result"] == "opened"
        assert (buyer.folder / "bought.bin").read_bytes() == content_of(SIZE)

        async def is_paid() -> bool:
            return await bazaar.tokens(seller) == FUNDS + PRICE

        await bazaar.until(is_paid)
        assert await bazaar.tokens(buyer) == FUNDS - PRICE
        assert await bazaar.escrow() == 0
        await bazaar.done(bazaar.market(buyer, "rate", bought["purchase"], "9"))
        (sold,) = await bazaar.listings()
        assert (sold.sold, sold.rating_sum, sold.rating_count) == (1, 9, 1)

    play(scenario)


def test_a_buyer_is_told_who_pays_and_who_wins_by_silence(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        process = bazaar.market(buyer, "buy", listing, "--output", str(buyer.folder / "x"))
        told = await bazaar.done(process, code=2)
        for words in ("3 MarketToken into escrow", "If it stays silent, you win", "what it is"):
            assert words in told
        assert "nobody is here to agree" in told
        assert await bazaar.tokens(buyer) == FUNDS

    play(scenario)


def test_a_garbage_key_is_proven_and_refunded(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller, hands_over_garbage)
        bought = last_json(await bazaar.done(bazaar.buying(buyer, listing)))
        assert (bought["result"], bought["detail"]) == ("refunded", "wrong key")
        assert await bazaar.tokens(buyer) == FUNDS
        assert await bazaar.bond_of(seller) == SELLER_PENALTY
        assert await bazaar.escrow() == 0
        assert not (buyer.folder / "bought.bin").exists()

    play(scenario)


def test_a_garbage_chunk_is_proven_and_refunded(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE), flaw=garbles_a_chunk)
        await bazaar.selling(seller)
        bought = last_json(await bazaar.done(bazaar.buying(buyer, listing)))
        assert (bought["result"], bought["detail"]) == ("refunded", "wrong chunk")
        assert await bazaar.tokens(buyer) == FUNDS
        assert await bazaar.bond_of(seller) == SELLER_PENALTY
        assert not (buyer.folder / "bought.bin").exists()

    play(scenario)


def test_a_false_claim_pays_the_seller(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        process = bazaar.buying(buyer, listing, flaw=claims_falsely)

        async def is_paid() -> bool:
            return await bazaar.tokens(seller) == FUNDS + PRICE

        await bazaar.until(is_paid)
        process.kill()
        (bought,) = await bazaar.purchases()
        assert (bought.phase, bought.verdict) == (PurchasePhase.PAID, "false claim")
        assert await bazaar.tokens(buyer) == FUNDS - PRICE
        assert await bazaar.bond_of(seller) == 2 * SELLER_PENALTY

    play(scenario)


def test_a_seller_that_falls_silent_costs_the_buyer_nothing(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller, never_delivers)
        bought = last_json(await bazaar.done(bazaar.buying(buyer, listing)))
        assert (bought["result"], bought["detail"]) == ("refunded", "the seller did not deliver")
        assert await bazaar.tokens(buyer) == FUNDS
        assert await bazaar.escrow() == 0
        assert await bazaar.bond_of(seller) == 2 * SELLER_PENALTY

    play(scenario)


def test_prices_change_for_later_buyers_and_listings_end(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller = await bazaar.seller()
        listing = await bazaar.publish(seller, content_of(SIZE), "--token", "native", price=5)
        await bazaar.done(bazaar.market(seller, "reprice", listing[:10], "--price", "6"))
        output = await bazaar.done(bazaar.market(seller, "list", "--json"))
        (shown,) = json.loads(output.splitlines()[-1])
        assert (shown["price"], shown["size"], shown["sold"]) == ("6", SIZE, 0)
        await bazaar.done(bazaar.market(seller, "withdraw-listing", listing))
        output = await bazaar.done(bazaar.market(seller, "list", "--json"))
        assert json.loads(output.splitlines()[-1]) == []

    play(scenario)


def test_who_is_not_bonded_does_not_sell(bazaar: Bazaar, play: Play) -> None:
    """It is said before anything is sealed."""

    async def scenario() -> None:
        poor = await bazaar.trader()
        await bazaar.publish(poor, content_of(SIZE), code=3)
        (log,) = poor.folder.glob("*.log")
        assert "SellerNotBonded" in log.read_text()
        assert await bazaar.listings() == []

    play(scenario)


def test_a_re_organisation_costs_nobody_anything(bazaar: Bazaar, play: Play) -> None:
    """SB-2: the purchase falls out of the chain, and the delivery with it; both come again."""

    async def scenario() -> None:
        seller, buyer = await bazaar.seller(), await bazaar.trader()
        listing = await bazaar.publish(seller, content_of(SIZE))
        await bazaar.selling(seller)
        settled = await bazaar.bury()
        process = bazaar.buying(buyer, listing)

        async def is_bought() -> bool:
            return bool(await bazaar.purchases())

        await bazaar.until(is_bought)
        await bazaar.reorganise(settled)
        assert last_json(await bazaar.done(process))["result"] == "opened"
        assert (buyer.folder / "bought.bin").read_bytes() == content_of(SIZE)

        await bazaar.chain.request("evm_increaseTime", hex(60))
        await bazaar.chain.request("evm_mine")

        async def is_paid() -> bool:
            return await bazaar.tokens(seller) == FUNDS + PRICE

        await bazaar.until(is_paid)
        assert await bazaar.tokens(buyer) == FUNDS - PRICE
        (bought,) = await bazaar.purchases()
        assert bought.phase is PurchasePhase.PAID

    play(scenario)
