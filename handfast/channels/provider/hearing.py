"""What the provider's end makes of the client's messages."""

from __future__ import annotations

from dataclasses import replace

from handfast.channels.channel import (
    Channel,
    Withdrawing,
    agree,
    cancellation_digest,
    is_frozen,
    is_rated,
    learn,
    receipt_of,
    spendable,
    state_digest,
    unproven,
    with_withdrawal,
    withdrawal_digest,
)
from handfast.channels.effects import (
    CheckWallet,
    Complaint,
    Concluded,
    Effect,
    Locked,
    Report,
    Result,
    Send,
    Transferred,
)
from handfast.channels.provider.end import (
    MAX_STEP,
    MAX_WITHDRAWALS,
    Effects,
    ProviderEnd,
    Step,
    fault,
    with_channel,
)
from handfast.channels.provider.judging import judge
from handfast.channels.rules import (
    Applied,
    apply,
    close_of,
    shortfall,
)
from handfast.channels.state import (
    NO_PRODUCT,
    Lock,
)
from handfast.channels.wire import (
    Agreement,
    Cancel,
    CloseAgreement,
    CloseProposal,
    Fault,
    Greeting,
    Message,
    Party,
    Reason,
    Refusal,
    Release,
    Update,
    WithdrawalAgreement,
    WithdrawalProposal,
)
from handfast.errors import InvalidInput
from handfast.protocol.constants import Direction


def hear(end: ProviderEnd, message: Message, vouched: tuple[bytes, ...] | None, now: int) -> Step:
    match message:
        case Update():
            return _hear_update(end, message, vouched, now)
        case CloseProposal():
            return _hear_close(end, message, vouched, now)
        case WithdrawalProposal():
            return _hear_withdrawal(end, message, vouched, now)
        case Cancel():
            return _hear_cancel(end, message, vouched)
        case Greeting():
            return end, _compare(end, message)
        case Fault(reason, detail):
            return end, (Report(Complaint(reason, detail)),)
        case _:
            return end, (fault(Reason.UNEXPECTED, f"{type(message).__name__} to a provider"),)


def _objection(
    end: ProviderEnd,
    message: Message,
    digest: bytes,
    signature: bytes,
    vouched: tuple[bytes, ...] | None,
) -> Effects:
    """What to do about a signature that does not prove anything; nothing if it does."""
    missing = unproven(end.channel.terms, ((digest, signature),), vouched)
    if not missing:
        return ()
    if end.channel.terms.wallet and vouched is None:
        return (CheckWallet(message, missing),)
    return (fault(Reason.BAD_SIGNATURE, f"in {type(message).__name__}"),)


