"""Every fault proves itself on the posted bytes, and no witness makes an honest batch wrong.

(SPEC RP-36, RP-I7, and the table "What can be wrong")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.crypto.merkle import MerkleTree, leaf_hash
from handfast.errors import InvalidInput
from handfast.protocol.constants import FOLD_CHUNK, BatchKind
from handfast.reputation.batches import Batch, apply_scores, folds_root
from handfast.reputation.encoding import (
    Group,
    Row,
    ScoreRow,
    ShardState,
    decode_groups,
    decode_scores,
    encode_groups,
    encode_scores,
)
from handfast.reputation.proofs import (
    DuplicateWitness,
    FoldClaim,
    Place,
    SegmentClaim,
    SegmentWitness,
    WordsWitness,
    check_duplicate,
    check_fold_chunk,
    check_fold_end,
    check_levy,
    check_omission,
    check_segment,
)
from handfast.reputation.rules import Scene, Sums, add_weights
from handfast.reputation.state import State
from handfast.reputation.witness import (
    client_place,
    provider_place,
    witness_duplicate,
    witness_fold,
    witness_fold_end,
    witness_segment,
)
from tests.core.reputation.test_state import (
    OPINION_CHEATS,
    REGISTERED,
    SCORE_CHEATS,
    a_day,
    busy_state,
    day,
)


def claims_of(batch: Batch, shards: int = 1) -> Iterator[SegmentClaim]:
    """What a batch commits to, segment by segment."""
    before = batch.before.hash()
    for at, (segment, after) in enumerate(zip(batch.segments, batch.roots, strict=True)):
        yield SegmentClaim(
            batch.before.shard,
            shards,
            batch.kind,
            batch.epoch,
            at == len(batch.segments) - 1,
            segment,
            before,
            after,
            REGISTERED,
        )
        before = after


def advance(state: State, claim: SegmentClaim) -> None:
    """Bring a state behind an honest segment."""
    if claim.kind is BatchKind.OPINIONS:
        state.add_opinions(decode_groups(claim.segment), claim.epoch, REGISTERED, [])
    else:
        state.add_scores(decode_scores(claim.segment, claim.last), claim.epoch, [])
    assert state.root == claim.after


# ---------------------------------------------------------------- honest segments


@settings(max_examples=25)
@given(st.lists(day, min_size=1, max_size=3))
def test_every_honest_segment_is_right(
    days: list[tuple[list[tuple[int, int, int, int, bool]], int]],
) -> None:
    """RP-23: the same end, from nothing but the leaves that are touched."""
    builder, watcher, epoch = State(), State(), 1
    for drawn, epochs in days:
        for batch in (a_day(builder, epoch, *drawn), apply_scores(builder, epoch)):
            for claim in claims_of(batch):
                before = watcher.words
                witness = witness_segment(watcher, claim)
                assert watcher.words == before
                assert check_segment(claim, witness) is None
                advance(watcher, claim)
        epoch += epochs


def test_segments_of_another_shard_are_right_too() -> None:
    """RP-10"""
    builder, watcher = State(1, 3), State(1, 3)
    batch = a_day(builder, 1, (4, 2, 1, 9, True), (1, 2, 1, 9, True), (37, 2, 1, 9, False))
    for claim in claims_of(batch, shards=3):
        assert check_segment(claim, witness_segment(watcher, claim)) is None
        advance(watcher, claim)


def mutations(value: Any) -> Iterator[Any]:
    """The value with one thing in it changed, cut short, lengthened or turned round."""
    match value:
        case bytes():
            flipped = range(0, len(value), 7)
            yield from (value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in flipped)
            yield from (value[:-1], value + b"\0")
        case int():
            yield from (value + 1, value - 1, value * 2 + 1)
        case tuple() if hasattr(value, "_replace"):
            for name in type(value).__annotations__:
                yield from (
                    value._replace(**{name: changed}) for changed in mutations(getattr(value, name))
                )
        case tuple():
            yield from (value[:-1], value[::-1], value + value[-1:])
            for at, part in enumerate(value):
                yield from ((*value[:at], other, *value[at + 1 :]) for other in mutations(part))


def no_witness_convicts(check: Callable[[Any, Any], object], claim: Any, witness: Any) -> None:
    """RP-I7, for every small change of a witness of an honest claim."""
    tried = refused = 0
    for forged in mutations(witness):
        tried += 1
        try:
            assert check(claim, forged) is None, forged
        except InvalidInput:
            refused += 1
        except OverflowError:
            refused += 1  # a word that no ABI can carry
    assert tried > 50
    assert refused > tried // 2


def test_no_witness_makes_an_honest_segment_wrong() -> None:
    state, _, _ = busy_state()
    watcher = State.restore(state.words, 1, list(state.providers()), list(state.clients()))
    rows = [(1, 10, 1, 9, True), (1, 10, 1, 9, False), (1, 30, 1, 9, False), (5, 9, 1, 9, True)]
    opinions = a_day(state, 2, *rows)
    for batch in (opinions, apply_scores(state, 2)):
        for claim in claims_of(batch):
            no_witness_convicts(check_segment, claim, witness_segment(watcher, claim))
            advance(watcher, claim)


def test_a_known_client_can_not_be_shown_as_a_newcomer() -> None:
    """RP-16: the posted position decides which leaf a witness shows."""
    state, _, _ = busy_state()
    watcher = State.restore(state.words, 1, list(state.providers()), list(state.clients()))
    (claim,) = claims_of(a_day(state, 2, (1, 10, 1, 9, True)))
    witness = witness_segment(watcher, claim)
    (provider,) = witness.providers
    for position in range(1, 21):
        other = (client_place(watcher, 1, position),)
        forged = SegmentWitness(witness.words, (provider._replace(clients=other),))
        with pytest.raises(InvalidInput):
            check_segment(claim, forged)


# ---------------------------------------------------------------- segments of a cheat


@pytest.mark.parametrize("name", OPINION_CHEATS)
def test_a_cheat_in_a_segment_of_opinions_is_proven(name: str) -> None:
    """The honest root no longer fits, or the bytes are malformed."""
    state, _, _ = busy_state()
    watcher = State.restore(state.words, 1, list(state.providers()), list(state.clients()))
    rows = [(1, 10, 1, 9, True), (1, 11, 2, 9, False), (1, 30, 1, 9, False), (1, 31, 1, 8, True)]
    (honest,) = claims_of(a_day(state, 2, *rows))
    (group,) = decode_groups(honest.segment)
    claim = replace(honest, segment=OPINION_CHEATS[name](group))
    assert check_segment(claim, witness_segment(watcher, claim)) is not None


@pytest.mark.parametrize("name", [name for name in SCORE_CHEATS if name != "other certainty"])
def test_a_cheat_in_a_segment_of_scores_is_proven(name: str) -> None:
    state, opinions, scores = busy_state()
    watcher = State()
    for claim in claims_of(opinions):
        advance(watcher, claim)
    (honest,) = claims_of(scores)
    rows = list(decode_scores(honest.segment, True))
    claim = replace(honest, segment=encode_scores(SCORE_CHEATS[name](rows)))
    assert check_segment(claim, witness_segment(watcher, claim)) is not None
    assert state.root != watcher.root


def test_a_segment_of_no_scores_that_changes_the_state_is_proven() -> None:
    """RP-18"""
    state, _, _ = busy_state()
    (honest,) = claims_of(apply_scores(state, 1))
    assert honest.segment == b""
    assert check_segment(honest, witness_segment(state, honest)) is None
    forged = replace(honest, after=b"\1" * 32)
    assert check_segment(forged, witness_segment(state, forged)) is not None


@given(st.binary(min_size=32, max_size=32))
def test_any_other_root_is_proven(root: bytes) -> None:
    claim, *_ = claims_of(a_day(State(), 1, (1, 2, 1, 9, True)))
    found = check_segment(replace(claim, after=root), witness_segment(State(), claim))
    assert (found is None) == (root == claim.after)


def test_a_short_segment_of_scores_before_the_last_is_proven() -> None:
    """RP-18"""
    _, opinions, scores = busy_state()
    watcher = State()
    for claim in claims_of(opinions):
        advance(watcher, claim)
    (honest,) = claims_of(scores)
    claim = replace(honest, last=False)
    assert check_segment(claim, witness_segment(watcher, claim)) is not None


# ---------------------------------------------------------------- a client twice


def cheat_of(watcher: State, *groups: Group) -> SegmentClaim:
    """A segment executed as a cheat does that lets a client arrive twice."""
    before, changes = watcher.words, []
    watcher.add_opinions(groups, 3, REGISTERED, changes, duplicates=True)
    claim = SegmentClaim(
        0,
        1,
        BatchKind.OPINIONS,
        3,
        True,
        encode_groups(groups),
        before.hash(),
        watcher.root,
        REGISTERED,
    )
    watcher.undo(before, changes)
    return claim


@pytest.mark.parametrize(
    "groups",
    [
        [Group(1, (Row(10, True, 5, True, 1),))],
        [Group(1, (Row(35, True, 5, True, 1), Row(35, True, 5, True, 1)))],
        [Group(7, (Row(35, True, 5, True, 1),)), Group(7, (Row(35, True, 5, True, 2),))],
        [Group(2, (Row(0, False, 5, True, 1),)), Group(2, (Row(12, True, 5, True, 2),))],
    ],
    ids=["known before", "twice in a group", "twice in a segment", "beside an honest row"],
)
def test_a_client_that_arrives_twice_is_proven(groups: list[Group]) -> None:
    watcher, _, _ = busy_state()
    claim = cheat_of(watcher, *groups)
    before = watcher.words
    assert check_segment(claim, witness_segment(watcher, claim)) is None
    witness = witness_duplicate(watcher, claim)
    assert watcher.words == before
    assert check_duplicate(claim, witness) is not None


def test_a_duplicate_is_the_fault_of_the_segment_that_made_it() -> None:
    """Whoever builds on a state in which a client stands twice is not to blame."""
    watcher, _, _ = busy_state()
    cheat = cheat_of(watcher, Group(1, (Row(10, True, 5, True, 1),)))
    was = watcher.words
    twice = witness_duplicate(watcher, cheat)
    groups = decode_groups(cheat.segment)
    watcher.add_opinions(groups, 3, REGISTERED, [], duplicates=True)
    honest = cheat_of(watcher, Group(1, (Row(36, True, 5, True, 1),)))
    place, words = provider_place(watcher, 1), watcher.words
    watcher.add_opinions(decode_groups(honest.segment), 3, REGISTERED, [])
    witness = DuplicateWitness(
        1,
        words,
        place,
        watcher.words,
        provider_place(watcher, 1),
        client_place(watcher, 1, twice.first_position),
        twice.first_position,
        client_place(watcher, 1, twice.second_position),
        twice.second_position,
    )
    assert check_duplicate(honest, witness) is None
    with pytest.raises(InvalidInput):
        check_duplicate(honest, witness._replace(before=was))


def test_no_two_leaves_make_an_honest_segment_a_duplicate() -> None:
    """RP-I7"""
    watcher, _, _ = busy_state()
    honest = cheat_of(watcher, Group(1, (Row(36, True, 5, True, 1), Row(37, True, 5, True, 1))))
    place, words = provider_place(watcher, 1), watcher.words
    watcher.add_opinions(decode_groups(honest.segment), 3, REGISTERED, [])
    for first in range(22):
        for second in range(22):
            witness = DuplicateWitness(
                1,
                words,
                place,
                watcher.words,
                provider_place(watcher, 1),
                client_place(watcher, 1, first),
                first,
                client_place(watcher, 1, second),
                second,
            )
            assert check_duplicate(honest, witness) is None
    no_witness_convicts(check_duplicate, honest, witness)


def test_an_honest_segment_has_no_duplicate_to_witness() -> None:
    watcher, _, _ = busy_state()
    honest = cheat_of(watcher, Group(1, (Row(36, True, 5, True, 1),)))
    with pytest.raises(InvalidInput):
        witness_duplicate(watcher, honest)
    unknown = replace(
        honest, segment=encode_groups([Group(2**32 - 1, (Row(1, True, 1, True, 1),))])
    )
    with pytest.raises(InvalidInput):
        witness_duplicate(watcher, unknown)


# ---------------------------------------------------------------- scores


def folded() -> tuple[State, Batch, list[FoldClaim]]:
    """The state before a batch of scores: providers of 1, 16, 17 and 36 clients."""
    state = State()
    rows = [
        (provider, client, 1, 5 + client, (provider + client) % 3 > 0)
        for provider, clients in ((37, 1), (38, 16), (39, 17), (40, 36))
        for client in range(clients, 0, -1)
    ]
    for epoch in (1, 4):
        a_day(state, epoch, *rows)
    watcher = State.restore(state.words, 1, list(state.providers()), list(state.clients()))
    batch = apply_scores(state, 4)
    claims = [
        FoldClaim(1, 4, batch.before.hash(), batch.folds, number, row)
        for number, row in enumerate(decode_scores(batch.segments[0], True))
    ]
    return watcher, batch, claims


def test_every_step_of_an_honest_fold_is_right() -> None:
    """RP-30"""
    watcher, batch, claims = folded()
    for claim in claims:
        sums = batch.sums[claim.number]
        chunks = -(-watcher.leaf(claim.row.provider).clients // FOLD_CHUNK)
        assert len(sums) == 2 * chunks
        for step in range(2 * chunks):
            witness = witness_fold(watcher, claim.row, claim.number, batch.sums, step)
            assert check_fold_chunk(claim, witness) is None
        end = witness_fold_end(watcher, claim.row, claim.number, batch.sums)
        assert check_fold_end(claim, end) is None


def forge(batch: Batch, number: int, sums: tuple[Sums, ...]) -> tuple[tuple[Sums, ...], ...]:
    return (*batch.sums[:number], sums, *batch.sums[number + 1 :])


@pytest.mark.parametrize("number", [0, 3])
@pytest.mark.parametrize("name", Sums._fields)
def test_a_partial_sum_that_is_wrong_is_proven_where_it_is(number: int, name: str) -> None:
    watcher, batch, claims = folded()
    for step in range(len(batch.sums[number])):
        honest = batch.sums[number]
        wrong = honest[step]._replace(**{name: getattr(honest[step], name) + 1})
        sums = forge(batch, number, (*honest[:step], wrong, *honest[step + 1 :]))
        claim = replace(claims[number], folds=folds_root(sums))
        witness = witness_fold(watcher, claim.row, number, sums, step)
        assert check_fold_chunk(claim, witness) is not None


def test_a_cheat_that_goes_on_from_a_wrong_sum_is_proven_at_the_one_step() -> None:
    """The others follow from it; the end is what the cheat's row says."""
    watcher, batch, claims = folded()
    honest, clients = batch.sums[3], watcher.prove_clients(40)
    leaf = watcher.leaf(40)
    scene = Scene(leaf.exponent, leaf.interactions, 4)
    sums = list(honest[:4])
    sums[3] = sums[3]._replace(s=sums[3].s * 2)
    for chunk in (1, 2):
        pairs = [leaf.pair for leaf in clients[FOLD_CHUNK * chunk : FOLD_CHUNK * (chunk + 1)]]
        sums.append(add_weights(sums[-1], pairs, scene))
    forged = forge(batch, 3, tuple(sums))
    last = sums[-1]
    row = ScoreRow(40, last.s // last.weight // 10**6, last.c // last.weight // 10**6)
    claim = replace(claims[3], folds=folds_root(forged), row=row)
    found = [
        check_fold_chunk(claim, witness_fold(watcher, row, 3, forged, step)) is not None
        for step in range(6)
    ]
    assert found == [False, False, False, True, False, False]
    assert check_fold_end(claim, witness_fold_end(watcher, row, 3, forged)) is None


@pytest.mark.parametrize(("s", "c"), [(1, 0), (0, 1), (-1, 1)])
def test_a_row_that_is_not_the_end_of_its_fold_is_proven(s: int, c: int) -> None:
    watcher, batch, claims = folded()
    row = claims[2].row._replace(s=claims[2].row.s + s, c=claims[2].row.c + c)
    claim = replace(claims[2], row=row)
    assert check_fold_end(claim, witness_fold_end(watcher, row, 2, batch.sums)) is not None


def test_sums_that_are_no_levels_convict_instead_of_failing() -> None:
    """A verdict is computed, whatever a cheat wrote."""
    watcher, batch, claims = folded()
    for wrong in (Sums(0, 0, 5, 5), Sums(0, 1, 2**255, 2**255), Sums()):
        sums = forge(batch, 0, (*batch.sums[0][:-1], wrong))
        claim = replace(claims[0], folds=folds_root(sums), row=ScoreRow(37, 1, 1))
        assert check_fold_end(claim, witness_fold_end(watcher, claim.row, 0, sums)) is not None


@pytest.mark.parametrize("number", [0, 2, 3])
def test_no_witness_makes_an_honest_fold_wrong(number: int) -> None:
    """RP-I7"""
    watcher, batch, claims = folded()
    claim = claims[number]
    step = len(batch.sums[number]) - 1
    witness = witness_fold(watcher, claim.row, number, batch.sums, step)
    no_witness_convicts(check_fold_chunk, claim, witness)
    end = witness_fold_end(watcher, claim.row, number, batch.sums)
    no_witness_convicts(check_fold_end, claim, end)


def test_a_fold_of_a_provider_without_clients_fits_nothing() -> None:
    watcher, batch, claims = folded()
    claim = replace(claims[0], row=claims[0].row._replace(provider=30))
    end = witness_fold_end(watcher, claims[0].row, 0, batch.sums)
    with pytest.raises(InvalidInput):
        check_fold_end(claim, end._replace(place=Place(b"", ())))


# ---------------------------------------------------------------- headers


def test_a_wrong_levy_is_proven() -> None:
    """RP-20"""
    batch = a_day(State(), 1, (1, 2, 1, 9, True))
    witness = WordsWitness(batch.before, batch.words)
    roots = (batch.before.hash(), batch.root)
    assert check_levy(batch.levy, *roots, witness) is None
    for wrong in (0, batch.levy - 1, batch.levy + 1):
        assert check_levy(wrong, *roots, witness) is not None
    with pytest.raises(InvalidInput):
        check_levy(0, *roots, witness._replace(after=ShardState(0)))


def test_a_provider_that_was_left_out_is_proven() -> None:
    """RP-30"""
    state = State()
    a_day(state, 1, (1, 3, 1, 1, True), (2, 3, 1, 1, True))
    apply_scores(state, 1, limit=1)
    found = {
        provider: check_omission(
            provider, 1, state.root, state.words, provider_place(state, provider)
        )
        for provider in (1, 2, 9)
    }
    assert found[2] is not None
    assert found[1] is None
    assert found[9] is None
    with pytest.raises(InvalidInput):
        check_omission(2, 1, state.root, state.words, provider_place(state, 1))


def test_paths_of_places_leave_the_trees_as_they_were() -> None:
    state, _, _ = busy_state()
    words = state.words
    for provider in (1, 2, 3, 39):
        provider_place(state, provider)
        for position in range(3):
            client_place(state, provider, position) if provider < 3 else None
    assert state.words == words
    tree = MerkleTree(leaf_hash(leaf.encode()) for leaf in state.prove_clients(1))
    assert tree.root == state.leaf(1).root
