"""How long does `handfast reputation score` take for a million opinions?

    python -m benchmarks.score_csv

The installed command in a process of its own, reading a file, writing JSON. Processor time is said
beside wall time: on a busy machine they are far apart.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

ROWS = 1_000_000
TARGET = 10
MARKETS = ((100, 50), (1_000, 5_000))
"""Providers and clients: each pair rated 200 times, and most pairs rated once."""


def write(path: Path, providers: int, clients: int) -> None:
    """Opinions of ROWS random pairs over a thousand epochs."""
    chance = random.Random(1)
    with path.open("w") as file:
        file.write("client,provider,satisfied,fee,epoch\n")
        for row in range(ROWS):
            client, provider = chance.randrange(clients), chance.randrange(providers)
            verdict, fee = int(chance.random() < 0.8), chance.randrange(1, 10**6)
            file.write(f"client-{client},provider-{provider},{verdict},{fee},{row // 1_000}\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "opinions.csv"
        for providers, clients in MARKETS:
            write(path, providers, clients)
            command = [sys.executable, "-m", "handfast", "reputation", "score", str(path)]
            before, begin = getrusage(RUSAGE_CHILDREN), time.perf_counter()
            options = ["--epoch", "1000", "--json"]
            subprocess.run([*command, *options], stdout=subprocess.DEVNULL, check=True)
            wall, after = time.perf_counter() - begin, getrusage(RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(
                f"{ROWS:,} rows, {providers:,} providers, {clients:,} clients: "
                f"{wall:.1f} s, {busy:.1f} s of processor (to reach < {TARGET})"
            )


if __name__ == "__main__":
    main()
