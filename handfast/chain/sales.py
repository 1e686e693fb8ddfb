"""ProductSale, called from Python."""

from __future__ import annotations

from dataclasses import astuple

from handfast.chain.client import Call, Contract
from handfast.market.state import NATIVE
from handfast.protocol.messages import ProductOffer


class ProductSale(Contract):
    """Tokens of ProductRegistry for funds, both or neither. (SPEC MK-8)"""

    async def is_spent(self, offer: ProductOffer, digest: bytes) -> bool:
        """Whether an offer was taken or cancelled."""
        return bool(await self._read("isSpent", offer.seller, digest))

    def buy(self, offer: ProductOffer, signature: bytes) -> Call:
        """Take an offer: the product for the price, in one transaction."""
        value = offer.price if offer.token == NATIVE else 0
        return self._call("buy", astuple(offer), signature, value=value)

    def cancel(self, digest: bytes) -> Call:
        """Never honour an offer of the sender's with this digest."""
        return self._call("cancel", digest)
