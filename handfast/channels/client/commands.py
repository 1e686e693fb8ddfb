"""What the application may ask of the client's end."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from handfast.channels.channel import (
    Withdrawing,
    is_frozen,
    spendable,
    with_withdrawal,
    withdrawal_digest,
)
from handfast.channels.client.end import (
    MAX_QUEUE,
    ClientEnd,
    Round,
    Stage,
    Step,
    cancel,
    drop,
    leave,
    newest,
    pay,
    with_round,
)
from handfast.channels.effects import (
    Send,
)
from handfast.channels.inputs import (
    Buy,
    Close,
    Command,
    GiveUp,
    Grant,
    Learn,
    Leave,
    Sell,
    Transfer,
    Withdraw,
)
from handfast.channels.rules import is_fee, shortfall
from handfast.channels.state import (
    NO_PRODUCT,
)
from handfast.channels.terms import Terms
from handfast.channels.wire import (
    Party,
    Reason,
    WithdrawalProposal,
)
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import Direction


def obey(end: ClientEnd, command: Command, now: int) -> Step:
    match command:
        case Buy():
            return buy(end, command, now), ()
        case Transfer(amount):
            require_running(end, now)
            _require_funds(end, amount, _waiting(end)[0], now)
            return replace(end, transfer=end.transfer + amount), ()
        case Learn(preimage):
            return _learn(end, preimage, now)
        case GiveUp(hash_):
            return _give_up(end, hash_, now)
        case Withdraw(total):
            require_running(end, now)
            return withdraw(end, Party.CLIENT, total, now)
        case Close():
            return _close(end, now), ()
        case Leave():
            return leave(end, Reason.WISHED)
        case Sell() | Grant():
            raise InvalidInput(f"{type(command).__name__} is a command to the provider's end")
        case _:
            assert_never(command)


def _close(end: ClientEnd, now: int) -> ClientEnd:
    channel = end.channel
    if channel.leaving:
        raise InvalidInput("the channel is ending already")
    if channel.closes:
        return end
    closing = replace(channel, closes=True)
    return replace(end, channel=closing, close_wished=end.close_wished or now)


def require_running(end: ClientEnd, now: int) -> None:
    if end.channel.leaving or end.close_wished or is_frozen(end.channel, now):
        raise InvalidInput("the channel is ending")


def _require_funds(end: ClientEnd, amount: int, queued: int, now: int) -> None:
    """Check that an amount is free beside what is queued."""
    book = newest(end)
    balance = spendable(end.channel, now).client_balance(book)
    free = balance - book.locked_by_client - queued - end.transfer
    if not 0 < amount <= free:
        raise InvalidInput(f"amount must be from 1 to {max(free, 0)}, got {amount}")


def _waiting(end: ClientEnd) -> tuple[int, int]:
    """Amount and number of the rounds that wait to lock money of ours."""
    queued, ours = Stage.QUEUED, Direction.TO_PROVIDER  # looked up once: this is a hot loop
    amounts = [
        each.amount
        for each in end.rounds.values()
        if each.stage is queued and each.direction is ours
    ]
    return sum(amounts), len(amounts)


def buy(end: ClientEnd, wish: Buy, now: int) -> ClientEnd:
    """Queue a round.

    raises   InvalidInput if it cannot be paid for, or its hash or fee is wrong
    """
    require_running(end, now)
    queued, count = _waiting(end)
    _require_funds(end, wish.amount, queued, now)
    if wish.hash in end.rounds:
        raise InvalidInput("a round with this hash is open")
    if wish.number is not None and keccak(wish.number) != wish.hash:
        raise InvalidInput("the hash is not that of the number")
    if end.channel.terms.rated and wish.product != NO_PRODUCT and not is_fee(wish.amount):
        raise InvalidInput(f"a fee in MarketToken is a multiple of FEE_UNIT, got {wish.amount}")
    if count >= MAX_QUEUE:
        raise InvalidInput(f"{MAX_QUEUE} rounds are waiting already")
    wished = Round(
        Direction.TO_PROVIDER, wish.product, wish.amount, wish.hash, wish.number, wish.hold, 0, now
    )
    return with_round(end, wished)


def _round(end: ClientEnd, hash_: bytes) -> Round:
    found = end.rounds.get(hash_)
    if found is None:
        raise InvalidInput("no round with this hash is open")
    return found


def _learn(end: ClientEnd, preimage: bytes, now: int) -> Step:
    known = _round(end, keccak(preimage))
    if known.stage is Stage.PAYING:
        return end, ()
    if known.stage not in (Stage.LOCKED, Stage.LOCKING):
        raise InvalidInput(f"the round is {known.stage.name.lower()}")
    if known.stage is Stage.LOCKING:
        # Paid as soon as the lock is agreed.
        return with_round(end, replace(known, number=preimage, hold=False)), ()
    return pay(end, known, preimage, now), ()


def _give_up(end: ClientEnd, hash_: bytes, now: int) -> Step:
    known = _round(end, hash_)
    match known.stage:
        case Stage.QUEUED:
            return drop(end, known, Reason.CANCELLED)
        case Stage.LOCKING:
            cancelled = replace(known, number=None, hold=True, reason=Reason.CANCELLED)
            return with_round(end, cancelled), ()
        case Stage.LOCKED | Stage.CANCELLING:
            return cancel(end, known, Reason.CANCELLED, now)
        case _:
            raise InvalidInput(f"the round is {known.stage.name.lower()}")


def withdraw(end: ClientEnd, party: Party, total: int, now: int) -> Step:
    channel = end.channel
    held = spendable(channel, now)
    before = held.client_withdrawn if party is Party.CLIENT else held.provider_withdrawn
    wished = Withdrawing(party, total, now + channel.terms.timing.closing)
    after = with_withdrawal(channel, wished, now)
    left = spendable(after, now)
    if total <= before or shortfall(channel.agreed, left) or shortfall(newest(end), left):
        raise InvalidInput(f"{total} in all cannot be taken out now")
    return replace(end, channel=after), (withdrawal_proposal(channel.terms, wished),)


def withdrawal_proposal(terms: Terms, wished: Withdrawing) -> Send:
    message = WithdrawalProposal(wished.party, wished.total, wished.deadline)
    return Send(message, (withdrawal_digest(terms, wished),))
