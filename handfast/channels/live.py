"""One channel as a running process holds it: the end, its lines in the journal, and who waits for
what of it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar

from handfast.channels.effects import (
    ChainAction,
    Concluded,
    Effect,
    Event,
    Locked,
    Over,
    Report,
    Revived,
)
from handfast.channels.ends import CONCLUDED, ENDS, LINES, End, step, wake_at
from handfast.channels.inputs import Entry, Input
from handfast.channels.session import Session
from handfast.channels.state import NO_PRODUCT, ChannelId, Lock
from handfast.channels.terms import Terms
from handfast.channels.wire import Party
from handfast.journal import Batch

T = TypeVar("T")

ROUNDS = "round"
"""Kind of the journal's notes about rounds that ended."""

PRODUCTS = "product"
"""Kind of the provider's notes about products whose fee was locked: each is, once in a channel."""

SNAPSHOT_LINES = 1_000
SNAPSHOT_BYTES = 1_000_000
"""Lines, or bytes of them, after which a channel's state is written whole: a restart replays no
more than that, whatever the channel's age.
"""


@dataclass(slots=True, eq=False)
class Live:
    """A running channel. Only the peer's one worker changes `end`.

    stepped_at  seconds
    lines       behind the newest snapshot, and their bytes
    session     to the other end, once both have introduced the channel
    unwritten   products locked since the last sync
    running     actions on chain that are under way; `done_at` has those that ended, and when
    locked      who waits for a lock to be agreed, by its hash; likewise concluded, for its end
    over        set while the channel has ended and nothing of it is open
    """

    id: ChannelId
    end: End
    stepped_at: int = 0
    lines: tuple[int, int] = (0, 0)
    session: Session | None = None
    unwritten: set[bytes] = field(default_factory=set)
    running: set[ChainAction] = field(default_factory=set)
    done_at: dict[ChainAction, float] = field(default_factory=dict)
    locked: dict[bytes, asyncio.Future[Lock | Concluded]] = field(default_factory=dict)
    concluded: dict[bytes, asyncio.Future[Concluded]] = field(default_factory=dict)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def terms(self) -> Terms:
        """The channel as this end sees it."""
        return self.end.channel.terms

    @property
    def wake_at(self) -> int | None:
        """When it wants its next `Tick`."""
        return wake_at(self.end, self.stepped_at)

    def take(self, input: Input, now: int, batch: Batch) -> tuple[Effect, ...]:  # noqa: A002
        """One step: what it changed goes into the batch, what it wants is to be done afterwards.

        raises   InvalidInput if a command cannot be followed
        """
        after, effects = step(self.end, input, now)
        self.stepped_at = now
        if after is self.end:
            return effects
        self.end = after
        line = LINES.encode(Entry(now, input))
        batch.lines.append((self.id, line))
        for effect in effects:
            if isinstance(effect, Report):
                self._note(effect.event, batch)
        count, size = self.lines
        self.lines = count + 1, size + len(line)
        if self.lines[0] >= SNAPSHOT_LINES or self.lines[1] >= SNAPSHOT_BYTES:
            self.write_whole(batch)
        return effects

    def _note(self, event: Event, batch: Batch) -> None:
        match event:
            case Concluded():
                batch.notes.append((self.id, ROUNDS, _key(event), CONCLUDED.encode(event)))
            case Locked(lock) if self.terms.party is Party.PROVIDER and lock.product != NO_PRODUCT:
                batch.notes.append((self.id, PRODUCTS, lock.product, b""))
                self.unwritten.add(lock.product)
            case _:
                pass

    def write_whole(self, batch: Batch) -> None:
        """Put a snapshot into the batch."""
        batch.snapshot(self.id, ENDS.encode(self.end))
        self.lines = (0, 0)

    def tell(self, event: Event) -> None:
        """Bring an event to those who wait for it."""
        match event:
            case Locked(lock):
                _resolve(self.locked.pop(lock.hash, None), lock)
            case Concluded(lock=lock):
                _resolve(self.locked.pop(lock.hash, None), event)
                _resolve(self.concluded.pop(lock.hash, None), event)
            case Over():
                self.over.set()
            case Revived():
                self.over.clear()
            case _:
                pass


def _resolve(future: asyncio.Future[T] | None, value: T) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _key(concluded: Concluded) -> bytes:
    """Where the note of a round stands: by its number, those that never were locked first."""
    return concluded.lock.nonce.to_bytes(8, "big") + concluded.lock.hash
