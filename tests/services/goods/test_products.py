"""A product's token is sold for funds in one transaction. (SPEC MK-8, SB-6)"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from handfast.crypto.keccak import keccak
from tests.services.goods.town import FUNDS, PRICE, Bazaar
from tests.services.market.town import Account

Play = Callable[[Callable[[], Awaitable[None]]], None]
PRODUCT = keccak(b"a picture")


async def offered(bazaar: Bazaar, seller: Account, *options: str) -> str:
    """Register a product and sign an offer of it; the file's path."""
    await bazaar.register_product(seller, PRODUCT)
    path = seller.folder / "offer.json"
    told = ("sell-product", "0x" + PRODUCT.hex(), "--price", str(PRICE), "--output", str(path))
    await bazaar.done(bazaar.market(seller, *told, *options))
    return str(path)


def test_a_product_and_its_price_change_hands_once(bazaar: Bazaar, play: Play) -> None:
    async def scenario() -> None:
        seller, buyer = await bazaar.trader(), await bazaar.trader()
        offer = await offered(bazaar, seller)
        await bazaar.done(bazaar.market(buyer, "buy-product", offer, "--yes"))
        assert (await bazaar.products(seller), await bazaar.products(buyer)) == (0, 1)
        assert await bazaar.tokens(seller) == FUNDS + PRICE
        assert await bazaar.tokens(buyer) == FUNDS - PRICE
        late = await bazaar.trader()
        output = await bazaar.done(bazaar.market(late, "buy-product", offer, "--yes"), code=3)
        assert "taken or cancelled" in output
        assert await bazaar.tokens(late) == FUNDS

    play(scenario)


def test_an_offer_is_good_as_it_was_signed_alone(bazaar: Bazaar, play: Play) -> None:
    """Not at another price, not for another buyer, not after it was taken back."""

    async def scenario() -> None:
        seller, buyer, other = [await bazaar.trader() for _ in range(3)]
        offer = await offered(bazaar, seller, "--to", buyer.address, "--token", "native")
        cheap = seller.folder / "cheap.json"
        signed = json.loads((seller.folder / "offer.json").read_text())
        cheap.write_text(json.dumps(signed | {"price": "1"}))
        output = await bazaar.done(bazaar.market(buyer, "buy-product", str(cheap), "--yes"), code=2)
        assert "is not signed by" in output
        output = await bazaar.done(bazaar.market(other, "buy-product", offer, "--yes"), code=3)
        assert "NotOfferedTo" in output
        await bazaar.done(bazaar.market(seller, "cancel-offer", offer))
        output = await bazaar.done(bazaar.market(buyer, "buy-product", offer, "--yes"), code=3)
        assert "taken or cancelled" in output
        assert await bazaar.products(seller) == 1

    play(scenario)
