"""The reputation libraries agree with Python to the last bit. (SPEC RP-11 to RP-30)"""

from __future__ import annotations

import random
from dataclasses import astuple
from typing import Any

import pytest
from brownie import ReputationHarness

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


def history(chance: random.Random) -> list[tuple[bool, int, int]]:
    """Up to eight opinions in the order of their epochs: dust and giants, days and ages apart."""
    horizon = chance.choice([1, 300, 50_000, MAX_EPOCH])
    ceiling = chance.choice([1, 20, MAX_FEE_UNITS])
    epochs = sorted(chance.randrange(horizon) for _ in range(chance.randint(1, 8)))
    return [(chance.random() < 0.6, chance.randint(1, ceiling), epoch) for epoch in epochs]


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


@pytest.mark.parametrize("seed", range(30))
def test_a_history_leads_to_the_same_pair(harness: Any, seed: int) -> None:
    """RP-23, RP-24"""
    opinions = history(random.Random(seed))
    pair = pair_of(opinions)
    assert plain(harness.rate(*zip(*opinions, strict=True))) == pair
    assert plain(harness.local(pair)) == rules.local(pair)


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("rated", [True, False])
def test_any_clients_fold_to_the_same_score(harness: Any, seed: int, rated: bool) -> None:
    """RP-25 to RP-30"""
    chance = random.Random(seed)
    pairs = [pair_of(history(chance)) for _ in range(chance.randint(1, 16))]
    present = max(pair.epoch for pair in pairs) + chance.choice([0, 1, 70, 9_000])
    scene = rules.scene_of(pairs, min(present, MAX_EPOCH))
    _compare(harness, pairs, scene, chance.choice([0, SCALE, chance.randrange(SCALE)]), rated)


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


class Filler:
    """Values for the fields of a structure: all zero, all of the largest, or at random."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.random = random.Random(kind)

    def uint(self, bits: int) -> int:
        return {"zeros": 0, "most": 2**bits - 1}.get(self.kind, self.random.getrandbits(bits))

    def word(self, size: int = 32) -> bytes:
        return self.uint(8 * size).to_bytes(size, "big")


@pytest.fixture(params=["zeros", "most", *(f"random {seed}" for seed in range(8))])
def fill(request: pytest.FixtureRequest) -> Filler:
    return Filler(request.param)


def test_a_client_leaf_hashes_alike(harness: Any, fill: Filler) -> None:
    """RP-11"""
    client, positives, negatives, epoch, fee, nonce, worth, exponent = fields = tuple(
        map(fill.uint, (32, 64, 64, 32, 32, 64, 128, 32))
    )
    leaf = ClientLeaf(client, Pair(positives, negatives, epoch, fee, worth, exponent), nonce)
    assert plain(harness.hashClient(fields)) == leaf.hash()


def test_a_provider_leaf_hashes_alike(harness: Any, fill: Filler) -> None:
    """RP-12"""
    root, counts = fill.word(), tuple(map(fill.uint, (32, 64, 32, 32)))
    score, epoch = Score(*(fill.uint(32) for _ in range(4))), fill.uint(32)
    leaf = ProviderLeaf(root, *counts, score, epoch)
    assert plain(harness.hashProvider((root, *counts, *score, epoch))) == leaf.hash()


def test_a_state_hashes_alike(harness: Any, fill: Filler) -> None:
    """RP-14"""
    state = ShardState(fill.uint(16), fill.word(), *map(fill.uint, (32, 64, 64)))
    assert plain(harness.hashState(state)) == state.hash()


def test_a_header_hashes_alike(harness: Any, fill: Filler) -> None:
    """RP-21"""
    header = Header(
        fill.uint(16),
        fill.uint(64),
        BatchKind(fill.uint(1)),
        BatchSource(fill.uint(1)),
        bool(fill.uint(1)),
        fill.uint(32),
        fill.uint(64),
        "0x" + fill.word(20).hex(),
        fill.uint(64),
        fill.uint(32),
        *(fill.word() for _ in range(6)),
    )
    assert plain(harness.hashHeader(astuple(header))) == header.hash()


@pytest.mark.parametrize("length", [0, 1, 9, 31, 32, 300])
def test_a_segment_hashes_alike(harness: Any, fill: Filler, length: int) -> None:
    """RP-19"""
    segment, before, after = fill.word(length), fill.word(), fill.word()
    assert plain(harness.segmentLeaf(segment, before, after)) == segment_leaf(
        segment, before, after
    )
