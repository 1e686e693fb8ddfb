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
    Revived,
    SettleChannel,
    WithdrawTotal,
)
from handfast.channels.inputs import (
    ChainFact,
    Closed,
    Final,
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
        case Registered():
            return _hear_registration(channel, fact, books)
        case Unregistered():
            opened = replace(ending, phase=ChannelPhase.OPEN, registered=0, challenge_end=0)
            return _take_back(channel, replace(opened, standing=None, outcomes={}))
        case Closed(version):
            standing = channel.agreed if version is None else books.get(version, ending.standing)
            return _hear_end(channel, standing)
        case Revealed(preimage, time):
            return _hear_reveal(channel, preimage, time, books)
        case Resolved(position, LockOutcome.ABSENT):
            if position not in ending.outcomes:
                return channel, ()
            left_over = {key: each for key, each in ending.outcomes.items() if key != position}
            return _take_back(channel, replace(ending, outcomes=left_over))
        case Resolved(position, resolved):
            outcomes = {**ending.outcomes, position: resolved}
            return _with_exit(channel, replace(ending, outcomes=outcomes)), ()
        case Final():
            final = ending.phase is ChannelPhase.CLOSED
            return _with_exit(channel, replace(ending, final=final)), ()
        case _:
            assert_never(fact)


def _hear_registration(
    channel: Channel, fact: Registered, books: Mapping[int, Book]
) -> tuple[Channel, Effects]:
    ending, version = channel.exit, fact.version
    standing = books.get(version)
    if standing is None and ending.standing is not None and ending.standing.version == version:
        standing = ending.standing
    closing = replace(
        ending,
        phase=ChannelPhase.CLOSING,
        registered=version,
        challenge_end=fact.challenge_end,
        standing=standing,
        outcomes={},
    )
    after, effects = _take_back(channel, closing)
    left, more = begin_exit(after, Reason.ENDING)
    if standing is None and after is not channel and version > channel.agreed.version:
        detail = f"version {version} is registered, ours is {channel.agreed.version}"
        more += (Report(Complaint(Reason.LOST_STATE, detail)),)
    return left, effects + more


def _hear_end(channel: Channel, standing: Book | None) -> tuple[Channel, Effects]:
    ending = channel.exit
    closed = replace(ending, phase=ChannelPhase.CLOSED, standing=standing)
    effects: Effects = ()
    if ending.phase is ChannelPhase.CLOSED and standing != ending.standing:
        channel, effects = _take_back(channel, replace(closed, outcomes={}))
    else:
        channel = _with_exit(channel, closed)
    left, more = begin_exit(channel, Reason.ENDING)
    return left, effects + more


def _take_back(channel: Channel, ending: Exit) -> tuple[Channel, Effects]:
    """The channel as the chain has it, which may not be over any more. (SPEC CH-28)"""
    after = _with_exit(channel, replace(ending, over=False, final=False))
    return after, (Report(Revived()),) if channel.exit.over else ()


def _changed(before: Channel, after: Channel) -> Channel:
    """`before` itself where nothing changed: what changes nothing is not journalled."""
    return before if after == before else after


def _with_exit(channel: Channel, ending: Exit) -> Channel:
    return channel if ending == channel.exit else replace(channel, exit=ending)


def _hear_reveal(
    channel: Channel, preimage: bytes, time: int, books: Mapping[int, Book]
) -> tuple[Channel, Effects]:
    hash_ = keccak(preimage)
    if not any(lock.hash == hash_ for book in books.values() for lock in book.locks):
        return channel, ()
    revealed = {**channel.revealed, hash_: time}
    preimages = {**channel.preimages, hash_: preimage}
    after = _changed(channel, replace(channel, revealed=revealed, preimages=preimages))
    if time == 0 and after is not channel:
        return _take_back(after, after.exit)
    return after, ()


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
    # Once the channel is ending either may send the close: whoever sent it first may have seen it
    # vanish in a re-organisation, and be gone.
    sends = channel.closes or ending.reason is not None
    close = bool(channel.close) and sends and now <= channel.frozen_until
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
    concluded = dict(ending.concluded)
    undecided = False
    for position, lock in enumerate(locks):
        found = _decision(channel, position, lock, now)
        if found is LockOutcome.ABSENT:
            undecided = True
            continue
        result = Result.SETTLED if found is LockOutcome.PAID else Result.ROLLED_BACK
        if concluded.get(lock.nonce) is not result:
            concluded[lock.nonce] = result
            effects.append(Report(_conclusion(channel, lock, result)))
    over = not undecided and not _resolvable_left(channel, locks)
    if over:
        effects.append(Report(Over()))
    after = replace(ending, concluded=concluded, over=over)
    if after == ending:
        return channel, ()
    return replace(channel, exit=after), tuple(effects)


def _conclusion(channel: Channel, lock: Lock, result: Result) -> Concluded:
    if result is Result.ROLLED_BACK:
        return Concluded(result, lock, Reason.EXPIRED)
    return Concluded(result, lock, preimage=channel.preimages.get(lock.hash, b""))


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
        if ending.phase is ChannelPhase.CLOSED and position not in ending.outcomes:
            yield lock.expiry + 1
            yield lock.expiry + timing.margin + 1
        if not channel.leaving:
            yield lock.expiry + timing.patience
    if ending.phase is ChannelPhase.CLOSING:
        yield ending.challenge_end + 1
