"""A model task by the command line, from its creation to the last claim. (SPEC MT-1 to MT-7)"""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.tasks.conftest import TOKENS, Town
from tests.services.tasks.voting import draw, rule

REQUESTER, GOOD, WEAK = 1, 2, 3
PANEL = ("--seats", 3, "--vote-period", "10m", "--vote-reveal-period", "10m")
PERIODS = ("--deadline", "1h", "--reveal-period", "1h", "--publish-period", "1h")


def create(town: Town) -> tuple[object, ...]:
    """The command that puts the task up."""
    files = town.file("wanted.json", b"{}"), town.file("validation.csv", b"x,y\n1,2\n")
    asked = ("--description", files[0], "--validation", files[1], "--threshold", "0.6")
    money = ("--reward", "100", "--appeal-period", "10m")
    return ("task", "model", "create", *asked, *money, *PANEL, *PERIODS)


@pytest.fixture
def committed(town: Town) -> dict[str, Any]:
    """A task with a commitment of each worker, past its deadline."""
    task = town.json(REQUESTER, *create(town))["task"]
    for person in (GOOD, WEAK):
        model = town.file(f"model-{person}", b"weights of %d" % person)
        town.json(person, "task", "model", "commit", task, model)
    found: dict[str, Any] = town.json(0, "task", "model", "show", task)
    town.reach(found["deadline"])
    return found


def test_the_panel_s_scores_pay_the_best(town: Town, committed: dict[str, Any]) -> None:
    task = committed["task"]
    for person in (GOOD, WEAK):
        town.json(person, "task", "model", "reveal", task)
    case = town.json(REQUESTER, "task", "model", "publish", task)["case"]
    draw(town, case)
    rule(town, case, [9 * 10**8, 10**8])
    settled = town.json(WEAK, "task", "model", "settle", task)
    assert settled == {"outcome": "ranked"}
    paid = [town.json(each, "task", "model", "claim", task)["amount"] for each in (GOOD, WEAK)]
    assert paid == [str(55 * TOKENS), str(5 * TOKENS)]
    shown = town.json(0, "task", "model", "show", task)
    assert [each["paid"] for each in shown["submissions"]] == paid
    assert shown["submissions"][0]["model"].startswith("b")
    assert shown["metric"] == "accuracy"
    assert "ranked" in town.cli(0, "task", "model", "list", COLUMNS="200")


def test_a_requester_that_publishes_nothing_pays_who_revealed(
    town: Town, committed: dict[str, Any]
) -> None:
    """MT-3: who did not reveal leaves its deposit to the requester."""
    task = committed["task"]
    town.cli(GOOD, "task", "model", "reveal", task)
    refused = town.cli(GOOD, "task", "model", "settle", task, code=3)
    assert "NotTheTime" in refused
    assert "Traceback" not in refused
    town.reach(committed["publish_end"])
    assert "unpublished" in town.cli(GOOD, "task", "model", "settle", task)
    amounts = [
        town.json(GOOD, "task", "model", "claim", task, "--worker", town.address(each))["amount"]
        for each in (GOOD, WEAK)
    ]
    assert amounts == [str(105 * TOKENS), "0"]
    assert town.balance(REQUESTER) == (10_000 - 100 + 5) * TOKENS


def test_every_command_can_be_given_again(town: Town, committed: dict[str, Any]) -> None:
    """PR-10: it did what it did once."""
    task, model = committed["task"], town.folder / f"model-{GOOD}"
    assert town.json(REQUESTER, *create(town))["task"] == task
    assert town.json(GOOD, "task", "model", "commit", task, model) == {"position": 0}
    first = town.json(GOOD, "task", "model", "reveal", task)
    assert town.json(GOOD, "task", "model", "reveal", task) == first
    assert town.balance(REQUESTER) == (10_000 - 103) * TOKENS
    assert town.balance(GOOD) == (10_000 - 5) * TOKENS


def test_a_worker_that_lost_its_folder_reveals_with_key_and_file(
    town: Town, committed: dict[str, Any]
) -> None:
    """MT-7: the salt derives from the key."""
    task, elsewhere = committed["task"], {"HANDFAST_DATA": str(town.folder / "elsewhere")}
    lost = town.cli(GOOD, "task", "model", "reveal", task, code=2, **elsewhere)
    assert "give the file once more" in lost
    model = town.folder / f"model-{GOOD}"
    again = ("task", "model", "reveal", task, "--model", model)
    assert town.json(GOOD, *again, **elsewhere)["model"].startswith("b")
    validation = ("--validation", town.folder / "validation.csv")
    town.reach(committed["reveal_end"])
    case = town.json(REQUESTER, "task", "model", "publish", task, *validation, **elsewhere)
    assert case == {"case": 1}


def test_a_second_model_is_refused_before_it_costs_anything(
    town: Town, committed: dict[str, Any]
) -> None:
    other = town.file("other", b"other")
    before = town.balance(GOOD)
    refused = town.cli(GOOD, "task", "model", "commit", committed["task"], other, code=2)
    assert "another model was committed" in refused
    assert town.balance(GOOD) == before


def test_money_that_is_not_there_is_said_in_one_line(town: Town) -> None:
    files = town.file("wanted.json", b"{}"), town.file("validation.csv", b"x,y\n1,2\n")
    asked = ("--description", files[0], "--validation", files[1], "--threshold", "0.6")
    command = ("task", "model", "create", *asked, "--reward", "1000000", *PANEL, *PERIODS)
    refused = town.cli(REQUESTER, *command, code=3)
    assert "no_funds" in refused
    assert len(refused.strip().splitlines()) == 1
