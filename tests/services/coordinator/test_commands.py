"""The coordinator from the command line: a process of its own. (PR-10, PR-13)"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.coordinator.town import Town
from tests.services.market.actors import Process, start

SECONDS = 60


def handfast(town: Town, *arguments: str, **environment: str) -> Process:
    """Begin a command with the coordinator's key."""
    log = town.folder / f"{time.monotonic_ns()}.log"
    log.touch()
    values = {"HANDFAST_KEY": town.coordinator.secret.hex(), **environment}
    return start(arguments, values, log)


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
def started(town: Town, config: Path) -> Iterator[tuple[Process, str]]:
    """A coordinator process and its URL."""
    process = handfast(town, "coordinator", "run", "--config", str(config))
    try:
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(r'"port": (\d+)', process.output)):
            assert process.is_running, process.output
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield process, f"http://127.0.0.1:{found[1]}"
    finally:
        process.kill()


def test_it_runs_from_a_file_says_how_it_goes_and_stops_when_asked(town: Town) -> None:
    with started(town, configured(town)) as (process, url):
        asked = ("coordinator", "status", "--url", url)
        told, shown = (handfast(town, *asked, *flags) for flags in (("--json",), ()))
        assert told.wait() == shown.wait() == 0
        assert json.loads(told.output)["participants"] == 5
        assert "5 participants" in shown.output
        assert process.stop() == 0
        assert town.coordinator.secret.hex() not in process.output


def test_a_second_one_in_the_same_folder_is_one_clear_line(town: Town) -> None:
    config = configured(town)
    with started(town, config):
        second = handfast(town, "coordinator", "run", "--config", str(config))
        assert second.wait() == 4
    (line,) = second.output.splitlines()
    assert re.fullmatch(r"handfast: journal .* is in use by process \d+", line)


def test_every_fault_of_the_settings_is_one_line(town: Town) -> None:
    config = configured(town, "[batch]\ncount = 0\nsize = 3\n[limits]\nrate = -1\n")
    arguments = ("coordinator", "run", "--config", str(config))
    told = handfast(town, *arguments, HANDFAST_PORT="70000")
    assert told.wait() == 2
    lines = told.output.splitlines()
    assert len(lines) == 4
    for name, line in zip(
        ("port", "batch.count", "batch.size", "limits.rate"), sorted(lines, key=order), strict=True
    ):
        assert line.startswith(f"handfast: setting {name}: "), line


def order(line: str) -> int:
    names = ("port", "batch.count", "batch.size", "limits.rate")
    return next(place for place, name in enumerate(names) if f"setting {name}:" in line)


def test_nobody_there_is_one_clear_line(town: Town) -> None:
    told = handfast(town, "coordinator", "status", "--url", "http://127.0.0.1:1")
    assert told.wait() == 4
    (line,) = told.output.splitlines()
    assert line.startswith("handfast: http://127.0.0.1:1/status does not answer: ")
