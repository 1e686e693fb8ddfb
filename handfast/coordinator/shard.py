"""One shard as a coordinator sees it: what stands on chain, what it built, what follows. (CO-4)

Pure: no clock, no chain, no disk. Each method takes one fact in and answers with the rows that a
store must keep; from these rows `resume` leads to the same shard.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from handfast.coordinator.ledger import Arrival, Ledger
from handfast.coordinator.rules import Due, Pace, Tip
from handfast.errors import HandfastError, InvariantBroken
from handfast.protocol.constants import BatchKind
from handfast.reputation.batches import (
    Batch,
    Posted,
    apply_opinions,
    apply_scores,
    replay,
    take_back,
)
from handfast.reputation.encoding import ClientLeaf, Header, ProviderLeaf, ShardState
from handfast.reputation.proofs import Fault
from handfast.reputation.state import State


class Status(enum.Enum):
    """Where a batch is. FAULTY: it stands, and nobody may build on it."""

    BUILT = "built"
    STANDING = "standing"
    DROPPED = "dropped"
    FAULTY = "faulty"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a batch stands on chain."""

    index: int
    hash: bytes
    posted_at: int
    proposer: str
    block: int


@dataclass(frozen=True, slots=True)
class BatchRow:
    """What is kept of a batch.

    id            names the deed of posting it, for ever
    own           whether we built it
    numbers       of its opinions, in the order of the data, if it is ours; else of the waiting ones
                  that it holds or has made impossible
    place         None while it does not stand
    final_block   the block that made it final, 0 before
    fault         why it is FAULTY
    """

    id: int
    shard: int
    status: Status
    own: bool
    previous: bytes
    posted: Posted
    archive: bytes
    numbers: tuple[int, ...] = ()
    place: Place | None = None
    final_block: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Settled:
    """A final batch so deep that it is taken for good: its leaves overwrite the kept ones.

    block     that made it final
    through   highest number of its opinions, 0 if it has none of ours
    """

    tip: Tip
    block: int
    through: int
    words: ShardState
    providers: Mapping[int, ProviderLeaf]
    clients: Mapping[tuple[int, int], ClientLeaf]


@dataclass(frozen=True, slots=True)
class Sighting:
    """A batch that appeared on chain.

    data   its transaction's input
    """

    header: Header
    hash: bytes
    block: int
    data: bytes

    @property
    def place(self) -> Place:
        """Where it stands."""
        header = self.header
        return Place(header.index, self.hash, header.posted_at, header.proposer, self.block)


@dataclass(frozen=True, slots=True)
class Built:
    """A batch of ours that the chain does not show.

    arrivals   its opinions, in the order of the data
    archive    digest of its archive; empty until that is stored
    """

    id: int
    previous: bytes
    batch: Batch
    arrivals: tuple[Arrival, ...]
    archive: bytes = b""

    @property
    def row(self) -> BatchRow:
        """What is kept of it."""
        return BatchRow(
            self.id,
            self.batch.before.shard,
            Status.BUILT,
            True,
            self.previous,
            self.batch.posted,
            self.archive,
            tuple(arrival.number for arrival in self.arrivals),
        )


@dataclass(slots=True)
class Standing:
    """A batch on chain, as it was applied to the newest and, once final, to the final state."""

    row: BatchRow
    header: Header
    batch: Batch
    arrivals: tuple[Arrival, ...] = ()
    final_batch: Batch | None = None

    @property
    def tip(self) -> Tip:
        """What is built on it."""
        header = self.header
        return Tip(header.index, header.hash(), header.kind, header.epoch, header.closes)


