"""The reputation libraries agree with Python to the last bit. (SPEC RP-11 to RP-30)"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from brownie import ReputationHarness
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.protocol.constants import MAX_FEE_UNITS, SCALE, BatchKind, BatchSource
from handfast.reputation import rules
from handfast.reputation.encoding import (
    ClientLeaf,
    Header,
    ProviderLeaf,
    ShardState,
    segment_leaf,
)
from handfast.reputation.rules import NEWCOMER, Pair, Scene, Score, Sums
from tests.chain import plain, reverts

MAX_EPOCH = 2**32 - 1
epochs = st.one_of(st.integers(0, 300), st.integers(0, 50_000), st.integers(0, MAX_EPOCH))
fees = st.one_of(st.integers(1, 20), st.integers(1, MAX_FEE_UNITS), st.just(MAX_FEE_UNITS))
u32, u64, u128 = (st.integers(0, 2**bits - 1) for bits in (32, 64, 128))
word = st.binary(min_size=32, max_size=32)
history = st.lists(st.tuples(st.booleans(), fees, epochs), min_size=1, max_size=8).map(
    lambda opinions: sorted(opinions, key=lambda opinion: opinion[2])
)


@pytest.fixture(scope="module")
def harness(deployer: Any) -> Any:
    return deployer.deploy(ReputationHarness)


def pair_of(opinions: list[tuple[bool, int, int]]) -> Pair:
    pair = NEWCOMER
    for opinion in opinions:
        pair = rules.rate(pair, *opinion)
    return pair


def test_growth_and_freshness_agree_for_every_kind_of_age(harness: Any) -> None:
    """RP-24: each of the first epochs, each power of two and its neighbours, the last epoch."""
    ages = [*range(300), *(2**bit + by for bit in range(9, 32) for by in (-1, 0, 1)), MAX_EPOCH]
    assert plain(harness.growth(ages)) == tuple(rules.growth(age) for age in ages)
    assert plain(harness.freshness(ages)) == tuple(rules.freshness(age) for age in ages)


@pytest.mark.parametrize("fee", [1, 99, 100, 101, 12_345, MAX_FEE_UNITS])
def test_the_levy_agrees(harness: Any, fee: int) -> None:
    """RP-20"""
    assert harness.levy(fee) == rules.levy(fee)


@settings(max_examples=40)
@given(history)
def test_a_history_leads_to_the_same_pair(
    harness: Any, opinions: list[tuple[bool, int, int]]
) -> None:
    """RP-23, RP-24"""
    pair = pair_of(opinions)
    assert plain(harness.rate(*zip(*opinions, strict=True))) == pair
    assert plain(harness.local(pair)) == rules.local(pair)


@settings(max_examples=60)
@given(
    st.lists(history, min_size=1, max_size=16),
    st.integers(0, 9_000),
    st.integers(0, SCALE),
    st.booleans(),
)
def test_any_clients_fold_to_the_same_score(
    harness: Any,
    clients: list[list[tuple[bool, int, int]]],
    later: int,
    sensitivity: int,
    rated: bool,
) -> None:
    """RP-25 to RP-30"""
    pairs = [pair_of(opinions) for opinions in clients]
    present = min(max(pair.epoch for pair in pairs) + later, MAX_EPOCH)
    _compare(harness, pairs, rules.scene_of(pairs, present), sensitivity, rated)


def _compare(harness: Any, pairs: list[Pair], scene: Scene, sensitivity: int, rated: bool) -> None:
    worth = rules.add_worth(Sums(), pairs, scene)
    assert plain(harness.addWorth(Sums(), pairs, scene)) == worth
    sums = rules.add_weights(worth, pairs, scene)
    assert plain(harness.addWeights(worth, pairs, scene)) == sums
    assert plain(harness.neutral(sums)) == rules.neutral(sums)
    own, others = (pairs[0], pairs[1:]) if rated else (None, pairs)
    folded = rules.add_weights(worth, others, scene)
    seen = plain(harness.personal(folded, own or NEWCOMER, sensitivity))
    assert seen == rules.personal_score(others, own, scene, sensitivity)


EXTREMES = {
    "all the worth there can be": [Pair(2**40, 2**39, 10, 1, 2**127, 5)] * 16,
    "worth that fades to nothing": [Pair(1, 1, 0, 1, 1, 0), Pair(1, 1, 0, 1, 2**70, 4_000_000)],
    "a crowd and a stranger": [Pair(2**63, 2**63 - 1, 9, 1, 9, 9), Pair(1, 0, 0, 1)],
    "long ago": [Pair(0, 1, 0, MAX_FEE_UNITS), Pair(1, 0, 1, 1)],
}


@pytest.mark.parametrize("name", EXTREMES)
@pytest.mark.parametrize("rated", [True, False])
def test_extreme_leaves_fold_to_the_same_score(harness: Any, name: str, rated: bool) -> None:
    """Also where no history of a hundred thousand opinions leads."""
    pairs = EXTREMES[name]
    _compare(harness, pairs, rules.scene_of(pairs, MAX_EPOCH), SCALE // 3, rated)


def test_nobodys_fold_is_total_uncertainty_on_both_sides(harness: Any) -> None:
    """RP-27, RP-31"""
    assert plain(harness.neutral(Sums())) == rules.UNKNOWN
    assert plain(harness.personal(Sums(), NEWCOMER, 0)) == rules.UNKNOWN


@pytest.mark.parametrize(("s", "c"), [(0, 0), (SCALE, 0), (0, SCALE), (1, 3), (SCALE - 5, 5)])
def test_a_row_stands_for_the_same_score(harness: Any, s: int, c: int) -> None:
    """RP-23"""
    assert plain(harness.rolledUp(s, c)) == rules.rolled_up(s, c)


def test_a_row_above_one_is_refused_on_both_sides(harness: Any) -> None:
    with reverts("LevelsExceedOne", SCALE, 1):
        harness.rolledUp(SCALE, 1)


@settings(max_examples=20)
@given(st.builds(ClientLeaf, u32, st.builds(Pair, u64, u64, u32, u32, u128, u32), u64))
def test_a_client_leaf_hashes_alike(harness: Any, leaf: ClientLeaf) -> None:
    """RP-11"""
    client, (positives, negatives, epoch, fee, worth, exponent), nonce = leaf
    fields = (client, positives, negatives, epoch, fee, nonce, worth, exponent)
    assert plain(harness.hashClient(fields)) == leaf.hash()


@settings(max_examples=20)
@given(st.builds(ProviderLeaf, word, u32, u64, u32, u32, st.builds(Score, u32, u32, u32, u32), u32))
def test_a_provider_leaf_hashes_alike(harness: Any, leaf: ProviderLeaf) -> None:
    """RP-12"""
    assert plain(harness.hashProvider((*leaf[:5], *leaf.score, leaf.score_epoch))) == leaf.hash()


@settings(max_examples=20)
@given(st.builds(ShardState, u32, word, u64, u64, u64))
def test_a_state_hashes_alike(harness: Any, state: ShardState) -> None:
    """RP-14"""
    assert plain(harness.hashState(state)) == state.hash()


headers = st.builds(
    Header,
    st.integers(0, 2**16 - 1),
    u64,
    st.sampled_from(BatchKind),
    st.sampled_from(BatchSource),
    st.booleans(),
    u32,
    u64,
    st.binary(min_size=20, max_size=20).map(lambda address: "0x" + address.hex()),
    u64,
    u32,
    *[word] * 6,
)


@settings(max_examples=20)
@given(headers)
def test_a_header_hashes_alike(harness: Any, header: Header) -> None:
    """RP-21"""
    assert plain(harness.hashHeader(astuple(header))) == header.hash()


@settings(max_examples=20)
@given(st.binary(max_size=300), word, word)
def test_a_segment_hashes_alike(harness: Any, segment: bytes, before: bytes, after: bytes) -> None:
    """RP-19"""
    assert plain(harness.segmentLeaf(segment, before, after)) == segment_leaf(
        segment, before, after
    )
