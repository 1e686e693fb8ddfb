"""What both ends of a channel know, and how they judge signatures, money and preimages alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from handfast.channels.effects import Result
from handfast.channels.rules import is_timely, leaf_of, state_of
from handfast.channels.state import Book, Holdings, Lock
from handfast.channels.terms import Terms
from handfast.channels.wire import Party, Reason, Signature
from handfast.codec import Bytes32, Uint64, Uint128
from handfast.crypto.ecdsa import is_signed_by
from handfast.protocol.constants import ChannelPhase, Direction, LockOutcome
from handfast.protocol.messages import Cancellation, Receipt, Withdrawal

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """A withdrawal that we signed: until its deadline it counts as done.

    signature    the peer's; empty until it agreed
    """

    party: Party
    total: Uint128
    deadline: Uint64
    signature: Signature = b""


@dataclass(frozen=True, slots=True)
class Exit:
    """How far the channel's end has come.

    phase           on chain, as far as we have heard
    reason          why we leave; None while we do not
    registered      version registered on chain, while Closing
    challenge_end   last second at which it can be replaced
    standing        book of the registered state, and of the end; None if we do not know it
    outcomes        of its locks, by position, as far as resolved on chain
    concluded       how the rounds of its locks were reported, by the lock's number
    over            everything is done
    final           the end is so deep in the chain that nothing undoes it
    """

    phase: ChannelPhase = ChannelPhase.OPEN
    reason: Reason | None = None
    registered: Uint64 = 0
    challenge_end: Uint64 = 0
    standing: Book | None = None
    outcomes: Mapping[Uint64, LockOutcome] = field(default_factory=dict)
    concluded: Mapping[Uint64, Result] = field(default_factory=dict)
    over: bool = False
    final: bool = False

    @property
    def is_done(self) -> bool:
        """Whether nothing can come of the channel any more."""
        return self.over and self.final


_NOTHING = Holdings()
_RUNNING = Exit()


@dataclass(frozen=True, slots=True)
class Channel:
    """What both ends know. Mappings are never written to.

    agreed          newest book that both signed
    signature       the peer's, of its state; empty for the opening
    preimages       of pending locks, by hash: what is claimed or paid, on chain if it must be
    revealed        when a preimage entered the registry, by hash
    cancelled       the peer's signature that it gives up a lock which pays it, by the lock's nonce
    withdrawals     that we signed
    frozen_until    a cooperative close that we signed is good so long: nothing may change before
    close           the peer's signature of it; empty until it agreed
    closes          whether it is we who send that close to the chain
    asked_at        when actions on chain were last asked for; 0 while none is due
    """

    terms: Terms
    agreed: Book
    signature: Signature = b""
    holdings: Holdings = _NOTHING
    preimages: Mapping[Bytes32, Bytes32] = field(default_factory=dict)
    revealed: Mapping[Bytes32, Uint64] = field(default_factory=dict)
    cancelled: Mapping[Uint64, Signature] = field(default_factory=dict)
    withdrawals: tuple[Withdrawing, ...] = ()
    frozen_until: Uint64 = 0
    close: Signature = b""
    closes: bool = False
    asked_at: Uint64 = 0
    exit: Exit = _RUNNING

    @property
    def leaving(self) -> bool:
        """Whether the exchange with the peer is over, and the chain has the word."""
        return self.exit.reason is not None or self.exit.phase is not ChannelPhase.OPEN


def begin(terms: Terms, holdings: Holdings) -> Channel:
    """A channel that was just opened, with what the hub holds for it."""
    opening = Book(terms.channel, last_nonce=terms.first_nonce - 1)
    return Channel(terms, opening, holdings=holdings)


# ---------------------------------------------------------------- signatures


def state_digest(terms: Terms, book: Book) -> bytes:
    """What both sign to agree on a book."""
    return state_of(book).digest(terms.domain)


def receipt_of(lock: Lock, book: Book) -> Receipt:
    """The receipt of a lock that the state of this book settles. (SPEC RP-2)"""
    return Receipt(book.channel, book.version, lock.product, lock.amount, lock.nonce)


def cancellation_digest(terms: Terms, lock: Lock) -> bytes:
    """What the payee of a lock signs to give it up."""
    return Cancellation(terms.channel, leaf_of(lock)).digest(terms.domain)


def withdrawal_digest(terms: Terms, withdrawal: Withdrawing) -> bytes:
    """What both sign to let a party take money out."""
    account = terms.account(withdrawal.party)
    message = Withdrawal(terms.channel, account, withdrawal.total, withdrawal.deadline)
    return message.digest(terms.domain)


def unproven(
    terms: Terms, signed: Iterable[tuple[bytes, bytes]], vouched: tuple[bytes, ...] | None
) -> tuple[tuple[bytes, bytes], ...]:
    """Of pairs of digest and signature, those that neither the peer's key nor its wallet proves."""
    return tuple(
        (digest, signature)
        for digest, signature in signed
        if digest not in (vouched or ()) and not is_signed_by(terms.peer, digest, signature)
    )


