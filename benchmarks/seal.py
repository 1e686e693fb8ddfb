"""How long does sealing 1 GB take, beside openssl's ChaCha20 and plain hashing of the same bytes?

python -m benchmarks.seal [ROUNDS]

Sealing encrypts and computes both roots: two sha2-256 of each byte, and four keccak256 for each
chunk of 4,096 bytes. All three read the same file and write to /dev/null; hashing is sha2-256 of
the whole by openssl.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from handfast.market.sealing import SealedStream, check_bundle, seal, unseal
from handfast.market.seals import Seal

SIZE = 1_000_000_000
TARGET = 3.0
_PIECE = 4 * 1024 * 1024
_KEY = bytes(range(32))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as name:
        content, bundle = Path(name) / "content", Path(name) / "bundle"
        with content.open("wb") as file:
            for _ in range(SIZE // 1_000_000):
                file.write(os.urandom(1_000_000))
        promised = seal_to(content, bundle)
        os.sync()
        acts: dict[str, Callable[[], object]] = {
            "openssl enc -chacha20": lambda: encrypt(content),
            "openssl dgst -sha256": lambda: run("openssl", "dgst", "-sha256", str(content)),
            "seal": lambda: seal_to(content, Path(os.devnull)),
            "check before the purchase": lambda: check(bundle, promised),
            "unseal and verify": lambda: open_again(bundle, promised),
        }
        times: dict[str, list[float]] = {label: [] for label in acts}
        for _ in range(rounds):
            for label, act in acts.items():
                begin = time.perf_counter()
                act()
                times[label].append(time.perf_counter() - begin)
    report(times, rounds)


def report(times: dict[str, list[float]], rounds: int) -> None:
    print(f"{SIZE:,} bytes, rounds: {rounds}")
    print(f"{'seconds':32} {'best':>7} {'median':>7} {'MB/s, best':>12}")
    for label, found in times.items():
        best = min(found)
        print(f"{label:32} {best:7.2f} {median(found):7.2f} {SIZE / 1e6 / best:12.0f}")
    cipher, hashing, sealing = (times[label] for label in list(times)[:3])
    ratios = [each / (a + b) for a, b, each in zip(cipher, hashing, sealing, strict=True)]
    print(
        f"seal / (chacha20 + sha256): median {median(ratios):.2f}, worst {max(ratios):.2f};",
        end=" ",
    )
    print(f"to reach: {TARGET:.0f}")


def seal_to(content: Path, target: Path) -> Seal:
    with (
        content.open("rb", 0) as source,
        target.open("wb", 0) as sink,
        tempfile.TemporaryFile() as scratch,
    ):
        stream = SealedStream(seal(source, _KEY, scratch))
        while piece := stream.read(_PIECE):
            sink.write(piece)
    return stream.seal


def check(bundle: Path, promised: Seal) -> None:
    with bundle.open("rb", 0) as source:
        check_bundle(source, promised)


def open_again(bundle: Path, promised: Seal) -> None:
    with bundle.open("rb", 0) as ciphertext, bundle.open("rb", 0) as manifest:
        manifest.seek(promised.size)
        for _ in unseal(ciphertext, manifest, promised.size, _KEY):
            pass


def encrypt(content: Path) -> None:
    zero = "00" * 16
    cipher = ("enc", "-chacha20", "-K", _KEY.hex(), "-iv", zero)
    run("openssl", *cipher, "-in", str(content), "-out", os.devnull)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
