"""`handfast market sell-product | buy-product`: tokens of products for funds. (SPEC MK-8)"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from handfast import log
from handfast.chain.products import ProductRegistry
from handfast.chain.sales import ProductSale
from handfast.chain.token import MarketToken
from handfast.crypto.ecdsa import Signer
from handfast.errors import InvalidInput, Rejected
from handfast.market.agreeing import agree, token_of
from handfast.market.deeds import do
from handfast.market.offers import SignedOffer
from handfast.market.settings import TraderSettings
from handfast.market.state import NATIVE
from handfast.market.terms import Money
from handfast.process import World, open_world, process_options
from handfast.protocol.messages import Domain, ProductOffer, is_address

_HOUR = 3_600


@click.command("sell-product")
@click.argument("product")
@click.option("--price", type=click.IntRange(min=0), required=True, help="Smallest units.")
@click.option("--token", default="market", show_default=True, help="market, native or an address.")
@click.option("--to", "buyer", default=NATIVE, help="Who may buy it; else anybody.")
@click.option(
    "--hours", type=click.IntRange(min=1), default=24, show_default=True, help="It stands so long."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, allow_dash=True), default="-", help="A file."
)
@process_options
def sell_product(
    product: str, price: int, token: str, buyer: str, hours: int, output: Path, **flags: Any
) -> None:
    """Offer the token PRODUCT (0x and 64 digits) at a fixed price: sign it, and write the offer."""
    index = _product(product)
    if not is_address(buyer):
        raise InvalidInput(f"{buyer!r} is no address")

    async def work(world: World) -> None:
        registry, sale = _contracts(world)
        me = world.identity.address
        holder = (await registry.product(index)).holder
        if holder.lower() != me.lower():
            raise Rejected(f"product {product} is not {me}'s", "not_holder")
        await do(
            world.sender,
            f"approve {product} {(await world.chain.head()).number}",
            registry.approve(sale.address, index),
        )
        paid_in = token_of(token, Money(world.deployment.market_token.address))
        offer = ProductOffer(
            me,
            buyer,
            index,
            paid_in,
            price,
            secrets.token_bytes(32),
            int(time.time()) + hours * _HOUR,
        )
        signed = SignedOffer.sign(offer, Signer(world.identity.secret), _domain(world, sale))
        if str(output) == "-":
            click.echo(signed.text())
        else:
            await asyncio.to_thread(output.write_text, signed.text() + "\n")

    _with_world(flags, work)


@click.command("buy-product")
@click.argument("offer", type=click.File())
@click.option("--yes", is_flag=True, help="Agree to the terms without being asked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@process_options
def buy_product(offer: Any, yes: bool, as_json: bool, **flags: Any) -> None:
    """Take the offer in the file OFFER: product and price move in one transaction, or neither."""
    signed = SignedOffer.parse(offer.read())

    async def work(world: World) -> None:
        _, sale = _contracts(world)
        signed.check(_domain(world, sale))
        wanted = signed.offer
        if await sale.is_spent(wanted, wanted.digest(_domain(world, sale))):
            raise Rejected("the offer was taken or cancelled", "spent")
        money = Money(world.deployment.market_token.address)
        await agree(
            [
                f"You pay {money.text(wanted.price, wanted.token)} to {wanted.seller},",
                f"and own product 0x{wanted.product.hex()} by the same transaction.",
                "If it fails, you pay the gas and nothing else.",
            ],
            yes,
            "Pay?",
        )
        await _pay(world, sale, signed)
        text = f"product 0x{wanted.product.hex()} is yours"
        click.echo(json.dumps({"product": "0x" + wanted.product.hex()}) if as_json else text)

    _with_world(flags, work)


@click.command("cancel-offer")
@click.argument("offer", type=click.File())
@process_options
def cancel_offer(offer: Any, **flags: Any) -> None:
    """Take back an offer of our own, in the file OFFER, for ever."""
    signed = SignedOffer.parse(offer.read())

    async def work(world: World) -> None:
        _, sale = _contracts(world)
        digest = signed.offer.digest(_domain(world, sale))
        await do(world.sender, f"cancel {digest.hex()}", sale.cancel(digest))
        click.echo("nobody can take it any more")

    _with_world(flags, work)


async def _pay(world: World, sale: ProductSale, signed: SignedOffer) -> None:
    wanted = signed.offer
    digest = wanted.digest(_domain(world, sale)).hex()
    if wanted.token != NATIVE:
        token = MarketToken(world.chain, wanted.token)
        if await token.allowance(world.identity.address, sale.address) < wanted.price:
            call = token.approve(sale.address, wanted.price)
            await do(world.sender, f"allow {digest} {(await world.chain.head()).number}", call)
    await do(world.sender, f"take {digest}", sale.buy(wanted, signed.signature))


def _contracts(world: World) -> tuple[ProductRegistry, ProductSale]:
    deployment = world.deployment
    return (
        ProductRegistry(world.chain, deployment.product_registry.address),
        ProductSale(world.chain, deployment.product_sale.address),
    )


def _domain(world: World, sale: ProductSale) -> Domain:
    return Domain(world.chain_id, sale.address)


def _product(text: str) -> bytes:
    try:
        index = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        index = b""
    if len(index) != 32:
        raise InvalidInput(f"{text!r} is no product: 0x and 64 hexadecimal digits")
    return index


def _with_world(flags: dict[str, Any], work: Callable[[World], Awaitable[None]]) -> None:
    settings = TraderSettings.load(flags.pop("config"), **flags)
    log.configure(settings.log_level, settings.log_format)

    async def whole() -> None:
        async with open_world(settings) as world:
            await work(world)

    asyncio.run(whole())
