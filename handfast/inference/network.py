"""The networks, written once: numpy runs them at inference, jax.numpy trains them.

Every function takes the array library as its last argument, so that what was trained is what runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

Array = Any
"""An array of either library: numpy's and JAX's share these operations and no common type."""

Parameters = Mapping[str, Array]

COMPONENTS = 128
"""Principal components that an image is made of."""

DIGITS = 10
NO_DIGIT = 10
"""Class of the unconditional velocity in the generator, and of rubbish in the judge."""

FREQUENCIES = 32
"""Sinusoids that tell the generator the time."""


def velocity(parameters: Parameters, x: Array, time: Array, label: Array, xp: ModuleType) -> Array:
    """Say where each point of the flow moves at this time, from noise (0) to image (1).

    x        (n, COMPONENTS), whitened principal components
    time     (n,), 0 to 1
    label    (n,), 0 to 9, or NO_DIGIT for the unconditional flow
    returns  (n, COMPONENTS)
    """
    p = parameters
    condition = _silu(_time_features(time, xp) @ p["time.w"] + p["class"][label], xp)
    hidden = x @ p["in.w"] + p["in.b"]
    for block in range(blocks(p)):
        scale, shift = xp.split(condition @ p[f"{block}.mod.w"] + p[f"{block}.mod.b"], 2, axis=1)
        inner = _normalise(hidden, xp) * (1 + scale) + shift
        inner = _silu(inner @ p[f"{block}.up.w"] + p[f"{block}.up.b"], xp)
        hidden = hidden + inner @ p[f"{block}.down.w"] + p[f"{block}.down.b"]
    return _normalise(hidden, xp) @ p["out.w"] + p["out.b"]


def blocks(parameters: Parameters) -> int:
    """Count the residual blocks of a generator's parameters."""
    return sum(name.endswith(".up.w") for name in parameters)


def finish(parameters: Parameters, images: Array, xp: ModuleType) -> Array:
    """Take away the ripples that principal components leave, and sharpen the strokes.

    images   (n, 28, 28), roughly 0 to 1
    returns  (n, 28, 28)
    """
    p = parameters
    x = _fold(images)
    x = xp.maximum(_convolve(x, p["0.w"], xp) + p["0.b"], 0)
    x = xp.maximum(_convolve(x, p["1.w"], xp) + p["1.b"], 0)
    return images + _unfold(_convolve(x, p["2.w"], xp) + p["2.b"])


def logits(parameters: Parameters, images: Array, xp: ModuleType) -> Array:
    """Rate how well each image reads as each digit, and as none.

    images   (n, 28, 28), 0 black to 1 white
    returns  (n, DIGITS + 1), natural logarithms up to a constant per image
    """
    known = features(parameters, images, xp)
    return known @ parameters["out.w"] + parameters["out.b"]


def features(parameters: Parameters, images: Array, xp: ModuleType) -> Array:
    """What a classifier knows of an image just before it decides: (n, width)."""
    p = parameters
    x = xp.maximum(_convolve(_fold(images), p["0.w"], xp) + p["0.b"], 0)
    x = xp.maximum(_convolve(_halve(x), p["1.w"], xp) + p["1.b"], 0)
    return xp.maximum(x.reshape(len(x), -1) @ p["hidden.w"] + p["hidden.b"], 0)


def _fold(images: Array) -> Array:
    """Make each 2x2 square one place of four channels: (n, 28, 28) to (n, 14, 14, 4)."""
    n = len(images)
    return images.reshape(n, 14, 2, 14, 2).transpose(0, 1, 3, 2, 4).reshape(n, 14, 14, 4)


def _unfold(x: Array) -> Array:
    """Undo _fold."""
    n = len(x)
    return x.reshape(n, 14, 14, 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, 28, 28)


def _halve(x: Array) -> Array:
    """Keep the largest of each 2x2 square: (n, h, w, channels) to (n, h / 2, w / 2, channels)."""
    n, height, width, channels = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))


def _convolve(x: Array, kernel: Array, xp: ModuleType) -> Array:
    """3x3 convolution that keeps the size: (n, h, w, in) by (9 * in, out)."""
    n, height, width, _ = x.shape
    padded = xp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    # One flat product: both libraries are twice as fast with it.
    flat = xp.concatenate(shifted, axis=-1).reshape(n * height * width, -1) @ kernel
    return flat.reshape(n, height, width, -1)


def _time_features(time: Array, xp: ModuleType) -> Array:
    angles = time[:, None] * xp.exp(xp.linspace(0, 6, FREQUENCIES, dtype=xp.float32))
    return xp.concatenate([xp.sin(angles), xp.cos(angles)], axis=1)


def _normalise(x: Array, xp: ModuleType) -> Array:
    centred = x - x.mean(axis=1, keepdims=True)
    return centred / xp.sqrt((centred * centred).mean(axis=1, keepdims=True) + 1e-5)


def _silu(x: Array, xp: ModuleType) -> Array:
    return x / (1 + xp.exp(-x))
