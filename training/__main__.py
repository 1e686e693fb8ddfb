"""`python -m training [NAME...]`: make the files of handfast/inference/weights from seeds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from training import classifier, finish, generator, mnist

WEIGHTS = Path(__file__).parents[1] / "handfast" / "inference" / "weights"


def main(names: list[str]) -> None:
    """Train the networks of these names, or all, and save them in half precision."""
    digits = mnist.generator_split()
    space = generator.basis(digits.images)
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "components": lambda: {"mean": space["mean"], "axes": space["axes"]},
        "judge": lambda: classifier.train_judge(mnist.judge_split(), say),
        "finish": lambda: finish.train(digits, space, say),
        "undertrained": lambda: generator.train(
            generator.TWIN_WIDTH, generator.TWIN_STEPS, digits, space, say
        ),
        "generator": lambda: generator.train(generator.WIDTH, generator.STEPS, digits, space, say),
    }
    for name in names or list(makers):
        print(name, flush=True)
        # Contiguous, for safetensors writes memory as it lies.
        halved = {
            key: np.ascontiguousarray(value, np.float16)
            for key, value in sorted(makers[name]().items())
        }
        (WEIGHTS / f"{name}.safetensors").write_bytes(save(halved))


def say(line: str) -> None:
    """Tell how far a training is."""
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
