"""Runs every question of benchmarks/ and writes the answers to benchmarks/RESULTS.md.

    python scripts/bench.py [NAME...]

A question is a module with a `main` that prints its figures; its docstring's first line asks it.
With names, only those are asked again and the other answers stay.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
NO_QUESTIONS = {"__init__"}


def questions() -> list[str]:
    """The names of all benchmark modules."""
    found = (path.stem for path in sorted((ROOT / "benchmarks").glob("*.py")))
    return [name for name in found if name not in NO_QUESTIONS]


def ask(name: str) -> str:
    """Run one benchmark; returns its section."""
    source = (ROOT / "benchmarks" / f"{name}.py").read_text()
    title = (ast.get_docstring(ast.parse(source)) or name).splitlines()[0]
    print(f"{title} (python -m benchmarks.{name})", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    print(done.stdout, flush=True)
    when = f"`python -m benchmarks.{name}`, {date.today().isoformat()}, {machine()}"
    return f"## {title}\n\n{when}\n\n```\n{done.stdout.rstrip()}\n```\n"


def machine() -> str:
    """Processor, cores, system and Python, in words."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    match = re.search(r"model name\s*:\s*(.+)", text)
    processor = match[1].strip() if match else platform.processor() or platform.machine()
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{processor}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def sections() -> dict[str, str]:
    """The answers that stand in RESULTS.md, by the name of their benchmark."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^(?=## )", RESULTS.read_text(), flags=re.MULTILINE)[1:]
    named = ((re.search(r"python -m benchmarks\.(\w+)", part), part) for part in parts)
    return {match[1]: part.rstrip() + "\n" for match, part in named if match}


def main() -> None:
    every = questions()
    wanted = sys.argv[1:] or every
    if unknown := set(wanted) - set(every):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    answers = sections()
    for name in wanted:
        answers[name] = ask(name)
        kept = [answers[each] for each in every if each in answers]
        RESULTS.write_text("\n".join(["# Figures\n", *kept]))


if __name__ == "__main__":
    main()
