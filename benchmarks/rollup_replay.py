"""How many opinions a second does one core build into batches, and replay from them?

    python -m benchmarks.rollup_replay

Batches of 1,000 in a market of 100 providers that grows by the pair: what an opinion costs must not
grow with the history, but for the height of a tree. Signatures are another matter. Processor time.
"""

from __future__ import annotations

import random
import time

from handfast.reputation.batches import Batch, Entry, apply_opinions, replay
from handfast.reputation.state import State

PROVIDERS, BATCH, MEASURED = 100, 1_000, 20
SIZES = (10_000, 100_000, 1_000_000)
TARGET = 20_000


def entries(state: State, chance: random.Random, clients: int) -> list[Entry]:
    """A batch of opinions of pairs at random."""
    nonces: dict[tuple[int, int], int] = {}
    drawn = []
    for _ in range(BATCH):
        provider = 1 + chance.randrange(PROVIDERS)
        client = 1 + PROVIDERS + chance.randrange(clients)
        last = nonces.get((provider, client), state.last_nonce(provider, client))
        nonces[provider, client] = last + 1
        satisfied = chance.random() < 0.8
        drawn.append(Entry(provider, client, last + 1, chance.randrange(1, 10**6), satisfied))
    return drawn


def grow(states: list[State], clients: int, epoch: int, registered: int) -> None:
    """Let every client rate every provider that it has not rated."""
    for provider in range(1, PROVIDERS + 1):
        drawn = [
            Entry(provider, PROVIDERS + client, 1, 7, True)
            for client in range(1, clients + 1)
            if states[0].last_nonce(provider, PROVIDERS + client) == 0
        ]
        for state in states:
            apply_opinions(state, drawn, epoch, registered)


def main() -> None:
    builder, watcher, chance = State(), State(), random.Random(1)
    registered = PROVIDERS + max(SIZES) // PROVIDERS
    for epoch, pairs in enumerate(SIZES, start=1):
        clients = pairs // PROVIDERS
        grow([builder, watcher], clients, epoch, registered)
        built = replayed = 0.0
        for _ in range(MEASURED):
            drawn = entries(builder, chance, clients)
            begin = time.process_time()
            batch = apply_opinions(builder, drawn, epoch, registered)
            posted = batch.posted
            middle = time.process_time()
            same = replay(watcher, posted, registered)
            built, replayed = built + middle - begin, replayed + time.process_time() - middle
            assert isinstance(same, Batch)
        opinions = MEASURED * BATCH
        print(
            f"{pairs:>9,} pairs: built {opinions / built:>7,.0f}/s, "
            f"replayed {opinions / replayed:>7,.0f}/s (to reach > {TARGET:,})"
        )


if __name__ == "__main__":
    main()
