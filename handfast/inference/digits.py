"""Draw handwritten digits: the generative model that comes with the package.

An image starts as Gaussian noise in 128 principal components and follows the learnt flow for a
number of steps. Providers differ in how well they do it: presets name the ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from handfast.errors import InvalidInput
from handfast.inference.generation import Generation, WorkerPool
from handfast.inference.images import SIDE, Pixels, encode_png
from handfast.inference.network import COMPONENTS, DIGITS, NO_DIGIT, finish, velocity
from handfast.inference.prompts import parse_digit
from handfast.inference.weights import weights

MAX_STEPS = 1_000
MAX_GUIDANCE = 20.0
MAX_SEED = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Preset:
    """How an image is drawn.

    steps     of the flow, 1 to MAX_STEPS; each asks the network twice
    guidance  how hard the flow is pulled towards its digit, 0 (not at all) to MAX_GUIDANCE
    noise     standard deviation of what is added to the finished image, 0 to 1
    network   the one trained to the end, or a smaller one that was stopped early
    """

    steps: int
    guidance: float
    noise: float = 0.0
    network: Literal["generator", "undertrained"] = "generator"

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= MAX_STEPS:
            raise InvalidInput(f"steps is {self.steps}, must be from 1 to {MAX_STEPS}")
        if not 0 <= self.guidance <= MAX_GUIDANCE:
            raise InvalidInput(f"guidance is {self.guidance}, must be from 0 to {MAX_GUIDANCE:g}")
        if not 0 <= self.noise <= 1:
            raise InvalidInput(f"noise is {self.noise}, must be from 0 to 1")


PRESETS = {
    "fine": Preset(steps=8, guidance=2.0),
    "fast": Preset(steps=2, guidance=1.0),
    "undertrained": Preset(steps=8, guidance=2.0, network="undertrained"),
    "noisy": Preset(steps=8, guidance=2.0, noise=0.4),
    "broken": Preset(steps=1, guidance=0.0, noise=0.8),
}


def preset(name: str) -> Preset:
    """Look a preset up.

    raises   InvalidInput, naming those that exist
    """
    if name not in PRESETS:
        raise InvalidInput(f"no preset {name!r}: choose {', '.join(PRESETS)}")
    return PRESETS[name]


def draw(asked: str | int, seed: int, how: Preset = PRESETS["fine"]) -> Pixels:
    """Draw the digit that is asked for, in words or as a number: (28, 28), 0 black to 255 white.

    raises   InvalidInput for anything but one digit, or a seed outside 0 to 2^64 - 1
    """
    digit = parse_digit(asked) if isinstance(asked, str) else asked
    drawn: Pixels = draw_batch([digit], [seed], how)[0]
    return drawn


def draw_batch(digits: Sequence[int], seeds: Sequence[int], how: Preset) -> Pixels:
    """Draw many digits at once, each from its own seed: (n, 28, 28).

    Equal arguments give equal bytes. The same digit and seed drawn in another batch may differ by
    a grey level in few pixels, since sums of floats depend on how they are grouped.
    """
    _check(digits, seeds)
    sources = [np.random.default_rng(seed) for seed in seeds]
    start = np.stack([source.standard_normal(COMPONENTS, np.float32) for source in sources])
    codes = _follow(start, np.asarray(digits), how)
    space = weights("components")
    rough = (space["mean"] + codes @ space["axes"]).reshape(-1, SIDE, SIDE)
    images = finish(weights("finish"), rough, np)
    if how.noise > 0:
        grain = np.stack([source.standard_normal((SIDE, SIDE), np.float32) for source in sources])
        images = images + np.float32(how.noise) * grain
    pixels: Pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return pixels


def _check(digits: Sequence[int], seeds: Sequence[int]) -> None:
    if not digits or len(digits) != len(seeds):
        raise InvalidInput(f"{len(digits)} digits and {len(seeds)} seeds: one seed for each digit")
    for digit in digits:
        if not 0 <= digit < DIGITS:
            raise InvalidInput(f"{digit} is not a digit: ask for 0 to 9")
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise InvalidInput(f"seed is {seed}, must be from 0 to 2^64 - 1")


def _follow(
    start: NDArray[np.float32], digits: NDArray[np.int64], how: Preset
) -> NDArray[np.float32]:
    """Follow the guided flow from time 0 to 1 by Heun's method."""
    step = np.float32(1 / how.steps)
    x: NDArray[np.float32] = start
    for index in range(how.steps):
        now = np.float32(index / how.steps)
        here = _guided(x, now, digits, how)
        ahead = _guided(x + step * here, now + step, digits, how)
        x = x + step / 2 * (here + ahead)
    return x


def _guided(
    x: NDArray[np.float32], time: np.float32, digits: NDArray[np.int64], how: Preset
) -> NDArray[np.float32]:
    """Velocity without a label, moved towards (and past) that with it by `guidance`."""
    both = velocity(
        weights(how.network),
        np.concatenate([x, x]),
        np.full(2 * len(x), time, np.float32),
        np.concatenate([digits, np.full_like(digits, NO_DIGIT)]),
        np,
    )
    labelled, unlabelled = both[: len(x)], both[len(x) :]
    guided: NDArray[np.float32] = unlabelled + np.float32(how.guidance) * (labelled - unlabelled)
    return guided


class DigitGenerator:
    """Serves the digit model, with a preset that may change while it runs.

    schedule  preset from each count of generations on, as `parse_schedule` reads it
    """

    modality = "image"

    def __init__(self, schedule: dict[int, Preset], pool: WorkerPool | None = None) -> None:
        self._schedule = schedule
        self._pool = pool or WorkerPool()
        self._served = 0

    async def generate(self, prompt: str, seed: int) -> Generation:
        """Draw the digit that is asked for, as PNG."""
        digit = parse_digit(prompt)
        how = self._schedule[max(since for since in self._schedule if since <= self._served)]
        self._served += 1
        return await self._pool.submit(
            lambda: Generation(encode_png(draw(digit, seed, how)), "image/png")
        )


def parse_schedule(text: str) -> dict[int, Preset]:
    """Read "fine", or "fine,noisy@20": noisy from the 20th generation (counted from 0) on.

    raises   InvalidInput for an unknown preset, or counts that do not rise
    """
    first, *changes = text.split(",")
    schedule = {0: preset(first)}
    for change in changes:
        name, _, count = change.partition("@")
        if not count.isdecimal() or int(count) <= max(schedule):
            raise InvalidInput(f"{change!r} must be PRESET@COUNT, with counts that rise")
        schedule[int(count)] = preset(name)
    return schedule
