"""The state against a model that keeps every opinion and builds each tree anew."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.crypto.merkle import ZEROS, leaf_hash, root_of, verify
from handfast.errors import InvalidInput, InvariantBroken, Rejected
from handfast.protocol.constants import (
    FOLD_CHUNK,
    MAX_FEE_UNITS,
    SEGMENT_OPINIONS,
    SEGMENT_PROVIDER,
    BatchKind,
)
from handfast.reputation.batches import (
    Batch,
    Entry,
    Fault,
    Posted,
    apply_opinions,
    apply_scores,
    check_entry,
    fold_root,
    folds_root,
    replay,
    take_back,
)
from handfast.reputation.encoding import (
    ClientLeaf,
    Group,
    ProviderLeaf,
    Row,
    ScoreRow,
    ShardState,
    decode_data,
    decode_groups,
    decode_scores,
    encode_data,
    encode_groups,
    encode_scores,
    encode_sums,
)
from handfast.reputation.rules import NEWCOMER, Score, levy, neutral_score, rate, scene_of
from handfast.reputation.state import State

REGISTERED = 40


@dataclass
class Model:
    """All opinions by provider and client, in the order of arrival."""

    shards: int = 1
    opinions: dict[int, dict[int, list[tuple[Entry, int]]]] = field(default_factory=dict)
    scores: dict[int, tuple[Score, int]] = field(default_factory=dict)

    def add(self, entry: Entry, epoch: int) -> None:
        clients = self.opinions.setdefault(entry.provider, {})
        clients.setdefault(entry.client, []).append((entry, epoch))

    def client_leaf(self, provider: int, client: int) -> ClientLeaf:
        pair, nonce = NEWCOMER, 0
        for entry, epoch in self.opinions[provider][client]:
            pair, nonce = rate(pair, entry.satisfied, entry.fee, epoch), entry.nonce
        return ClientLeaf(client, pair, nonce)

    def provider_leaf(self, provider: int) -> ProviderLeaf:
        clients = self.opinions[provider]
        leaves = [self.client_leaf(provider, client) for client in clients]
        histories = clients.values()
        score, score_epoch = self.scores.get(provider, (Score(0, 0, 0, 0), 0))
        return ProviderLeaf(
            root_of(leaf_hash(leaf.encode()) for leaf in leaves),
            len(clients),
            sum(map(len, histories)),
            max(leaf.pair.exponent for leaf in leaves),
            max(epoch for history in histories for _, epoch in history),
            score,
            score_epoch,
        )

    def score(self, provider: int, epoch: int) -> None:
        pairs = [self.client_leaf(provider, client).pair for client in self.opinions[provider]]
        self.scores[provider] = (neutral_score(pairs, scene_of(pairs, epoch)), epoch)

    def words(self, shard: int) -> ShardState:
        fees = [
            entry.fee
            for clients in self.opinions.values()
            for history in clients.values()
            for entry, _ in history
        ]
        size = max((id_ // self.shards + 1 for id_ in self.opinions), default=0)
        places = [ZEROS[0]] * size
        for id_ in self.opinions:
            places[id_ // self.shards] = leaf_hash(self.provider_leaf(id_).encode())
        return ShardState(shard, root_of(places), size, sum(map(levy, fees)), len(fees))


# A day: opinions as (provider, client, step, fee, satisfied), and how many epochs it lasts.
opinion = st.tuples(
    st.integers(1, REGISTERED),
    st.integers(1, REGISTERED),
    st.one_of(st.just(1), st.integers(1, 255)),
    st.one_of(st.integers(1, 20), st.integers(1, MAX_FEE_UNITS)),
    st.booleans(),
).filter(lambda drawn: drawn[0] != drawn[1])
few = opinion.map(lambda drawn: (1 + drawn[0] % 3, 4 + drawn[1] % 4, *drawn[2:]))
day = st.tuples(st.lists(st.one_of(opinion, few), min_size=1, max_size=60), st.integers(1, 90))


def entries_of(state: State, drawn: list[tuple[int, int, int, int, bool]]) -> list[Entry]:
    """Entries with the nonces that come next, for the providers of the state's shard."""
    nonces: dict[tuple[int, int], int] = {}
    entries = []
    for provider, client, step, fee, satisfied in drawn:
        if provider % state.shards != state.shard:
            continue
        pair = (provider, client)
        last = nonces.get(pair, state.last_nonce(*pair))
        nonces[pair] = last + step
        entries.append(Entry(provider, client, last + step, fee, satisfied))
    return entries


