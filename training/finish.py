"""Train the last touch: from principal components, a little off their place, back to the image.

What the flow draws is a point of 128 components, near a digit but seldom quite on one. The network
sees real digits so projected and pushed by noise, and learns to give back their pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from handfast.inference.network import COMPONENTS, finish
from training import mnist, optimiser

SEED = 9
BATCH = 128
STEPS = 1_500
RATE = 2e-3
MEMORY = 0.99
CHANNELS = (4, 32, 32, 4)
PUSH = 0.4
"""Largest standard deviation of the noise, in deviations of each component."""

Tree = dict[str, Any]


def initial(key: jax.Array) -> Tree:
    """Random parameters that change nothing yet."""
    parameters: Tree = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(CHANNELS)):
        gain = 0.0 if layer == len(CHANNELS) - 2 else jnp.sqrt(2 / (9 * fan_in))
        noise = jax.random.normal(jax.random.fold_in(key, layer), (9 * fan_in, fan_out))
        parameters |= {f"{layer}.w": gain * noise, f"{layer}.b": jnp.zeros(fan_out)}
    return parameters


def train(
    data: mnist.Split, space: dict[str, NDArray[np.float32]], report: Callable[[str], None]
) -> Tree:
    """Train the network; returns the averaged parameters."""
    images = jnp.asarray(data.images)
    axes, mean = jnp.asarray(space["axes"]), jnp.asarray(space["mean"])
    codes = (images.reshape(len(images), -1) - mean) @ axes.T / space["deviation"] ** 2

    def loss(parameters: Tree, pick: jax.Array, key: jax.Array) -> jax.Array:
        spread = PUSH * jax.random.uniform(key, (BATCH, 1))
        noise = jax.random.normal(jax.random.fold_in(key, 1), (BATCH, COMPONENTS))
        rough = (mean + (codes[pick] + spread * noise) @ axes).reshape(-1, 28, 28)
        # Absolute error: where two pixels are as likely, squares would settle on grey.
        return jnp.mean(jnp.abs(finish(parameters, rough, jnp) - images[pick]))

    @partial(jax.jit, donate_argnums=0)
    def advance(state: optimiser.State, key: jax.Array) -> tuple[optimiser.State, jax.Array]:
        pick = jax.random.randint(key, (BATCH,), 0, len(images))
        value, gradient = jax.value_and_grad(loss)(
            state.parameters, pick, jax.random.fold_in(key, 1)
        )
        pace = optimiser.rate(state.step, STEPS, RATE)
        return optimiser.update(state, gradient, pace, MEMORY), value

    root = jax.random.key(SEED)
    # A copy, since begin() names the parameters twice and donated buffers must not be shared.
    state = jax.tree.map(jnp.array, optimiser.begin(initial(root)))
    for step in range(STEPS):
        state, value = advance(state, jax.random.fold_in(root, step))
        if (step + 1) % 250 == 0:
            report(f"step {step + 1:>5}  loss {float(value):.4f}")
    return {name: np.asarray(value) for name, value in state.average.items()}
