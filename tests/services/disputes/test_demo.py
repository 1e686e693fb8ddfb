"""The demo of a model task, from real models to real payouts. (SPEC MT-2 to MT-6, EV-1 to EV-6)"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def test_the_demo_of_a_model_task_holds_every_check(tmp_path: Path) -> None:
    folder = tmp_path / "town"
    command = (sys.executable, "-m", "handfast", "demo", "tasks", "--json", "--folder", str(folder))
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report == json.loads((folder / "report.json").read_text())
    assert report["passed"]
    assert len(report["checks"]) >= 11
    assert (folder / "scores.png").stat().st_size > 1_000
    scores = {each["name"]: each["score"] for each in report["workers"]}
    assert scores["Kash"] == 0
    assert scores["Wren"] > scores["Gale"]
