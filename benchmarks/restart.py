"""How long does a peer take to come back to a channel of 1,000,000 rounds?

    python -m benchmarks.restart [--rounds 1000000]

Measured: opening the journal, loading the newest snapshot and the lines behind it, and replaying
them: 1,000 lines or 1 MB at most. The notes of all rounds lie in the same file. The last thousands
of rounds were really run; the notes of those before them are copies of theirs under other numbers.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from handfast.channels.ends import LINES, Begin, replay
from handfast.channels.inputs import Buy, Heard, Sell
from handfast.channels.live import ROUNDS, SNAPSHOT_LINES, Live
from handfast.channels.simulation import Simulation
from handfast.channels.state import Holdings
from handfast.channels.wire import MESSAGES
from handfast.crypto.keccak import keccak
from handfast.journal import Batch, Journal
from handfast.protocol.constants import FEE_UNIT

PART = 50_000


def run_rounds(journal: Journal, wanted: int) -> bytes:
    """Settle rounds, 64 an update, and journal the client's end up to shortly before a snapshot is
    due; the channel's name.
    """
    holdings = Holdings(10**9 * FEE_UNIT, 0)
    world = Simulation(holdings)
    live = Live(world.hub.channel, world.client.end)
    batch = Batch(lines=[(live.id, LINES.encode(Begin(world.client.terms, holdings)))])
    number = 0
    while number < wanted or live.lines[0] < 0.9 * SNAPSHOT_LINES:
        for _ in range(64):
            number += 1
            product, secret = (keccak(word + number.to_bytes(8, "big")) for word in (b"p", b"s"))
            world.feed(world.provider, Sell(product, FEE_UNIT, None, world.now + 100))
            take(world, live, Buy(product, FEE_UNIT, keccak(secret), secret), batch)
        while world.deliver(world.provider) or world.client.inbox:
            if world.client.inbox:
                message = MESSAGES.decode(world.client.inbox.popleft())
                take(world, live, Heard(message), batch)
        journal.write(batch)
        batch = Batch()
    return live.id


def take(world: Simulation, live: Live, input_: Buy | Heard, batch: Batch) -> None:
    """One step of the client's end, journalled."""
    effects = live.take(input_, world.now, batch)
    world.client.end = live.end
    for effect in effects:
        world.perform(world.client, effect)


def add_notes(journal: Journal, channel: bytes, wanted: int) -> None:
    """Fill the file with notes until it has so many."""
    notes = list(journal.notes(channel, ROUNDS))
    for start in range(len(notes), wanted, PART):
        part = range(start, min(start + PART, wanted))
        rows = [
            (channel, ROUNDS, (2**40 + each).to_bytes(8, "big"), notes[each % len(notes)][1])
            for each in part
        ]
        journal.write(Batch(notes=rows))


def main() -> None:
    parser = argparse.ArgumentParser(description="Restart of a peer with an old channel.")
    parser.add_argument("--rounds", type=int, default=1_000_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="handfast-restart-") as name:
        path = Path(name) / "journal.db"
        with Journal(path) as journal:
            channel = run_rounds(journal, 2_000)
            add_notes(journal, channel, arguments.rounds)
        size = path.stat().st_size
        os.sync()
        start = time.perf_counter()
        with Journal(path) as journal:
            stored = journal.load(channel)
            opened = time.perf_counter()
            replay(stored.snapshot, stored.lines)
            done = time.perf_counter()
    lines, weight = len(stored.lines), sum(len(line) for line in stored.lines)
    print(
        f"{arguments.rounds:,} rounds, a journal of {size / 1e6:,.0f} MB: {done - start:.2f} s\n"
        f"  open and load {opened - start:.3f} s, replay of {lines} lines of {weight / 1e6:.2f} MB "
        f"{done - opened:.3f} s"
    )


if __name__ == "__main__":
    main()
