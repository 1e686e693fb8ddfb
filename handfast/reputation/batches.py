"""Builds and replays batches: what a coordinator posts, what a watcher confirms. (SPEC RP-16 to 30)

    batch = apply_opinions(state, entries, epoch, registered)   # build a batch and apply it
    batch = apply_scores(state, epoch)                          # at an epoch's end, until it closes
    batch = replay(state, posted, registered)                   # somebody's batch, or its Fault
    take_back(state, batch)                                     # the newest one

`registered` is the highest id in the participant registry. Pure, like the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from handfast.crypto.merkle import leaf_hash, root_of
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import (
    MAX_FEE_UNITS,
    MAX_NONCE_STEP,
    SEGMENT_OPINIONS,
    SEGMENT_PROVIDER,
    BatchKind,
    BatchSource,
)
from handfast.reputation.encoding import (
    NEWCOMER_FLAG,
    ROWS_PER_SEGMENT,
    ClientLeaf,
    Group,
    Header,
    Malformed,
    ProviderLeaf,
    Row,
    ScoreRow,
    ShardState,
    data_tree,
    decode_data,
    decode_groups,
    decode_scores,
    encode_data,
    encode_groups,
    encode_scores,
    encode_sums,
)
from handfast.reputation.proofs import Fault
from handfast.reputation.rules import Sums, neutral
from handfast.reputation.state import Change, ClientChange, State


class Entry(NamedTuple):
    """An eligible opinion as a batch takes it. (RP-7)

    provider, client   registry ids
    nonce              of the receipt
    fee                in FEE_UNIT
    """

    provider: int
    client: int
    nonce: int
    fee: int
    satisfied: bool


class Posted(NamedTuple):
    """What the chain shows of a batch and its replay must confirm. (RP-21)

    levy    in FEE_UNIT
    folds   root over the fold roots of a batch of scores, else zero
    data    the calldata of `post`
    """

    kind: BatchKind
    epoch: int
    closes: bool
    levy: int
    folds: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch as it was applied: what is posted and archived, what a store writes, what undoes it.

    before     words of the state before it
    segments   their bytes; `roots`: the state root after each
    words      of the state after it
    folds      root over the fold roots of its rows, zero for opinions
    sums       each row's partial sums, in the rows' order (RP-30)
    providers  leaf of each provider that it touched
    clients    leaf of each client that it touched, by provider and position
    """

    kind: BatchKind
    epoch: int
    closes: bool
    before: ShardState
    segments: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    words: ShardState
    folds: bytes
    sums: tuple[tuple[Sums, ...], ...]
    providers: dict[int, ProviderLeaf]
    clients: dict[tuple[int, int], ClientLeaf]
    changes: tuple[Change, ...] = field(repr=False)

    @property
    def levy(self) -> int:
        """What it burns, in FEE_UNIT. (RP-20)"""
        return self.words.levy - self.before.levy

    @property
    def root(self) -> bytes:
        """The state root that it ends in."""
        return self.roots[-1]

    @property
    def data(self) -> bytes:
        """What `post` takes as calldata. (RP-19)"""
        return encode_data(self.segments, self.roots)

    @property
    def posted(self) -> Posted:
        """The batch as the chain shows it."""
        return Posted(self.kind, self.epoch, self.closes, self.levy, self.folds, self.data)

    def header(
        self, index: int, previous: bytes, posted_at: int, proposer: str, archive: bytes
    ) -> Header:
        """Its header, once it is known where, when and by whom it was posted. (RP-21)"""
        before = self.before.hash()
        return Header(
            self.before.shard,
            index,
            self.kind,
            BatchSource.CALLDATA,
            self.closes,
            self.epoch,
            posted_at,
            proposer,
            self.levy,
            len(self.segments),
            previous,
            before,
            self.root,
            data_tree(self.segments, before, self.roots).root,
            self.folds,
            archive,
        )


def fold_root(sums: Sequence[Sums]) -> bytes:
    """Root of the tree over a fold's partial sums. (RP-30)"""
    return root_of(leaf_hash(encode_sums(partial)) for partial in sums)


def folds_root(sums: Sequence[Sequence[Sums]]) -> bytes:
    """Root over the fold roots of a batch's rows; zero if it has none. (RP-30)"""
    return root_of(leaf_hash(fold_root(partials)) for partials in sums)


