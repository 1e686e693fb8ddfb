"""The coordinator from the command line: a process of its own. (PR-10, PR-13)"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.coordinator.town import Town

SECONDS = 60


def environment(town: Town) -> dict[str, str]:
    return {**os.environ, "HANDFAST_KEY": town.coordinator.secret.hex()}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "handfast", *arguments]


def configured(town: Town, extra: str = "") -> Path:
    path = town.folder / "coordinator.toml"
    path.write_text(
        f'rpc = "{town.anvil.url}"\n'
        f'deployments = "{town.deployments}"\n'
        f'data = "{town.folder / "coordinator"}"\n'
        f'port = 0\nlog_format = "json"\n{extra}'
    )
    return path


@contextmanager
def started(town: Town, config: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A coordinator process and its URL."""
    log = town.folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command("coordinator", "run", "--config", str(config)),
            stderr=output,
            text=True,
            env=environment(town),
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(r'"port": (\d+)', log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, f"http://127.0.0.1:{found[1]}"
    finally:
        process.kill()
        process.wait()


def test_it_runs_from_a_file_says_how_it_goes_and_stops_when_asked(town: Town) -> None:
    with started(town, configured(town)) as (process, url):
        told = subprocess.run(
            command("coordinator", "status", "--url", url, "--json"),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(told.stdout)["participants"] == 5
        shown = subprocess.run(
            command("coordinator", "status", "--url", url),
            capture_output=True,
            text=True,
            check=True,
        )
        assert "5 participants" in shown.stdout
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 0
        assert town.coordinator.secret.hex() not in (town.folder / "log").read_text()


def test_a_second_one_in_the_same_folder_is_one_clear_line(town: Town) -> None:
    config = configured(town)
    with started(town, config):
        second = subprocess.run(
            command("coordinator", "run", "--config", str(config)),
            capture_output=True,
            text=True,
            env=environment(town),
            timeout=SECONDS,
            check=False,
        )
    assert second.returncode == 4
    (line,) = second.stderr.splitlines()
    assert re.fullmatch(r"handfast: journal .* is in use by process \d+", line)


def test_every_fault_of_the_settings_is_one_line(town: Town) -> None:
    config = configured(town, "[batch]\ncount = 0\nsize = 3\n[limits]\nrate = -1\n")
    told = subprocess.run(
        command("coordinator", "run", "--config", str(config)),
        capture_output=True,
        text=True,
        env={**environment(town), "HANDFAST_PORT": "70000"},
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode == 2
    lines = told.stderr.splitlines()
    assert len(lines) == 4
    for name, line in zip(
        ("port", "batch.count", "batch.size", "limits.rate"), sorted(lines, key=order), strict=True
    ):
        assert line.startswith(f"handfast: setting {name}: "), line


def order(line: str) -> int:
    names = ("port", "batch.count", "batch.size", "limits.rate")
    return next(place for place, name in enumerate(names) if f"setting {name}:" in line)


def test_nobody_there_is_one_clear_line() -> None:
    told = subprocess.run(
        command("coordinator", "status", "--url", "http://127.0.0.1:1"),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert told.returncode == 4
    (line,) = told.stderr.splitlines()
    assert line.startswith("handfast: http://127.0.0.1:1/status does not answer: ")
