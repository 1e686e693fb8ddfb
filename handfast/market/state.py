"""What the market's events say: listings and purchases, and how they stand. (SPEC MK-1 to MK-6)"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, NewType, TypeAlias, TypeVar, assert_never

from handfast.codec import Bits, Bytes32
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.market.seals import Seal
from handfast.protocol.constants import ListingPhase, PurchasePhase
from handfast.storage.cid import Cid, Codec

ListingId = NewType("ListingId", Bytes32)
"""Hash of a listing's terms."""
PurchaseId = NewType("PurchaseId", Bytes32)
"""Hash of a purchase's terms."""

NATIVE: Final = "0x" + 40 * "0"
"""The token that stands for the chain's own coin."""

Uint64: TypeAlias = Annotated[int, Bits(64)]
Uint256: TypeAlias = Annotated[int, Bits(256)]

_WORD: Final = 32

Id = TypeVar("Id", bound=bytes)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListingTerms:
    """What never changes about a listing, as the struct of that name.

    token         of the price; NATIVE is the native coin
    content       root block of the bundle
    description   sha2-256 of its document, a raw block
    """

    seller: str
    token: str
    seal: Seal
    content: Cid
    description: bytes

    @property
    def id(self) -> ListingId:
        """The hash of the terms."""
        goods = self.seal
        words = (
            _address(self.seller),
            _address(self.token),
            goods.key_hash,
            goods.plaintext_root,
            goods.ciphertext_root,
            self.content.digest,
            _number(self.content.codec),
            _number(goods.size),
            self.description,
        )
        return ListingId(keccak(b"".join(words)))

    @property
    def described_by(self) -> Cid:
        """Where the description is found."""
        return Cid(Codec.RAW, self.description)


@dataclass(frozen=True, slots=True)
class PurchaseTerms:
    """What never changes about a purchase, as the struct of that name.

    receiver   hash of the decryption key that the buyer had
    salt       the buyer's
    """

    listing: ListingId
    seller: str
    buyer: str
    token: str
    price: Uint256
    receiver: bytes
    salt: Uint64

    @property
    def id(self) -> PurchaseId:
        """The hash of the terms."""
        words = (
            self.listing,
            _address(self.seller),
            _address(self.buyer),
            _address(self.token),
            _number(self.price),
            self.receiver,
            _number(self.salt),
        )
        return PurchaseId(keccak(b"".join(words)))


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing as it stands.

    price   for later buyers
    sold    purchases that were paid to the seller
    """

    id: ListingId
    terms: ListingTerms
    price: int
    phase: ListingPhase = ListingPhase.LISTED
    rating_sum: int = 0
    rating_count: int = 0
    sold: int = 0


@dataclass(frozen=True, slots=True)
class Handed:
    """A masked key as it was delivered.

    ephemeral   words of E, as the seller chose them
    """

    ephemeral: tuple[int, int, int, int]
    masked: bytes


@dataclass(frozen=True, slots=True)
class Purchase:
    """A purchase as it stands.

    key        the buyer's decryption key, 48 bytes
    deadline   last second for the seller to deliver, or for the buyer to object
    handed     what the seller delivered; None before
    verdict    what a claim showed; empty without one
    case       of the court; 0 for none
    """

    id: PurchaseId
    terms: PurchaseTerms
    key: bytes
    deadline: int
    phase: PurchasePhase = PurchasePhase.BOUGHT
    handed: Handed | None = None
    verdict: str = ""
    case: int = 0
    rating: int | None = None


# ---------------------------------------------------------------- facts

WRONG_KEY: Final = "wrong key"
WRONG_CHUNK: Final = "wrong chunk"
FALSE_CLAIM: Final = "false claim"


@dataclass(frozen=True, slots=True)
class Published:
    """Something is for sale."""

    terms: ListingTerms
    price: int


@dataclass(frozen=True, slots=True)
class PriceChanged:
    """Later buyers pay this."""

    id: ListingId
    price: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Nobody can buy this any more."""

    id: ListingId


