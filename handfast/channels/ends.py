"""Whichever end of a channel: begun, moved, woken, and brought back from its journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from handfast.channels import client, provider
from handfast.channels.client import ClientEnd
from handfast.channels.effects import Concluded, Effect
from handfast.channels.inputs import Entry, Input
from handfast.channels.provider import ProviderEnd
from handfast.channels.state import Holdings
from handfast.channels.terms import Terms
from handfast.channels.wire import Party
from handfast.codec import Codec
from handfast.errors import InvariantBroken

End = ClientEnd | ProviderEnd


@dataclass(frozen=True, slots=True)
class Begin:
    """The first line of a channel's journal."""

    terms: Terms
    holdings: Holdings


LINES: Codec[Begin | Entry] = Codec(Begin | Entry)
"""Lines of a channel's journal."""

ENDS: Codec[End] = Codec(End)
"""Snapshots of a channel."""

CONCLUDED: Codec[Concluded] = Codec(Concluded)
"""Notes of rounds that ended."""


def begin(line: Begin) -> End:
    """The end of a channel that was just taken up."""
    match line.terms.party:
        case Party.CLIENT:
            return client.open_client(line.terms, line.holdings)
        case Party.PROVIDER:
            return provider.open_provider(line.terms, line.holdings)


def step(end: End, input: Input, now: int) -> tuple[End, tuple[Effect, ...]]:  # noqa: A002
    """Take one input in; see `client.step` and `provider.step`."""
    match end:
        case ClientEnd():
            return client.step(end, input, now)
        case ProviderEnd():
            return provider.step(end, input, now)


def wake_at(end: End, now: int) -> int | None:
    """The next second after `now` at which a `Tick` may change something; None for never."""
    match end:
        case ClientEnd():
            return client.wake_at(end, now)
        case ProviderEnd():
            return provider.wake_at(end, now)


def replay(snapshot: bytes | None, lines: Iterable[bytes]) -> tuple[End, int]:
    """The end that a journal leads to, and the time of its newest line, 0 if there is none."""
    end = ENDS.decode(snapshot) if snapshot is not None else None
    now = 0
    for line in lines:
        match LINES.decode(line):
            case Begin() as first if end is None:
                end = begin(first)
            case Entry(now, input_) if end is not None:
                end, _ = step(end, input_, now)
            case _:
                raise InvariantBroken("a channel's journal begins with its terms, and once")
    if end is None:
        raise InvariantBroken("a channel's journal is empty")
    return end, now


def last_nonce(end: End) -> int:
    """The highest number of a lock that was ever proposed or agreed to at this end."""
    proposed = end.last_nonce if isinstance(end, ClientEnd) else 0
    return max(end.channel.agreed.last_nonce, proposed)