# ---------------------------------------------------------------- money


def spendable(channel: Channel, now: int) -> Holdings:
    """What the channel holds, less every withdrawal that can still be sent to the chain.

    A deadline counts as passed a margin later: clocks differ.
    """
    holdings = channel.holdings
    for each in channel.withdrawals:
        if now > each.deadline + channel.terms.timing.margin:
            continue
        if each.party is Party.CLIENT and each.total > holdings.client_withdrawn:
            holdings = replace(holdings, client_withdrawn=each.total)
        elif each.party is Party.PROVIDER and each.total > holdings.provider_withdrawn:
            holdings = replace(holdings, provider_withdrawn=each.total)
    return holdings


def with_withdrawal(channel: Channel, withdrawal: Withdrawing, now: int) -> Channel:
    """The channel with a withdrawal that we sign, in the place of the same one unsigned."""
    margin = channel.terms.timing.margin
    key = (withdrawal.party, withdrawal.total, withdrawal.deadline)
    kept = tuple(
        each
        for each in channel.withdrawals
        if (each.party, each.total, each.deadline) != key and now <= each.deadline + margin
    )
    return replace(channel, withdrawals=(*kept, withdrawal))


def is_frozen(channel: Channel, now: int) -> bool:
    """Whether a cooperative close that we signed may still end the channel."""
    return channel.frozen_until > 0 and now <= channel.frozen_until + channel.terms.timing.margin


# ---------------------------------------------------------------- locks


def payee_of(lock: Lock) -> Party:
    """Whom a lock pays."""
    return Party.PROVIDER if lock.direction is Direction.TO_PROVIDER else Party.CLIENT


def pays_on_chain(channel: Channel, lock: Lock) -> bool:
    """Whether the lock's preimage was revealed in time."""
    return is_timely(channel.revealed.get(lock.hash, 0), lock.expiry)


def is_rated(terms: Terms, lock: Lock) -> bool:
    """Whether the lock's round gives a receipt once settled."""
    return terms.rated and lock.direction is Direction.TO_PROVIDER and any(lock.product)


def learn(channel: Channel, lock: Lock, preimage: bytes) -> Channel:
    """Keep the preimage of a pending lock."""
    if lock.hash in channel.preimages:
        return channel
    return replace(channel, preimages={**channel.preimages, lock.hash: preimage})


def agree(channel: Channel, book: Book, signature: bytes) -> Channel:
    """The channel under a newer agreed book; forgets what concerned locks that are gone."""
    hashes = {lock.hash for lock in book.locks}
    nonces = {lock.nonce for lock in book.locks}
    return replace(
        channel,
        agreed=book,
        signature=signature,
        preimages=_only(channel.preimages, hashes),
        revealed=_only(channel.revealed, hashes),
        cancelled=_only(channel.cancelled, nonces),
    )


def _only(mapping: Mapping[K, V], keys: set[K]) -> Mapping[K, V]:
    if not mapping:
        return mapping
    return {key: value for key, value in mapping.items() if key in keys}
