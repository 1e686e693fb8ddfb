"""Marketplace, called from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handfast.chain.abi import Event
from handfast.chain.client import Call, Contract
from handfast.crypto.bls import PublicKey
from handfast.crypto.keccak import keccak
from handfast.market.masking import MaskedKey, SharedPoint
from handfast.market.seals import ChunkProof, Seal
from handfast.market.state import (
    FALSE_CLAIM,
    NATIVE,
    WRONG_CHUNK,
    WRONG_KEY,
    Bought,
    Delivered,
    Disputed,
    Ended,
    Fact,
    Handed,
    Judged,
    ListingId,
    ListingTerms,
    PriceChanged,
    Published,
    PurchaseTerms,
    Rated,
    Withdrawn,
)
from handfast.protocol.constants import PurchasePhase
from handfast.storage.cid import Cid, Codec


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """What a marketplace was told for ever; periods in seconds."""

    delivery_period: int
    challenge_period: int
    seats: int
    commit_period: int
    reveal_period: int
    appeal_period: int


class Marketplace(Contract):
    """Sealed content against escrow. (SPEC MK)"""

    async def settings(self) -> MarketSettings:
        """What it was told for ever."""
        periods = [int(await self._read(f"{name}_PERIOD")) for name in ("DELIVERY", "CHALLENGE")]
        return MarketSettings(*periods, *await self._read("panelTerms"))

    async def owed_to(self, token: str, account: str) -> int:
        """What an account can collect."""
        return int(await self._read("owedTo", token, account))

    async def ratings_of(self, seller: str) -> tuple[int, int]:
        """Sum and count of the ratings of all that an account sold."""
        total, count = await self._read("ratingsOf", seller)
        return int(total), int(count)

    # ------------------------------------------------------------ calls

    def publish(self, terms: ListingTerms, price: int) -> Call:
        """Offer sealed content for sale."""
        return self._call("publish", listing_words(terms), price)

    def set_price(self, listing: ListingId, price: int) -> Call:
        """Change the price for later buyers."""
        return self._call("setPrice", listing, price)

    def withdraw_listing(self, listing: ListingId) -> Call:
        """Sell no more of it."""
        return self._call("withdrawListing", listing)

    def buy(self, terms: PurchaseTerms) -> Call:
        """Put the price into escrow."""
        value = terms.price if terms.token == NATIVE else 0
        return self._call("buy", terms.listing, terms.price, terms.salt, value=value)

    def deliver(self, terms: PurchaseTerms, handed: MaskedKey) -> Call:
        """Hand over the key."""
        return self._call("deliver", purchase_words(terms), masked_words(handed))

    def refund(self, terms: PurchaseTerms) -> Call:
        """Give the price back."""
        return self._call("refund", purchase_words(terms))

    def finalise(self, terms: PurchaseTerms) -> Call:
        """Pay the seller."""
        return self._call("finalise", purchase_words(terms))

    def claim_wrong_key(
        self, listing: ListingTerms, terms: PurchaseTerms, handed: MaskedKey, shown: SharedPoint
    ) -> Call:
        """Show what key was handed over."""
        return self._call("claimWrongKey", *_delivered(listing, terms, handed, shown))

    def claim_wrong_chunk(
        self,
        listing: ListingTerms,
        terms: PurchaseTerms,
        handed: MaskedKey,
        shown: SharedPoint,
        proof: ChunkProof,
    ) -> Call:
        """Show what key was handed over, and a chunk."""
        words = _delivered(listing, terms, handed, shown)
        return self._call("claimWrongChunk", *words, chunk_words(proof))

    def dispute(self, terms: PurchaseTerms) -> Call:
        """Ask the court about the goods' quality."""
        return self._call("dispute", purchase_words(terms))

    def open_key(self, terms: PurchaseTerms, ephemeral: PublicKey, masked: Sequence[bytes]) -> Call:
        """Show the key to the voters of the panel, seat by seat."""
        return self._call("openKey", purchase_words(terms), ephemeral.words(), tuple(masked))

    def resolve(self, terms: PurchaseTerms) -> Call:
        """Do what the court ruled."""
        return self._call("resolve", purchase_words(terms))

    def rate(self, terms: PurchaseTerms, rating: int) -> Call:
        """Rate what was bought and paid for."""
        return self._call("rate", purchase_words(terms), rating)

    def collect(self, token: str, to: str) -> Call:
        """Pay out all that is owed to the sender in a token."""
        return self._call("collect", token, to)


