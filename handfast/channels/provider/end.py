"""What the provider's end of a channel knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from handfast.channels.channel import (
    Channel,
    begin,
    cancellation_digest,
)
from handfast.channels.effects import (
    Effect,
    Send,
)
from handfast.channels.exit import begin_exit
from handfast.channels.state import (
    Book,
    Holdings,
    Lock,
)
from handfast.channels.terms import Terms
from handfast.channels.wire import (
    Cancel,
    Fault,
    Offer,
    Reason,
    Refusal,
)
from handfast.codec import Bytes32, Size, Uint64, Uint128
from handfast.protocol.constants import MAX_LOCKS

Effects = tuple[Effect, ...]

MAX_OFFERS = 1_024
"""Offers that may be open at once."""

MAX_STEP = 1_024
"""Versions that an update may skip: the client skips one for each of its proposals we refused."""

MAX_WITHDRAWALS = 8
"""Withdrawals that may be good at once."""


@dataclass(frozen=True, slots=True)
class Selling:
    """An offer, with the key that its payment releases."""

    amount: Uint128
    key: Bytes32 | None
    hash: Bytes32 | None
    deadline: Uint64


@dataclass(frozen=True, slots=True)
class Granted:
    """A lock of our money that we asked the client for."""

    amount: Uint128
    expiry: Uint64


@dataclass(frozen=True, slots=True)
class ProviderEnd:
    """The provider's end of a channel. Mappings are never written to.

    offers           by product
    grants           by hash
    signed           digests that we signed to agree: the state's, then its receipts'
    refusal          of the newest update that we refused: no version up to it is ever agreed to
    given_up         nonces of locks paying us that we gave up
    close_wished     since when a cooperative close is wished for; 0: it is not
    withdrawal       total that we wish to have taken out; 0: none
    """

    channel: Channel
    offers: Mapping[Bytes32, Selling] = field(default_factory=dict)
    grants: Mapping[Bytes32, Granted] = field(default_factory=dict)
    signed: Annotated[tuple[Bytes32, ...], Size(0, MAX_LOCKS + 1)] = ()
    refusal: Refusal | None = None
    given_up: tuple[Uint64, ...] = ()
    close_wished: Uint64 = 0
    withdrawal: Uint128 = 0


Step = tuple[ProviderEnd, Effects]


def open_provider(terms: Terms, holdings: Holdings) -> ProviderEnd:
    """The provider's end of a channel that was just opened."""
    return ProviderEnd(begin(terms, holdings))


def with_channel(end: ProviderEnd, channel: Channel) -> ProviderEnd:
    return end if channel is end.channel else replace(end, channel=channel)


def leave(end: ProviderEnd, reason: Reason) -> Step:
    channel, effects = begin_exit(end.channel, reason)
    return with_channel(end, channel), effects


def pending_lock(book: Book, hash_: bytes) -> Lock | None:
    return next((lock for lock in book.locks if lock.hash == hash_), None)


def offer_message(product: bytes, offer: Selling) -> Send:
    return Send(Offer(product, offer.amount, offer.hash, offer.deadline))


def cancel_message(terms: Terms, lock: Lock) -> Send:
    return Send(Cancel(lock.nonce), (cancellation_digest(terms, lock),))


def fault(reason: Reason, detail: str) -> Send:
    return Send(Fault(reason, detail))
