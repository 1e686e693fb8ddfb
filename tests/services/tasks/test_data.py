"""A data task by the command line, from its creation to the last claim. (SPEC DT-1 to DT-8)"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.services.tasks.conftest import TOKENS, Town
from tests.services.tasks.voting import draw, stay_silent

REQUESTER, FIRST, SECOND = 1, 2, 3
PANEL = ("--seats", 3, "--vote-period", "10m", "--vote-reveal-period", "10m")
PERIODS = ("--deadline", "1h", "--judging-period", "1h", "--dispute-period", "1h")


@pytest.fixture
def delivered(town: Town) -> dict[str, Any]:
    """A task with a delivery of each worker, past its deadline."""
    town.cli(REQUESTER, "registry", "register", "--role", "client")
    asked = ("--schema", town.file("schema.json", b"{}"), "--reward", "100")
    create = ("task", "data", "create", *asked, "--appeal-period", "10m", *PANEL, *PERIODS)
    task = town.json(REQUESTER, *create)["task"]
    for place, person in enumerate((FIRST, SECOND)):
        content = town.file(f"data-{person}", b"row\n" * 5_000 * person)
        answer = town.json(person, "task", "data", "deliver", task, content)
        assert answer == {"position": place}
    found: dict[str, Any] = town.json(0, "task", "data", "show", task)
    town.reach(found["deadline"])
    return found


def opened(town: Town, task: int, *more: object) -> list[dict[str, Any]]:
    folder = town.folder / "opened"
    found: list[dict[str, Any]]
    found = town.json(REQUESTER, "task", "data", "open", task, folder, *more)["deliveries"]
    return found


def test_the_requester_opens_what_was_delivered_and_nobody_else(
    town: Town, delivered: dict[str, Any]
) -> None:
    task = delivered["task"]
    with town.serving(FIRST) as url:
        found = opened(town, task, "--from", url)
    assert Path(found[0]["path"]).read_bytes() == (town.folder / f"data-{FIRST}").read_bytes()
    assert found[1]["path"] is None
    assert found[1]["fault"]
    with town.serving(SECOND) as url:
        found = opened(town, task, "--from", url)
    contents = [Path(each["path"]).read_bytes() for each in found]
    assert contents == [(town.folder / f"data-{each}").read_bytes() for each in (FIRST, SECOND)]
    refused = town.cli(FIRST, "task", "data", "open", task, town.folder / "mine", code=3)
    assert "NotRequester" in refused


def test_silence_pays_everybody(town: Town, delivered: dict[str, Any]) -> None:
    """DT-3"""
    task = delivered["task"]
    town.reach(delivered["judging_end"])
    paid = [town.json(each, "task", "data", "claim", task)["amount"] for each in (FIRST, SECOND)]
    assert paid == [str(55 * TOKENS)] * 2
    town.cli(SECOND, "task", "data", "settle", task)
    assert town.balance(REQUESTER) == (10_000 - 100) * TOKENS


def test_a_dispute_before_a_silent_panel_leaves_the_mark(
    town: Town, delivered: dict[str, Any]
) -> None:
    """DT-5: the key goes to the panel alone; by default the worker has lost."""
    task = delivered["task"]
    town.json(REQUESTER, "task", "data", "judge", task, "--dishonest", 1)
    assert town.json(FIRST, "task", "data", "claim", task)["amount"] == str(105 * TOKENS)
    case = town.json(SECOND, "task", "data", "dispute", task)["case"]
    early = town.cli(SECOND, "task", "data", "open-key", task, code=4)
    assert "no panel" in early
    draw(town, case)
    assert town.json(SECOND, "task", "data", "open-key", task) == {"round": 0}
    assert town.json(SECOND, "task", "data", "open-key", task) == {"round": 0}
    stay_silent(town, case)
    town.cli(FIRST, "task", "data", "settle", task)
    shown = town.json(0, "task", "data", "show", task)
    assert [each["state"] for each in shown["deliveries"]] == ["delivered", "condemned"]
    assert shown["is_settled"]
    # Its reward went to the honest one; it has the deposit of the one that lost.
    assert town.balance(REQUESTER) == (10_000 - 100 + 5) * TOKENS


def test_every_command_can_be_given_again(town: Town, delivered: dict[str, Any]) -> None:
    """PR-10: it did what it did once."""
    task, content = delivered["task"], town.folder / f"data-{FIRST}"
    again = town.json(FIRST, "task", "data", "deliver", task, content)
    assert again == {"position": 0}
    judge = ("task", "data", "judge", task, "--dishonest", 0)
    assert town.json(REQUESTER, *judge) == town.json(REQUESTER, *judge)
    assert town.balance(REQUESTER) == (10_000 - 200 - 3) * TOKENS
    assert town.balance(FIRST) == (10_000 - 5) * TOKENS
    assert "1 of 64" not in town.cli(0, "task", "data", "list", COLUMNS="200")
