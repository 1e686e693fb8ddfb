"""How an end leaves a channel by the chain: what the chain's facts mean, and what to send when.
(SPEC CH-11 to CH-17, CH-22, CH-23)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import assert_never

from handfast.channels.channel import Channel, Exit, payee_of, pays_on_chain
from handfast.channels.effects import (
    ChainAction,
    CloseCooperatively,
    Complaint,
    Concluded,
    Effect,
    Leaving,
    Over,
    RegisterState,
    Report,
    ResolveLocks,
    Result,
    Reveal,
    SettleChannel,
    WithdrawTotal,
)
from handfast.channels.inputs import (
    ChainFact,
    Closed,
    Funded,
    Registered,
    Resolved,
    Revealed,
    Unregistered,
)
from handfast.channels.rules import outcome
from handfast.channels.state import Book, Lock
from handfast.channels.wire import Party, Reason
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import ChannelPhase, LockOutcome

Effects = tuple[Effect, ...]


def begin_exit(channel: Channel, reason: Reason) -> tuple[Channel, Effects]:
    """Begin the end, once; the actions on chain follow from `due`."""
    if channel.exit.reason is not None:
        return channel, ()
    ending = replace(channel.exit, reason=reason)
    return replace(channel, exit=ending), (Report(Leaving(reason)),)


# ---------------------------------------------------------------- what the chain says


def hear_chain(
    channel: Channel, fact: ChainFact, books: Mapping[int, Book]
) -> tuple[Channel, Effects]:
    """Take a fact of the chain in.

    books    by version, those that may come to stand registered
    """
    ending = channel.exit
    match fact:
        case Funded(holdings):
            return _changed(channel, replace(channel, holdings=holdings)), ()
        case _ if ending.phase is ChannelPhase.CLOSED and not isinstance(fact, Revealed | Resolved):
            return channel, ()
        case Registered(version, challenge_end):
            standing = books.get(version)
            after = _with_exit(
                channel,
                replace(
                    ending,
                    phase=ChannelPhase.CLOSING,
                    registered=version,
                    challenge_end=challenge_end,
                    standing=standing,
                ),
            )
            left, effects = begin_exit(after, Reason.ENDING)
            if standing is None and after is not channel and version > channel.agreed.version:
                detail = f"version {version} is registered, ours is {channel.agreed.version}"
                effects += (Report(Complaint(Reason.LOST_STATE, detail)),)
            return left, effects
        case Unregistered():
            opened = replace(ending, phase=ChannelPhase.OPEN, registered=0, challenge_end=0)
            return _with_exit(channel, replace(opened, standing=None)), ()
        case Closed(version):
            standing = channel.agreed if version is None else books.get(version, ending.standing)
            closed = replace(ending, phase=ChannelPhase.CLOSED, standing=standing)
            return begin_exit(_with_exit(channel, closed), Reason.ENDING)
        case Revealed(preimage, time):
            return _reveal(channel, preimage, time, books), ()
        case Resolved(position, resolved):
            outcomes = {**ending.outcomes, position: resolved}
            return _with_exit(channel, replace(ending, outcomes=outcomes)), ()
        case _:
            assert_never(fact)


def _changed(before: Channel, after: Channel) -> Channel:
    """`before` itself where nothing changed: what changes nothing is not journalled."""
    return before if after == before else after


def _with_exit(channel: Channel, ending: Exit) -> Channel:
    return channel if ending == channel.exit else replace(channel, exit=ending)


def _reveal(channel: Channel, preimage: bytes, time: int, books: Mapping[int, Book]) -> Channel:
    hash_ = keccak(preimage)
    if not any(lock.hash == hash_ for book in books.values() for lock in book.locks):
        return channel
    revealed = {**channel.revealed, hash_: time}
    preimages = {**channel.preimages, hash_: preimage}
    return _changed(channel, replace(channel, revealed=revealed, preimages=preimages))


# ---------------------------------------------------------------- what to send


def due(channel: Channel, now: int) -> tuple[ChainAction, ...]:
    """Everything that should be on its way to the chain at this moment.

    It stays due until a fact of the chain shows that it was done.
    """
    if channel.exit.over:
        return ()
    return (
        *(Reveal(channel.preimages[lock.hash]) for lock in _to_reveal(channel, now)),
        *_withdrawals(channel, now),
        *_steps(channel, now),
    )


def _steps(channel: Channel, now: int) -> Iterator[ChainAction]:
    ending, agreed = channel.exit, channel.agreed
    close = bool(channel.close) and channel.closes and now <= channel.frozen_until
    if ending.phase is not ChannelPhase.CLOSED and close:
        yield CloseCooperatively(agreed, channel.frozen_until, channel.close)
    if ending.phase is ChannelPhase.OPEN and ending.reason is not None and not close:
        yield RegisterState(agreed, channel.signature)
    elif ending.phase is ChannelPhase.CLOSING and now <= ending.challenge_end:
        if ending.registered < agreed.version:
            yield RegisterState(agreed, channel.signature)
    elif ending.standing is not None and ending.phase is ChannelPhase.CLOSING:
        yield SettleChannel(ending.standing, *_resolvable(channel, ending.standing, now))
    elif ending.standing is not None and ending.phase is ChannelPhase.CLOSED:
        positions, cancelled = _resolvable(channel, ending.standing, now)
        if positions:
            yield ResolveLocks(ending.standing, positions, cancelled)


def _withdrawals(channel: Channel, now: int) -> Iterator[ChainAction]:
    if channel.exit.phase is not ChannelPhase.OPEN:
        return
    ours = channel.terms.party
    held = channel.holdings
    done = held.client_withdrawn if ours is Party.CLIENT else held.provider_withdrawn
    for each in channel.withdrawals:
        if each.party is ours and each.signature and done < each.total and now <= each.deadline:
            yield WithdrawTotal(each.party, each.total, each.deadline, each.signature)


def _to_reveal(channel: Channel, now: int) -> Iterator[Lock]:
    """Locks whose preimage has to go on chain: soon before they expire, and once nothing but the
    chain can pay them. Not before a state that holds the lock stands there: until then the peer
    could still end by one without it.
    """
    ending = channel.exit
    book = ending.standing or channel.agreed
    certain = ending.standing is not None and ending.registered >= channel.agreed.version
    late = now + channel.terms.timing.margin
    for lock in book.locks:
        if not (certain or late >= lock.expiry) or now > lock.expiry:
            continue
        if lock.hash in channel.preimages and not pays_on_chain(channel, lock):
            yield lock


def _resolvable(
    channel: Channel, book: Book, now: int
) -> tuple[tuple[int, ...], tuple[tuple[int, bytes], ...]]:
    """Positions of the locks that can be resolved to our good, and cancellations that it takes."""
    positions: list[int] = []
    cancelled: list[tuple[int, bytes]] = []
    for position, lock in enumerate(book.locks):
        if position in channel.exit.outcomes:
            continue
        signature = channel.cancelled.get(lock.nonce, b"")
        revealed_at = channel.revealed.get(lock.hash, 0)
        found = outcome(lock.expiry, revealed_at, bool(signature), now)
        ours = payee_of(lock) is channel.terms.party
        if found is LockOutcome.PAID and ours:
            positions.append(position)
        elif found is LockOutcome.REFUNDED and not ours:
            positions.append(position)
            if signature:
                cancelled.append((position, signature))
    return tuple(positions), tuple(cancelled)


def overdue(channel: Channel, now: int) -> bool:
    """Whether a lock has stayed pending for so long after its expiry that the peer must be gone, or
    does not mean to let go of it.
    """
    patience = channel.terms.timing.patience
    return any(now >= lock.expiry + patience for lock in channel.agreed.locks)


def finish(channel: Channel, now: int, effects: Effects) -> tuple[Channel, Effects]:
    """End a step: add what is due on chain, and the rounds that it decided."""
    channel, concluded = conclude(channel, now)
    actions = due(channel, now)
    asked_at = channel.asked_at
    if not actions:
        asked_at = 0
    elif asked_at == 0 or now >= asked_at + channel.terms.timing.retry:
        asked_at = now
    if asked_at != channel.asked_at:
        channel = replace(channel, asked_at=asked_at)
    return channel, (*effects, *concluded, *actions)


# ---------------------------------------------------------------- how its rounds end


def conclude(channel: Channel, now: int) -> tuple[Channel, Effects]:
    """Report the rounds of locks that were pending at the end, as they are decided, and the end."""
    ending = channel.exit
    if ending.phase is not ChannelPhase.CLOSED or ending.over:
        return channel, ()
    locks = ending.standing.locks if ending.standing is not None else ()
    effects: list[Effect] = []
    concluded = ending.concluded
    for position, lock in enumerate(locks):
        found = _decision(channel, position, lock, now)
        if position in concluded or found is LockOutcome.ABSENT:
            continue
        concluded += (position,)
        paid = found is LockOutcome.PAID
        effects.append(
            Report(
                Concluded(
                    Result.SETTLED if paid else Result.ROLLED_BACK,
                    lock,
                    None if paid else Reason.EXPIRED,
                    channel.preimages.get(lock.hash, b"") if paid else b"",
                )
            )
        )
    over = len(concluded) == len(locks) and not _resolvable_left(channel, locks)
    if over:
        effects.append(Report(Over()))
    after = replace(ending, concluded=concluded, over=over)
    if after == ending:
        return channel, ()
    return replace(channel, exit=after), tuple(effects)


def _decision(channel: Channel, position: int, lock: Lock, now: int) -> LockOutcome:
    """What became of a lock; a margin after the expiry the registry has the last word."""
    known = channel.exit.outcomes.get(position)
    if known is not None:
        return known
    margin = channel.terms.timing.margin
    return outcome(lock.expiry, channel.revealed.get(lock.hash, 0), False, now - margin)


def _resolvable_left(channel: Channel, locks: tuple[Lock, ...]) -> bool:
    """Whether a lock that was decided in our favour waits for its resolution on chain."""
    ours = channel.terms.party
    for position, lock in enumerate(locks):
        if position in channel.exit.outcomes:
            continue
        if pays_on_chain(channel, lock) == (payee_of(lock) is ours):
            return True
    return False


# ---------------------------------------------------------------- when to look again


def wake_times(channel: Channel) -> Iterator[int]:
    """Moments at which something about the end comes due."""
    ending, timing = channel.exit, channel.terms.timing
    if ending.over:
        return
    if channel.asked_at:
        yield channel.asked_at + timing.retry
    book = ending.standing or channel.agreed
    for position, lock in enumerate(book.locks):
        if lock.hash in channel.preimages and not pays_on_chain(channel, lock):
            yield lock.expiry - timing.margin
        if ending.phase is ChannelPhase.CLOSED and position not in ending.concluded:
            yield lock.expiry + timing.margin + 1
        if ending.phase is ChannelPhase.CLOSED and position not in ending.outcomes:
            yield lock.expiry + 1
        if not channel.leaving:
            yield lock.expiry + timing.patience
    if ending.phase is ChannelPhase.CLOSING:
        yield ending.challenge_end + 1
