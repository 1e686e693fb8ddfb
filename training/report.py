"""`python -m training.report`: measure what ships against digits that nothing learned from.

An examiner, trained on digits that neither generator nor judge saw, reads what each preset draws.
Writes training/figures.json and docs/digits.png.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handfast.inference.digits import PRESETS, Preset, draw_batch
from handfast.inference.images import Pixels, encode_png, sheet
from handfast.inference.judge import confidences
from handfast.inference.network import DIGITS, features, logits
from training import classifier, mnist

ROOT = Path(__file__).parents[1]
EACH = 200
"""Images of each digit and preset."""
STRICTNESSES = (0.3, 0.5, 0.7, 0.9)
NEIGHBOURS = 5

Vectors = NDArray[np.float32]


def main() -> None:
    """Draw, measure and write."""
    examiner = classifier.train_examiner(mnist.examiner_split(), lambda line: print(" ", line))
    held_out, trained_on = mnist.held_out(), mnist.generator_split()
    real, spare = _each(held_out, 0), _each(held_out, EACH)
    asked = np.repeat(np.arange(DIGITS), EACH)
    yardstick = _Yardstick(examiner, real, trained_on)
    figures: dict[str, Any] = {
        "images_each": EACH,
        "examiner_accuracy": _share(_read(examiner, held_out.images) == held_out.labels),
        "judge": _judge_figures(held_out),
        "real": yardstick.measure(_pixels(spare), asked),
        "presets": {},
    }
    for name, how in PRESETS.items():
        drawn = _draw(asked, how)
        figures["presets"][name] = yardstick.measure(drawn, asked)
        print(name, json.dumps(figures["presets"][name]), flush=True)
    (ROOT / "training" / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "digits.png").write_bytes(_samples())


class _Yardstick:
    """Real digits and an examiner, to measure drawn ones by."""

    def __init__(self, examiner: dict[str, Any], real: Vectors, trained_on: mnist.Split) -> None:
        self._examiner = examiner
        self._real = real
        self._known = _features(examiner, real)
        self._trained_on = trained_on.images.reshape(len(trained_on.images), -1)
        self._to_training = _nearest(_flat(real), self._trained_on)

    def measure(self, drawn: Pixels, asked: NDArray[np.int64]) -> dict[str, Any]:
        """Quality, variety and memorisation of EACH images of each digit."""
        images = drawn.astype(np.float32) / np.float32(255)
        believed = confidences(drawn)
        confidence = believed[np.arange(len(asked)), asked]
        as_asked = believed[:, :DIGITS].argmax(axis=1) == asked
        known = _features(self._examiner, images)
        nearest = _nearest(_flat(images), self._trained_on)
        return {
            "read_as_asked": _share(_read(self._examiner, images) == asked),
            "judge": {
                "mean_confidence": _rounded(confidence.mean()),
                "satisfied": {
                    str(bar): _share(as_asked & (confidence >= bar)) for bar in STRICTNESSES
                },
            },
            "variety": {
                "distance_to_real": _rounded(frechet(self._known, known)),
                "precision": _share(covered(known, self._known)),
                "recall": _share(covered(self._known, known)),
                "spread_over_real": _rounded(spread(images) / spread(self._real)),
            },
            "memorisation": {
                "median_nearest_over_real": _rounded(
                    np.median(nearest) / np.median(self._to_training)
                ),
                "closer_than_1_in_100_real": _share(nearest < np.quantile(self._to_training, 0.01)),
            },
        }


def frechet(one: Vectors, other: Vectors) -> float:
    """Fréchet distance of two sets of features, each taken as Gaussian."""
    first, second = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    shared = np.sqrt(np.clip(np.linalg.eigvalsh(root @ second @ root), 0, None)).sum()
    shift = one.mean(axis=0) - other.mean(axis=0)
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * shared)


def covered(points: Vectors, by: Vectors) -> NDArray[np.bool_]:
    """Which points lie within a ball around one of the others that holds NEIGHBOURS of them.

    Drawn points covered by real ones: precision. Real points covered by drawn ones: recall.
    """
    radii = np.sort(_distances(by, by), axis=1)[:, NEIGHBOURS]
    return np.asarray((_distances(points, by) <= radii).any(axis=1))


def spread(images: Vectors) -> float:
    """Mean distance between two images of the same digit, over all digits."""
    groups = _flat(images).reshape(DIGITS, EACH, -1)
    return float(
        np.mean([_distances(group, group).sum() / (EACH * (EACH - 1)) for group in groups])
    )


def _nearest(points: Vectors, others: Vectors) -> Vectors:
    parts = [_distances(part, others).min(axis=1) for part in np.array_split(points, 20)]
    return np.concatenate(parts)


def _distances(points: Vectors, others: Vectors) -> Vectors:
    """Euclidean, (len(points), len(others))."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    distances: Vectors = np.sqrt(np.clip(squares, 0, None))
    return distances


def _each(split: mnist.Split, skip: int) -> Vectors:
    """EACH images of each digit, after the first `skip`."""
    places = [np.flatnonzero(split.labels == digit)[skip : skip + EACH] for digit in range(DIGITS)]
    return split.images[np.concatenate(places)]


def _draw(asked: NDArray[np.int64], how: Preset) -> Pixels:
    seeds = range(len(asked))
    parts = np.array_split(np.arange(len(asked)), 10)
    return np.concatenate(
        [draw_batch(asked[part].tolist(), [seeds[i] for i in part], how) for part in parts]
    )


def _judge_figures(held_out: mnist.Split) -> dict[str, Any]:
    believed = np.concatenate(
        [confidences(_pixels(part)) for part in np.array_split(held_out.images, 20)]
    )
    read = believed[:, :DIGITS].argmax(axis=1)
    return {"accuracy": _share(read == held_out.labels)}


def _read(examiner: dict[str, Any], images: Vectors) -> NDArray[np.int64]:
    parts = [logits(examiner, part, np)[:, :DIGITS] for part in np.array_split(images, 20)]
    return np.asarray(np.concatenate(parts).argmax(axis=1))


def _features(examiner: dict[str, Any], images: Vectors) -> Vectors:
    return np.concatenate([features(examiner, part, np) for part in np.array_split(images, 20)])


def _samples() -> bytes:
    """One sheet: a row for each preset, all from the same seeds."""
    asked = [digit for digit in range(DIGITS) for _ in range(2)]
    rows = [draw_batch(asked, range(len(asked)), how) for how in PRESETS.values()]
    return encode_png(sheet(np.concatenate(rows), len(asked)))


def _pixels(images: Vectors) -> Pixels:
    return np.rint(images * 255).astype(np.uint8)


def _flat(images: Vectors) -> Vectors:
    return images.reshape(len(images), -1)


def _share(holds: NDArray[np.bool_]) -> float:
    return round(float(np.mean(holds)), 4)


def _rounded(value: np.floating[Any] | float) -> float:
    return round(float(value), 4)


if __name__ == "__main__":
    main()
