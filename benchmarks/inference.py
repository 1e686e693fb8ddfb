"""How long does one image take, in each preset, and one verdict, on one core?

python -m benchmarks.inference
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial

from handfast.inference.digits import PRESETS, Preset, draw, draw_batch
from handfast.inference.images import encode_png
from handfast.inference.judge import judge

REPEATS = 50
BATCH = 100


def main() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(f"{'preset':<14}{'one image':>12}{'of a batch of ' + str(BATCH):>24}")
    for name, how in PRESETS.items():
        single = best_ms(partial(draw_one, how))
        together = batch_ms(how)
        print(f"{name:<14}{single:>9.2f} ms{together:>21.2f} ms")
    content = encode_png(draw(7, seed=1))
    print(f"{'verdict':<14}{best_ms(lambda _: judge(content, 'a seven', 0.5)):>9.2f} ms")


def draw_one(how: Preset, seed: int) -> None:
    """Draw one image, of each digit in turn."""
    draw(seed % 10, seed, how)


def best_ms(work: Callable[[int], object]) -> float:
    """Least processor time of REPEATS calls: what other processes cost is left out."""
    return min(_cpu_ms(partial(work, seed)) for seed in range(REPEATS))


def batch_ms(how: Preset) -> float:
    """Processor time of one image among BATCH."""
    asked = [seed % 10 for seed in range(BATCH)]
    return _cpu_ms(lambda: draw_batch(asked, range(BATCH), how)) / BATCH


def _cpu_ms(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return (time.process_time() - begin) * 1e3


if __name__ == "__main__":
    main()
