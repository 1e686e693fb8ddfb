"""The digit model: repeatable, within limits, and as good as its preset says. (SPEC INF-1..3)"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from handfast.errors import InvalidInput
from handfast.inference.digits import (
    MAX_SEED,
    PRESETS,
    Preset,
    draw,
    draw_batch,
    parse_schedule,
    preset,
)
from handfast.inference.judge import confidences

FEW = [digit for digit in range(10) for _ in range(10)]


def test_a_digit_is_a_28_by_28_grey_image() -> None:
    drawn = draw("a handwritten seven", seed=1)
    assert drawn.shape == (28, 28)
    assert drawn.dtype == np.uint8
    assert drawn.max() > 200


def test_words_and_numbers_ask_for_the_same() -> None:
    assert np.array_equal(draw("a seven", seed=5), draw(7, seed=5))


def test_equal_seeds_give_equal_bytes_even_in_another_process() -> None:
    """INF-1"""
    script = (
        "import hashlib; from handfast.inference.digits import draw;"
        "print(hashlib.sha256(draw(7, seed=123456789).tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    own = hashlib.sha256(draw(7, seed=123456789).tobytes()).hexdigest()
    assert other.stdout.decode().strip() == own


def test_another_seed_gives_another_image() -> None:
    drawn = draw_batch([7] * 20, range(20), PRESETS["fine"])
    assert len({image.tobytes() for image in drawn}) == 20


@pytest.mark.parametrize("name", PRESETS)
def test_a_batch_draws_what_single_calls_draw_up_to_one_grey_level(name: str) -> None:
    """INF-1: rounding may differ, what one sees may not."""
    batch = draw_batch(range(10), range(10), PRESETS[name]).astype(int)
    singles = np.stack([draw(digit, digit, PRESETS[name]) for digit in range(10)]).astype(int)
    assert np.abs(batch - singles).max() <= 1


def test_the_judge_reads_fine_digits_as_they_were_asked_for() -> None:
    drawn = draw_batch(FEW, range(len(FEW)), PRESETS["fine"])
    read = confidences(drawn)[:, :10].argmax(axis=1)
    assert (read == FEW).mean() >= 0.95


def test_presets_differ_in_true_quality() -> None:
    """INF-3: in the order of the table, each is worth less to a client than `fine`."""
    worth = {
        name: float(confidences(draw_batch(FEW, range(100, 200), how))[range(100), FEW].mean())
        for name, how in PRESETS.items()
    }
    assert max(worth, key=worth.__getitem__) == "fine"
    assert worth["fine"] > 0.85
    for name in ("fast", "undertrained", "noisy", "broken"):
        assert worth[name] < worth["fine"] - 0.05, worth


def test_noise_is_part_of_what_the_seed_decides() -> None:
    assert np.array_equal(draw(3, 8, PRESETS["noisy"]), draw(3, 8, PRESETS["noisy"]))
    assert not np.array_equal(draw(3, 8, PRESETS["noisy"]), draw(3, 8, PRESETS["fine"]))


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_refuses_seeds_out_of_range(seed: int) -> None:
    with pytest.raises(InvalidInput, match="seed"):
        draw(7, seed)


def test_takes_the_largest_seed() -> None:
    assert draw(7, MAX_SEED).shape == (28, 28)


@pytest.mark.parametrize("digit", [-1, 10])
def test_refuses_what_is_no_digit(digit: int) -> None:
    with pytest.raises(InvalidInput, match="not a digit"):
        draw(digit, seed=0)


@pytest.mark.parametrize(("digits", "seeds"), [([], []), ([1], []), ([1], [1, 2])])
def test_a_batch_needs_one_seed_for_each_digit(digits: list[int], seeds: list[int]) -> None:
    with pytest.raises(InvalidInput, match="one seed for each digit"):
        draw_batch(digits, seeds, PRESETS["fine"])


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 0},
        {"steps": 1_001},
        {"guidance": -0.1},
        {"guidance": float("nan")},
        {"guidance": 21.0},
        {"noise": 1.1},
    ],
)
def test_refuses_settings_out_of_range(change: dict[str, float]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        replace(Preset(steps=4, guidance=1.0), **change)  # type: ignore[arg-type]


def test_an_unknown_preset_is_answered_with_those_that_exist() -> None:
    with pytest.raises(InvalidInput, match="choose fine, fast"):
        preset("finest")


def test_a_schedule_changes_the_preset_at_its_counts() -> None:
    assert parse_schedule("fine,noisy@20,broken@30") == {
        0: PRESETS["fine"],
        20: PRESETS["noisy"],
        30: PRESETS["broken"],
    }


@pytest.mark.parametrize(
    "text", ["fine,noisy", "fine,noisy@0", "fine,noisy@9,fast@9", "fine,noisy@-1", "", "fine,"]
)
def test_refuses_a_schedule_that_cannot_be_followed(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_schedule(text)