def a_day(state: State, epoch: int, *drawn: tuple[int, int, int, int, bool]) -> Batch:
    return apply_opinions(state, entries_of(state, list(drawn)), epoch, REGISTERED)


def busy_state() -> tuple[State, Batch, Batch]:
    """Twenty clients with one provider, three with another; after a day, and after its scores."""
    state = State()
    rows = [(1, 10 + at, 1, 5 + at, at % 3 > 0) for at in range(20)]
    rows += [(2, 10 + at, 1, 7, True) for at in range(3)]
    opinions = a_day(state, 1, *rows)
    return state, opinions, apply_scores(state, 1)


@settings(max_examples=60)
@given(st.lists(day, min_size=1, max_size=4), st.sampled_from([(0, 1), (0, 2), (1, 2), (2, 3)]))
def test_batches_lead_where_the_model_says(
    days: list[tuple[list[tuple[int, int, int, int, bool]], int]], place: tuple[int, int]
) -> None:
    """RP-23, RP-30, RP-I5; and a second state that replays the batches agrees with each root."""
    shard, shards = place
    state, other, model = State(shard, shards), State(shard, shards), Model(shards)
    epoch = 1
    for drawn, epochs in days:
        entries = entries_of(state, drawn)
        if entries:
            batch = apply_opinions(state, entries, epoch, REGISTERED)
            for entry in entries:
                model.add(entry, epoch)
            assert batch.words == state.words == model.words(shard)
            assert batch.levy == sum(levy(entry.fee) for entry in entries)
            assert replay(other, batch.posted, REGISTERED) == batch
            scores = apply_scores(state, epoch)
            for provider in {entry.provider for entry in entries}:
                model.score(provider, epoch)
            assert scores.closes
            assert scores.words == model.words(shard)
            assert replay(other, scores.posted, REGISTERED) == scores
            for provider, leaf in batch.providers.items():
                assert leaf.clients == len(model.opinions[provider])
            for (provider, position), client in batch.clients.items():
                assert client == model.client_leaf(provider, client.client)
                assert state.client_at(provider, position) == client
        epoch += epochs
    for provider, clients in model.opinions.items():
        assert state.leaf(provider) == model.provider_leaf(provider)
        assert [leaf.client for leaf in state.prove_clients(provider)] == list(clients)


@settings(max_examples=40)
@given(day, day)
def test_taking_a_batch_back_leaves_nothing_of_it(
    first: tuple[list[tuple[int, int, int, int, bool]], int],
    second: tuple[list[tuple[int, int, int, int, bool]], int],
) -> None:
    state = State()
    done = [a_day(state, 1, *first[0]), apply_scores(state, 1), a_day(state, 2, *second[0])]
    words = [batch.words for batch in done]
    for batch, before in zip(reversed(done), [*reversed(words[:-1]), State().words], strict=True):
        take_back(state, batch)
        assert state.words == before
    again = [a_day(state, 1, *first[0]), apply_scores(state, 1), a_day(state, 2, *second[0])]
    assert again == done


def test_taking_back_another_batch_than_the_newest_is_a_broken_invariant() -> None:
    state, _, scores = busy_state()
    a_day(state, 2, (1, 30, 1, 9, True))
    with pytest.raises(InvariantBroken):
        take_back(state, scores)


@settings(max_examples=30)
@given(day)
def test_a_restored_state_goes_on_as_the_first(
    drawn: tuple[list[tuple[int, int, int, int, bool]], int],
) -> None:
    state, _, _ = busy_state()
    other = State.restore(state.words, 1, list(state.providers()), list(state.clients()))
    assert a_day(state, 2, *drawn[0]) == a_day(other, 2, *drawn[0])


def test_leaves_that_are_not_the_states_do_not_restore() -> None:
    state, _, _ = busy_state()
    providers, clients = list(state.providers()), list(state.clients())
    for words, some, all_ in (
        (state.words, providers, clients[:-1]),
        (state.words, providers[:-1], [pair for pair in clients if pair[0] == 1]),
        (state.words, [(1, providers[0][1]._replace(interactions=1)), providers[1]], clients),
        (state.words._replace(shard=1), providers, clients),
    ):
        with pytest.raises((InvariantBroken, InvalidInput)):
            State.restore(words, 1, some, all_)


