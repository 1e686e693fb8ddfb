"""What the application may ask of the provider's end."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from handfast.channels.channel import (
    is_frozen,
    learn,
    spendable,
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
from handfast.channels.provider.end import (
    MAX_OFFERS,
    Granted,
    ProviderEnd,
    Selling,
    Step,
    cancel_message,
    leave,
    offer_message,
    pending_lock,
    with_channel,
)
from handfast.channels.rules import (
    is_fee,
    shortfall,
)
from handfast.channels.state import (
    NO_PRODUCT,
)
from handfast.channels.wire import (
    CloseRequest,
    LockRequest,
    Reason,
    Release,
    WithdrawalRequest,
)
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_LOCKS_PER_DIRECTION, Direction


def obey(end: ProviderEnd, command: Command, now: int) -> Step:
    match command:
        case Sell():
            return sell(end, command, now)
        case Grant(amount, hash_):
            return _grant(end, amount, hash_, now)
        case Learn(preimage):
            return _learn(end, preimage)
        case GiveUp(hash_):
            return _give_up(end, hash_)
        case Withdraw(total):
            return _withdraw(end, total, now)
        case Close():
            return _close(end, now)
        case Leave():
            return leave(end, Reason.WISHED)
        case Buy() | Transfer():
            raise InvalidInput(f"{type(command).__name__} is a command to the client's end")
        case _:
            assert_never(command)


def _withdraw(end: ProviderEnd, total: int, now: int) -> Step:
    _require_running(end, now)
    held = spendable(end.channel, now)
    after = replace(held, provider_withdrawn=total)
    if total <= held.provider_withdrawn or shortfall(end.channel.agreed, after):
        raise InvalidInput(f"{total} in all cannot be taken out now")
    return replace(end, withdrawal=total), (Send(WithdrawalRequest(total)),)


def _close(end: ProviderEnd, now: int) -> Step:
    if end.channel.leaving:
        raise InvalidInput("the channel is ending already")
    if end.channel.closes:
        return end, ()
    wished = replace(end, channel=replace(end.channel, closes=True))
    if end.channel.close:
        return wished, ()
    return replace(wished, close_wished=now), (Send(CloseRequest()),)


def _require_running(end: ProviderEnd, now: int) -> None:
    if end.channel.leaving or end.close_wished or is_frozen(end.channel, now):
        raise InvalidInput("the channel is ending")


def sell(end: ProviderEnd, wish: Sell, now: int) -> Step:
    """Offer a product.

    raises   InvalidInput if it is on offer already, or its fee or deadline is wrong
    """
    _require_running(end, now)
    if wish.product == NO_PRODUCT or wish.amount == 0:
        raise InvalidInput("an offer has a product and an amount")
    if end.channel.terms.rated and not is_fee(wish.amount):
        raise InvalidInput(f"a fee in MarketToken is a multiple of FEE_UNIT, got {wish.amount}")
    if wish.product in end.offers or any(
        lock.product == wish.product for lock in end.channel.agreed.locks
    ):
        raise InvalidInput("the product is on offer already")
    if len(end.offers) >= MAX_OFFERS:
        raise InvalidInput(f"{MAX_OFFERS} offers are open already")
    if wish.deadline < now:
        raise InvalidInput("the offer has lapsed already")
    hash_ = None if wish.key is None else keccak(wish.key)
    offer = Selling(wish.amount, wish.key, hash_, wish.deadline)
    offered = replace(end, offers={**end.offers, wish.product: offer})
    return offered, (offer_message(wish.product, offer),)


def _grant(end: ProviderEnd, amount: int, hash_: bytes, now: int) -> Step:
    _require_running(end, now)
    channel = end.channel
    asked = sum(each.amount for each in end.grants.values())
    balance = spendable(channel, now).provider_balance(channel.agreed)
    free = balance - channel.agreed.locked_by_provider - asked
    if not 0 < amount <= free:
        raise InvalidInput(f"amount must be from 1 to {max(free, 0)}, got {amount}")
    if hash_ in end.grants or pending_lock(channel.agreed, hash_) is not None:
        raise InvalidInput("a lock with this hash is open")
    if len(end.grants) >= MAX_LOCKS_PER_DIRECTION:
        raise InvalidInput(f"{MAX_LOCKS_PER_DIRECTION} locks are asked for already")
    granted = Granted(amount, now + channel.terms.timing.lifetime)
    after = replace(end, grants={**end.grants, hash_: granted})
    return after, (Send(LockRequest(amount, hash_, granted.expiry)),)


def _learn(end: ProviderEnd, preimage: bytes) -> Step:
    hash_ = keccak(preimage)
    book = end.channel.exit.standing or end.channel.agreed
    lock = pending_lock(book, hash_)
    if lock is None:
        raise InvalidInput("no lock waits for this preimage")
    return with_channel(end, learn(end.channel, lock, preimage)), (Send(Release(preimage)),)


def _give_up(end: ProviderEnd, hash_: bytes) -> Step:
    channel = end.channel
    for product, offer in end.offers.items():
        if offer.hash == hash_:
            offers = {key: each for key, each in end.offers.items() if key != product}
            return replace(end, offers=offers), ()
    lock = pending_lock(channel.exit.standing or channel.agreed, hash_)
    if lock is None or lock.direction is not Direction.TO_PROVIDER:
        raise InvalidInput("no lock with this hash pays us")
    if hash_ in channel.preimages:
        raise InvalidInput("its preimage is released already")
    if lock.nonce in end.given_up:
        return end, ()
    after = replace(end, given_up=(*end.given_up, lock.nonce))
    return after, (cancel_message(channel.terms, lock),)
