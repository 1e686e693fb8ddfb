"""What the client's end makes of the provider's messages."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from handfast.channels.channel import (
    Withdrawing,
    agree,
    cancellation_digest,
    is_frozen,
    is_rated,
    learn,
    pays_on_chain,
    receipt_of,
    spendable,
    state_digest,
    unproven,
    with_withdrawal,
    withdrawal_digest,
)
from handfast.channels.client.commands import require_running, withdraw
from handfast.channels.client.end import (
    MAX_REFUSED,
    ClientEnd,
    Effects,
    Results,
    Round,
    Stage,
    Step,
    cancel,
    conclusions,
    drop,
    fails,
    leave,
    lock_of,
    newest,
    pay,
    proposals,
    results,
    with_round,
)
from handfast.channels.effects import (
    CheckWallet,
    Complaint,
    Effect,
    Locked,
    Offered,
    Report,
    Send,
)
from handfast.channels.rules import close_of
from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    FailLock,
    Lock,
    Operation,
    Pay,
    SettleLock,
)
from handfast.channels.wire import (
    Agreement,
    Cancel,
    CloseAgreement,
    CloseRequest,
    Fault,
    Greeting,
    LockRequest,
    Message,
    Offer,
    Party,
    Reason,
    Refusal,
    Release,
    WithdrawalAgreement,
    WithdrawalRequest,
)
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_LOCKS_PER_DIRECTION, Direction


def hear(  # noqa: C901, PLR0912 - one case a message
    end: ClientEnd, message: Message, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    match message:
        case Agreement():
            return _hear_agreement(end, message, vouched, now)
        case Refusal():
            return _hear_refusal(end, message, now)
        case Offer():
            return end, (Report(Offered(message)),)
        case Release(preimage):
            return _hear_release(end, preimage, now), ()
        case Cancel():
            return _hear_cancel(end, message, vouched, now)
        case LockRequest():
            return _hear_lock_request(end, message, now)
        case CloseRequest():
            if end.close_wished or end.channel.leaving:
                return end, ()
            return replace(end, close_wished=now), ()
        case WithdrawalRequest(total):
            return _hear_withdrawal_request(end, total, now)
        case CloseAgreement():
            return _hear_close(end, message, vouched)
        case WithdrawalAgreement():
            return _hear_withdrawal(end, message, vouched, now)
        case Greeting():
            return end, _compare(end, message)
        case Fault(reason, detail):
            return end, (Report(Complaint(reason, detail)),)
        case _:
            return end, (_fault(Reason.UNEXPECTED, f"{type(message).__name__} to a client"),)


def _fault(reason: Reason, detail: str) -> Send:
    return Send(Fault(reason, detail))


def _objection(
    end: ClientEnd,
    message: Message,
    signed: tuple[tuple[bytes, bytes], ...],
    vouched: tuple[bytes, ...] | None,
) -> Effects:
    """What to do about signatures that do not prove anything; nothing if all do."""
    missing = unproven(end.channel.terms, signed, vouched)
    if not missing:
        return ()
    if end.channel.terms.wallet and vouched is None:
        return (CheckWallet(message, missing),)
    return (_fault(Reason.BAD_SIGNATURE, f"in {type(message).__name__}"),)


def _hear_agreement(
    end: ClientEnd, message: Agreement, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    channel, proposal = end.channel, end.outstanding
    if message.version <= channel.agreed.version:
        return end, ()
    if proposal is None or message.version != proposal.book.version or channel.leaving:
        return end, (_fault(Reason.UNEXPECTED, f"agreement to version {message.version}"),)
    done = results(channel.agreed, proposal)
    rated = [lock for lock, _ in done.settled if is_rated(channel.terms, lock)]
    digests = [receipt_of(lock, proposal.book).digest(channel.terms.domain) for lock in rated]
    if len(message.receipts) != len(rated):
        return end, (_fault(Reason.BAD_SIGNATURE, f"{len(rated)} receipts are due"),)
    signed = (
        (state_digest(channel.terms, proposal.book), message.signature),
        *zip(digests, message.receipts, strict=True),
    )
    objection = _objection(end, message, signed, vouched)
    if objection:
        return end, objection
    receipts = dict(zip((lock.nonce for lock in rated), message.receipts, strict=True))
    effects = conclusions(end, done, proposal.book.version, receipts)
    agreed = agree(channel, proposal.book, message.signature)
    after = replace(end, channel=agreed, outstanding=None, refused=())
    after, locked = _move_rounds(after, done, now)
    return after, effects + locked


def _move_rounds(end: ClientEnd, done: Results, now: int) -> Step:
    """Forget the rounds that ended, and bring those that were locked to their next stage."""
    effects: list[Effect] = []
    rounds = dict(end.rounds)
    for lock in (*(lock for lock, _ in done.settled), *done.failed):
        rounds.pop(lock.hash, None)
    preimages = dict(end.channel.preimages)
    for lock in done.added:
        known = replace(rounds[lock.hash], nonce=lock.nonce, expiry=lock.expiry, since=now)
        stage = Stage.LOCKED
        if known.reason is not None:
            stage = Stage.CANCELLING
        elif known.number is not None and not known.hold:
            stage = Stage.PAYING
            preimages[lock.hash] = known.number
        rounds[lock.hash] = replace(known, stage=stage)
        effects.append(Report(Locked(lock)))
    channel = end.channel
    if len(preimages) != len(channel.preimages):
        channel = replace(channel, preimages=preimages)
    end = replace(end, channel=channel, rounds=rounds)
    for known in rounds.values():
        if known.stage is Stage.REFUSED:
            end, dropped = drop(end, known, known.reason or Reason.MISBEHAVED)
            effects += dropped
    return end, tuple(effects)


def _hear_refusal(end: ClientEnd, message: Refusal, now: int) -> Step:
    """Propose again without what the provider refuses. The refused update stays good for it until a
    newer one is agreed, so only then is a refused round over.
    """
    proposal = end.outstanding
    if proposal is None or message.version != proposal.book.version or end.channel.leaving:
        return end, ()
    refused = (*end.refused, proposal)
    known = {each.index for each in message.objections}
    if max(known) >= len(proposal.operations) or len(refused) > MAX_REFUSED:
        return leave(end, Reason.MISBEHAVED)
    unpaid = sum(each.amount for each in proposal.operations if isinstance(each, Pay))
    after = replace(end, outstanding=None, refused=refused, transfer=end.transfer + unpaid)
    for round_ in end.rounds.values():
        if round_.stage is Stage.LOCKING:
            stage = Stage.QUEUED if round_.reason is None else Stage.REFUSED
            after = with_round(after, replace(round_, stage=stage, since=now))
    effects: Effects = ()
    for objection in message.objections:
        operation = proposal.operations[objection.index]
        after, done = _drop_operation(after, operation, objection.reason, now)
        effects += done
    return after, effects


def _drop_operation(end: ClientEnd, operation: Operation, reason: Reason, now: int) -> Step:
    match operation:
        case AddLock(hash=hash_):
            refused = replace(end.rounds[hash_], stage=Stage.REFUSED, reason=reason)
            return with_round(end, refused), ()
        case FailLock(nonce):
            return _claimed(end, lock_of(end.channel.agreed, nonce), now), ()
        case SettleLock(nonce):
            lock = lock_of(end.channel.agreed, nonce)
            if lock.direction is Direction.TO_CLIENT and now > lock.expiry:
                return cancel(end, end.rounds[lock.hash], Reason.EXPIRED, now)
            return leave(end, Reason.MISBEHAVED)
        case Pay(amount):
            complaint = Complaint(reason, "the provider does not take the payment")
            return replace(end, transfer=end.transfer - amount), (Report(complaint),)
        case _:
            assert_never(operation)


def _claimed(end: ClientEnd, lock: Lock, now: int) -> ClientEnd:
    """The provider does not let go of a lock: wait for its preimage, and ask again later."""
    known = end.rounds[lock.hash]
    stage = Stage.PAYING if lock.hash in end.channel.preimages else Stage.LOCKED
    return with_round(end, replace(known, stage=stage, since=now))


def _hear_release(end: ClientEnd, preimage: bytes, now: int) -> ClientEnd:
    known = end.rounds.get(keccak(preimage))
    if known is None:
        return end
    if known.stage is Stage.LOCKING and known.number is None and known.reason is None:
        return with_round(end, replace(known, number=preimage))
    if known.stage not in (Stage.LOCKED, Stage.CANCELLING):
        return end
    lock = lock_of(end.channel.agreed, known.nonce)
    if now > lock.expiry and not pays_on_chain(end.channel, lock):
        return end
    if fails(end.outstanding, lock.nonce):
        # Either that rollback is agreed to, or refused and then paid.
        return replace(end, channel=learn(end.channel, lock, preimage))
    return pay(end, known, preimage, now)


def _hear_cancel(
    end: ClientEnd, message: Cancel, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    channel = end.channel
    book = channel.exit.standing or channel.agreed
    lock = next((each for each in book.locks if each.nonce == message.nonce), None)
    if lock is None or message.nonce in channel.cancelled:
        return end, ()
    if lock.direction is not Direction.TO_PROVIDER:
        return end, (_fault(Reason.UNEXPECTED, f"lock {lock.nonce} does not pay the provider"),)
    signed = ((cancellation_digest(channel.terms, lock), message.signature),)
    objection = _objection(end, message, signed, vouched)
    if objection:
        return end, objection
    cancelled = {**channel.cancelled, lock.nonce: message.signature}
    end = replace(end, channel=replace(channel, cancelled=cancelled))
    known = end.rounds.get(lock.hash)
    if known is None or known.stage is not Stage.LOCKED:
        return end, ()
    return cancel(end, known, Reason.CANCELLED, now)


def _hear_lock_request(end: ClientEnd, wish: LockRequest, now: int) -> Step:
    channel, timing = end.channel, end.channel.terms.timing
    incoming = [each for each in end.rounds.values() if each.direction is Direction.TO_CLIENT]
    remaining = wish.expiry - now
    committed = newest(end).locked_by_provider + sum(
        each.amount for each in incoming if each.stage is Stage.QUEUED
    )
    balance = spendable(channel, now).provider_balance(newest(end))
    if wish.hash in end.rounds:
        return end, ()
    if channel.leaving or end.close_wished or is_frozen(channel, now):
        return end, (_fault(Reason.ENDING, "no lock any more"),)
    if len(incoming) >= MAX_LOCKS_PER_DIRECTION:
        return end, (_fault(Reason.TOO_MANY, f"{len(incoming)} locks are open"),)
    if not 0 < wish.amount <= balance - committed:
        return end, (_fault(Reason.UNCOVERED, f"amount {wish.amount}"),)
    if not timing.shortest <= remaining <= timing.longest:
        return end, (_fault(Reason.EXPIRES_TOO_SOON, f"{remaining} seconds remain"),)
    wished = Round(
        Direction.TO_CLIENT, NO_PRODUCT, wish.amount, wish.hash, None, True, wish.expiry, now
    )
    return with_round(end, wished), ()


def _hear_withdrawal_request(end: ClientEnd, total: int, now: int) -> Step:
    if any(
        each.party is Party.PROVIDER and each.total == total for each in end.channel.withdrawals
    ):
        return end, ()
    try:
        require_running(end, now)
        return withdraw(end, Party.PROVIDER, total, now)
    except InvalidInput as error:
        return end, (_fault(Reason.UNCOVERED, str(error)),)


def _hear_withdrawal(
    end: ClientEnd, message: WithdrawalAgreement, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    wished = Withdrawing(message.party, message.total, message.deadline)
    if wished not in end.channel.withdrawals:
        return end, ()
    signed = ((withdrawal_digest(end.channel.terms, wished), message.signature),)
    objection = _objection(end, message, signed, vouched)
    if objection:
        return end, objection
    agreed = replace(wished, signature=message.signature)
    return replace(end, channel=with_withdrawal(end.channel, agreed, now)), ()


def _hear_close(end: ClientEnd, message: CloseAgreement, vouched: tuple[bytes, ...] | None) -> Step:
    channel = end.channel
    if message.deadline != channel.frozen_until or channel.close:
        return end, ()
    close = close_of(channel.agreed, channel.frozen_until)
    signed = ((close.digest(channel.terms.domain), message.signature),)
    objection = _objection(end, message, signed, vouched)
    if objection:
        return end, objection
    return replace(end, channel=replace(channel, close=message.signature)), ()


def _compare(end: ClientEnd, greeting: Greeting) -> Effects:
    """Complain where the provider knows another state than it can have come to."""
    agreed = end.channel.agreed
    known = {agreed.version, *(each.book.version for each in proposals(end))}
    if greeting.version not in known:
        detail = f"the provider is at version {greeting.version}, we are at {agreed.version}"
        return (Report(Complaint(Reason.LOST_STATE, detail)),)
    if greeting.version == agreed.version and greeting.last_nonce != end.channel.agreed.last_nonce:
        detail = f"the provider's last lock is {greeting.last_nonce}"
        return (Report(Complaint(Reason.LOST_STATE, detail)),)
    return ()
