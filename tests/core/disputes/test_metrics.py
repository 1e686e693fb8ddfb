"""Scores of models in exact arithmetic, against scikit-learn. (SPEC EV-5)"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from handfast.disputes.models import (
    ModelDescription,
    accuracy,
    determination,
    macro_f1,
    read_description,
    score_of,
)
from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE, Metric

labels = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=200)
PLAIN = ModelDescription(target="y")


@given(labels)
def test_accuracy_is_the_share_of_right_rows_rounded_down(pairs: list[tuple[int, int]]) -> None:
    predicted, expected = zip(*pairs, strict=True)
    right = sum(one == other for one, other in pairs)
    value = accuracy(predicted, expected)
    assert value * len(pairs) <= SCALE * right < (value + 1) * len(pairs)


@given(labels)
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    predicted, expected = zip(*pairs, strict=True)
    theirs = metrics.f1_score(
        expected, predicted, labels=sorted(set(expected)), average="macro", zero_division=0
    )
    assert abs(theirs * SCALE - macro_f1(predicted, expected)) < 1.01


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=50))
def test_determination_is_that_of_scikit_learn_and_never_negative(
    pairs: list[tuple[int, int]],
) -> None:
    predicted, expected = zip(*pairs, strict=True)
    theirs = metrics.r2_score(expected, predicted)
    assert abs(max(theirs, 0) * SCALE - determination(predicted, expected)) < 1.01


@pytest.mark.parametrize(
    ("predicted", "expected", "score"),
    [((1, 1), (1, 1), SCALE), ((1, 2), (1, 1), 0), ((1, 2, 3), (1, 2, 3), SCALE)],
)
def test_constant_targets_are_met_exactly_or_not_at_all(
    predicted: tuple[int, ...], expected: tuple[int, ...], score: int
) -> None:
    assert determination(predicted, expected) == score


def test_sums_of_large_numbers_do_not_overflow() -> None:
    huge = np.array([1e300, -1e300, 5e15], "<f8")
    assert score_of(Metric.DETERMINATION, huge.tobytes(), huge.tobytes(), PLAIN) == SCALE


def test_a_difference_below_the_unit_changes_no_score() -> None:
    expected = np.linspace(0, 1, 11)
    near = expected + 4e-4
    coarse = ModelDescription(target="y", unit=Decimal("0.001"))
    fine = ModelDescription(target="y")
    data = (near.astype("<f8").tobytes(), expected.astype("<f8").tobytes())
    assert score_of(Metric.DETERMINATION, *data, coarse) == SCALE
    assert score_of(Metric.DETERMINATION, *data, fine) < SCALE


def test_classes_are_compared_as_integers() -> None:
    predicted, expected = (np.array(each, "<i8").tobytes() for each in ([1, 2, 3], [1, 2, 4]))
    assert score_of(Metric.ACCURACY, predicted, expected, PLAIN) == SCALE * 2 // 3


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b'{"target": "y", "more": 1}',
        b'{"target": "y", "shape": [0]}',
        b'{"target": "y", "unit": "0"}',
        b'{"target": "y", "unit": "NaN"}',
        b'{"target": "y", "format": "pickle"}',
    ],
)
def test_a_description_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="description"):
        read_description(text)


def test_a_description_is_read() -> None:
    read = read_description(b'{"target": "y", "features": ["a", "b"], "unit": "0.01"}')
    assert read == ModelDescription(target="y", features=("a", "b"), unit=Decimal("0.01"))
