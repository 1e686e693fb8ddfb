"""What seller and buyer do next about a purchase, as it stands on chain. (SPEC MK-3, MK-4)"""

from __future__ import annotations

from enum import Enum
from typing import assert_never

from handfast.market.state import Purchase
from handfast.protocol.constants import PurchasePhase


class SellerAct(Enum):
    """What a seller does."""

    DELIVER = "hand over the key"
    WAIT = "nothing now"
    FINALISE = "take the price: the time for objecting is over"
    RESOLVE = "do what the court rules"
    MISSED = "nothing any more: the time for delivering is over"
    OVER = "nothing any more"


class BuyerAct(Enum):
    """What a buyer does."""

    WAIT = "nothing now"
    REFUND = "take the price back: the seller fell silent"
    OPEN = "decrypt and verify, and object if something is wrong"
    OVER = "nothing any more"


def seller_act(purchase: Purchase, now: int) -> SellerAct:
    """What the seller does about a purchase at a time of the chain, in seconds."""
    match purchase.phase:
        case PurchasePhase.BOUGHT:
            return SellerAct.DELIVER if now <= purchase.deadline else SellerAct.MISSED
        case PurchasePhase.DELIVERED:
            return SellerAct.FINALISE if now > purchase.deadline else SellerAct.WAIT
        case PurchasePhase.DISPUTED:
            return SellerAct.RESOLVE
        case (
            PurchasePhase.PAID | PurchasePhase.RATED | PurchasePhase.REFUNDED | PurchasePhase.ABSENT
        ):
            return SellerAct.OVER
        case _:
            assert_never(purchase.phase)


def buyer_act(purchase: Purchase, now: int) -> BuyerAct:
    """What the buyer, who has not opened the content yet, does about a purchase."""
    match purchase.phase:
        case PurchasePhase.BOUGHT:
            return BuyerAct.REFUND if now > purchase.deadline else BuyerAct.WAIT
        case PurchasePhase.REFUNDED | PurchasePhase.ABSENT:
            return BuyerAct.OVER
        case (
            PurchasePhase.DELIVERED
            | PurchasePhase.DISPUTED
            | PurchasePhase.PAID
            | PurchasePhase.RATED
        ):
            return BuyerAct.OPEN
        case _:
            assert_never(purchase.phase)


def may_object(purchase: Purchase, now: int) -> bool:
    """Whether a claim or a dispute would still be heard."""
    return purchase.phase is PurchasePhase.DELIVERED and now <= purchase.deadline
