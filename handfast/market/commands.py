"""`handfast market`: trade finished models and data."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from handfast import log
from handfast.errors import InvalidInput, Rejected
from handfast.market.agreeing import agree, token_of
from handfast.market.buyer import Buyer, Outcome, Result
from handfast.market.description import Description
from handfast.market.process import open_buyer, open_seller, read_book, run
from handfast.market.products import buy_product, cancel_offer, sell_product
from handfast.market.rules import may_object
from handfast.market.seller import Seller
from handfast.market.settings import ReadSettings, TraderSettings
from handfast.market.showing import (
    describe_listing,
    listings_table,
    outcome_line,
    plain_listing,
    plain_outcome,
    plain_purchase,
    purchases_table,
)
from handfast.market.state import Listing
from handfast.market.terms import Money, dispute_terms, purchase_terms
from handfast.process import process_options
from handfast.protocol.constants import MAX_RATING, ListingPhase, PurchasePhase
from handfast.storage.bars import progress_bar
from handfast.storage.ingest import Progress

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_yes = click.option("--yes", is_flag=True, help="Agree to the terms without being asked.")
_price = click.option("--price", type=int, required=True, help="Smallest units of the token.")


def read_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of `ReadSettings` on a command that needs no key."""
    path = click.Path(path_type=Path)
    options = (
        click.option("--config", type=path, help="TOML file with settings."),
        click.option("--rpc", help="URL of a node."),
        click.option("--deployments", type=path, help="Folder with <chain id>.json."),
        click.option("--confirmations", type=int, help="Blocks that make a fact certain."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group("market")
def market() -> None:
    """Trade finished models and data: sealed content against escrow.

    Listings and purchases are named by the beginning of their ids.
    """


# ---------------------------------------------------------------- looking


@market.command("list")
@click.option("--seller", help="Only what this account sells.")
@click.option("--all", "every", is_flag=True, help="Withdrawn listings, too.")
@_json
@read_options
def list_(seller: str | None, every: bool, as_json: bool, **flags: Any) -> None:
    """List what is for sale."""
    book, deployment = asyncio.run(read_book(_reading(flags)))
    found = [
        each
        for each in book.listings.values()
        if (every or each.phase is ListingPhase.LISTED)
        and (seller is None or each.terms.seller.lower() == seller.lower())
    ]
    if as_json:
        click.echo(json.dumps([plain_listing(each) for each in found]))
    else:
        Console().print(listings_table(found, Money(deployment.market_token.address)))


market.add_command(list_, "browse")


@market.command()
@click.argument("listing")
@_json
@read_options
def show(listing: str, as_json: bool, **flags: Any) -> None:
    """Show one LISTING, and what was bought of it."""
    book, deployment = asyncio.run(read_book(_reading(flags)))
    found = book.listing(listing)
    bought = [each for each in book.purchases.values() if each.terms.listing == found.id]
    money = Money(deployment.market_token.address)
    if as_json:
        plain = plain_listing(found) | {"purchases": [plain_purchase(each) for each in bought]}
        click.echo(json.dumps(plain))
        return
    click.echo("\n".join(describe_listing(found, money, None)))
    if bought:
        Console().print(purchases_table(bought, money))


@market.command()
@click.option("--account", help="Only those of this buyer or seller.")
@_json
@read_options
def purchases(account: str | None, as_json: bool, **flags: Any) -> None:
    """List purchases, and how they stand."""
    book, deployment = asyncio.run(read_book(_reading(flags)))
    found = [
        each
        for each in book.purchases.values()
        if account is None
        or account.lower() in (each.terms.buyer.lower(), each.terms.seller.lower())
    ]
    if as_json:
        click.echo(json.dumps([plain_purchase(each) for each in found]))
    else:
        Console().print(purchases_table(found, Money(deployment.market_token.address)))


# ---------------------------------------------------------------- selling


@market.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_price
@click.option(
    "--token",
    default="market",
    show_default=True,
    help="Of the price: market, native, or the address of an allowed token.",
)
@click.option("--description", required=True, help="What it is; buyers read this.")
@click.option("--media-type", help="Else guessed from the name.")
@_json
@process_options
def publish(
    path: Path,
    price: int,
    token: str,
    description: str,
    media_type: str | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Seal the file at PATH and put it on sale. `handfast market sell` hands over its key."""
    guessed = media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    told = Description.make(description, path.name, guessed)
    if price < 0:
        raise InvalidInput("a price is not negative")
    size = path.stat().st_size

    async def work(seller: Seller) -> None:
        paid_in = token_of(token, seller.trader.money)
        with _bar("sealing", size) as report:
            id_ = await seller.publish(path, price, paid_in, told, report)
        text = f"listing {id_.hex()} is on sale; keep `handfast market sell` running"
        click.echo(json.dumps({"listing": "0x" + id_.hex()}) if as_json else text)

    _with_seller(flags, work)


@market.command()
@click.argument("listing")
@_price
@process_options
def reprice(listing: str, price: int, **flags: Any) -> None:
    """Change the price of LISTING for later buyers."""

    async def work(seller: Seller) -> None:
        await seller.set_price(seller.trader.watch.book.listing(listing), price)
        click.echo("later buyers pay the new price")

    _with_seller(flags, work)


@market.command("withdraw-listing")
@click.argument("listing")
@process_options
def withdraw_listing(listing: str, **flags: Any) -> None:
    """Sell no more of LISTING, for ever. Purchases under way stay as they are."""

    async def work(seller: Seller) -> None:
        await seller.withdraw(seller.trader.watch.book.listing(listing))
        click.echo("withdrawn")

    _with_seller(flags, work)


@market.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@process_options
def sell(config: Path | None, **flags: Any) -> None:
    """Serve what was published and hand over keys, until stopped (Ctrl-C).

    Prices are taken when the time for objecting is over, and collected. Buyers find this process
    at the endpoint that is registered for the account.
    """
    settings = TraderSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


market.add_command(sell, "deliver")


# ---------------------------------------------------------------- buying


@market.command()
@click.argument("listing")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Else the name that the seller gives."
)
@click.option("--from", "source", default="", help="URL that serves the bundle; else the seller.")
@_yes
@_json
@process_options
def buy(
    listing: str, output: Path | None, source: str, yes: bool, as_json: bool, **flags: Any
) -> None:
    """Buy LISTING: check the sealed content, pay, decrypt, verify; object if the seller lied.

    A run that is interrupted goes on with `handfast market resume`.
    """

    async def work(buyer: Buyer) -> None:
        found = buyer.trader.watch.book.listing(listing)
        told = await buyer.describe(found, source)
        target = (output or Path(told.file_name)).absolute()
        await agree(await _terms(buyer, found, told), yes, "Pay?")
        _tell(await buyer.buy(found, target, source), as_json)

    _with_buyer(flags, work)


@market.command()
@_json
@process_options
def resume(as_json: bool, **flags: Any) -> None:
    """Go on with purchases that were interrupted, to their end."""

    async def work(buyer: Buyer) -> None:
        wishes = list(buyer.open())
        if not wishes and not as_json:
            click.echo("nothing is open")
        for ended in asyncio.as_completed([buyer.finish(wish) for wish in wishes]):
            _tell(await ended, as_json)

    _with_buyer(flags, work)


@market.command()
@click.argument("purchase")
@_yes
@process_options
def dispute(purchase: str, yes: bool, **flags: Any) -> None:
    """Take the quality of PURCHASE to the court; wrong keys and chunks are proven without it.

    Leave it running until the ruling: it opens the key to the panel. Interrupted, it goes on.
    """

    async def work(buyer: Buyer) -> None:
        watch = buyer.trader.watch
        found = watch.book.purchase(purchase)
        is_open = found.phase is PurchasePhase.DISPUTED
        if not is_open and not may_object(found, watch.now):
            raise Rejected(
                f"purchase {found.id.hex()} is {found.phase.name.lower()}: nobody can object now",
                "too_late",
            )
        conditions, money = await buyer.trader.conditions(), buyer.trader.money
        price = money.text(found.terms.price, found.terms.token)
        if not is_open:
            await agree(dispute_terms(price, conditions, money), yes, "Go to the court?")
            click.echo("the court gets the case; the key goes to its panel alone", err=True)
        ended = await buyer.dispute(found, conditions.court_fee)
        click.echo(f"the court has ruled: purchase {found.id.hex()} is {ended.name.lower()}")

    _with_buyer(flags, work)


@market.command()
@click.argument("purchase")
@click.argument("rating", type=click.IntRange(0, MAX_RATING))
@process_options
def rate(purchase: str, rating: int, **flags: Any) -> None:
    """Rate PURCHASE from 0 to 10. A seller that waits for its price is paid by this."""

    async def work(buyer: Buyer) -> None:
        await buyer.rate(buyer.trader.watch.book.purchase(purchase), rating)
        click.echo("rated")

    _with_buyer(flags, work)


@market.command()
@click.option("--token", default="market", show_default=True, help="market, native or an address.")
@process_options
def collect(token: str, **flags: Any) -> None:
    """Take what the market owes this account in a token."""

    async def work(buyer: Buyer) -> None:
        trader = buyer.trader
        paid_in = token_of(token, trader.money)
        click.echo(f"{trader.money.text(await trader.collect(paid_in), paid_in)} collected")

    _with_buyer(flags, work)


market.add_command(sell_product)
market.add_command(buy_product)
market.add_command(cancel_offer)


# ---------------------------------------------------------------- joints


async def _terms(buyer: Buyer, listing: Listing, told: Description) -> list[str]:
    trader = buyer.trader
    seller = await buyer.seller(listing)
    conditions = await trader.conditions()
    total, count = await trader.market.ratings_of(listing.terms.seller)
    price = trader.money.text(listing.price, listing.terms.token)
    rated = f"{total / count:.1f} of 10 by {count}" if count else "by nobody yet"
    return [
        *describe_listing(listing, trader.money, told),
        "",
        f"What this seller sold was rated {rated}.",
        *(f"- {line}" for line in purchase_terms(price, seller.bond, conditions, trader.money)),
    ]


def _tell(outcome: Outcome, as_json: bool) -> None:
    click.echo(json.dumps(plain_outcome(outcome)) if as_json else outcome_line(outcome))
    if outcome.result is Result.LOST:
        raise Rejected("the goods are not what was promised", "too_late")


def _reading(flags: dict[str, Any]) -> ReadSettings:
    return ReadSettings.load(flags.pop("config"), **flags)


def _with_seller(flags: dict[str, Any], work: Callable[[Seller], Awaitable[None]]) -> None:
    settings = _settings(flags)

    async def whole() -> None:
        async with open_seller(settings) as seller:
            await work(seller)

    asyncio.run(whole())


def _with_buyer(flags: dict[str, Any], work: Callable[[Buyer], Awaitable[None]]) -> None:
    settings = _settings(flags)

    async def whole() -> None:
        async with open_buyer(settings, _bar) as buyer:
            await work(buyer)

    asyncio.run(whole())


def _settings(flags: dict[str, Any]) -> TraderSettings:
    settings = TraderSettings.load(flags.pop("config"), **flags)
    log.configure(settings.log_level, settings.log_format)
    return settings


@contextmanager
def _bar(verb: str, total: int) -> Iterator[Progress]:
    with progress_bar(verb, lambda: total) as report:
        yield report
