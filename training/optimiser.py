"""Adam with a moving average of the parameters, as pure functions over JAX trees."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Tree = Any


class State(NamedTuple):
    """Parameters, their moving average, both moments, and the steps taken."""

    parameters: Tree
    average: Tree
    first: Tree
    second: Tree
    step: jax.Array


def begin(parameters: Tree) -> State:
    """Start from these parameters with empty moments."""
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return State(parameters, parameters, zeros, zeros, jnp.zeros((), jnp.int32))


def update(state: State, gradient: Tree, rate: jax.Array, memory: float) -> State:
    """Take one step of Adam and let the average follow with this much memory (0 to 1)."""
    step = state.step + 1
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, state.first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, state.second, gradient)
    correction = jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * correction * m / (jnp.sqrt(v) + 1e-8),
        state.parameters,
        first,
        second,
    )
    # Early on the average would remember the random start: let it follow faster there.
    memory_now = jnp.minimum(memory, step / (step + 10))
    average = jax.tree.map(
        lambda a, p: memory_now * a + (1 - memory_now) * p, state.average, parameters
    )
    return State(parameters, average, first, second, step)


def rate(step: jax.Array, steps: int, peak: float, warm_up: int = 200) -> jax.Array:
    """Rise linearly, then fall to zero along a cosine."""
    rise = jnp.minimum(step / warm_up, 1.0)
    return peak * rise * 0.5 * (1 + jnp.cos(math.pi * step / steps))
