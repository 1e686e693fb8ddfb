"""A score counts if it is proven under the final root, and so does the lack of one. (RP-31)"""

from __future__ import annotations

import pytest

from handfast.errors import Rejected
from handfast.protocol.constants import GAMMA, SCALE
from handfast.reputation.batches import Entry, apply_opinions, apply_scores
from handfast.reputation.rules import UNKNOWN
from handfast.reputation.scores import (
    check_clients,
    check_leaf,
    check_words,
    personal_score_of,
    score_of,
)
from handfast.reputation.state import State


@pytest.fixture
def state() -> State:
    """Providers 1 and 4 have opinions, 2 and 3 stand between them without."""
    found = State()
    entries = [
        Entry(provider, client, nonce, 10, provider == 1)
        for provider in (1, 4)
        for client in (7, 8, 9)
        for nonce in (1, 2)
    ]
    apply_opinions(found, entries, 1, 9)
    apply_scores(found, 1)
    return found


def test_the_words_are_those_of_the_root_and_the_shard(state: State) -> None:
    check_words(state.words, 0, state.root)
    for words, shard, root in (
        (state.words._replace(levy=0), 0, state.root),
        (state.words, 1, state.root),
        (state.words, 0, bytes(32)),
    ):
        with pytest.raises(Rejected) as refused:
            check_words(words, shard, root)
        assert refused.value.reason == "root"


def test_a_leaf_stands_in_its_own_place_alone(state: State) -> None:
    leaf, path = state.leaf(1), state.provider_path(1)
    check_leaf(state.words, 1, leaf, path)
    for position, shown, siblings in (
        (4, leaf, path),
        (1, state.leaf(4), path),
        (1, leaf._replace(clients=9), path),
        (1, leaf, path[:-1]),
        (1, None, path),
        (99, leaf, path),
    ):
        with pytest.raises(Rejected) as refused:
            check_leaf(state.words, position, shown, siblings)
        assert refused.value.reason == "path"


def test_the_lack_of_a_leaf_is_proven_too(state: State) -> None:
    check_leaf(state.words, 2, None, state.provider_path(2))
    check_leaf(state.words, 99, None, ())


def test_who_was_never_scored_has_the_score_of_the_unknown(state: State) -> None:
    assert score_of(None) == UNKNOWN
    assert score_of(state.leaf(1)._replace(score_epoch=0)) == UNKNOWN
    assert score_of(state.leaf(4)).score < GAMMA < score_of(state.leaf(1)).score


def test_clients_count_if_they_are_all_there_in_order(state: State) -> None:
    leaf, clients = state.leaf(1), state.prove_clients(1)
    check_clients(leaf, clients)
    for shown in (clients[:-1], clients[::-1], (*clients, clients[0]), state.prove_clients(4)):
        with pytest.raises(Rejected) as refused:
            check_clients(leaf, shown)
        assert refused.value.reason == "clients"


def test_a_clients_own_opinion_makes_its_score_its_own(state: State) -> None:
    leaf, clients = state.leaf(1), state.prove_clients(1)
    own = personal_score_of(leaf, clients, 7, SCALE // 2, 2)
    stranger = personal_score_of(leaf, clients, 99, SCALE // 2, 2)
    assert own != stranger
    assert personal_score_of(leaf, clients, 99, SCALE // 2, 0) == personal_score_of(
        leaf, clients, 99, SCALE // 2, 1
    )
