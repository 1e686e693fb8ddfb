"""How many opinions a second does a coordinator take, verified and durable, and how fast is one?

    python -m benchmarks.coordinator

A coordinator runs as a process of its own on one core, against a real Anvil; this process brings
signed opinions over HTTP from the other. An opinion costs two ECDSA recoveries, and is answered
once its commit is on the disk.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import aiohttp

from handfast.chain.anvil import Anvil
from handfast.crypto.ecdsa import Signer, recover
from tests.services.coordinator.town import Town, build

PROVIDERS, CLIENTS = 20, 100
OPINIONS = 24_000
BATCH = 400
LANES = 3
SINGLE = 400
START_SECONDS = 120
ROUNDS = 3
RECOVERIES = 10_000

_SETTINGS = """
rpc = "{rpc}"
deployments = "{deployments}"
data = "{data}"
port = 0
log_format = "json"
[limits]
rate = 100000
burst = 100000
[batch]
age = 3600
count = {count}
"""


def main() -> None:
    random.seed(1)
    with tempfile.TemporaryDirectory() as name, Anvil.start() as anvil:
        town = asyncio.run(build(anvil, Path(name), PROVIDERS, CLIENTS))
        evidence = make(town, ROUNDS * OPINIONS + SINGLE)
        print(f"two recoveries alone would allow {ceiling():,.0f} for a second of processor")
        with coordinator(town) as (process, url):
            asyncio.run(measure(process, url, evidence))


def ceiling() -> float:
    """Opinions for a second of processor if nothing but signatures cost anything."""
    signer, digest = Signer(bytes([1]) * 32), bytes([2]) * 32
    signature = signer.sign(digest)
    before = time.process_time()
    for _ in range(RECOVERIES):
        recover(digest, signature)
    return RECOVERIES / (time.process_time() - before) / 2


def make(town: Town, count: int) -> list[bytes]:
    """Signed opinions of random pairs."""
    return [
        town.evidence(
            random.randrange(PROVIDERS), random.randrange(CLIENTS), satisfied=random.random() < 0.8
        ).encode()
        for _ in range(count)
    ]


@contextmanager
def coordinator(town: Town) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A coordinator on one core, which posts nothing while it is measured."""
    config, log = town.folder / "coordinator.toml", town.folder / "log"
    config.write_text(
        _SETTINGS.format(
            rpc=town.anvil.url,
            deployments=town.deployments,
            data=town.folder / "coordinator",
            count=10**6,
        )
    )
    command = [sys.executable, "-m", "handfast", "coordinator", "run", "--config", str(config)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stderr=output,
            env={**os.environ, "HANDFAST_KEY": town.coordinator.secret.hex()},
        )
    try:
        os.sched_setaffinity(process.pid, {0})
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r'"port": (\d+)', log.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(log.read_text())
            time.sleep(0.1)
        yield process, f"http://127.0.0.1:{found[1]}"
    finally:
        process.terminate()
        process.wait()


async def measure(process: subprocess.Popen[bytes], url: str, evidence: Sequence[bytes]) -> None:
    async with aiohttp.ClientSession(url) as session:
        best = 0.0
        for number in range(ROUNDS):
            part = evidence[number * OPINIONS : (number + 1) * OPINIONS]
            before, begin = processor_seconds(process.pid), time.perf_counter()
            await bring_batches(session, part)
            wall = time.perf_counter() - begin
            busy = processor_seconds(process.pid) - before
            best = max(best, OPINIONS / wall)
            print(
                f"batches of {BATCH}, {LANES} at a time: {OPINIONS / wall:,.0f} opinions/s, "
                f"{OPINIONS / busy:,.0f} for a second of processor"
            )
        print(f"best: {best:,.0f} opinions/s, verified and durable, one core")
        times = sorted([await bring_one(session, each) for each in evidence[-SINGLE:]])
        print(
            f"one opinion at a time: p50 {median(times) * 1e3:.1f} ms, "
            f"p99 {times[len(times) * 99 // 100] * 1e3:.1f} ms"
        )


async def bring_batches(session: aiohttp.ClientSession, evidence: Sequence[bytes]) -> None:
    bodies = iter([b"".join(evidence[at : at + BATCH]) for at in range(0, len(evidence), BATCH)])

    async def lane() -> None:
        for body in bodies:
            await bring(session, body, BATCH)

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def bring(session: aiohttp.ClientSession, body: bytes, count: int) -> None:
    async with session.post("/opinions", data=body) as response:
        answers = (await response.json())["answers"]
    refused = [answer for answer in answers if answer["code"] != "accepted"]
    if refused or len(answers) != count:
        sys.exit(f"refused: {refused[:3]}")


async def bring_one(session: aiohttp.ClientSession, body: bytes) -> float:
    begin = time.perf_counter()
    await bring(session, body, 1)
    return time.perf_counter() - begin


def processor_seconds(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
