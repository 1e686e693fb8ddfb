"""Runs Slither and compares what it finds with slither.toml, where each finding has its answer.

    python scripts/check_slither.py

Fails on a finding without an answer, and on an answer without a finding. Findings are known by
detector and place, not by line, so that they outlive edits elsewhere.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = "build/slither"
ELSEWHERE = ("node_modules/", "contracts/mocks/", "tests/")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    check: str
    where: str
    """Contract.function, Contract.variable or the like: the first thing that it speaks of."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Why the findings that fit stand; `*` in `check` or `where` stands for anything."""

    check: str
    where: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        return fnmatchcase(finding.check, self.check) and fnmatchcase(finding.where, self.where)


def run_slither() -> list[Finding]:
    """Compile without mocks and tests, and analyse."""
    environment = {**os.environ, "FOUNDRY_PROFILE": "slither"}
    build = [".tools/bin/forge", "build", "--quiet", "--build-info"]
    skipped = ["--skip", "*/mocks/*", "--skip", "*/tests/*"]
    # An earlier build would leave its sources' old positions beside the new ones.
    shutil.rmtree(ROOT / BUILD, ignore_errors=True)
    subprocess.run([*build, *skipped], cwd=ROOT, env=environment, check=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        slither = [sys.executable, "-m", "slither", ".", "--ignore-compile", "--json", str(report)]
        framework = ["--compile-force-framework", "foundry", "--foundry-out-directory", BUILD]
        done = subprocess.run(
            [*slither, *framework, "--fail-none"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode or not report.exists():
            sys.exit(f"slither failed:\n{done.stderr}")
        content = json.loads(report.read_text())
    detected = content["results"].get("detectors", [])
    return sorted({finding for each in detected if (finding := _finding(each))})


def _finding(detected: dict[str, Any]) -> Finding | None:
    """The finding, or None where it is about what we build on or test with."""
    first = detected["elements"][0]
    if first["source_mapping"]["filename_relative"].startswith(ELSEWHERE):
        return None
    return Finding(detected["check"], _qualified(first))


def _qualified(element: dict[str, Any]) -> str:
    """The element's name behind those of the function and the contract that it is in."""
    parent = element.get("type_specific_fields", {}).get("parent", {})
    inside = f"{_qualified(parent)}." if parent.get("type") in ("contract", "function") else ""
    return f"{inside}{element['name']}"


def compare(findings: Iterable[Finding], answers: Iterable[Answer]) -> list[str]:
    """One line for each finding without an answer and each answer without a finding."""
    findings, answers = list(findings), list(answers)
    lines = [
        f"not answered: {finding.check} at {finding.where}"
        for finding in findings
        if not any(answer.covers(finding) for answer in answers)
    ]
    lines += [
        f"no longer found: {answer.check} at {answer.where}"
        for answer in answers
        if not any(answer.covers(finding) for finding in findings)
    ]
    return lines


def main() -> None:
    triage = tomllib.loads((ROOT / "slither.toml").read_text())
    answers = [Answer(**entry) for entry in triage.get("answers", [])]
    findings = run_slither()
    if lines := compare(findings, answers):
        sys.exit("\n".join(lines))
    print(f"slither: {len(findings)} findings, all answered in slither.toml")


if __name__ == "__main__":
    main()
