"""The buyer: looks, checks, pays, opens, and objects by itself where a lie can be proven.

Whoever sells is believed nothing. Before paying, the bundle is fetched and compared with what the
listing commits to; from then on every lie can be proven with what is at hand. (SPEC SL-4, MK-2 to
MK-4, PR-10)
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Final

from handfast import log
from handfast.chain.client import Call
from handfast.chain.token import MarketToken
from handfast.codec import Codec, Size
from handfast.crypto.bls import PublicKey, SecretKey
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.journal import Stream
from handfast.market.bundles import (
    fetch_bundle,
    open_bundle,
    prove_wrong_chunk,
    require_absent,
)
from handfast.market.deeds import do
from handfast.market.description import MAX_BYTES, Description
from handfast.market.masking import MaskedKey, prove_shared, receiver_of, unmask
from handfast.market.quarrels import see_through
from handfast.market.rules import BuyerAct, buyer_act, may_object
from handfast.market.sealing import WrongChunk, is_wrong_chunk, is_wrong_key
from handfast.market.state import (
    NATIVE,
    Handed,
    Listing,
    ListingTerms,
    Purchase,
    PurchaseId,
    PurchaseTerms,
)
from handfast.market.trader import Trader
from handfast.protocol.constants import ListingPhase, PurchasePhase
from handfast.registry.participants import Participant
from handfast.storage.ingest import Progress, ignore
from handfast.storage.remote import RemoteReader

_log = log.get(__name__)

STREAM: Final = b"buyer"
WISH: Final = "wish"
"""Kind of the journal's notes about what is bought, by the purchase's id."""
END: Final = "end"
"""Kind of the notes about what came of it."""

Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows a person how far something is: what is done, and of how many bytes."""


def no_bar(_verb: str, _total: int) -> AbstractContextManager[Progress]:
    """A bar that nobody watches."""
    return nullcontext(ignore)


class Result(Enum):
    """What came of a purchase."""

    OPENED = "opened and verified"
    REFUNDED = "refunded"
    REFUSED = "refused by the chain: nothing was paid"
    LOST = "not what was promised, and the time for objecting was over"