# ---------------------------------------------------------------- entries


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Entry(0, 2, 1, 1, True), "provider"),
        (Entry(REGISTERED + 1, 2, 1, 1, True), "provider"),
        (Entry(1, 0, 1, 1, True), "client"),
        (Entry(1, REGISTERED + 1, 1, 1, True), "client"),
        (Entry(1, 1, 1, 1, True), "own_opinion"),
        (Entry(1, 2, 1, 0, True), "fee"),
        (Entry(1, 2, 1, MAX_FEE_UNITS + 1, True), "fee"),
        (Entry(1, 2, 0, 1, True), "stale_nonce"),
        (Entry(1, 2, 256, 1, True), "nonce_gap"),
        (Entry(1, 10, 1, 1, True), "stale_nonce"),
        (Entry(1, 10, 257, 1, True), "nonce_gap"),
    ],
)
def test_an_ineligible_entry_is_rejected_and_changes_nothing(entry: Entry, code: str) -> None:
    """RP-7, RP-9"""
    state, _, _ = busy_state()
    before = state.words
    for attempt in (
        lambda: check_entry(state, entry, REGISTERED),
        lambda: apply_opinions(state, [Entry(1, 3, 1, 1, True), entry], 2, REGISTERED),
    ):
        with pytest.raises(Rejected) as refused:
            attempt()
        assert refused.value.reason == code
    assert state.words == before


def test_a_client_whose_id_needs_the_top_bit_can_not_rate() -> None:
    """RP-7: it would read as another's position."""
    with pytest.raises(Rejected):
        check_entry(State(), Entry(1, 2**31, 1, 1, True), 2**32 - 1)
    check_entry(State(), Entry(1, 2**31 - 1, 1, 1, True), 2**32 - 1)


def test_a_provider_of_another_shard_is_rejected() -> None:
    """RP-10"""
    with pytest.raises(Rejected):
        check_entry(State(1, 2), Entry(2, 3, 1, 1, True), REGISTERED)
    check_entry(State(1, 2), Entry(3, 2, 1, 1, True), REGISTERED)


def test_nonces_of_one_batch_follow_each_other() -> None:
    state = State()
    entries = [Entry(1, 2, nonce, 1, True) for nonce in (3, 5, 5)]
    with pytest.raises(Rejected):
        apply_opinions(state, entries, 1, REGISTERED)
    apply_opinions(state, entries[:2], 1, REGISTERED)
    assert state.last_nonce(1, 2) == 5


def test_an_empty_batch_and_a_past_epoch_are_refused() -> None:
    state, _, _ = busy_state()
    with pytest.raises(InvalidInput):
        apply_opinions(state, [], 2, REGISTERED)
    with pytest.raises(InvalidInput):
        a_day(state, 0, (1, 3, 1, 1, True))


# ---------------------------------------------------------------- segments


@settings(max_examples=40)
@given(day)
def test_segments_are_as_full_as_they_can_be(
    drawn: tuple[list[tuple[int, int, int, int, bool]], int],
) -> None:
    """RP-18: none above the limit, and no two that would fit into one."""
    batch = a_day(State(), 1, *drawn[0])
    weights = []
    for segment in batch.segments:
        groups = decode_groups(segment)
        weights.append(sum(SEGMENT_PROVIDER + len(group.rows) for group in groups))
    assert max(weights) <= SEGMENT_OPINIONS
    assert all(weight >= SEGMENT_OPINIONS - SEGMENT_PROVIDER for weight in weights[:-1])


def test_scores_fill_every_segment_but_the_last() -> None:
    """RP-18"""
    state = State()
    a_day(state, 1, *((at, REGISTERED, 1, 9, True) for at in range(1, 36)))
    batch = apply_scores(state, 1)
    sizes = [len(decode_scores(segment, True)) for segment in batch.segments]
    assert sizes == [16, 16, 3]


def test_an_epoch_closes_when_nobody_is_due() -> None:
    """RP-22, RP-30: in order of ids, each provider once."""
    state, _, _ = busy_state()
    a_day(state, 2, (2, 30, 1, 9, True), (1, 30, 1, 9, False), (3, 30, 1, 9, False))
    assert state.due() == [1, 2, 3]
    first = apply_scores(state, 2, limit=2)
    assert not first.closes
    assert state.due() == [3]
    last = apply_scores(state, 2, limit=2)
    assert last.closes
    assert not state.due()
    assert [row.provider for row in decode_scores(first.segments[0], True)] == [1, 2]


