"""Reward and fee are in escrow; no task is what the court would refuse. (SPEC MT-1)"""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.protocol.constants import MAX_FIRST_PANEL, SCALE, Metric, ModelOutcome
from tests.chain import plain, reverts
from tests.tasks import DAY, FEE, HOUR, MAX_PERIOD, MIN_PERIOD, PANEL, REWARD, SEATS

LONG, SHORT = MAX_PERIOD + 1, MIN_PERIOD - 1


def test_takes_reward_and_fee_and_keeps_the_terms(models, requester):
    before = models.token.balanceOf(requester)
    deadline = chain.time() + DAY
    transaction = models.tasks.create(models.terms(deadline=deadline), {"from": requester})
    assert transaction.return_value == models.tasks.taskCount() == 1
    assert before - models.token.balanceOf(requester) == REWARD + FEE
    assert models.token.balanceOf(models.tasks) == REWARD + FEE
    task = models.tasks.taskOf(1)
    assert (task["requester"], task["reward"], task["fee"]) == (requester, REWARD, FEE)
    assert task["deadline"] == deadline
    assert task["revealEnd"] == deadline + HOUR
    assert task["publishEnd"] == deadline + 3 * HOUR
    assert plain(task["panel"]) == PANEL
    assert (task["committed"], task["caseId"]) == (0, 0)
    assert task["outcome"] == ModelOutcome.ABSENT


def test_tells_everything_that_a_worker_needs(models, requester):
    terms = models.terms()
    event = models.tasks.create(terms, {"from": requester}).events["ModelTaskCreated"]
    assert plain(event["terms"]) == plain(terms)
    assert (event["task"], event["requester"], event["fee"]) == (1, requester, FEE)


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("reward", {"reward": 0}),
        ("metric", {"metric": Metric.ABSENT}),
        ("threshold", {"threshold": SCALE + 1}),
        ("tolerance", {"tolerance": SCALE + 1}),
        ("deadline", {"deadline": 1}),
        ("deadline", {"deadline": 2**40 - 1}),
        ("revealPeriod", {"reveal_period": SHORT}),
        ("revealPeriod", {"reveal_period": LONG}),
        ("publishPeriod", {"publish_period": SHORT}),
        ("publishPeriod", {"publish_period": LONG}),
        ("maxSubmissions", {"max_submissions": 0}),
        ("maxSubmissions", {"max_submissions": 65}),
    ],
)
def test_reverts_when_terms_are_out_of_bounds(models, requester, what, changes):
    with reverts("InvalidTerms", what):
        models.tasks.create(models.terms(**changes), {"from": requester})


@pytest.mark.parametrize(
    ("what", "panel"),
    [
        ("seats", (0, HOUR, HOUR, HOUR)),
        ("seats", (2, HOUR, HOUR, HOUR)),
        ("seats", (MAX_FIRST_PANEL + 2, HOUR, HOUR, HOUR)),
        ("commitPeriod", (SEATS, 1, HOUR, HOUR)),
        ("revealPeriod", (SEATS, HOUR, 1, HOUR)),
        ("appealPeriod", (SEATS, HOUR, HOUR, 31 * DAY)),
    ],
)
def test_reverts_when_the_court_would_refuse_the_panel(models, requester, what, panel):
    """Or the requester could make a task whose case nobody can ever open."""
    with reverts("InvalidPanel", what):
        models.tasks.create(models.terms(panel=panel), {"from": requester})


def test_reverts_when_nobody_could_read_the_description(models, requester):
    with reverts("UnknownCodec", 0x71):
        models.tasks.create(models.terms(description=(bytes(32), 0x71)), {"from": requester})


def test_reverts_when_the_ledger_does_not_take_its_word(
    deployer, models, requester, ModelTasks, ReputationLedger
):
    """Or no worker could ever be paid."""
    ledger = deployer.deploy(ReputationLedger, deployer)
    parts = models.court, ledger, models.token, MIN_PERIOD, MAX_PERIOD
    tasks = deployer.deploy(ModelTasks, *parts)
    with reverts("LedgerRefuses"):
        tasks.create(models.terms(), {"from": requester})


def test_there_is_nothing_to_know_of_an_unknown_task(models):
    with reverts("UnknownTask", 1):
        models.tasks.taskOf(1)