@dataclass(slots=True)
class Shard:
    """Two states of one shard: `newest`, with all that stands and what is built on it; and `final`,
    what readers may rely on. Whatever is in `standing` can still be undone in both.

    base         the newest batch that can't be undone
    base_block   that made it final, 0 if there is none
    faulty       a batch on the tip that nobody may build on
    """

    newest: State
    final: State
    base: Tip = field(default_factory=Tip)
    base_block: int = 0
    standing: list[Standing] = field(default_factory=list)
    built: Built | None = None
    faulty: BatchRow | None = None
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.newest)

    @property
    def number(self) -> int:
        """Which shard it is."""
        return self.newest.shard

    @property
    def tip(self) -> Tip:
        """The newest batch that stands and has no fault."""
        return self.standing[-1].tip if self.standing else self.base

    @property
    def final_tip(self) -> Tip:
        """The newest final batch."""
        finals = [each for each in self.standing if each.final_batch is not None]
        return finals[-1].tip if finals else self.base

    @property
    def lowest(self) -> int | None:
        """Lowest number of an opinion that is not in `base` for good; None if all are."""
        numbers = [number for each in self.standing for number in each.row.numbers]
        if self.built is not None:
            numbers += self.built.row.numbers
        if self.ledger.lowest is not None:
            numbers.append(self.ledger.lowest)
        return min(numbers, default=None)

    @property
    def open_headers(self) -> tuple[Header, ...]:
        """Batches that are not final, in order."""
        return tuple(each.header for each in self.standing if each.final_batch is None)

    # ------------------------------------------------------------ building

    def build(self, id_: int, due: Due, registered: int, pace: Pace) -> Built | None:
        """Build the batch that is due on the tip; None if nothing that waits can be in it. It is
        kept once it has its archive."""
        if self.built is not None or self.faulty is not None:
            raise InvariantBroken("a batch was built while none could be")
        arrivals: tuple[Arrival, ...] = ()
        if due.kind is BatchKind.SCORES:
            batch = apply_scores(self.newest, due.epoch, pace.rows)
        else:
            arrivals = _by_provider(self.ledger.take(pace.count))
            if not arrivals:
                return None
            entries = [arrival.entry for arrival in arrivals]
            try:
                batch = apply_opinions(self.newest, entries, due.epoch, registered)
            except HandfastError:
                self.ledger.give_back(arrivals)
                raise
        self.built = Built(id_, self.tip.hash, batch, arrivals)
        return self.built

    def archived(self, id_: int, archive: bytes) -> BatchRow | None:
        """The archive of a built batch is stored; None if the batch was dropped meanwhile."""
        if self.built is None or self.built.id != id_:
            return None
        self.built = replace(self.built, archive=archive)
        return self.built.row

    def refused(self, id_: int) -> list[BatchRow]:
        """The chain does not take a built batch: its opinions go into the next."""
        return self._drop_built() if self.built is not None and self.built.id == id_ else []

    def _drop_built(self) -> list[BatchRow]:
        built, self.built = self.built, None
        if built is None:
            return []
        take_back(self.newest, built.batch)
        self.ledger.give_back(built.arrivals)
        return [replace(built.row, status=Status.DROPPED)] if built.archive else []

    # ------------------------------------------------------------ what the chain says

    def posted(self, id_: int, sighting: Sighting, registered: int) -> list[BatchRow]:
        """A batch appeared on the tip, ours or another's.

        id_   of the row if it is another's
        """
        if self.faulty is not None:
            return []
        header = sighting.header
        if (header.index, header.previous) != (self.tip.index + 1, self.tip.hash):
            raise InvariantBroken(f"batch {header.index} does not stand on the tip we know")
        built = self.built
        if built is not None and _is(built, header):
            self.built = None
            row = replace(built.row, status=Status.STANDING, place=sighting.place)
            self.standing.append(Standing(row, header, built.batch, built.arrivals))
            return [row]
        rows = self._drop_built()
        row = _another(id_, sighting, Status.STANDING)
        batch = replay(self.newest, row.posted, registered)
        if isinstance(batch, Batch):
            overtaken = self.ledger.drop_overtaken()
            row = replace(row, numbers=tuple(arrival.number for arrival in overtaken))
            self.standing.append(Standing(row, header, batch, overtaken))
            return [*rows, row]
        self.faulty = replace(row, status=Status.FAULTY, fault=batch.reason)
        return [*rows, self.faulty]

    def finalised(self, index: int, block: int, registered: int) -> list[BatchRow]:
        """A batch became final, the next one in order."""
        if self.faulty is not None and index > self.tip.index:
            return []
        found = [each for each in self.standing if each.header.index == index]
        if not found or index != self.final_tip.index + 1:
            raise InvariantBroken(f"batch {index} became final out of order")
        self._finalise(found[0], registered)
        found[0].row = replace(found[0].row, final_block=block)
        return [found[0].row]

    def _finalise(self, standing: Standing, registered: int) -> None:
        batch = replay(self.final, standing.row.posted, registered)
        if isinstance(batch, Fault):
            raise InvariantBroken(f"batch {standing.header.index} has two faces: {batch.reason}")
        standing.final_batch = batch

    def can_undo(self, block: int, registered: int) -> bool:
        """Whether `rolled_back` leads to where things stood at a block, at which `registered` was
        the highest id: not if what was taken for good fell, or whoever an opinion is of."""
        arrivals = [arrival for each in self.standing for arrival in each.arrivals]
        arrivals += self.built.arrivals if self.built is not None else ()
        arrivals += self.ledger.arrivals
        known = all(max(each.entry.provider, each.entry.client) <= registered for each in arrivals)
        return known and self.base_block <= block

    def begin_anew(self) -> None:
        """Forget all that the chain said, and every opinion: both are read again."""
        shards = self.newest.shards
        number = self.number
        self.newest, self.final = State(number, shards), State(number, shards)
        self.base, self.base_block = Tip(), 0
        self.standing.clear()
        self.built = self.faulty = None
        self.ledger = Ledger(self.newest)

    def rolled_back(self, block: int) -> list[BatchRow]:
        """Everything after a block has not happened; see `can_undo`.

        If the oldest batch that fell is ours, it is on its way again, the same bytes. What stood on
        it named its hash, which changes with the time of its block: that falls for good.
        """
        rows = []
        if self.faulty is not None and _block(self.faulty) > block:
            rows.append(_fallen(self.faulty, Status.DROPPED))
            self.faulty = None
        for standing in reversed(self.standing):
            if standing.final_batch is not None and standing.row.final_block > block:
                take_back(self.final, standing.final_batch)
                standing.final_batch = None
                standing.row = replace(standing.row, final_block=0)
                rows.append(standing.row)
        while self.standing and _block(self.standing[-1].row) > block:
            rows += self._drop_built()
            rows.append(self._fall(self.standing.pop(), block))
        return rows

    def _fall(self, standing: Standing, block: int) -> BatchRow:
        row = standing.row
        oldest = not self.standing or _block(self.standing[-1].row) <= block
        if oldest and row.own:
            batch, arrivals = standing.batch, standing.arrivals
            self.built = Built(row.id, row.previous, batch, arrivals, row.archive)
            return self.built.row
        take_back(self.newest, standing.batch)
        self.ledger.give_back(standing.arrivals)
        return _fallen(row, Status.DROPPED)

    def settle(self, block: int) -> list[Settled]:
        """Take final batches for good that became final in this block or before."""
        settled = []
        while self.standing and self.standing[0].final_batch is not None:
            oldest = self.standing[0]
            batch = oldest.final_batch
            if batch is None or oldest.row.final_block > block:
                break
            self.base, self.base_block = oldest.tip, oldest.row.final_block
            del self.standing[0]
            through = max(oldest.row.numbers, default=0)
            leaves = batch.providers, batch.clients
            settled.append(Settled(self.base, self.base_block, through, batch.words, *leaves))
        return settled

    # ------------------------------------------------------------ after a restart

    def resume(
        self,
        rows: Sequence[BatchRow],
        opinions: Mapping[int, Arrival],
        registered: int,
    ) -> list[BatchRow]:
        """Bring a shard that has its base to where its rows say it was, with an empty ledger.

        rows       those standing or faulty behind the base, in the order of their indices, and
                   built ones anywhere among them
        opinions   of the rows' numbers, as far as their parties are known
        returns    rows that no longer hold
        """
        dropped = []
        for row in sorted(rows, key=lambda each: each.status is Status.BUILT):
            known = set(row.numbers) <= opinions.keys()
            arrivals = tuple(opinions[number] for number in row.numbers) if known else ()
            match row.status:
                case Status.STANDING if known:
                    self._resume_standing(row, arrivals, registered)
                case Status.STANDING:
                    raise InvariantBroken(f"batch {row.id} holds an opinion of nobody")
                case Status.FAULTY:
                    self.faulty = row
                case _ if not (known and self._resume_built(row, arrivals, registered)):
                    dropped.append(replace(row, status=Status.DROPPED))
        return dropped

    def _resume_standing(
        self, row: BatchRow, arrivals: tuple[Arrival, ...], registered: int
    ) -> None:
        batch = replay(self.newest, row.posted, registered)
        if isinstance(batch, Fault) or row.place is None:
            raise InvariantBroken(f"batch {row.id} was kept and does not apply")
        place = row.place
        header = batch.header(
            place.index, row.previous, place.posted_at, place.proposer, row.archive
        )
        if header.hash() != place.hash or row.previous != self.tip.hash:
            raise InvariantBroken(f"batch {row.id} was kept and is not the one on chain")
        standing = Standing(row, header, batch, arrivals)
        self.standing.append(standing)
        if row.final_block:
            self._finalise(standing, registered)

    def _resume_built(self, row: BatchRow, arrivals: tuple[Arrival, ...], registered: int) -> bool:
        if self.faulty is not None or self.built is not None or row.previous != self.tip.hash:
            return False
        batch = replay(self.newest, row.posted, registered)
        if isinstance(batch, Fault):
            return False
        self.built = Built(row.id, row.previous, batch, arrivals, row.archive)
        return True


def _by_provider(arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
    """Opinions in the order of a batch's data: provider by provider. (RP-17)"""
    groups: dict[int, list[Arrival]] = {}
    for arrival in arrivals:
        groups.setdefault(arrival.entry.provider, []).append(arrival)
    return tuple(arrival for group in groups.values() for arrival in group)


def _is(built: Built, header: Header) -> bool:
    """Whether this is our batch, whoever posted it: it can be copied from our transaction."""
    return bool(built.archive) and header == built.batch.header(
        header.index, built.previous, header.posted_at, header.proposer, built.archive
    )


def _another(id_: int, sighting: Sighting, status: Status) -> BatchRow:
    header = sighting.header
    posted = Posted(
        header.kind, header.epoch, header.closes, header.levy, header.folds, sighting.data
    )
    return BatchRow(
        id_,
        header.shard,
        status,
        False,
        header.previous,
        posted,
        header.archive,
        place=sighting.place,
    )


def _fallen(row: BatchRow, status: Status) -> BatchRow:
    return replace(row, status=status, place=None, final_block=0)


def _block(row: BatchRow) -> int:
    return row.place.block if row.place is not None else 0
