"""`handfast inference` as a user types it, in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from handfast.inference.digits import PRESETS, draw


def handfast(*arguments: str, code: int = 0) -> str:
    """Run the installed command; returns what it says."""
    command = Path(sys.executable).with_name("handfast")
    done = subprocess.run(
        [command, "inference", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_what_is_generated_is_judged_as_asked(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    handfast("generate", "a seven", "-o", str(out), "--preset", "fine", "--seed", "1")
    assert np.array_equal(np.asarray(Image.open(out)), draw(7, 1, PRESETS["fine"]))
    assert handfast("judge", str(out), "a seven").startswith("satisfied, confidence 0.")
    verdict = json.loads(handfast("judge", str(out), "a three", "--json"))
    assert verdict["satisfied"] is False


def test_steps_and_guidance_replace_those_of_the_preset(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    handfast("generate", "7", "-o", str(out), "--steps", "3", "--guidance", "2")
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_sheet_has_a_row_for_each_digit(tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    handfast("sheet", "-o", str(out), "--columns", "3", "--preset", "fast")
    assert Image.open(out).size == (3 * 30 * 2, 10 * 30 * 2)


def test_a_fault_is_one_clear_line(tmp_path: Path) -> None:
    said = handfast("generate", "a cat", "-o", str(tmp_path / "out.png"), code=2)
    assert "cannot draw 'cat'" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
