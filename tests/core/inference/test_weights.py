"""What ships: small, finite, and no more than numbers. (SPEC INF-5)"""

from __future__ import annotations

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np

import handfast.inference
from handfast.inference.network import COMPONENTS, logits, velocity
from handfast.inference.weights import weights

FIGURES = Path(__file__).parents[3] / "training" / "figures.json"
FOLDER = Path(handfast.inference.__file__).parent / "weights"


def test_all_weights_together_are_at_most_five_megabytes() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= 5_000_000


def test_the_judge_is_under_one_megabyte() -> None:
    assert (FOLDER / "judge.safetensors").stat().st_size < 1_000_000


def test_weights_are_safetensors_and_finite() -> None:
    names = sorted(file.name for file in FOLDER.iterdir())
    assert names == sorted(
        f"{name}.safetensors"
        for name in ("components", "generator", "undertrained", "finish", "judge")
    )
    for name in ("components", "generator", "undertrained", "finish", "judge"):
        assert all(np.isfinite(value).all() for value in weights(name).values())


def test_numpy_computes_what_jax_trained() -> None:
    x = np.random.default_rng(1).standard_normal((5, COMPONENTS), np.float32)
    time, label = np.linspace(0, 1, 5, dtype=np.float32), np.arange(6, 11)
    ours = velocity(weights("generator"), x, time, label, np)
    theirs = velocity(weights("generator"), jnp.asarray(x), jnp.asarray(time), label, jnp)
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)
    images = np.random.default_rng(2).random((3, 28, 28), np.float32)
    rated = logits(weights("judge"), jnp.asarray(images), jnp)
    np.testing.assert_allclose(logits(weights("judge"), images, np), rated, rtol=1e-3, atol=1e-3)


def test_the_committed_figures_are_those_asked_for() -> None:
    """As `make model-report` measured them; real digits, measured alike, set the scale."""
    figures = json.loads(FIGURES.read_text())
    fine, real = figures["presets"]["fine"], figures["real"]
    assert fine["read_as_asked"] >= 0.99
    assert fine["judge"]["satisfied"]["0.9"] >= real["judge"]["satisfied"]["0.9"]
    assert fine["variety"]["precision"] >= real["variety"]["precision"]
    assert fine["variety"]["recall"] >= 0.6
    # Not copied: hardly more drawn digits than new real ones lie that close to the training set.
    assert fine["memorisation"]["closer_than_1_in_100_real"] <= 0.02