def fact_of(event: Event, time: int, settings: MarketSettings) -> Fact | None:
    """What an event of the marketplace means for listings and purchases; None if nothing.

    time   seconds, of the event's block
    """
    told = event.arguments
    match event.name:
        case "PurchaseMade":
            deadline = time + settings.delivery_period
            return Bought(_purchase_made(told), b"".join(told["key"]), deadline)
        case "KeyDelivered":
            deadline = time + settings.challenge_period
            return Delivered(told["id"], Handed(*told["key"]), deadline)
    read = _FACTS.get(event.name)
    return None if read is None else read(told)


_FACTS: dict[str, Callable[[Mapping[str, Any]], Fact]] = {
    "ListingPublished": lambda told: Published(read_listing(told["terms"]), told["price"]),
    "ListingPriceChanged": lambda told: PriceChanged(told["id"], told["price"]),
    "ListingWithdrawn": lambda told: Withdrawn(told["id"]),
    "WrongKeyProven": lambda told: Judged(told["id"], WRONG_KEY),
    "WrongChunkProven": lambda told: Judged(told["id"], WRONG_CHUNK),
    "FalseClaimMade": lambda told: Judged(told["id"], FALSE_CLAIM),
    "PurchaseDisputed": lambda told: Disputed(told["id"], told["dispute"]),
    "PurchasePaid": lambda told: Ended(told["id"], PurchasePhase.PAID),
    "PurchaseRefunded": lambda told: Ended(told["id"], PurchasePhase.REFUNDED),
    "PurchaseRated": lambda told: Rated(told["id"], told["rating"]),
}


# ---------------------------------------------------------------- structs


def sealed_words(promised: Seal, cid: Cid) -> tuple[Any, ...]:
    """The struct `Sealed` of ISealing.sol."""
    roots = promised.key_hash, promised.plaintext_root, promised.ciphertext_root
    return *roots, cid.digest, int(cid.codec), promised.size


def masked_words(handed: MaskedKey) -> tuple[Any, ...]:
    """The struct `MaskedKey`."""
    return handed.ephemeral.words(), handed.masked


def shared_words(shown: SharedPoint) -> tuple[Any, ...]:
    """The struct `SharedPoint`."""
    return shown.key.words(), shown.shared.words(), (shown.challenge, shown.response)


def chunk_words(proof: ChunkProof) -> tuple[Any, ...]:
    """The struct `ChunkProof`."""
    paths = proof.ciphertext_path, proof.plaintext_path
    return proof.position, proof.chunk, proof.digest, *paths


def listing_words(terms: ListingTerms) -> tuple[Any, ...]:
    """The struct `ListingTerms`."""
    goods = sealed_words(terms.seal, terms.content)
    return terms.seller, terms.token, goods, terms.description


def read_listing(struct: Sequence[Any]) -> ListingTerms:
    """Read the struct `ListingTerms`."""
    seller, token, goods, description = struct
    key_hash, plaintext, ciphertext, digest, codec, size = goods
    promised = Seal(size, key_hash, plaintext, ciphertext)
    return ListingTerms(seller, token, promised, Cid(Codec(codec), digest), description)


def purchase_words(terms: PurchaseTerms) -> tuple[Any, ...]:
    """The struct `PurchaseTerms`."""
    parties = terms.seller, terms.buyer
    return terms.listing, *parties, terms.token, terms.price, terms.receiver, terms.salt


def _purchase_made(told: Mapping[str, Any]) -> PurchaseTerms:
    return PurchaseTerms(
        listing=ListingId(told["listing"]),
        seller=told["seller"],
        buyer=told["buyer"],
        token=told["token"],
        price=told["price"],
        receiver=keccak(b"".join(told["key"])),
        salt=told["salt"],
    )


def _delivered(
    listing: ListingTerms, terms: PurchaseTerms, handed: MaskedKey, shown: SharedPoint
) -> tuple[Any, ...]:
    return (
        listing_words(listing),
        purchase_words(terms),
        masked_words(handed),
        shared_words(shown),
    )
