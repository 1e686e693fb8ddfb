"""What the client's end proposes next. (SPEC CH-20, CH-21)"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from handfast.channels.channel import (
    Channel,
    is_frozen,
    spendable,
    state_digest,
)
from handfast.channels.client.commands import withdrawal_proposal
from handfast.channels.client.end import ClientEnd, Effects, Proposal, Stage, Step
from handfast.channels.effects import (
    Concluded,
    Effect,
    Report,
    Result,
    Send,
)
from handfast.channels.rules import apply, close_of
from handfast.channels.state import (
    AddLock,
    FailLock,
    Lock,
    Operation,
    Pay,
    SettleLock,
)
from handfast.channels.wire import (
    CloseProposal,
    Greeting,
    Reason,
    Update,
)
from handfast.protocol.constants import MAX_LOCKS_PER_DIRECTION, Direction


def propose(end: ClientEnd, now: int) -> Step:
    """The next update, or the close that is wished for, if it is time for one."""
    channel = end.channel
    if end.outstanding is not None or channel.leaving or is_frozen(channel, now):
        return end, ()
    if not (end.rounds or end.transfer or end.refused):
        return _propose_close(end, now) if end.close_wished else (end, ())
    end, operations, effects = _operations(end, now)
    if not operations and not end.refused:
        return end, effects
    version = max(end.last_version, channel.agreed.version) + 1
    book = apply(channel.agreed, operations, version).book
    proposal = Proposal(book, operations, now)
    last_nonce = max(end.last_nonce, book.last_nonce)
    after = replace(
        end, outstanding=proposal, last_version=version, last_nonce=last_nonce, transfer=0
    )
    return after, (*effects, _update(after, proposal))


def _operations(end: ClientEnd, now: int) -> tuple[ClientEnd, tuple[Operation, ...], Effects]:
    """Settlements and rollbacks of every lock that is ripe, then as many new locks as fit."""
    channel = end.channel
    operations: list[Operation] = []
    places = dict.fromkeys((Direction.TO_PROVIDER, Direction.TO_CLIENT), MAX_LOCKS_PER_DIRECTION)
    held = spendable(channel, now)
    free = {
        Direction.TO_PROVIDER: held.client_balance(channel.agreed) - end.transfer,
        Direction.TO_CLIENT: held.provider_balance(channel.agreed),
    }
    for lock in channel.agreed.locks:
        stage = end.rounds[lock.hash].stage
        if stage is Stage.PAYING:
            operations.append(SettleLock(lock.nonce, channel.preimages[lock.hash]))
        elif stage is Stage.CANCELLING:
            operations.append(FailLock(lock.nonce))
            continue
        else:
            places[lock.direction] -= 1
        free[lock.direction] -= lock.amount
    if end.transfer:
        operations.append(Pay(end.transfer))
    rounds = dict(end.rounds)
    effects: list[Effect] = []
    for hash_, known in end.rounds.items():
        if known.stage is not Stage.QUEUED or places[known.direction] == 0:
            continue
        expiry = known.expiry or now + channel.terms.timing.lifetime
        covered = known.amount <= free[known.direction]
        if not covered or expiry <= now:
            del rounds[hash_]
            lock = Lock(known.direction, known.amount, hash_, expiry, known.product, 0)
            reason = Reason.EXPIRED if covered else Reason.UNCOVERED
            effects.append(Report(Concluded(Result.ROLLED_BACK, lock, reason)))
            continue
        places[known.direction] -= 1
        free[known.direction] -= known.amount
        rounds[hash_] = replace(known, stage=Stage.LOCKING, since=now)
        operations.append(AddLock(known.direction, known.amount, hash_, expiry, known.product))
    if rounds != end.rounds:
        end = replace(end, rounds=rounds)
    return end, tuple(operations), tuple(effects)


def _update(end: ClientEnd, proposal: Proposal) -> Send:
    base = end.channel.agreed.version
    message = Update(base, proposal.book.version, proposal.operations)
    return Send(message, (state_digest(end.channel.terms, proposal.book),))


def _propose_close(end: ClientEnd, now: int) -> Step:
    channel = end.channel
    deadline = now + channel.terms.timing.closing
    frozen = replace(channel, frozen_until=deadline, close=b"")
    return replace(end, channel=frozen), (_close_proposal(frozen),)


def _close_proposal(channel: Channel) -> Send:
    message = CloseProposal(channel.agreed.version, channel.frozen_until)
    digest = close_of(channel.agreed, channel.frozen_until).digest(channel.terms.domain)
    return Send(message, (digest,))


def say_again(end: ClientEnd) -> Iterator[Effect]:
    channel = end.channel
    yield Send(Greeting(channel.agreed.version, channel.agreed.last_nonce))
    if channel.leaving:
        return
    if end.outstanding is not None:
        yield _update(end, end.outstanding)
    if channel.frozen_until and not channel.close:
        yield _close_proposal(channel)
    for each in channel.withdrawals:
        if not each.signature:
            yield withdrawal_proposal(channel.terms, each)
