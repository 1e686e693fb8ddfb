"""Which updates the provider does not agree to: those that take what it did not offer."""

from __future__ import annotations

from typing import assert_never

from handfast.channels.channel import (
    Channel,
    pays_on_chain,
    spendable,
)
from handfast.channels.provider.end import Granted, ProviderEnd
from handfast.channels.rules import (
    Applied,
    excess_locks,
    missing_cover,
)
from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    FailLock,
    Lock,
    Pay,
    SettleLock,
)
from handfast.channels.terms import Timing
from handfast.channels.wire import (
    Objection,
    Reason,
    Update,
)
from handfast.protocol.constants import Direction


def judge(end: ProviderEnd, update: Update, applied: Applied, now: int) -> tuple[Objection, ...]:
    """What stands against an update that is well formed and signed; nothing if we agree to it."""
    settled = {lock.nonce: lock for lock, _ in applied.settled}
    failed = {lock.nonce: lock for lock in applied.failed}
    products: set[bytes] = set()
    hashes = {lock.hash for lock in end.channel.agreed.locks}
    objections: list[Objection] = []
    for index, operation in enumerate(update.operations):
        reason: Reason | None = None
        match operation:
            case AddLock():
                reason = _against_lock(end, operation, hashes, products, now)
                hashes.add(operation.hash)
                products.add(operation.product)
            case SettleLock(nonce):
                reason = _against_settlement(end.channel, settled[nonce], now)
            case FailLock(nonce):
                reason = _against_rollback(end, failed[nonce], now)
            case Pay():
                pass
            case _:
                assert_never(operation)
        if reason is not None:
            objections.append(Objection(index, reason))
    return tuple(objections) or _against_sums(end, update, applied, now)


def _against_sums(
    end: ProviderEnd, update: Update, applied: Applied, now: int
) -> tuple[Objection, ...]:
    """The last operations without which the locks are not too many, and all are covered."""
    holdings = spendable(end.channel, now)
    objections: list[Objection] = []
    for direction in (Direction.TO_PROVIDER, Direction.TO_CLIENT):
        excess = excess_locks(applied.book, direction)
        missing = missing_cover(applied.book, holdings, direction)
        for index in reversed(range(len(update.operations))):
            operation = update.operations[index]
            match operation:
                case AddLock() if operation.direction is direction and excess > 0:
                    objections.append(Objection(index, Reason.TOO_MANY))
                    excess -= 1
                    missing -= operation.amount
                case AddLock() if operation.direction is direction and missing > 0:
                    objections.append(Objection(index, Reason.UNCOVERED))
                    missing -= operation.amount
                case Pay() if direction is Direction.TO_PROVIDER and missing > 0:
                    objections.append(Objection(index, Reason.UNCOVERED))
                    missing -= operation.amount
                case _:
                    pass
    return tuple(objections)


def _against_lock(
    end: ProviderEnd, lock: AddLock, hashes: set[bytes], products: set[bytes], now: int
) -> Reason | None:
    if lock.hash in hashes:
        return Reason.DUPLICATE_HASH
    if lock.amount == 0:
        return Reason.WRONG_AMOUNT
    match lock.direction:
        case Direction.TO_CLIENT:
            return _against_lock_of_ours(end, lock)
        case Direction.TO_PROVIDER:
            late = _against_expiry(end.channel.terms.timing, lock.expiry - now)
            if late is not None or lock.product == NO_PRODUCT:
                return late
            return _against_purchase(end, lock, products, now)
        case _:
            return Reason.WRONG_AMOUNT


def _against_lock_of_ours(end: ProviderEnd, lock: AddLock) -> Reason | None:
    """We pay only what we asked for ourselves."""
    granted = end.grants.get(lock.hash)
    if lock.product != NO_PRODUCT or granted is None:
        return Reason.NO_OFFER
    return None if granted == Granted(lock.amount, lock.expiry) else Reason.WRONG_AMOUNT


def _against_expiry(timing: Timing, remaining: int) -> Reason | None:
    if remaining < timing.shortest:
        return Reason.EXPIRES_TOO_SOON
    return Reason.EXPIRES_TOO_LATE if remaining > timing.longest else None


def _against_purchase(
    end: ProviderEnd, lock: AddLock, products: set[bytes], now: int
) -> Reason | None:
    """A product goes for its offer, once: whoever holds the preimage owns it by paying."""
    offer = end.offers.get(lock.product)
    if offer is None or lock.product in products or now > offer.deadline:
        return Reason.NO_OFFER
    if lock.amount != offer.amount:
        return Reason.WRONG_AMOUNT
    if offer.hash is not None and lock.hash != offer.hash:
        return Reason.WRONG_HASH
    return None


def _against_settlement(channel: Channel, lock: Lock, now: int) -> Reason | None:
    """A payment to us is welcome at any time; one to the client only while it is due."""
    if lock.direction is Direction.TO_PROVIDER or now <= lock.expiry:
        return None
    return None if pays_on_chain(channel, lock) else Reason.EXPIRED


def _against_rollback(end: ProviderEnd, lock: Lock, now: int) -> Reason | None:
    """We let go of a lock that pays us if its preimage cannot be used by us, or cannot any more."""
    channel = end.channel
    if lock.direction is Direction.TO_CLIENT or lock.hash not in channel.preimages:
        return None
    lapsed = now > lock.expiry + channel.terms.timing.margin
    return None if lapsed and not pays_on_chain(channel, lock) else Reason.STILL_CLAIMED
