"""When a coordinator builds which batch, and which batches it makes final. (RP-22, RP-34, CO-5)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handfast.protocol.constants import BatchKind
from handfast.reputation.encoding import Header

NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Tip:
    """A shard's newest batch, on which the next one is built; index 0 before the first."""

    index: int = 0
    hash: bytes = NO_HASH
    kind: BatchKind = BatchKind.ABSENT
    epoch: int = 0
    closes: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """When a batch is worth its gas.

    count   opinions that fill a batch; no batch has more
    age     seconds that an opinion waits at most for others to join it
    rows    score rows of one batch
    """

    count: int = 1_000
    age: float = 30.0
    rows: int = 1_000


@dataclass(frozen=True, slots=True)
class Due:
    """The batch to be built next."""

    kind: BatchKind
    epoch: int


def due_batch(tip: Tip, present: int, waiting: int, age: float, pace: Pace) -> Due | None:
    """What to build on the tip; None if nothing yet.

    present   the epoch now
    waiting   opinions that are in no batch; `age`: seconds that the longest of them has waited
    """
    if tip.kind is not BatchKind.ABSENT and not tip.closes and tip.epoch < present:
        return Due(BatchKind.SCORES, tip.epoch)
    if tip.epoch > present or (tip.kind is BatchKind.SCORES and tip.epoch == present):
        return None  # a re-organisation is setting the chain's clock back
    if waiting >= pace.count or (waiting and age >= pace.age):
        return Due(BatchKind.OPINIONS, present)
    return None


def ripe(headers: Sequence[Header], now: int, window: int) -> tuple[Header, ...]:
    """The leading batches whose windows are over.

    headers   those that are not final, in order
    now       seconds, by the chain's clock
    """
    count = 0
    while count < len(headers) and headers[count].posted_at + window <= now:
        count += 1
    return tuple(headers[:count])
