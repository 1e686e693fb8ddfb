"""The provider's end, moved by one input at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from handfast.channels.channel import (
    is_frozen,
)
from handfast.channels.effects import (
    Effect,
    Send,
)
from handfast.channels.exit import finish, hear_chain, overdue, wake_times
from handfast.channels.inputs import (
    Closed,
    Connected,
    Final,
    Funded,
    Heard,
    Input,
    Registered,
    Resolved,
    Revealed,
    Sell,
    Tick,
    Unregistered,
)
from handfast.channels.provider.commands import obey, sell
from handfast.channels.provider.end import (
    ProviderEnd,
    Step,
    cancel_message,
    leave,
    offer_message,
    with_channel,
)
from handfast.channels.provider.hearing import hear
from handfast.channels.wire import (
    CloseRequest,
    Greeting,
    LockRequest,
    Reason,
    Release,
    WithdrawalRequest,
)
from handfast.protocol.constants import Direction


def step(end: ProviderEnd, input: Input, now: int) -> Step:  # noqa: A002
    """Take one input in.

    now       seconds
    raises    InvalidInput for a command that cannot be followed; nothing changes then. What a peer
              sends never raises.
    """
    match input:
        case Heard(message, vouched):
            after, effects = hear(end, message, vouched, now)
        case Connected():
            return end, tuple(_say_again(end))
        case Sell():
            # Nothing comes due on chain by it, and there are many.
            return sell(end, input, now)
        case Tick():
            after, effects = _tick(end, now)
        case (
            Funded() | Registered() | Unregistered() | Closed() | Revealed() | Resolved() | Final()
        ):
            books = {end.channel.agreed.version: end.channel.agreed}
            channel, effects = hear_chain(end.channel, input, books)
            after = with_channel(end, channel)
        case _:
            after, effects = obey(end, input, now)
    channel, done = finish(after.channel, now, effects)
    return with_channel(after, channel), done


def _say_again(end: ProviderEnd) -> Iterator[Effect]:
    channel = end.channel
    yield Send(Greeting(channel.agreed.version, channel.agreed.last_nonce))
    for lock in channel.agreed.locks:
        if lock.nonce in end.given_up:
            yield cancel_message(channel.terms, lock)
        elif lock.direction is Direction.TO_PROVIDER and lock.hash in channel.preimages:
            yield Send(Release(channel.preimages[lock.hash]))
    if channel.leaving:
        return
    for product, offer in end.offers.items():
        yield offer_message(product, offer)
    for hash_, granted in end.grants.items():
        yield Send(LockRequest(granted.amount, hash_, granted.expiry))
    if end.withdrawal:
        yield Send(WithdrawalRequest(end.withdrawal))
    if end.close_wished and not channel.close:
        yield Send(CloseRequest())


def _tick(end: ProviderEnd, now: int) -> Step:
    channel, timing = end.channel, end.channel.terms.timing
    if channel.leaving:
        return end, ()
    silent = end.close_wished and not channel.close and now >= end.close_wished + timing.patience
    if silent or overdue(channel, now):
        return leave(end, Reason.SILENT)
    if channel.frozen_until and not is_frozen(channel, now):
        # Nobody sent the close to the chain in time: the channel goes on.
        lapsed = replace(channel, frozen_until=0, close=b"", closes=False)
        end = replace(end, channel=lapsed, close_wished=0)
    offers = {key: each for key, each in end.offers.items() if now <= each.deadline}
    grants = {key: each for key, each in end.grants.items() if now <= each.expiry}
    if len(offers) != len(end.offers) or len(grants) != len(end.grants):
        end = replace(end, offers=offers, grants=grants)
    return end, ()


def wake_at(end: ProviderEnd, now: int) -> int | None:
    """The next second after `now` at which a `Tick` may change something; None for never."""
    return min((time for time in _times(end) if time > now), default=None)


def _times(end: ProviderEnd) -> Iterator[int]:
    channel, timing = end.channel, end.channel.terms.timing
    yield from wake_times(channel)
    if channel.leaving:
        return
    for offer in end.offers.values():
        yield offer.deadline + 1
    for granted in end.grants.values():
        yield granted.expiry + 1
    if end.close_wished and not channel.close:
        yield end.close_wished + timing.patience
    if channel.frozen_until:
        yield channel.frozen_until + timing.margin + 1
