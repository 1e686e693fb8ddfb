"""Makes the witnesses that `proofs` judges, from the state just before. (SPEC RP-36)

The state is changed while a witness is made, and is afterwards what it was.
"""

from __future__ import annotations

from collections.abc import Sequence

from handfast.crypto.merkle import MerkleTree, height, leaf_hash
from handfast.errors import InvalidInput
from handfast.protocol.constants import FOLD_CHUNK, BatchKind
from handfast.reputation.batches import fold_root
from handfast.reputation.encoding import (
    Group,
    Malformed,
    ScoreRow,
    decode_groups,
    decode_scores,
    encode_sums,
)
from handfast.reputation.proofs import (
    NONE,
    DuplicateWitness,
    FoldEndWitness,
    FoldWitness,
    Partial,
    Path,
    Place,
    ProviderWitness,
    SegmentClaim,
    SegmentWitness,
)
from handfast.reputation.rules import Sums
from handfast.reputation.state import Change, State


def provider_place(state: State, provider: int) -> Place:
    """A provider's leaf and path, or its empty place's."""
    leaf = state.provider(provider)
    return Place(leaf.encode() if leaf else NONE, state.provider_path(provider))


def client_place(state: State, provider: int, position: int) -> Place:
    """The leaf and path of the client at a position, or of the place behind the last."""
    leaf = state.provider(provider)
    known = leaf is not None and position < leaf.clients
    encoding = state.client_at(provider, position).encode() if known else NONE
    return Place(encoding, state.client_path(provider, position))


# ---------------------------------------------------------------- segments


def witness_segment(state: State, claim: SegmentClaim) -> SegmentWitness:
    """All that a segment touches, up to the first row that is malformed.

    state   as it is before the segment
    """
    words = state.words
    changes: list[Change] = []
    witnesses: list[ProviderWitness] = []
    try:
        if claim.kind is BatchKind.OPINIONS:
            for group in decode_groups(claim.segment):
                _witness_group(state, claim, group, witnesses, changes)
        else:
            for row in decode_scores(claim.segment, claim.last):
                if not 0 < row.provider <= claim.registered:
                    break
                witnesses.append(ProviderWitness(provider_place(state, row.provider)))
                state.add_scores([row], claim.epoch, changes)
    except Malformed:
        pass  # the row that the proof ends at: what it needs is there
    finally:
        state.undo(words, changes)
    return SegmentWitness(words, tuple(witnesses))


def _witness_group(
    state: State,
    claim: SegmentClaim,
    group: Group,
    witnesses: list[ProviderWitness],
    changes: list[Change],
) -> None:
    if not 0 < group.provider <= claim.registered:
        raise Malformed(f"provider {group.provider} is not registered")
    place = provider_place(state, group.provider)
    clients: list[Place] = []
    witnesses.append(ProviderWitness(place))
    at = len(witnesses) - 1
    for row in group.rows:
        leaf = state.provider(group.provider)
        count = leaf.clients if leaf else 0
        position = count if row.newcomer else min(row.who, count)
        clients.append(client_place(state, group.provider, position))
        witnesses[at] = ProviderWitness(place, tuple(clients))
        single = [Group(group.provider, (row,))]
        state.add_opinions(single, claim.epoch, claim.registered, changes, duplicates=True)


def witness_duplicate(state: State, claim: SegmentClaim) -> DuplicateWitness:
    """The two leaves of the first client whom a segment appends a second time.

    state    as it is before the segment
    raises   InvalidInput if it appends none, or can't be executed to its end
    """
    words = state.words
    groups = decode_groups(claim.segment)
    if not all(0 < group.provider <= claim.registered for group in groups):
        raise InvalidInput("a provider is not registered")
    before = {group.provider: provider_place(state, group.provider) for group in groups}
    changes: list[Change] = []
    try:
        state.add_opinions(groups, claim.epoch, claim.registered, changes, duplicates=True)
        for provider, was in before.items():
            seen: dict[int, int] = {}
            for position, client in enumerate(state.prove_clients(provider)):
                first = seen.setdefault(client.client, position)
                if first != position:
                    return DuplicateWitness(
                        provider,
                        words,
                        was,
                        state.words,
                        provider_place(state, provider),
                        client_place(state, provider, first),
                        first,
                        client_place(state, provider, position),
                        position,
                    )
    finally:
        state.undo(words, changes)
    raise InvalidInput("no client arrives a second time")


# ---------------------------------------------------------------- scores


def witness_fold(
    state: State, row: ScoreRow, number: int, sums: Sequence[Sequence[Sums]], step: int
) -> FoldWitness:
    """One step of the fold of a row.

    state    as it is before the row's segment
    number   of the row in its batch
    sums     the partial sums of all rows of the batch, as its proposer shows them
    """
    fold, fold_path = _fold_path(sums, number)
    partials = MerkleTree(leaf_hash(encode_sums(partial)) for partial in sums[number])
    clients = state.prove_clients(row.provider)
    chunk = step % -(-len(clients) // FOLD_CHUNK)
    first = chunk * FOLD_CHUNK
    levels = min(height(FOLD_CHUNK), height(len(clients)))

    def partial(at: int) -> Partial:
        return Partial(sums[number][at], partials.path(at))

    return FoldWitness(
        state.words,
        provider_place(state, row.provider),
        fold,
        fold_path,
        step,
        partial(step - 1) if step else None,
        partial(step),
        tuple(leaf.encode() for leaf in clients[first : first + FOLD_CHUNK]),
        state.client_path(row.provider, first)[levels:],
    )


def witness_fold_end(
    state: State, row: ScoreRow, number: int, sums: Sequence[Sequence[Sums]]
) -> FoldEndWitness:
    """The end of the fold of a row, with the arguments of `witness_fold`."""
    fold, fold_path = _fold_path(sums, number)
    partials = MerkleTree(leaf_hash(encode_sums(partial)) for partial in sums[number])
    last = len(sums[number]) - 1
    return FoldEndWitness(
        state.words,
        provider_place(state, row.provider),
        fold,
        fold_path,
        Partial(sums[number][last], partials.path(last)),
    )


def _fold_path(sums: Sequence[Sequence[Sums]], number: int) -> tuple[bytes, Path]:
    roots = [fold_root(partials) for partials in sums]
    return roots[number], MerkleTree(map(leaf_hash, roots)).path(number)
