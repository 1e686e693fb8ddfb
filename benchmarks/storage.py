"""How long does the local store take to add and to get 540 MB, beside a real Kubo?

python -m benchmarks.storage [ROUNDS]

Each round takes content that none of them has seen. "get" checks every block. The store's adds are
flushed to the disk; Kubo's, by its default settings, are not. Without Go the store runs alone.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TypeVar

from handfast.storage.kubo import KuboStore
from handfast.storage.local import LocalStore

ROOT = Path(__file__).resolve().parent.parent
SIZE = 540_000_000
CHUNK = 256 * 1024
_PIECE = 4 * 1024 * 1024
_NO_GO = 3

Result = TypeVar("Result")


class Clock:
    """Wall time and this process's processor time of each measured act."""

    def __init__(self) -> None:
        self._times: dict[str, list[tuple[float, float]]] = defaultdict(list)

    def measure(self, label: str, act: Callable[[], Result]) -> Result:
        os.sync()  # what was written before is not paid for now
        begin, busy = time.perf_counter(), time.process_time()
        result = act()
        self._times[label].append((time.perf_counter() - begin, time.process_time() - busy))
        return result

    def report(self) -> None:
        print(f"{'seconds':44} {'best':>7} {'median':>7} {'own processor, best':>20}")
        for label, times in self._times.items():
            walls = [wall for wall, _busy in times]
            busy = min(busy for _wall, busy in times)
            print(f"{label:44} {min(walls):7.2f} {median(walls):7.2f} {busy:20.2f}")


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    clock = Clock()
    with tempfile.TemporaryDirectory() as name, kubo(Path(name)) as node:
        folder = Path(name)
        for number in range(rounds):
            path = folder / "content"
            with path.open("wb") as file:
                for _ in range(SIZE // 1_000_000):
                    file.write(os.urandom(1_000_000))
            one_round(clock, path, folder / f"store {number}", node)
    print(f"{SIZE:,} bytes, rounds: {rounds}")
    clock.report()


def one_round(clock: Clock, path: Path, directory: Path, node: Callable[..., str] | None) -> None:
    clock.measure("sha2-256 of all chunks, 1 thread", lambda: hash_chunks(path, 1))
    clock.measure("sha2-256 of all chunks, 2 threads", lambda: hash_chunks(path, 2))
    with LocalStore(directory) as store:
        cid = clock.measure("local store: add", lambda: store.add(path))
        size = clock.measure("local store: get", lambda: sum(map(len, store.read(cid))))
        assert size == SIZE
        handfast = [sys.executable, "-m", "handfast", "storage", "get", "--store", str(directory)]
        clock.measure("command: handfast storage get >/dev/null", lambda: run(*handfast, str(cid)))
    if node is None:
        return
    add = ("add", "--quieter", "--cid-version=1", "--raw-leaves", str(path))
    assert clock.measure("command: ipfs add", lambda: node(*add)) == str(cid)
    clock.measure("command: ipfs cat >/dev/null", lambda: node("cat", str(cid), keep=False))
    with KuboStore(node("config", "Addresses.API")) as remote:
        size = clock.measure("from Kubo, verified: get", lambda: sum(map(len, remote.read(cid))))
        assert size == SIZE


def hash_chunks(path: Path, threads: int) -> None:
    """The least that adding or verifying can cost."""

    def hash_piece(start: int) -> None:
        piece = memoryview(os.pread(descriptor, _PIECE, start))
        for at in range(0, len(piece), CHUNK):
            hashlib.sha256(piece[at : at + CHUNK]).digest()

    descriptor = os.open(path, os.O_RDONLY)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(hash_piece, range(0, SIZE, _PIECE)))
    os.close(descriptor)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def kubo(folder: Path) -> Iterator[Callable[..., str] | None]:
    """A daemon without peers, as a function that runs `ipfs` against it."""
    script = ROOT / "scripts" / "build_kubo.sh"
    built = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode == _NO_GO:
        yield None
        return
    built.check_returncode()
    binary = built.stdout.strip()
    repository = folder / "kubo"
    environment = os.environ | {"IPFS_PATH": str(repository)}

    def ipfs(*arguments: str, keep: bool = True) -> str:
        sink = subprocess.PIPE if keep else subprocess.DEVNULL
        done = subprocess.run(
            [binary, *arguments],
            env=environment,
            check=True,
            stdout=sink,
            stderr=subprocess.DEVNULL,
        )
        return (done.stdout or b"").decode().strip()

    ipfs("init", "--profile=test")
    daemon = subprocess.Popen(
        [binary, "daemon", "--offline"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        api = repository / "api"
        while not api.exists() or not api.read_text():
            time.sleep(0.05)
        ipfs("config", "Addresses.API", api.read_text().strip())
        yield ipfs
    finally:
        daemon.terminate()
        daemon.wait()


if __name__ == "__main__":
    main()