@dataclass(frozen=True, slots=True)
class Wish:
    """Something that is being bought.

    output    where the content goes
    source    who serves the bundle, a URL; empty: the seller's registered endpoint
    """

    listing: ListingTerms
    purchase: PurchaseTerms
    output: Annotated[str, Size(1, 4096)]
    source: Annotated[str, Size(0, 500)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a purchase.

    detail   why
    """

    id: PurchaseId
    result: Result
    output: Path
    detail: str = ""


WISHES: Final[Codec[Wish]] = Codec(Wish)


class Buyer:
    """All that one account buys.

    folder   for bundles
    bar      shows long work to a person
    """

    def __init__(self, trader: Trader, lines: Stream, folder: Path, bar: Bar = no_bar) -> None:
        self.trader = trader
        self._lines = lines
        self._folder = folder
        self._bar = bar

    def open(self) -> Iterator[Wish]:
        """What was begun and has not ended."""
        ended = {id_ for id_, _ in self._lines.notes(END)}
        for id_, note in self._lines.notes(WISH):
            if id_ not in ended:
                yield WISHES.decode(note)

    # ------------------------------------------------------------ before paying

    async def seller(self, listing: Listing) -> Participant:
        """Who sells, as the registry knows it now.

        raises   Rejected if it is not registered
        """
        return await self._participant(listing.terms.seller)

    async def describe(self, listing: Listing, source: str) -> Description:
        """What the seller says it sells.

        raises   InvalidInput if that is malformed, Unavailable if it can't be had now
        """
        cid = listing.terms.described_by
        reader = await self._reader(listing.terms, source)
        try:
            return Description.parse(await asyncio.to_thread(reader.get_bytes, cid, MAX_BYTES))
        finally:
            reader.close()

    async def fetch(self, terms: ListingTerms, source: str) -> Path:
        """Have the bundle here, and know that it is the promised one. Resumes.

        raises   Rejected if it is not, Unavailable if it can't be had now
        """
        target = self._folder / str(terms.content)
        reader = await self._reader(terms, source)
        try:
            with self._bar("fetching", terms.seal.bundle_size) as progress:
                await asyncio.to_thread(
                    fetch_bundle, reader, terms.content, terms.seal, target, progress
                )
        finally:
            reader.close()
        return target

    # ------------------------------------------------------------ buying

    async def buy(self, listing: Listing, output: Path, source: str) -> Outcome:
        """Check, pay, and go on to the end: content, or the price back.

        output   absolute
        raises   Rejected or Unavailable if nothing was paid
        """
        if listing.phase is not ListingPhase.LISTED:
            raise InvalidInput("this listing was withdrawn")
        require_absent(output)
        terms = await self._terms(listing)
        await self.fetch(listing.terms, source)
        wish = Wish(listing.terms, terms, str(output), source)
        self._lines.note(WISH, terms.id, WISHES.encode(wish))
        await self._lines.sync()
        return await self.finish(wish)

    async def _terms(self, listing: Listing) -> PurchaseTerms:
        me = await self._participant(self.trader.account)
        return PurchaseTerms(
            listing.id,
            listing.terms.seller,
            self.trader.account,
            listing.terms.token,
            listing.price,
            receiver_of(PublicKey.parse(me.decryption_key)),
            secrets.randbits(64),
        )

    async def finish(self, wish: Wish) -> Outcome:
        """Go on with a purchase, wherever it was left.

        raises   Unavailable if the node or the seller's blocks can't be had now: try again
        """
        try:
            await self._pay(wish)
        except Rejected as error:
            outcome = self._outcome(wish, Result.REFUSED, str(error))
            await self._end(wish, outcome)
            raise
        outcome = await self._await(wish)
        await self._end(wish, outcome)
        return outcome

    async def _pay(self, wish: Wish) -> None:
        id_, terms = wish.purchase.id, wish.purchase
        sender, market = self.trader.world.sender, self.trader.market
        if id_ in self.trader.watch.book.purchases:
            return
        deed = f"buy {id_.hex()}"
        if terms.token != NATIVE and not sender.knows(f"{deed} 0"):
            token = MarketToken(self.trader.world.chain, terms.token)
            if await token.allowance(terms.buyer, market.address) < terms.price:
                call = token.approve(market.address, terms.price)
                await self.trader.do_again(f"approve {id_.hex()}", call)
        await do(sender, deed, market.buy(terms))

    async def _end(self, wish: Wish, outcome: Outcome) -> None:
        self._lines.note(END, wish.purchase.id, outcome.result.name.encode())
        await self._lines.sync()

    # ------------------------------------------------------------ after paying

    async def _await(self, wish: Wish) -> Outcome:
        watch = self.trader.watch
        while True:
            purchase = watch.book.purchases.get(wish.purchase.id)
            act = BuyerAct.WAIT if purchase is None else buyer_act(purchase, watch.now)
            match act:
                case BuyerAct.OPEN if purchase is not None and purchase.handed is not None:
                    outcome = await self._open(wish, purchase, handed_of(purchase.handed))
                    if outcome is not None:
                        return outcome
                case BuyerAct.REFUND:
                    await self._try(wish, "refund", self.trader.market.refund(wish.purchase))
                case BuyerAct.OVER if purchase is not None:
                    await self.trader.collect(wish.purchase.token)
                    why = purchase.verdict or "the seller did not deliver"
                    return self._outcome(wish, Result.REFUNDED, why)
                case _:
                    pass
            await watch.look()

    async def _open(self, wish: Wish, purchase: Purchase, handed: MaskedKey) -> Outcome | None:
        """Decrypt and verify; where the seller lied, object, and wait for the price."""
        context = self.trader.context(purchase.id)
        secret = await self.secret(purchase)
        key = unmask(secret, handed, context)
        market, listing, terms = self.trader.market, wish.listing, wish.purchase
        shown = prove_shared(secret, handed, context)
        if is_wrong_key(listing.seal, key):
            call = market.claim_wrong_key(listing, terms, handed, shown)
            return await self._object(wish, purchase, call)
        bundle = await self.fetch(listing, wish.source)
        try:
            await self.unseal(bundle, wish, key)
        except WrongChunk as lie:
            proof = await asyncio.to_thread(prove_wrong_chunk, bundle, listing.seal, lie.position)
            if not is_wrong_chunk(listing.seal, key, proof):
                raise Unavailable(f"{bundle} can't be read reliably: try again") from lie
            call = market.claim_wrong_chunk(listing, terms, handed, shown, proof)
            return await self._object(wish, purchase, call)
        return self._outcome(wish, Result.OPENED)

    async def unseal(self, bundle: Path, wish: Wish, key: bytes) -> None:
        """Decrypt and verify.

        raises   WrongChunk if the seller lied
        """
        promised = wish.listing.seal
        with self._bar("opening", promised.size) as progress:
            await asyncio.to_thread(open_bundle, bundle, promised, key, Path(wish.output), progress)

    async def _object(self, wish: Wish, purchase: Purchase, call: Call) -> Outcome | None:
        """Claim, and return once that has ended the purchase, or it fell out of the chain."""
        watch, deed = self.trader.watch, f"claim {purchase.id.hex()}"
        _log.warning("the seller lied: objecting", purchase=purchase.id.hex(), call=call.label)
        now: Purchase | None = purchase
        while now is not None and now.phase is PurchasePhase.DELIVERED:
            try:
                await do(self.trader.world.sender, deed, call)
            except Rejected as error:
                if not may_object(now, watch.now):
                    return self._outcome(wish, Result.LOST, str(error))
                _log.warning(deed, error=str(error))
            await watch.look()
            now = watch.book.purchases.get(purchase.id)
        if now is not None and now.phase is not PurchasePhase.REFUNDED:
            return self._outcome(wish, Result.LOST)
        return None

    async def _try(self, wish: Wish, name: str, call: Call) -> None:
        """What somebody else may have done meanwhile, or what comes too late: the watch tells."""
        try:
            await do(self.trader.world.sender, f"{name} {wish.purchase.id.hex()}", call)
        except Rejected as error:
            _log.warning(name, purchase=wish.purchase.id.hex(), error=str(error))

    def _outcome(self, wish: Wish, result: Result, detail: str = "") -> Outcome:
        return Outcome(wish.purchase.id, result, Path(wish.output), detail)

    # ------------------------------------------------------------ what only a person can judge

    async def dispute(self, purchase: Purchase, fee: int) -> PurchasePhase:
        """Take the quality of what was delivered to the court, and see it through: how it ends.

        purchase   delivered, or before the court already: then it goes on
        fee        of the panel, in MarketToken
        """
        market, world = self.trader.market, self.trader.world
        if purchase.phase is PurchasePhase.DELIVERED:
            token = MarketToken(world.chain, world.deployment.market_token.address)
            if await token.allowance(self.trader.account, market.address) < fee:
                await self.trader.do_again("approve the fee", token.approve(market.address, fee))
            await do(world.sender, f"dispute {purchase.id.hex()}", market.dispute(purchase.terms))
        while self.trader.watch.book.purchases[purchase.id].phase is PurchasePhase.DELIVERED:
            await self.trader.watch.look()
        if purchase.handed is None:
            raise InvalidInput("nothing was delivered")
        handed, context = handed_of(purchase.handed), self.trader.context(purchase.id)
        key = unmask(await self.secret(purchase), handed, context)
        disputed = self.trader.watch.book.purchases[purchase.id]
        ended = await see_through(self.trader, disputed, key)
        await self.trader.collect(purchase.terms.token)
        return ended

    async def rate(self, purchase: Purchase, rating: int) -> None:
        """Say how good it was; a seller that is not paid yet is paid first. (SPEC MK-6)"""
        market, sender = self.trader.market, self.trader.world.sender
        id_ = purchase.id.hex()
        if purchase.phase is PurchasePhase.DELIVERED:
            await do(sender, f"finalise {id_}", market.finalise(purchase.terms))
        await do(sender, f"rate {id_} {rating}", market.rate(purchase.terms, rating))

    # ------------------------------------------------------------ who is who

    async def _participant(self, account: str) -> Participant:
        registry = self.trader.registry
        id_ = await registry.id_of(account)
        if id_ is None:
            raise Rejected(
                f"{account} is not registered: `handfast registry register`", "not_registered"
            )
        return await registry.participant(id_)

    async def secret(self, purchase: Purchase) -> SecretKey:
        """The decryption key that we had when we bought."""
        me = await self._participant(self.trader.account)
        for epoch in range(me.key_epoch, 0, -1):
            secret = self.trader.world.identity.decryption_key(epoch)
            if receiver_of(secret.public_key()) == purchase.terms.receiver:
                return secret
        raise InvalidInput("the purchase was made for another decryption key than this account's")

    async def _reader(self, terms: ListingTerms, source: str) -> RemoteReader:
        """Who serves the seller's blocks."""
        if source:
            return RemoteReader(source)
        endpoint = (await self._participant(terms.seller)).endpoint
        if not endpoint:
            raise Unavailable("the seller has no registered endpoint: name a source with --from")
        return RemoteReader(endpoint)


def handed_of(handed: Handed) -> MaskedKey:
    """What was delivered, which the contract has checked."""
    return MaskedKey.parse(handed.ephemeral, handed.masked)
