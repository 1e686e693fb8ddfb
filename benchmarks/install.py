"""How long does `pip install handfast` take in an empty environment, and what does it bring?

python -m benchmarks.install
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

from scripts.check_wheel import ROOT, Command, bare, build, check, installed, make_environment


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = build(folder)
        print(f"wheel: {wheel.stat().st_size / 1e6:.2f} MB")
        binaries = make_environment(folder / "pip")
        pip: Command = [binaries / "python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip"], env=bare(), check=True)
        measure("pip, nothing cached", [*pip, "--no-cache-dir", wheel])
        binaries = make_environment(folder / "uv")
        uv: Command = [
            ROOT / ".venv/bin/uv",
            "pip",
            "install",
            "--quiet",
            "--python",
            binaries / "python",
        ]
        measure("uv, nothing cached", [*uv, "--no-cache", wheel])
        print(f"packages, handfast among them: {len(installed(binaries))}")
        check(binaries)


def measure(label: str, command: Command) -> None:
    """Print wall time and processor time: on a busy machine they are far apart."""
    before, begin = getrusage(RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, env=bare(), check=True)
    wall, after = time.perf_counter() - begin, getrusage(RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{label}: {wall:.1f} s ({busy:.1f} s of processor)")


if __name__ == "__main__":
    main()