@dataclass(frozen=True, slots=True)
class Bought:
    """A price is in escrow."""

    terms: PurchaseTerms
    key: bytes
    deadline: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The seller handed over a key."""

    id: PurchaseId
    handed: Handed
    deadline: int


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim of the buyer was decided: WRONG_KEY, WRONG_CHUNK or FALSE_CLAIM."""

    id: PurchaseId
    verdict: str


@dataclass(frozen=True, slots=True)
class Disputed:
    """The buyer went to the court."""

    id: PurchaseId
    case: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The price is the seller's (PAID) or the buyer's again (REFUNDED)."""

    id: PurchaseId
    phase: PurchasePhase


@dataclass(frozen=True, slots=True)
class Rated:
    """The buyer said how good it was."""

    id: PurchaseId
    rating: int


Fact: TypeAlias = (
    Published | PriceChanged | Withdrawn | Bought | Delivered | Judged | Disputed | Ended | Rated
)


@dataclass(slots=True)
class Book:
    """All listings and purchases, by id, in the order of their making."""

    listings: dict[ListingId, Listing] = field(default_factory=dict)
    purchases: dict[PurchaseId, Purchase] = field(default_factory=dict)

    def take(self, fact: Fact) -> None:
        """Take in what happened next."""
        match fact:
            case Published(terms, price):
                self.listings[terms.id] = Listing(terms.id, terms, price)
            case PriceChanged(id_, price):
                self.listings[id_] = replace(self.listings[id_], price=price)
            case Withdrawn(id_):
                self.listings[id_] = replace(self.listings[id_], phase=ListingPhase.WITHDRAWN)
            case Bought(terms, key, deadline):
                self.purchases[terms.id] = Purchase(terms.id, terms, key, deadline)
            case Delivered(purchase, handed, deadline):
                self._change(
                    purchase, phase=PurchasePhase.DELIVERED, handed=handed, deadline=deadline
                )
            case Judged(purchase, verdict):
                self._change(purchase, verdict=verdict)
            case Disputed(purchase, number):
                self._change(purchase, phase=PurchasePhase.DISPUTED, case=number, deadline=0)
            case Ended(purchase, phase):
                self._change(purchase, phase=phase, deadline=0)
                self._count(purchase, sold=1 if phase is PurchasePhase.PAID else 0)
            case Rated(purchase, rating):
                self._change(purchase, phase=PurchasePhase.RATED, rating=rating)
                self._count(purchase, rating_sum=rating, rating_count=1)
            case _:
                assert_never(fact)

    def _change(self, id_: PurchaseId, **changes: object) -> None:
        self.purchases[id_] = replace(self.purchases[id_], **changes)  # type: ignore[arg-type]

    def _count(self, id_: PurchaseId, **more: int) -> None:
        listing = self.listings[self.purchases[id_].terms.listing]
        counts = {name: getattr(listing, name) + amount for name, amount in more.items()}
        self.listings[listing.id] = replace(listing, **counts)

    # ------------------------------------------------------------ reading

    def listing(self, prefix: str) -> Listing:
        """The one listing whose id begins so.

        raises   InvalidInput if there is none, or several
        """
        return _one("listing", prefix, self.listings)

    def purchase(self, prefix: str) -> Purchase:
        """The one purchase whose id begins so.

        raises   InvalidInput if there is none, or several
        """
        return _one("purchase", prefix, self.purchases)

    def sold_by(self, account: str) -> Iterator[Purchase]:
        """What was bought from an account."""
        return (each for each in self.purchases.values() if each.terms.seller == account)

    def bought_by(self, account: str) -> Iterator[Purchase]:
        """What an account bought."""
        return (each for each in self.purchases.values() if each.terms.buyer == account)


def _one(kind: str, prefix: str, among: Mapping[Id, T]) -> T:
    digits = prefix.lower().removeprefix("0x")
    found = [each for id_, each in among.items() if digits and id_.hex().startswith(digits)]
    if len(found) != 1:
        how = "no" if not found else f"{len(found)}"
        raise InvalidInput(f"{how} {kind} begins with {prefix!r}")
    return found[0]


def _address(account: str) -> bytes:
    return bytes.fromhex(account[2:]).rjust(_WORD, b"\0")


def _number(value: int) -> bytes:
    return value.to_bytes(_WORD, "big")