def _hear_update(
    end: ProviderEnd, update: Update, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    answer = _answer_known(end, update, vouched)
    if answer:
        return end, answer
    channel = end.channel
    try:
        applied = apply(channel.agreed, update.operations, update.version)
        digest = state_digest(channel.terms, applied.book)
    except InvalidInput as error:
        return end, (fault(Reason.INVALID_OPERATION, str(error)),)
    objection = _objection(end, update, digest, update.signature, vouched)
    if objection:
        return end, objection
    end = with_channel(end, _learn_all(channel, applied))
    if channel.leaving:
        return end, (fault(Reason.ENDING, "the channel is ending"),)
    if is_frozen(channel, now):
        return end, (fault(Reason.FROZEN, "a cooperative close is good still"),)
    objections = judge(end, update, applied, now)
    if objections:
        refusal = Refusal(update.version, objections)
        return replace(end, refusal=refusal), (Send(refusal),)
    return _accept(end, update, applied, digest)


def _answer_known(end: ProviderEnd, update: Update, vouched: tuple[bytes, ...] | None) -> Effects:
    """The answer to an update that was answered before, or that follows another state than ours."""
    agreed = end.channel.agreed
    if update.version == agreed.version and end.signed:
        objection = _objection(end, update, end.signed[0], update.signature, vouched)
        if not objection:
            return (_agreement(end),)
        if isinstance(objection[0], CheckWallet):
            return objection
        return (fault(Reason.CONTRADICTION, f"version {update.version} is another"),)
    if end.refusal is not None and update.version == end.refusal.version:
        return (Send(end.refusal),)
    newest = max(agreed.version, end.refusal.version if end.refusal is not None else 0)
    if not newest < update.version <= newest + MAX_STEP:
        return (fault(Reason.STALE_VERSION, f"{update.version} after {newest}"),)
    if update.base != agreed.version:
        return (fault(Reason.WRONG_BASE, f"{update.base}, ours is {agreed.version}"),)
    return ()


def _learn_all(channel: Channel, applied: Applied) -> Channel:
    """Preimages that pay us are ours to use, whatever becomes of the update that brought them."""
    for lock, preimage in applied.settled:
        if lock.direction is Direction.TO_PROVIDER:
            channel = learn(channel, lock, preimage)
    return channel


def _accept(end: ProviderEnd, update: Update, applied: Applied, digest: bytes) -> Step:
    channel = end.channel
    rated = [lock for lock, _ in applied.settled if is_rated(channel.terms, lock)]
    receipts = tuple(receipt_of(lock, applied.book).digest(channel.terms.domain) for lock in rated)
    reports = _reports(channel, applied)
    channel = agree(channel, applied.book, update.signature)
    released, channel = _release_keys(end, channel, applied.added)
    offers, grants = dict(end.offers), dict(end.grants)
    for lock in applied.added:
        offers.pop(lock.product, None)
        grants.pop(lock.hash, None)
    nonces = {lock.nonce for lock in applied.book.locks}
    after = replace(
        end,
        channel=channel,
        offers=offers if len(offers) != len(end.offers) else end.offers,
        grants=grants if len(grants) != len(end.grants) else end.grants,
        signed=(digest, *receipts),
        refusal=None,
        given_up=tuple(nonce for nonce in end.given_up if nonce in nonces),
    )
    return after, (_agreement(after), *released, *reports)


def _agreement(end: ProviderEnd) -> Send:
    return Send(Agreement(end.channel.agreed.version), end.signed)


def _release_keys(
    end: ProviderEnd, channel: Channel, added: tuple[Lock, ...]
) -> tuple[tuple[Send, ...], Channel]:
    """Release the keys of products whose fee is locked now."""
    released: list[Send] = []
    for lock in added:
        offer = end.offers.get(lock.product)
        if offer is not None and offer.key is not None:
            channel = learn(channel, lock, offer.key)
            released.append(Send(Release(offer.key)))
    return tuple(released), channel


def _reports(channel: Channel, applied: Applied) -> Effects:
    position = channel.agreed.products.count
    effects: list[Effect] = []
    for lock, preimage in applied.settled:
        moved, rated = lock.product != NO_PRODUCT, is_rated(channel.terms, lock)
        concluded = Concluded(
            Result.SETTLED,
            lock,
            preimage=preimage,
            position=position if moved else None,
            receipt=lock.nonce if rated else 0,
            version=applied.book.version,
        )
        effects.append(Report(concluded))
        position += moved
    effects += [
        Report(Concluded(Result.ROLLED_BACK, lock, Reason.CANCELLED)) for lock in applied.failed
    ]
    effects += [Report(Locked(lock)) for lock in applied.added]
    if applied.paid:
        effects.append(Report(Transferred(applied.paid)))
    return tuple(effects)


def _hear_close(
    end: ProviderEnd, message: CloseProposal, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    channel = end.channel
    latest = now + 2 * channel.terms.timing.closing
    if channel.leaving:
        return end, (fault(Reason.ENDING, "the channel is ending"),)
    if message.base != channel.agreed.version:
        return end, (fault(Reason.WRONG_BASE, f"ours is {channel.agreed.version}"),)
    if channel.agreed.locks:
        return end, (fault(Reason.LOCKS_PENDING, f"{len(channel.agreed.locks)} locks"),)
    if not max(now, channel.frozen_until) <= message.deadline <= latest:
        return end, (fault(Reason.BAD_DEADLINE, f"not from {now} to {latest}"),)
    digest = close_of(channel.agreed, message.deadline).digest(channel.terms.domain)
    objection = _objection(end, message, digest, message.signature, vouched)
    if objection:
        return end, objection
    answer = Send(CloseAgreement(message.deadline), (digest,))
    if channel.frozen_until == message.deadline and channel.close:
        return end, (answer,)
    frozen = replace(
        channel,
        frozen_until=message.deadline,
        close=message.signature,
    )
    return replace(end, channel=frozen), (answer,)


def _hear_withdrawal(
    end: ProviderEnd, message: WithdrawalProposal, vouched: tuple[bytes, ...] | None, now: int
) -> Step:
    channel = end.channel
    wished = Withdrawing(message.party, message.total, message.deadline)
    digest = withdrawal_digest(channel.terms, wished)
    answer = Send(WithdrawalAgreement(message.party, message.total, message.deadline), (digest,))
    if any(replace(each, signature=b"") == wished for each in channel.withdrawals):
        return end, (answer,)
    latest = now + 2 * channel.terms.timing.closing
    if channel.leaving or is_frozen(channel, now):
        return end, (fault(Reason.ENDING, "the channel is ending"),)
    if not now <= message.deadline <= latest:
        return end, (fault(Reason.BAD_DEADLINE, f"not from {now} to {latest}"),)
    if message.party is Party.PROVIDER and message.total != end.withdrawal:
        return end, (fault(Reason.UNEXPECTED, "we did not ask for that"),)
    after = with_withdrawal(channel, replace(wished, signature=message.signature), now)
    if len(after.withdrawals) > MAX_WITHDRAWALS:
        return end, (fault(Reason.TOO_MANY, f"{MAX_WITHDRAWALS} withdrawals are good"),)
    if shortfall(channel.agreed, spendable(after, now)):
        return end, (fault(Reason.UNCOVERED, f"{message.total} in all"),)
    objection = _objection(end, message, digest, message.signature, vouched)
    if objection:
        return end, objection
    asked = 0 if message.party is Party.PROVIDER else end.withdrawal
    return replace(end, channel=after, withdrawal=asked), (answer,)


def _hear_cancel(end: ProviderEnd, message: Cancel, vouched: tuple[bytes, ...] | None) -> Step:
    """The client gives up a lock of ours when it is too late for an update: keep its signature."""
    channel = end.channel
    book = channel.exit.standing or channel.agreed
    lock = next((each for each in book.locks if each.nonce == message.nonce), None)
    if lock is None or message.nonce in channel.cancelled:
        return end, ()
    if lock.direction is not Direction.TO_CLIENT:
        return end, (fault(Reason.UNEXPECTED, f"lock {lock.nonce} does not pay the client"),)
    digest = cancellation_digest(channel.terms, lock)
    objection = _objection(end, message, digest, message.signature, vouched)
    if objection:
        return end, objection
    cancelled = {**channel.cancelled, lock.nonce: message.signature}
    return with_channel(end, replace(channel, cancelled=cancelled)), ()


def _compare(end: ProviderEnd, greeting: Greeting) -> Effects:
    """Complain where the client has our signature of a state that we do not know."""
    ours = end.channel.agreed.version
    if greeting.version > ours:
        detail = f"the client is at version {greeting.version}, we are at {ours}"
        return (Report(Complaint(Reason.LOST_STATE, detail)),)
    if greeting.version == ours and greeting.last_nonce != end.channel.agreed.last_nonce:
        detail = f"the client's last lock is {greeting.last_nonce}"
        return (Report(Complaint(Reason.LOST_STATE, detail)),)
    return ()
