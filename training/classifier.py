"""Train the classifiers: the client's judge, and the examiner that reports on the generator.

Both share one network. The judge also learns how far an image is spoilt: a digit spoilt by degree
d is taught as (1 - d) of that digit and d of "no digit". The examiner learns clean digits only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.ndimage import map_coordinates

from handfast.inference.network import DIGITS, NO_DIGIT, logits
from training import mnist, optimiser

BATCH = 256
RATE = 2e-3
MEMORY = 0.995
WIDTH = 64
STEPS = 2_000
JUDGE_SEED, EXAMINER_SEED = 12, 11
CHANNELS = (4, 32, 64)

Tree = dict[str, Any]


def initial(key: jax.Array) -> Tree:
    """Random parameters of a classifier."""
    parameters: Tree = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(CHANNELS)):
        parameters |= _dense(f"{layer}", 9 * fan_in, fan_out, jax.random.fold_in(key, layer))
    parameters |= _dense("hidden", 7 * 7 * CHANNELS[-1], WIDTH, jax.random.fold_in(key, 8))
    return parameters | _dense("out", WIDTH, DIGITS + 1, jax.random.fold_in(key, 9))


def _dense(name: str, fan_in: int, fan_out: int, key: jax.Array) -> Tree:
    weight = math.sqrt(2 / fan_in) * jax.random.normal(key, (fan_in, fan_out))
    return {f"{name}.w": weight, f"{name}.b": jnp.zeros(fan_out)}


def move(images: jax.Array, key: jax.Array) -> jax.Array:
    """Shift, turn, shear and scale each image a little, as another hand would have."""
    matrix = jnp.eye(2) + 0.1 * jax.random.normal(key, (len(images), 2, 2))
    shift = 1.0 * jax.random.normal(jax.random.fold_in(key, 1), (len(images), 2, 1))
    grid = jnp.stack(jnp.meshgrid(jnp.arange(28.0), jnp.arange(28.0), indexing="ij"))
    places = matrix @ (grid.reshape(2, -1) - 13.5) + 13.5 + shift

    def sample(image: jax.Array, place: jax.Array) -> jax.Array:
        sampled: jax.Array = map_coordinates(image, list(place), order=1)
        return sampled

    return jax.vmap(sample)(images, places).reshape(images.shape)


def spoil(images: jax.Array, degree: jax.Array, key: jax.Array) -> jax.Array:
    """Spoil each image by its degree (0 intact, 1 no digit any more), in one of four ways."""
    n = len(images)
    keys = jax.random.split(key, 4)
    d = degree[:, None, None]
    noisy = images + 0.9 * d * jax.random.normal(keys[0], images.shape)
    blended = (1 - d / 2) * images + d / 2 * images[jax.random.permutation(keys[1], n)]
    # A window of blanks over the digit, wiping out a share `degree` of the middle 20 x 20.
    corner = jax.random.randint(keys[2], (n, 2, 1), 0, 28)
    distance = jnp.abs((jnp.arange(28) - corner + 14) % 28 - 14)
    inside = distance < (12 * jnp.sqrt(degree))[:, None, None]
    erased = images * (1 - inside[:, 0, :, None] * inside[:, 1, None, :])
    blurred = (1 - d) * images + d * _blur(images)
    way = jax.random.randint(keys[3], (n, 1, 1), 0, 4)
    return jnp.clip(
        jnp.select([way == 0, way == 1, way == 2], [noisy, blended, erased], blurred), 0, 1
    )


def _blur(images: jax.Array) -> jax.Array:
    """Blur by a Gaussian of 3 pixels, as a product with one matrix from either side."""
    place = jnp.arange(28.0)
    matrix = jnp.exp(-((place[:, None] - place) ** 2) / (2 * 3.0**2))
    matrix /= matrix.sum(axis=1).max()
    blurred: jax.Array = matrix @ images @ matrix
    return blurred


def loss(
    parameters: Tree, images: jax.Array, labels: jax.Array, key: jax.Array, spoilt: float
) -> jax.Array:
    """Cross entropy on moved digits, this share of which is spoilt by a random degree."""
    keys = jax.random.split(key, 4)
    degree = jax.random.uniform(keys[0], (len(images),))
    degree *= jax.random.uniform(keys[1], (len(images),)) < spoilt
    shown = spoil(move(images, keys[2]), degree, keys[3])
    target = jax.nn.one_hot(labels, DIGITS + 1) * (1 - degree[:, None])
    target = target.at[:, NO_DIGIT].add(degree)
    return -jnp.mean(jnp.sum(target * jax.nn.log_softmax(logits(parameters, shown, jnp)), axis=1))


def train_judge(data: mnist.Split, report: Callable[[str], None]) -> Tree:
    """Train the client's judge, who sees every second digit spoilt."""
    return train(data, JUDGE_SEED, 0.5, report)


def train_examiner(data: mnist.Split, report: Callable[[str], None]) -> Tree:
    """Train the report's classifier, who sees real digits only."""
    return train(data, EXAMINER_SEED, 0.0, report)


def train(data: mnist.Split, seed: int, spoilt: float, report: Callable[[str], None]) -> Tree:
    """Train a classifier; returns the averaged parameters."""
    images, labels = jnp.asarray(data.images), jnp.asarray(data.labels)

    @partial(jax.jit, donate_argnums=0)
    def advance(state: optimiser.State, key: jax.Array) -> tuple[optimiser.State, jax.Array]:
        pick = jax.random.randint(key, (BATCH,), 0, len(images))
        value, gradient = jax.value_and_grad(loss)(
            state.parameters, images[pick], labels[pick], jax.random.fold_in(key, 1), spoilt
        )
        pace = optimiser.rate(state.step, STEPS, RATE)
        return optimiser.update(state, gradient, pace, MEMORY), value

    root = jax.random.key(seed)
    # A copy, since begin() names the parameters twice and donated buffers must not be shared.
    state = jax.tree.map(jnp.array, optimiser.begin(initial(root)))
    for step in range(STEPS):
        state, value = advance(state, jax.random.fold_in(root, step))
        if (step + 1) % 200 == 0:
            report(f"step {step + 1:>5}  loss {float(value):.4f}")
    return {name: np.asarray(value) for name, value in state.average.items()}
