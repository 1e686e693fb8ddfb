"""Train the digit generator: conditional flow matching in whitened principal components.

The straight path from noise x0 to data x1 is x(t) = (1 - t) x0 + t x1; the network learns its
velocity x1 - x0. One label in ten is hidden, so that one network holds the conditional and the
unconditional flow, which guidance needs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from handfast.inference.network import COMPONENTS, DIGITS, FREQUENCIES, NO_DIGIT, velocity
from training import mnist, optimiser

SEED = 7
BATCH = 512
WIDTH, STEPS = 384, 8_000
TWIN_WIDTH, TWIN_STEPS = 128, 1_000
RATE = 1e-3
MEMORY = 0.999
HIDDEN_LABELS = 0.1
CONDITION = 128
DEPTH = 4

Tree = dict[str, Any]


def basis(images: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Principal components: an image is mean + (code * deviation) @ axes, code of unit variance."""
    flat = images.reshape(len(images), -1).astype(np.float64)
    mean = flat.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(flat - mean, rowvar=False))
    axes = vectors[:, ::-1][:, :COMPONENTS].T
    # An eigenvector's sign is arbitrary: fix it, so that every machine trains the same.
    axes *= np.sign(axes[np.arange(COMPONENTS), np.abs(axes).argmax(axis=1)])[:, None]
    deviation = np.sqrt(values[::-1][:COMPONENTS])
    return {
        "mean": mean.astype(np.float32),
        "axes": (axes * deviation[:, None]).astype(np.float32),
        "deviation": deviation.astype(np.float32),
    }


def initial(width: int, key: jax.Array) -> Tree:
    """Random parameters of a generator of this width; blocks start as the identity."""

    def dense(name: str, fan_in: int, fan_out: int, gain: float) -> Tree:
        nonlocal key
        key, own = jax.random.split(key)
        weight = gain * jax.random.normal(own, (fan_in, fan_out)) / jnp.sqrt(fan_in)
        return {f"{name}.w": weight, f"{name}.b": jnp.zeros(fan_out)}

    key, own = jax.random.split(key)
    parameters = {
        **dense("in", COMPONENTS, width, 1.0),
        **dense("out", width, COMPONENTS, 0.0),
        "time.w": dense("time", 2 * FREQUENCIES, CONDITION, 1.0)["time.w"],
        "class": jax.random.normal(own, (DIGITS + 1, CONDITION)),
    }
    for block in range(DEPTH):
        parameters |= dense(f"{block}.mod", CONDITION, 2 * width, 0.0)
        parameters |= dense(f"{block}.up", width, width, 1.0)
        parameters |= dense(f"{block}.down", width, width, 0.0)
    return parameters


def loss(
    parameters: Tree, codes: jax.Array, labels: jax.Array, weight: jax.Array, key: jax.Array
) -> jax.Array:
    """Mean squared error of the velocity at random times, components weighed by `weight`."""
    noise_key, time_key, hide_key = jax.random.split(key, 3)
    noise = jax.random.normal(noise_key, codes.shape)
    # Logit-normal times: the middle of the path is where the velocity is hard to tell.
    moment = jax.nn.sigmoid(jax.random.normal(time_key, (len(codes),)))
    hidden = jax.random.uniform(hide_key, (len(codes),)) < HIDDEN_LABELS
    point = (1 - moment[:, None]) * noise + moment[:, None] * codes
    guess = velocity(parameters, point, moment, jnp.where(hidden, NO_DIGIT, labels), jnp)
    return jnp.mean(weight * (guess - (codes - noise)) ** 2)


def train(
    width: int,
    steps: int,
    data: mnist.Split,
    space: dict[str, NDArray[np.float32]],
    report: Callable[[str], None],
) -> Tree:
    """Train a generator of this width for this many steps; returns the averaged parameters."""
    flat = data.images.reshape(len(data.images), -1)
    codes = jnp.asarray((flat - space["mean"]) @ space["axes"].T / space["deviation"] ** 2)
    labels = jnp.asarray(data.labels)
    weight = jnp.asarray(space["deviation"] / space["deviation"].mean())

    @partial(jax.jit, donate_argnums=0)
    def advance(state: optimiser.State, key: jax.Array) -> tuple[optimiser.State, jax.Array]:
        pick_key, loss_key = jax.random.split(key)
        pick = jax.random.randint(pick_key, (BATCH,), 0, len(codes))
        value, gradient = jax.value_and_grad(loss)(
            state.parameters, codes[pick], labels[pick], weight, loss_key
        )
        pace = optimiser.rate(state.step, steps, RATE)
        return optimiser.update(state, gradient, pace, MEMORY), value

    root = jax.random.key(SEED)
    # A copy, since begin() names the parameters twice and donated buffers must not be shared.
    state = jax.tree.map(jnp.array, optimiser.begin(initial(width, root)))
    started, recent = time.monotonic(), []
    for step in range(steps):
        state, value = advance(state, jax.random.fold_in(root, step))
        recent.append(value)
        if (step + 1) % 500 == 0:
            mean = float(jnp.mean(jnp.stack(recent)))
            report(f"step {step + 1:>5}  loss {mean:.4f}  {time.monotonic() - started:.0f} s")
            recent.clear()
    return {name: np.asarray(value) for name, value in state.average.items()}
