"""How listings and purchases are shown: as JSON, and as tables for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from handfast.market.buyer import Outcome, Result
from handfast.market.description import Description
from handfast.market.state import Listing, Purchase
from handfast.market.terms import Money
from handfast.protocol.constants import PurchasePhase

_SHORT = 12
_UNITS = ("B", "kB", "MB", "GB", "TB")


def plain_listing(listing: Listing) -> dict[str, Any]:
    """A listing as JSON has it; amounts are text, since numbers lose digits elsewhere."""
    terms = listing.terms
    return {
        "id": "0x" + listing.id.hex(),
        "seller": terms.seller,
        "phase": listing.phase.name.lower(),
        "price": str(listing.price),
        "token": terms.token,
        "size": terms.seal.size,
        "content": str(terms.content),
        "description": str(terms.described_by),
        "key_hash": "0x" + terms.seal.key_hash.hex(),
        "plaintext_root": "0x" + terms.seal.plaintext_root.hex(),
        "ciphertext_root": "0x" + terms.seal.ciphertext_root.hex(),
        "sold": listing.sold,
        "rating_sum": listing.rating_sum,
        "rating_count": listing.rating_count,
    }


def plain_purchase(purchase: Purchase) -> dict[str, Any]:
    """A purchase as JSON has it."""
    terms = purchase.terms
    return {
        "id": "0x" + purchase.id.hex(),
        "listing": "0x" + terms.listing.hex(),
        "seller": terms.seller,
        "buyer": terms.buyer,
        "phase": purchase.phase.name.lower(),
        "price": str(terms.price),
        "token": terms.token,
        "deadline": purchase.deadline,
        "verdict": purchase.verdict,
        "case": purchase.case,
        "rating": purchase.rating,
    }


def plain_outcome(outcome: Outcome) -> dict[str, Any]:
    """What came of a purchase as JSON has it."""
    return {
        "purchase": "0x" + outcome.id.hex(),
        "result": outcome.result.name.lower(),
        "output": str(outcome.output) if outcome.result is Result.OPENED else None,
        "detail": outcome.detail,
    }


def outcome_line(outcome: Outcome) -> str:
    """What came of a purchase, for people."""
    text = f"purchase {outcome.id.hex()[:_SHORT]}: {outcome.result.value}"
    if outcome.result is Result.OPENED:
        return f"{text}, written to {outcome.output}"
    return f"{text} ({outcome.detail})" if outcome.detail else text


def listings_table(listings: Iterable[Listing], money: Money) -> Table:
    """Listings for people."""
    table = _table("listing", "price", "size", "rating", "sold", "seller")
    for each in listings:
        table.add_row(
            each.id.hex()[:_SHORT],
            money.text(each.price, each.terms.token),
            size_text(each.terms.seal.size),
            rating_text(each.rating_sum, each.rating_count),
            str(each.sold),
            each.terms.seller,
        )
    return table


def purchases_table(purchases: Iterable[Purchase], money: Money) -> Table:
    """Purchases for people."""
    table = _table("purchase", "listing", "price", "stands", "until", "buyer")
    for each in purchases:
        table.add_row(
            each.id.hex()[:_SHORT],
            each.terms.listing.hex()[:_SHORT],
            money.text(each.terms.price, each.terms.token),
            phase_text(each),
            _time(each.deadline),
            each.terms.buyer,
        )
    return table


def describe_listing(listing: Listing, money: Money, told: Description | None) -> list[str]:
    """One listing for people, in lines."""
    terms = listing.terms
    lines = [
        f"listing      {listing.id.hex()}",
        f"stands       {listing.phase.name.lower()}",
        f"price        {money.text(listing.price, terms.token)}",
        f"size         {size_text(terms.seal.size)} ({terms.seal.size} bytes)",
        f"seller       {terms.seller}",
        f"rating       {rating_text(listing.rating_sum, listing.rating_count)}",
        f"content      {terms.content}",
    ]
    if told is not None:
        lines += [f"file         {told.file_name} ({told.media_type})", "", told.text]
    return lines


def phase_text(purchase: Purchase) -> str:
    """How a purchase stands, and why."""
    text = purchase.phase.name.lower()
    if purchase.verdict:
        text += f", {purchase.verdict}"
    if purchase.phase is PurchasePhase.RATED:
        text += f" {purchase.rating}"
    return text


def rating_text(total: int, count: int) -> str:
    """An average, and of how many."""
    return f"{total / count:.1f} ({count})" if count else "none"


def size_text(size: int) -> str:
    """A size for people."""
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.3g} {_UNITS[unit]}"


def _table(named: str, *others: str) -> Table:
    """A table whose first column, by which rows are named, is never cut."""
    table = Table()
    table.add_column(named, no_wrap=True, min_width=_SHORT)
    for heading in others:
        table.add_column(heading)
    return table


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else ""
