"""What scores and money come to. (SPEC MT-2, MT-4, MT-5, DT-1, DT-3)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.protocol.constants import MAX_SCORES, NO_VALIDATION, SCALE, DeliveryState
from handfast.tasks import rules

entries = st.lists(st.integers(0, 2**32 - 1), max_size=MAX_SCORES)


@given(entries.filter(bool), st.integers(0, 2**64 - 1), st.integers(0, SCALE))
def test_the_best_is_the_earliest_of_the_highest_that_count(scores, counted, threshold):
    """MT-5: by the definition, word for word."""
    counted &= (1 << len(scores)) - 1
    passed, best = rules.rank(scores, counted, threshold)
    members = rules.positions_of(passed)
    for i, score in enumerate(scores):
        assert (i in members) == (counted >> i & 1 == 1 and score >= threshold)
    if members:
        assert scores[best] == max(scores[i] for i in members)
        assert all(scores[i] < scores[best] for i in members if i < best)
    else:
        assert best == 0


@given(st.integers(0, 2**128 - 1), st.integers(1, MAX_SCORES))
def test_nobody_gets_what_is_not_there(reward, count):
    """MT-5: the shares fit the reward, and what is lost to rounding is less than a unit each."""
    of_best, of_other = rules.split(reward, count)
    paid = of_best + of_other * (count - 1)
    assert of_best == reward // 2
    assert paid <= reward
    assert of_other <= of_best
    if count > 1:
        assert reward - paid <= count


@given(st.integers(0, 2**128 - 1), st.integers(0, MAX_SCORES))
def test_what_an_equal_division_leaves_completes_it(amount, count):
    rest = rules.left(amount, count)
    assert rest == amount if count == 0 else rest + amount // count * count == amount


def test_of_equal_models_the_earliest_commitment_counts():
    """MT-4: whoever reveals first; who has not revealed is copied by nobody."""
    one, two = b"1" * 32, b"2" * 32
    assert rules.copies([one, two, one, None, one, two]) == 0b110100
    assert rules.copies([None, one, two]) == 0


def test_a_panel_without_validation_data_says_so_in_the_first_entry():
    assert rules.is_without_validation([NO_VALIDATION] * 3)
    assert not rules.is_without_validation([SCALE, NO_VALIDATION])


def test_silence_is_honest():
    """DT-3"""
    honest = {state for state in DeliveryState if rules.is_honest(state)}
    assert honest == {DeliveryState.DELIVERED, DeliveryState.HONEST}


def test_a_compensation_below_the_reward_is_not_enough():
    """DT-1"""
    assert rules.suffices(5, 5)
    assert not rules.suffices(4, 5)


@pytest.mark.parametrize(("score", "eligible"), [(-1, False), (0, True), (1, True)])
def test_the_minimum_itself_is_enough(score, eligible):
    assert rules.is_eligible(score, 0) is eligible
