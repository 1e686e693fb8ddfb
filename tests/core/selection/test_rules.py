"""The order in which providers are asked. (SPEC PR-1, PR-2)"""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE
from handfast.selection.rules import UNKNOWN_SCORE, Ranked, draw, rank, scored

SCORES = st.dictionaries(st.integers(1, 50), st.integers(0, SCALE), min_size=1)


@given(SCORES)
def test_rank_puts_the_highest_score_first_and_breaks_ties_by_id(scores: dict[int, int]) -> None:
    order = rank(scored(tuple(scores), scores))
    assert sorted(each.provider for each in order) == sorted(scores)
    for first, second in itertools.pairwise(order):
        assert (-first.score, first.provider) < (-second.score, second.provider)


def test_a_provider_nobody_rated_has_the_score_of_total_uncertainty() -> None:
    assert scored((7, 8), {8: 3}) == (Ranked(7, UNKNOWN_SCORE), Ranked(8, 3))
    assert UNKNOWN_SCORE == SCALE // 2


@pytest.mark.parametrize("score", [-1, SCALE + 1])
def test_refuses_a_score_out_of_range(score: int) -> None:
    with pytest.raises(InvalidInput, match="score"):
        scored((1,), {1: score})


def test_refuses_a_provider_that_stands_twice() -> None:
    with pytest.raises(InvalidInput, match="twice"):
        scored((1, 1), {})


def test_draw_follows_softmax() -> None:
    candidates = scored((1, 2, 3), {1: SCALE, 2: SCALE // 2, 3: 0})
    source = random.Random(7)
    temperature, count = 0.5, 20_000
    firsts = Counter(
        draw(candidates, temperature, [source.random() for _ in range(3)])[0].provider
        for _ in range(count)
    )
    weights = {each.provider: math.exp(each.score / SCALE / temperature) for each in candidates}
    for provider, weight in weights.items():
        assert firsts[provider] / count == pytest.approx(weight / sum(weights.values()), abs=0.015)


@given(SCORES, st.randoms(use_true_random=False))
def test_draw_at_a_tiny_temperature_is_the_ranking(scores: dict[int, int], source) -> None:  # type: ignore[no-untyped-def]
    distinct = {provider: score for score, provider in {s: p for p, s in scores.items()}.items()}
    candidates = scored(tuple(distinct), distinct)
    uniforms = [source.uniform(0.01, 0.99) for _ in candidates]
    assert draw(candidates, 1e-13, uniforms) == rank(candidates)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.inf, math.nan])
def test_refuses_a_temperature_that_is_no_positive_number(temperature: float) -> None:
    with pytest.raises(InvalidInput, match="temperature"):
        draw((Ranked(1, 0),), temperature, (0.5,))


@pytest.mark.parametrize("uniforms", [(), (0.0,), (1.0,), (0.5, 0.5)])
def test_refuses_numbers_that_are_not_uniforms(uniforms: tuple[float, ...]) -> None:
    with pytest.raises(InvalidInput, match="between 0 and 1"):
        draw((Ranked(1, 0),), 1.0, uniforms)
