"""The seller: seals, publishes, hands over keys, takes what it has earned.

The chain says how every purchase stands; the journal keeps what the chain must not know, the keys
of what was sealed. Both together survive a death at any instant. (SPEC MK-1, MK-3, PR-10)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handfast import log
from handfast.chain.client import Call
from handfast.codec import Bytes32
from handfast.codec import Codec as Coding
from handfast.crew import Crew
from handfast.crypto.bls import PublicKey
from handfast.errors import Rejected, Unavailable
from handfast.journal import Stream
from handfast.market.bundles import seal_file
from handfast.market.deeds import do
from handfast.market.description import Description
from handfast.market.masking import MaskedKey, mask
from handfast.market.quarrels import see_through
from handfast.market.rules import SellerAct, seller_act
from handfast.market.sealing import hash_key
from handfast.market.seals import Seal
from handfast.market.state import (
    Listing,
    ListingId,
    ListingTerms,
    Purchase,
    PurchaseId,
    Uint256,
)
from handfast.market.trader import Trader
from handfast.protocol.constants import PurchasePhase
from handfast.storage.cid import Cid, Codec
from handfast.storage.ingest import Progress, ignore

_log = log.get(__name__)

STREAM: Final = b"seller"
DRAFT: Final = "draft"
"""Kind of the journal's notes about what was sealed, by the listing's id."""
DROPPED: Final = "dropped"
"""Kind of the notes about drafts that the chain did not take."""
_PAUSE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Draft:
    """Something that was sealed, and is on sale or about to be.

    key   of the content; nobody else has it
    """

    key: Bytes32
    terms: ListingTerms
    price: Uint256


DRAFTS: Final[Coding[Draft]] = Coding(Draft)


class Seller:
    """All that one account sells. Its data folder has the only copy of the keys."""

    def __init__(self, trader: Trader, lines: Stream) -> None:
        self.trader = trader
        self._lines = lines
        dropped = {key for key, _ in lines.notes(DROPPED)}
        self._drafts: dict[ListingId, Draft] = {
            ListingId(id_): DRAFTS.decode(note)
            for id_, note in lines.notes(DRAFT)
            if id_ not in dropped
        }
        self._begun: set[tuple[PurchaseId, SellerAct]] = set()

    @property
    def drafts(self) -> Mapping[ListingId, Draft]:
        """What this folder has keys for."""
        return self._drafts

    # ------------------------------------------------------------ listings

    async def publish(
        self,
        path: Path,
        price: int,
        token: str,
        description: Description,
        progress: Progress = ignore,
    ) -> ListingId:
        """Seal a file and put it on sale.

        raises   Rejected if the account may not sell, before anything is sealed
        """
        await self._rehearse(token, price)
        key = secrets.token_bytes(32)
        store = self.trader.world.store
        content, promised = await asyncio.to_thread(self.seal, path, key, progress)
        document = await asyncio.to_thread(store.put_bytes, description.encode())
        terms = ListingTerms(self.trader.account, token, promised, content, document.digest)
        return await self.offer(Draft(key, terms, price))

    def seal(self, path: Path, key: bytes, progress: Progress) -> tuple[Cid, Seal]:
        """Put the bundle of a file into the store; blocks."""
        return seal_file(path, key, self.trader.world.store, progress)

    def hand(self, draft: Draft, purchase: Purchase) -> MaskedKey:
        """What is handed over for a purchase; the same bytes however often it is begun."""
        receiver = PublicKey.parse(purchase.key)
        return mask(draft.key, receiver, self.trader.context(purchase.id))

    async def offer(self, draft: Draft) -> ListingId:
        """Put on sale what was sealed: kept first, then published."""
        id_ = draft.terms.id
        self._lines.note(DRAFT, id_, DRAFTS.encode(draft))
        await self._lines.sync()
        self._drafts[id_] = draft
        await self._announce(draft)
        return id_

    async def resume(self) -> None:
        """Publish what an earlier run kept, and could not publish any more."""
        for id_, draft in list(self._drafts.items()):
            if id_ not in self.trader.watch.book.listings:
                try:
                    await self._announce(draft)
                except Rejected as error:
                    _log.warning("not published", listing=id_.hex(), error=str(error))

    async def set_price(self, listing: Listing, price: int) -> None:
        """Ask another price of later buyers."""
        call = self.trader.market.set_price(listing.id, price)
        await self.trader.do_again(f"price {listing.id.hex()}", call)

    async def withdraw(self, listing: Listing) -> None:
        """Sell no more of it."""
        call = self.trader.market.withdraw_listing(listing.id)
        await do(self.trader.world.sender, f"withdraw {listing.id.hex()}", call)

    async def _announce(self, draft: Draft) -> None:
        id_ = draft.terms.id
        call = self.trader.market.publish(draft.terms, draft.price)
        try:
            await do(self.trader.world.sender, f"publish {id_.hex()}", call)
        except Rejected:
            self._lines.note(DROPPED, id_, b"")
            await self._lines.sync()
            del self._drafts[id_]
            raise

    async def _rehearse(self, token: str, price: int) -> None:
        """Whether the chain would take a listing of ours, whatever is in it."""
        word = secrets.token_bytes(32)
        nothing = Seal(1, hash_key(word), word, word)
        terms = ListingTerms(self.trader.account, token, nothing, Cid.of(Codec.RAW, b""), word)
        call = self.trader.market.publish(terms, price)
        await self.trader.world.chain.call(call, self.trader.account)

    # ------------------------------------------------------------ purchases

    async def run(self) -> None:
        """Hand over keys and take prices, until cancelled.

        raises   what stopped it: a rule that failed, or the journal
        """
        await self.resume()
        crew = Crew()
        try:
            while True:
                for purchase in self.trader.watch.book.sold_by(self.trader.account):
                    self._consider(purchase, crew)
                await crew.rest(0)
                await self.trader.watch.look()
        finally:
            await crew.close()

    def _consider(self, purchase: Purchase, crew: Crew) -> None:
        act = seller_act(purchase, self.trader.watch.now)
        deed = purchase.id, act
        if act in (SellerAct.WAIT, SellerAct.MISSED) or deed in self._begun:
            return
        self._begun.add(deed)
        crew.spawn(self._act(purchase, act))

    async def _act(self, purchase: Purchase, act: SellerAct) -> None:
        """Do it; while it stays due, because it failed or fell out of the chain, do it again."""
        try:
            match act:
                case SellerAct.DELIVER if purchase.terms.listing not in self._drafts:
                    id_ = purchase.terms.listing.hex()
                    _log.error("its key is not in this data folder: not delivered", listing=id_)
                    return
                case SellerAct.DELIVER:
                    await self.deliver(purchase)
                case SellerAct.FINALISE:
                    call = self.trader.market.finalise(purchase.terms)
                    await self._send("finalise", purchase, call)
                case SellerAct.RESOLVE:
                    await see_through(self.trader, purchase, None)
                case SellerAct.OVER if purchase.phase is not PurchasePhase.REFUNDED:
                    await self.trader.collect(purchase.terms.token)
                    return
                case _:
                    return
        except (Rejected, Unavailable) as error:
            _log.warning(act.name.lower(), purchase=purchase.id.hex(), error=str(error))
        await asyncio.sleep(_PAUSE_SECONDS)
        self._begun.discard((purchase.id, act))

    async def deliver(self, purchase: Purchase) -> None:
        """Hand over the key."""
        handed = self.hand(self._drafts[purchase.terms.listing], purchase)
        await self._send("deliver", purchase, self.trader.market.deliver(purchase.terms, handed))

    async def _send(self, name: str, purchase: Purchase, call: Call) -> None:
        id_ = purchase.id.hex()
        await do(self.trader.world.sender, f"{name} {id_}", call)
        _log.info(name, purchase=id_, listing=purchase.terms.listing.hex())
