"""The client's end, moved by one input at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from handfast.channels.channel import (
    is_frozen,
    pays_on_chain,
)
from handfast.channels.client.commands import buy, obey
from handfast.channels.client.end import (
    ClientEnd,
    Effects,
    Stage,
    Step,
    cancel,
    conclusions,
    drop,
    fails,
    leave,
    lock_of,
    proposals,
    results,
    with_round,
)
from handfast.channels.client.hearing import hear
from handfast.channels.client.proposing import propose, say_again
from handfast.channels.exit import finish, hear_chain, overdue, wake_times
from handfast.channels.inputs import (
    Buy,
    ChainFact,
    Closed,
    Connected,
    Final,
    Funded,
    Heard,
    Input,
    Registered,
    Resolved,
    Revealed,
    Tick,
    Unregistered,
)
from handfast.channels.wire import (
    Reason,
)
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import ChannelPhase, Direction


def step(end: ClientEnd, input: Input, now: int) -> Step:  # noqa: A002
    """Take one input in.

    now       seconds
    raises    InvalidInput for a command that cannot be followed; nothing changes then. What a peer
              sends never raises.
    """
    was_leaving = end.channel.leaving
    match input:
        case Heard(message, vouched):
            after, effects = hear(end, message, vouched, now)
        case Connected():
            return end, tuple(say_again(end))
        case Buy():
            # Nothing comes due on chain by it, and there are many.
            return propose(buy(end, input, now), now)
        case Tick():
            after, effects = _tick(end, now)
        case (
            Funded() | Registered() | Unregistered() | Closed() | Revealed() | Resolved() | Final()
        ):
            after, effects = _hear_chain(end, input)
        case _:
            after, effects = obey(end, input, now)
    after, more = propose(after, now)
    channel, done = finish(after.channel, now, (*effects, *more))
    if channel is not after.channel:
        after = replace(after, channel=channel)
    if channel.leaving and not was_leaving:
        after, dropped = _drop_queued(after)
        done += dropped
    return after, done


def _tick(end: ClientEnd, now: int) -> Step:
    channel, timing = end.channel, end.channel.terms.timing
    if channel.leaving:
        return end, ()
    if _is_silent(end, now) or overdue(channel, now):
        return leave(end, Reason.SILENT)
    effects: Effects = ()
    if channel.frozen_until and not is_frozen(channel, now):
        # Nobody sent the close to the chain in time: the channel goes on.
        lapsed = replace(channel, frozen_until=0, close=b"", closes=False)
        end = replace(end, channel=lapsed, close_wished=0)
    for known in tuple(end.rounds.values()):
        late = now >= known.since + timing.instruction
        done: Effects = ()
        if known.stage is Stage.QUEUED and late:
            end, done = drop(end, known, Reason.TIMEOUT)
        elif known.stage is Stage.LOCKED and known.direction is Direction.TO_PROVIDER and late:
            end, done = cancel(end, known, Reason.TIMEOUT, now)
        elif known.stage is Stage.LOCKED and now > known.expiry:
            end, done = cancel(end, known, Reason.EXPIRED, now)
        effects += done
    return end, effects


def _is_silent(end: ClientEnd, now: int) -> bool:
    """Whether the provider has not answered for longer than is borne."""
    channel, patience = end.channel, end.channel.terms.timing.patience
    waiting = end.outstanding
    if waiting is not None and (waiting.book.locks or channel.agreed.locks):
        return now >= waiting.sent_at + patience
    if channel.frozen_until and not channel.close:
        return now >= channel.frozen_until - channel.terms.timing.closing + patience
    return False


def _hear_chain(end: ClientEnd, fact: ChainFact) -> Step:
    books = {each.book.version: each.book for each in proposals(end)}
    books[end.channel.agreed.version] = end.channel.agreed
    before = end.channel.exit.phase
    channel, effects = hear_chain(end.channel, fact, books)
    if channel is end.channel:
        return end, effects
    end = replace(end, channel=channel)
    if isinstance(fact, Revealed):
        return _pay_revealed(end, keccak(fact.preimage), fact), effects
    if channel.exit.phase is ChannelPhase.CLOSED and before is not ChannelPhase.CLOSED:
        end, concluded = _end_rounds(end)
        effects += concluded
    return end, effects


def _pay_revealed(end: ClientEnd, hash_: bytes, fact: Revealed) -> ClientEnd:
    """A lock whose preimage is public in time pays for certain: settle it off chain if we can."""
    known = end.rounds.get(hash_)
    if known is None or known.stage not in (Stage.LOCKED, Stage.CANCELLING):
        return end
    lock = lock_of(end.channel.agreed, known.nonce)
    if fails(end.outstanding, lock.nonce) or not pays_on_chain(end.channel, lock):
        return end
    return with_round(end, replace(known, stage=Stage.PAYING, since=fact.time))


def _end_rounds(end: ClientEnd) -> Step:
    """The end of the rounds that have no lock in the state by which the channel ended."""
    channel = end.channel
    standing = channel.exit.standing or channel.agreed
    chosen = next((each for each in proposals(end) if each.book.version == standing.version), None)
    effects: Effects = ()
    settled: set[bytes] = set()
    if chosen is not None:
        # The provider ended by an update of ours, and kept its receipts.
        done = results(channel.agreed, chosen)
        settled = {lock.hash for lock, _ in done.settled}
        if end.ended_by != chosen.book.version:
            effects = conclusions(end, done, chosen.book.version, {})
            end = replace(end, ended_by=chosen.book.version)
    pending = {lock.hash for lock in standing.locks}
    for known in end.rounds.values():
        if known.hash not in pending and known.hash not in settled:
            _, dropped = drop(end, known, known.reason or Reason.ENDING)
            effects += dropped
    rounds = {hash_: each for hash_, each in end.rounds.items() if hash_ in pending}
    # The proposals are kept: should the end be undone, another of them may come to stand.
    return replace(end, rounds=rounds), effects


def _drop_queued(end: ClientEnd) -> Step:
    effects: Effects = ()
    for known in end.rounds.values():
        if known.stage is Stage.QUEUED:
            end, dropped = drop(end, known, Reason.ENDING)
            effects += dropped
    return end, effects


def wake_at(end: ClientEnd, now: int) -> int | None:
    """The next second after `now` at which a `Tick` may change something; None for never."""
    return min((time for time in _times(end) if time > now), default=None)


def _times(end: ClientEnd) -> Iterator[int]:
    channel, timing = end.channel, end.channel.terms.timing
    yield from wake_times(channel)
    if channel.leaving:
        return
    for known in end.rounds.values():
        if known.stage in (Stage.QUEUED, Stage.LOCKED):
            yield known.since + timing.instruction
        if known.stage is Stage.LOCKED:
            yield known.expiry + 1
    if end.outstanding is not None:
        yield end.outstanding.sent_at + timing.patience
    if channel.frozen_until:
        yield channel.frozen_until - timing.closing + timing.patience
        yield channel.frozen_until + timing.margin + 1
