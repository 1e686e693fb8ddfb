"""What the client's end of a channel knows, and how its rounds move on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import assert_never

from handfast.channels.channel import (
    Channel,
    begin,
    cancellation_digest,
    learn,
)
from handfast.channels.effects import (
    Concluded,
    Effect,
    Report,
    Result,
    Send,
    Transferred,
)
from handfast.channels.exit import begin_exit
from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    Book,
    FailLock,
    Holdings,
    Lock,
    Operations,
    Pay,
    SettleLock,
)
from handfast.channels.terms import Terms
from handfast.channels.wire import (
    Cancel,
    Reason,
)
from handfast.codec import Bytes32, Uint64, Uint128
from handfast.protocol.constants import Direction

Effects = tuple[Effect, ...]

MAX_QUEUE = 1_024
"""Rounds that may wait for a place among the locks."""

MAX_REFUSED = 64
"""Proposals that the provider may refuse without agreeing to one."""


class Stage(IntEnum):
    """How far a round has come.

    QUEUED       not proposed yet
    LOCKING      its lock is in the outstanding update
    LOCKED       both agreed to the lock
    PAYING       its preimage is known: an update settles it
    CANCELLING   an update rolls it back
    REFUSED      the provider refused the lock; final once a newer state is agreed
    """

    QUEUED = 1
    LOCKING = 2
    LOCKED = 3
    PAYING = 4
    CANCELLING = 5
    REFUSED = 6


@dataclass(frozen=True, slots=True)
class Round:
    """What the client knows of a lock, from the wish for it to its end.

    number    the preimage, if the client chose it
    hold      do not reveal the number before the application says so
    nonce     of the lock once it is agreed
    expiry    that the provider asked for; 0: ours to choose
    since     when the stage began
    """

    direction: Direction
    product: Bytes32
    amount: Uint128
    hash: Bytes32
    number: Bytes32 | None
    hold: bool
    expiry: Uint64
    since: Uint64
    stage: Stage = Stage.QUEUED
    nonce: Uint64 = 0
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """An update that we signed. As long as nothing newer is agreed, it may come to stand."""

    book: Book
    operations: Operations
    sent_at: Uint64


@dataclass(frozen=True, slots=True)
class ClientEnd:
    """The client's end of a channel. Mappings are never written to.

    rounds         by hash, in the order of the wishes
    outstanding    the update that the provider has not answered
    refused        those it refused since the last agreement
    last_version   highest version proposed; likewise last_nonce of the locks
    transfer       amount to pay unconditionally with the next update
    close_wished   since when a cooperative close is wished for; 0: it is not
    ended_by       version of the unanswered proposal that came to stand at the end; 0: none did
    """

    channel: Channel
    rounds: Mapping[Bytes32, Round] = field(default_factory=dict)
    outstanding: Proposal | None = None
    refused: tuple[Proposal, ...] = ()
    last_version: Uint64 = 0
    last_nonce: Uint64 = 0
    transfer: Uint128 = 0
    close_wished: Uint64 = 0
    ended_by: Uint64 = 0


Step = tuple[ClientEnd, Effects]


def open_client(terms: Terms, holdings: Holdings) -> ClientEnd:
    """The client's end of a channel that was just opened."""
    return ClientEnd(begin(terms, holdings))


def proposals(end: ClientEnd) -> tuple[Proposal, ...]:
    """Updates that we signed and that may still come to stand."""
    return end.refused if end.outstanding is None else (*end.refused, end.outstanding)


def newest(end: ClientEnd) -> Book:
    """The book that the next update will follow, if all goes well."""
    return end.outstanding.book if end.outstanding is not None else end.channel.agreed


def lock_of(book: Book, nonce: int) -> Lock:
    return next(lock for lock in book.locks if lock.nonce == nonce)


def with_round(end: ClientEnd, changed: Round) -> ClientEnd:
    return replace(end, rounds={**end.rounds, changed.hash: changed})


def leave(end: ClientEnd, reason: Reason) -> Step:
    channel, effects = begin_exit(end.channel, reason)
    return (end if channel is end.channel else replace(end, channel=channel)), effects


def drop(end: ClientEnd, known: Round, reason: Reason) -> Step:
    """Forget a round that never was locked."""
    rounds = {hash_: each for hash_, each in end.rounds.items() if hash_ != known.hash}
    lock = Lock(known.direction, known.amount, known.hash, known.expiry, known.product, 0)
    concluded = Concluded(Result.ROLLED_BACK, lock, reason)
    return replace(end, rounds=rounds), (Report(concluded),)


def cancel(end: ClientEnd, known: Round, reason: Reason, now: int) -> Step:
    cancelling = replace(known, stage=Stage.CANCELLING, since=now, reason=reason)
    end = with_round(end, cancelling)
    if not end.channel.leaving or known.direction is Direction.TO_PROVIDER:
        return end, ()
    # Too late for an update; but with this, the provider is refunded before the expiry.
    lock = lock_of(end.channel.agreed, known.nonce)
    return end, (Send(Cancel(lock.nonce), (cancellation_digest(end.channel.terms, lock),)),)


def pay(end: ClientEnd, known: Round, preimage: bytes, now: int) -> ClientEnd:
    """From here on the preimage may be used, and goes on chain if it must."""
    lock = lock_of(end.channel.agreed, known.nonce)
    end = with_round(end, replace(known, stage=Stage.PAYING, since=now))
    return replace(end, channel=learn(end.channel, lock, preimage))


def fails(proposal: Proposal | None, nonce: int) -> bool:
    return proposal is not None and FailLock(nonce) in proposal.operations


@dataclass(frozen=True, slots=True)
class Results:
    """What a proposal does: the locks that it settles, with their preimages, fails and adds, and
    what it pays unconditionally.
    """

    settled: tuple[tuple[Lock, bytes], ...]
    failed: tuple[Lock, ...]
    added: tuple[Lock, ...]
    paid: int


def results(agreed: Book, proposal: Proposal) -> Results:
    """What a proposal on the agreed book does."""
    locks = {lock.nonce: lock for lock in agreed.locks}
    settled: list[tuple[Lock, bytes]] = []
    failed: list[Lock] = []
    paid = 0
    for operation in proposal.operations:
        match operation:
            case SettleLock(nonce, preimage):
                settled.append((locks[nonce], preimage))
            case FailLock(nonce):
                failed.append(locks[nonce])
            case Pay(amount):
                paid += amount
            case AddLock():
                pass
            case _:
                assert_never(operation)
    added = tuple(lock for lock in proposal.book.locks if lock.nonce > agreed.last_nonce)
    return Results(tuple(settled), tuple(failed), added, paid)


def conclusions(
    end: ClientEnd, done: Results, version: int, receipts: Mapping[int, bytes]
) -> Effects:
    """Reports of what an update to a version did; its receipts are by the lock's nonce."""
    position = end.channel.agreed.products.count
    effects: list[Effect] = []
    for lock, preimage in done.settled:
        signature = receipts.get(lock.nonce)
        moved = lock.product != NO_PRODUCT
        concluded = Concluded(
            Result.SETTLED,
            lock,
            preimage=preimage,
            position=position if moved else None,
            receipt=lock.nonce if signature is not None else 0,
            signature=signature or b"",
            version=version,
        )
        effects.append(Report(concluded))
        position += moved
    for lock in done.failed:
        known = end.rounds.get(lock.hash)
        reason = known.reason if known is not None else None
        effects.append(Report(Concluded(Result.ROLLED_BACK, lock, reason or Reason.CANCELLED)))
    if done.paid:
        effects.append(Report(Transferred(done.paid)))
    return tuple(effects)
