"""Rounds under delays, silences and lost connections end with both or neither.

[prosecutor Fig. 10(b)] (SPEC CH-22, CH-23, CH-I6); the full experiment is `python -m
handfast.experiments.atomicity`.
"""

from __future__ import annotations

import pytest

from handfast.experiments.atomicity import Fate, measure, silences


@pytest.mark.parametrize("probability", [0.0, 0.3, 0.6, 0.9])
def test_rounds_end_with_both_or_neither_however_often_instructions_are_delayed(
    probability: float,
) -> None:
    row = measure(probability, rounds=60, seed=1)
    assert row.atomicity == 1
    assert row.both + row.neither == row.rounds == 60
    if probability == 0:
        assert (row.both, row.left) == (60, 0)
        assert row.mean_seconds == pytest.approx(0.25)


def test_delays_cost_time_and_rounds_but_no_atomicity() -> None:
    rows = [measure(probability, rounds=60, seed=2) for probability in (0.0, 0.4, 0.8)]
    assert rows[0].mean_seconds < rows[1].mean_seconds < rows[2].mean_seconds
    assert rows[2].neither > 0
    assert rows[2].left > 0


def test_a_seed_gives_the_same_rounds_again() -> None:
    assert measure(0.5, rounds=20, seed=3) == measure(0.5, rounds=20, seed=3)


def test_whatever_happens_at_whichever_instruction_both_move_or_neither() -> None:
    """Before the client has revealed, or the key left, silence moves nothing; after that, both."""
    found = list(silences())
    assert {each.kind for each in found} >= {"Offer", "Update", "Agreement", "Release"}
    for each in found:
        if each.fate is not Fate.SILENT:
            assert each.paid, each
    unpaid = [(each.with_key, each.instruction) for each in found if not each.paid]
    assert unpaid == [(False, 0), (False, 1), (False, 2), (True, 0), (True, 1)]