# ---------------------------------------------------------------- building


def check_entry(state: State, entry: Entry, registered: int) -> None:
    """Check what RP-7 asks of ids, fee and nonce, against the state as it is.

    raises   Rejected with a code: provider, client, own_opinion, fee, stale_nonce, nonce_gap
    """
    _check(state, entry, registered, state.last_nonce(entry.provider, entry.client))


def apply_opinions(state: State, entries: Iterable[Entry], epoch: int, registered: int) -> Batch:
    """Build a batch of opinions and apply it.

    entries   at least one; those of a pair in the order of their nonces
    epoch     not before the newest opinion's
    raises    Rejected or InvalidInput, with nothing changed, if one can't be included
    """
    rows = _rows(state, entries, registered)
    if not rows:
        raise InvalidInput("a batch needs an opinion")
    for provider in rows:
        leaf = state.provider(provider)
        if leaf and epoch < leaf.opinion_epoch:
            raise InvalidInput(f"epoch {epoch} is before the newest opinion on {provider}")
    draft = _Draft(state, BatchKind.OPINIONS, epoch)
    for groups in _cut(rows):
        draft.add_opinions(encode_groups(groups), groups, registered)
    return draft.finish(closes=False)


def apply_scores(state: State, epoch: int, limit: int | None = None) -> Batch:
    """Build a batch of scores of providers that are due and apply it. (RP-30)

    It has no row, and closes the epoch, if others scored everybody and did not close. (RP-18)

    epoch    that of the opinions before it
    limit    at most so many rows; it closes the epoch if nobody is due afterwards
    """
    due = state.due()
    chosen = due[:limit]
    draft = _Draft(state, BatchKind.SCORES, epoch)
    for at in range(0, max(len(chosen), 1), ROWS_PER_SEGMENT):
        rows = [draft.score(provider) for provider in chosen[at : at + ROWS_PER_SEGMENT]]
        draft.add_scores(encode_scores(rows), rows)
    return draft.finish(closes=len(chosen) == len(due))


def take_back(state: State, batch: Batch) -> None:
    """Undo the newest batch that was not taken back yet.

    raises   InvariantBroken if it is another
    """
    state.undo(batch.before, batch.changes)


def _check(state: State, entry: Entry, registered: int, last: int) -> None:
    provider, client, nonce, fee, _ = entry
    if not 0 < provider <= registered or provider % state.shards != state.shard:
        raise Rejected(f"provider {provider} is not registered in this shard", "provider")
    if not 0 < client <= min(registered, NEWCOMER_FLAG - 1):
        raise Rejected(f"client {client} is not registered", "client")
    if client == provider:
        raise Rejected(f"participant {client} can't rate itself", "own_opinion")
    if not 0 < fee <= MAX_FEE_UNITS:
        raise Rejected(f"fee {fee} is not between 1 and {MAX_FEE_UNITS} units", "fee")
    if nonce <= last:
        raise Rejected(f"nonce {nonce} is not above {last}, the pair's last", "stale_nonce")
    if nonce - last > MAX_NONCE_STEP:
        raise Rejected(
            f"nonce {nonce} is more than {MAX_NONCE_STEP} above {last}, the pair's last",
            "nonce_gap",
        )


def _rows(state: State, entries: Iterable[Entry], registered: int) -> dict[int, list[Row]]:
    """Rows of all entries by provider; nothing is changed."""
    rows: dict[int, list[Row]] = {}
    arrived: dict[int, dict[int, int]] = {}
    nonces: dict[tuple[int, int], int] = {}
    for entry in entries:
        provider, client, nonce, fee, satisfied = entry
        found = state.client(provider, client)
        last = nonces.get((provider, client))
        if last is None:
            last = found[1].nonce if found else 0
        _check(state, entry, registered, last)
        nonces[provider, client] = nonce
        newcomers = arrived.setdefault(provider, {})
        position = found[0] if found else newcomers.get(client)
        if position is None:
            leaf = state.provider(provider)
            newcomers[client] = len(newcomers) + (leaf.clients if leaf else 0)
        who = client if position is None else position
        row = Row(who, position is None, fee, bool(satisfied), nonce - last)
        rows.setdefault(provider, []).append(row)
    return rows


