"""What was trained, as it lies in the package: safetensors alone, which hold no code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

WeightsName = Literal["components", "generator", "undertrained", "finish", "judge"]


@cache
def weights(name: WeightsName) -> dict[str, NDArray[np.float32]]:
    """Read one file of weights, kept in half precision, and widen it for arithmetic."""
    file = files("handfast.inference") / "weights" / f"{name}.safetensors"
    return {key: value.astype(np.float32) for key, value in load(file.read_bytes()).items()}