def test_an_epoch_that_somebody_scored_and_did_not_close_can_be_closed() -> None:
    """RP-18: else a shard could be stopped for ever, by a batch that nothing is wrong with."""
    state = State()
    opinions = a_day(state, 1, (1, 3, 1, 9, True))
    scored = apply_scores(state, 1)
    watcher = State()
    for posted in (opinions.posted, scored.posted._replace(closes=False)):
        assert isinstance(replay(watcher, posted, REGISTERED), Batch)
    closing = apply_scores(watcher, 1)
    assert closing.closes
    assert closing.segments == (b"",)
    assert closing.root == scored.root
    take_back(watcher, closing)
    assert isinstance(replay(watcher, closing.posted, REGISTERED), Batch)
    fault_of(
        closing.posted._replace(data=encode_data((b"",), (b"\1" * 32,))),
        [opinions, scored],
    )


def test_a_fold_has_two_sums_for_each_chunk() -> None:
    """RP-30"""
    state, _, scores = busy_state()
    many, few_ = scores.sums
    chunks = -(-20 // FOLD_CHUNK)
    assert (len(many), len(few_)) == (2 * chunks, 2)
    assert all(partial[1:] == (0, 0, 0) for partial in many[:chunks])
    assert all(partial.worth == many[chunks - 1].worth for partial in many[chunks:])
    roots = [root_of(leaf_hash(encode_sums(partial)) for partial in sums) for sums in scores.sums]
    assert [fold_root(sums) for sums in scores.sums] == roots
    assert scores.folds == folds_root(scores.sums) == root_of(map(leaf_hash, roots))
    assert state.fold(1, 1) == many


# ---------------------------------------------------------------- proofs for readers


def test_a_score_is_proven_by_its_path() -> None:
    """RP-31"""
    state, _, _ = busy_state()
    for provider in (1, 2):
        proof = state.prove_score(provider)
        assert proof.state.hash() == state.root
        leaf = leaf_hash(proof.leaf.encode())
        assert verify(proof.state.root, leaf, provider, proof.state.providers, proof.path)
        clients = state.prove_clients(provider)
        assert proof.leaf.root == root_of(leaf_hash(leaf.encode()) for leaf in clients)
    for read in (state.prove_score, state.prove_clients, state.leaf):
        with pytest.raises(InvalidInput):
            read(3)
    with pytest.raises(InvalidInput):
        state.client_at(1, 20)


# ---------------------------------------------------------------- faults


def cheat(batch: Batch, at: int, segment: bytes) -> Posted:
    """The batch with another segment, its root still the honest one."""
    segments, roots = decode_data(batch.data)
    forged = (*segments[:at], segment, *segments[at + 1 :])
    return batch.posted._replace(data=encode_data(forged, roots))


def fault_of(posted: Posted, after: list[Batch]) -> Fault:
    """What a watcher finds that has seen the batches before; it is left as it was."""
    state = State()
    for batch in after:
        assert isinstance(replay(state, batch.posted, REGISTERED), Batch)
    before = state.words
    found = replay(state, posted, REGISTERED)
    assert isinstance(found, Fault)
    assert state.words == before
    return found


OPINION_CHEATS = {
    "cut short": lambda group: encode_groups([group])[:-1],
    "empty group": lambda group: encode_groups([group._replace(rows=())]),
    "nothing": lambda group: b"",
    "too heavy": lambda group: encode_groups([group._replace(rows=group.rows[:1] * 31)]),
    "no provider": lambda group: encode_groups([group._replace(provider=0)]),
    "unknown provider": lambda group: encode_groups([group._replace(provider=REGISTERED + 1)]),
    "gigantic provider": lambda group: encode_groups([group._replace(provider=2**32 - 1)]),
    "own opinion": lambda group: encode_groups([Group(1, (Row(1, True, 1, True, 1),))]),
    "no client": lambda group: encode_groups([Group(1, (Row(0, True, 1, True, 1),))]),
    "unknown client": lambda group: encode_groups(
        [Group(1, (Row(REGISTERED + 1, True, 1, True, 1),))]
    ),
    "no fee": lambda group: encode_groups([Group(1, (Row(0, False, 0, True, 1),))]),
    "no step": lambda group: encode_groups([Group(1, (Row(0, False, 1, True, 0),))]),
    "nobody's position": lambda group: encode_groups([Group(1, (Row(20, False, 1, True, 1),))]),
    "arrives again": lambda group: encode_groups([Group(1, (Row(10, True, 1, True, 1),))]),
    "arrives twice": lambda group: encode_groups([Group(1, (Row(35, True, 1, True, 1),) * 2)]),
    "other verdict": lambda group: encode_groups(
        [group._replace(rows=(group.rows[0]._replace(satisfied=False), *group.rows[1:]))]
    ),
    "reordered": lambda group: encode_groups([group._replace(rows=group.rows[::-1])]),
    "skipped": lambda group: encode_groups([group._replace(rows=group.rows[1:])]),
    "duplicated": lambda group: encode_groups([group._replace(rows=group.rows + group.rows[:1])]),
}


@pytest.mark.parametrize("name", OPINION_CHEATS)
def test_a_cheat_in_a_segment_of_opinions_is_found(name: str) -> None:
    state, opinions, scores = busy_state()
    rows = [(1, 10, 1, 9, True), (1, 11, 2, 9, False), (1, 30, 1, 9, False), (1, 31, 1, 8, True)]
    honest = a_day(state, 2, *rows)
    (group,) = decode_groups(honest.segments[0])
    forged = OPINION_CHEATS[name](group)
    assert fault_of(cheat(honest, 0, forged), [opinions, scores]).segment == 0


SCORE_CHEATS = {
    "other score": lambda rows: [rows[0]._replace(s=rows[0].s + 1), *rows[1:]],
    "other certainty": lambda rows: [rows[0]._replace(c=rows[0].c - 1), *rows[1:]],
    "not due": lambda rows: [*rows, ScoreRow(3, 0, 0)],
    "twice": lambda rows: [*rows, rows[0]],
    "nothing": lambda rows: [],
}


@pytest.mark.parametrize("name", SCORE_CHEATS)
def test_a_cheat_in_a_segment_of_scores_is_found(name: str) -> None:
    _, opinions, scores = busy_state()
    rows = list(decode_scores(scores.segments[0], True))
    forged = encode_scores(SCORE_CHEATS[name](rows))
    assert fault_of(cheat(scores, 0, forged), [opinions]).segment == 0


def test_a_wrong_root_is_found_in_its_segment() -> None:
    state, opinions, scores = busy_state()
    honest = a_day(state, 2, *((1 + at % 5, 10 + at, 1, 9, True) for at in range(25)))
    segments, roots = decode_data(honest.data)
    assert len(segments) > 1
    for at in range(len(segments)):
        forged = (*roots[:at], b"\1" * 32, *roots[at + 1 :])
        posted = honest.posted._replace(data=encode_data(segments, forged))
        assert fault_of(posted, [opinions, scores]).segment == at


@pytest.mark.parametrize(
    "change",
    [
        {"levy": 1},
        {"folds": b"\1" * 32},
        {"epoch": 1},
        {"kind": BatchKind.SCORES},
        {"data": b""},
        {"data": b"\0"},
    ],
)
def test_a_wrong_header_is_found(change: dict[str, object]) -> None:
    state, opinions, scores = busy_state()
    honest = a_day(state, 3, (1, 10, 1, 9, True), (1, 30, 1, 9, False))
    fault_of(honest.posted._replace(**change), [opinions, scores])


def test_a_provider_that_is_left_out_is_found() -> None:
    """RP-30: a batch that says it closes the epoch scores everybody who is due."""
    state = State()
    opinions = a_day(state, 1, (1, 3, 1, 1, True), (2, 3, 1, 1, True))
    partial = apply_scores(state, 1, limit=1)
    found = fault_of(partial.posted._replace(closes=True), [opinions])
    assert found.segment is None


def test_a_score_before_the_newest_opinion_is_no_score() -> None:
    state, opinions, scores = busy_state()
    honest = a_day(state, 5, (1, 10, 1, 9, True))
    close = apply_scores(state, 5)
    fault_of(close.posted._replace(epoch=4), [opinions, scores, honest])
