"""Traders that cheat, for the demo of the market: honest processes with one act changed.

python -m handfast.town.cheats KIND (sell | publish PATH PRICE | buy LISTING OUTPUT) --config FILE
"""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from handfast import log
from handfast.crypto.bls import PublicKey
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.market.bundles import prove_wrong_chunk
from handfast.market.buyer import Buyer, Wish, handed_of
from handfast.market.deeds import do
from handfast.market.description import Description
from handfast.market.masking import MaskedKey, mask, prove_shared
from handfast.market.process import open_buyer, open_seller, run
from handfast.market.sealing import SealedStream, seal
from handfast.market.seals import Seal
from handfast.market.seller import Draft, Seller
from handfast.market.settings import TraderSettings
from handfast.market.showing import plain_outcome
from handfast.market.state import Purchase
from handfast.protocol.constants import CHUNK_BYTES
from handfast.storage.cid import Cid
from handfast.storage.ingest import Progress


class GarbageKey(Seller):
    """Hands over another key than it promised."""

    def hand(self, draft: Draft, purchase: Purchase) -> MaskedKey:
        receiver = PublicKey.parse(purchase.key)
        return mask(keccak(draft.key), receiver, self.trader.context(purchase.id))


class GarbageChunk(Seller):
    """Publishes a ciphertext whose second chunk is not what its own manifest says."""

    def seal(self, path: Path, key: bytes, progress: Progress) -> tuple[Cid, Seal]:
        content = path.read_bytes()
        lie = bytearray(content)
        lie[CHUNK_BYTES] ^= 1
        (bundle, told), (other, lied) = _sealed(content, key), _sealed(bytes(lie), key)
        published = other[: len(content)] + bundle[len(content) :]
        cid = self.trader.world.store.put_bytes(published)
        return cid, replace(told, ciphertext_root=lied.ciphertext_root)


class Silent(Seller):
    """Serves what it published, and hands over nothing."""

    async def deliver(self, purchase: Purchase) -> None:
        pass


class Liar(Buyer):
    """Claims that a chunk is wrong which is right, to have content and price."""

    async def unseal(self, bundle: Path, wish: Wish, key: bytes) -> None:
        await super().unseal(bundle, wish, key)
        purchase = self.trader.watch.book.purchases[wish.purchase.id]
        if purchase.handed is None:
            return
        handed = handed_of(purchase.handed)
        secret = await self.secret(purchase)
        shown = prove_shared(secret, handed, self.trader.context(purchase.id))
        proof = await asyncio.to_thread(prove_wrong_chunk, bundle, wish.listing.seal, 0)
        call = self.trader.market.claim_wrong_chunk(
            wish.listing, wish.purchase, handed, shown, proof
        )
        await do(self.trader.world.sender, f"lie {purchase.id.hex()}", call)


SELLERS: dict[str, type[Seller]] = {
    "garbage-key": GarbageKey,
    "garbage-chunk": GarbageChunk,
    "silent": Silent,
}
BUYERS: dict[str, type[Buyer]] = {"liar": Liar}


def _sealed(content: bytes, key: bytes) -> tuple[bytes, Seal]:
    stream = SealedStream(seal(io.BytesIO(content), key, io.BytesIO()))
    bundle = b"".join(iter(lambda: stream.read(1 << 20), b""))
    return bundle, stream.seal


@click.command()
@click.argument("kind", type=click.Choice([*SELLERS, *BUYERS]))
@click.argument("act", type=click.Choice(["sell", "publish", "buy"]))
@click.argument("words", nargs=-1)
@click.option("--config", type=click.Path(path_type=Path), required=True)
def main(kind: str, act: str, words: tuple[str, ...], config: Path) -> None:
    """Cheat."""
    settings = TraderSettings.load(config)
    log.configure(settings.log_level, settings.log_format)
    match act, words:
        case "sell", ():
            asyncio.run(run(settings, SELLERS[kind]))
        case "publish", (path, price):
            asyncio.run(_publish(settings, kind, Path(path), int(price)))
        case "buy", (listing, output):
            asyncio.run(_buy(settings, kind, listing, Path(output)))
        case _:
            _misused()


async def _publish(settings: TraderSettings, kind: str, path: Path, price: int) -> None:
    told = Description.make("the model, at a bargain", path.name, "application/octet-stream")
    async with open_seller(settings, SELLERS[kind]) as seller:
        id_ = await seller.publish(path, price, seller.trader.money.market_token, told)
    click.echo(json.dumps({"listing": "0x" + id_.hex()}))


async def _buy(settings: TraderSettings, kind: str, listing: str, output: Path) -> None:
    async with open_buyer(settings, kind=BUYERS[kind]) as buyer:
        found = buyer.trader.watch.book.listing(listing)
        outcome = await buyer.buy(found, output, "")
    click.echo(json.dumps(plain_outcome(outcome)))


def _misused() -> NoReturn:
    raise InvalidInput("sell | publish PATH PRICE | buy LISTING OUTPUT")


if __name__ == "__main__":
    main()
