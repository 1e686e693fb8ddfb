"""The rules of tasks agree with Python to the last bit. (SPEC MT-4, MT-5, DT-6)"""

from __future__ import annotations

import random
from typing import Any

import pytest
from brownie import TaskRulesHarness

from handfast.disputes.rules import scores_of, words_of
from handfast.protocol.constants import MAX_SCORES, NO_VALIDATION, SCALE, DeliveryState
from handfast.tasks import rules
from tests.chain import plain


@pytest.fixture(scope="module")
def harness(deployer: Any) -> Any:
    return deployer.deploy(TaskRulesHarness)


def some_scores(chance: random.Random) -> list[int]:
    """Scores with many equal ones, few or many, at and around a threshold."""
    steps = [0, 1, SCALE // 2 - 1, SCALE // 2, SCALE // 2 + 1, SCALE, NO_VALIDATION]
    return [chance.choice(steps) for _ in range(chance.choice([1, 2, 10, MAX_SCORES]))]


@pytest.mark.parametrize("seed", range(25))
def test_the_same_pass_and_the_same_is_best(harness: Any, seed: int) -> None:
    """MT-5"""
    chance = random.Random(seed)
    scores = some_scores(chance)
    words = words_of(scores)
    counted = chance.getrandbits(MAX_SCORES) | chance.getrandbits(MAX_SCORES)
    threshold = chance.choice([0, 1, SCALE // 2, SCALE])
    everything = scores_of(words, MAX_SCORES)
    assert plain(harness.scoresAt((words,))) == everything
    assert plain(harness.rank((words,), counted, threshold)) == rules.rank(
        everything, counted, threshold
    )
    assert harness.isWithoutValidation((words,)) == rules.is_without_validation(everything)
    assert harness.size(counted) == len(rules.positions_of(counted))


@pytest.mark.parametrize("seed", range(25))
def test_money_is_divided_alike(harness: Any, seed: int) -> None:
    """MT-5, DT-6"""
    chance = random.Random(seed)
    amount = chance.getrandbits(chance.choice([1, 8, 128]))
    count = chance.randint(1, MAX_SCORES)
    assert plain(harness.split(amount, count)) == rules.split(amount, count)
    assert harness.left(amount, count) == rules.left(amount, count)
    assert harness.left(amount, 0) == rules.left(amount, 0)


def test_sixty_four_states_fit_a_word(harness: Any) -> None:
    chance = random.Random(1)
    given = [chance.choice(list(DeliveryState)) for _ in range(MAX_SCORES)]
    claimed = chance.getrandbits(MAX_SCORES)
    word, read, read_claimed = plain(harness.states(given, claimed))
    assert read == tuple(given)
    assert read_claimed == tuple(bool(claimed >> i & 1) for i in range(MAX_SCORES))
    assert word < 1 << 256