def _cut(rows: dict[int, list[Row]]) -> list[list[Group]]:
    """Fill one segment after the other; a group that does not fit goes on in the next. (RP-18)"""
    segments: list[list[Group]] = []
    room = 0
    for provider, waiting in rows.items():
        at = 0
        while at < len(waiting):
            if room <= SEGMENT_PROVIDER:
                segments.append([])
                room = SEGMENT_OPINIONS
            taken = tuple(waiting[at : at + room - SEGMENT_PROVIDER])
            segments[-1].append(Group(provider, taken))
            at += len(taken)
            room -= SEGMENT_PROVIDER + len(taken)
    return segments


# ---------------------------------------------------------------- replaying


def replay(state: State, posted: Posted, registered: int) -> Batch | Fault:
    """Execute a batch that was posted. If it has a fault, the state is what it was.

    The signatures behind its opinions are not looked at here.
    """
    try:
        segments, roots = decode_data(posted.data)
    except Malformed as problem:
        return Fault(str(problem))
    draft = _Draft(state, posted.kind, posted.epoch)
    for at, segment in enumerate(segments):
        reason = _replay_segment(draft, segment, at == len(segments) - 1, registered)
        if reason is None and draft.roots[-1] != roots[at]:
            reason = "the state root is not what the segment leads to"
        if reason is not None:
            state.undo(draft.before, draft.changes)
            return Fault(reason, at)
    batch = draft.finish(posted.closes)
    reason = _header_fault(state, posted, batch)
    if reason is not None:
        take_back(state, batch)
        return Fault(reason)
    return batch


def _replay_segment(draft: _Draft, segment: bytes, last: bool, registered: int) -> str | None:
    try:
        if draft.kind is BatchKind.OPINIONS:
            draft.add_opinions(segment, decode_groups(segment), registered)
            return None
        rows = decode_scores(segment, last)
        for row in rows:
            draft.state.check_due(row.provider, draft.epoch)
            if draft.score(row.provider) != row:
                return f"provider {row.provider} has another score"
        draft.add_scores(segment, rows)
    except Malformed as problem:
        return str(problem)
    return None


def _header_fault(state: State, posted: Posted, batch: Batch) -> str | None:
    if posted.levy != batch.levy:
        return "the levy is not the sum over the batch"
    if posted.folds != batch.folds:
        return "the folds are not those of the scores"
    if posted.closes and state.due():
        return f"provider {state.due()[0]} is due and was left out"
    return None


class _Draft:
    """A batch while its segments are applied one after the other."""

    def __init__(self, state: State, kind: BatchKind, epoch: int) -> None:
        self.state = state
        self.kind = kind
        self.epoch = epoch
        self.before = state.words
        self.segments: list[bytes] = []
        self.roots: list[bytes] = []
        self.sums: list[tuple[Sums, ...]] = []
        self.changes: list[Change] = []

    def score(self, provider: int) -> ScoreRow:
        sums = self.state.fold(provider, self.epoch)
        self.sums.append(sums)
        score = neutral(sums[-1])
        return ScoreRow(provider, score.s, score.c)

    def add_opinions(self, segment: bytes, groups: Sequence[Group], registered: int) -> None:
        self.state.add_opinions(groups, self.epoch, registered, self.changes)
        self._close(segment)

    def add_scores(self, segment: bytes, rows: Sequence[ScoreRow]) -> None:
        self.state.add_scores(rows, self.epoch, self.changes)
        self._close(segment)

    def _close(self, segment: bytes) -> None:
        self.segments.append(segment)
        self.roots.append(self.state.root)

    def finish(self, closes: bool) -> Batch:
        providers: dict[int, ProviderLeaf] = {}
        clients: dict[tuple[int, int], ClientLeaf] = {}
        for change in self.changes:
            if isinstance(change, ClientChange):
                place = (change.provider, change.position)
                clients[place] = self.state.client_at(*place)
            else:
                providers[change.provider] = self.state.leaf(change.provider)
        return Batch(
            self.kind,
            self.epoch,
            closes,
            self.before,
            tuple(self.segments),
            tuple(self.roots),
            self.state.words,
            folds_root(self.sums),
            tuple(self.sums),
            providers,
            clients,
            tuple(self.changes),
        )
