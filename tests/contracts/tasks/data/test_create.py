"""Reward and compensation are in escrow, and refusing everybody does not pay. (SPEC DT-1)"""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.crypto.keccak import keccak
from tests.chain import plain, reverts
from tests.tasks import COMPENSATION, DAY, FEE, HOUR, PANEL, REQUESTER_SECRET, REWARD


def test_takes_reward_and_compensation_and_keeps_the_requester_s_key(data, requester):
    deadline = chain.time() + DAY
    data.tasks.create(data.terms(deadline=deadline), {"from": requester})
    assert data.token.balanceOf(data.tasks) == REWARD + COMPENSATION
    task = data.tasks.taskOf(1)
    assert plain(task["receiver"]) == keccak(bytes(SecretKey(REQUESTER_SECRET).public_key()))
    assert (task["reward"], task["compensation"], task["fee"]) == (REWARD, COMPENSATION, FEE)
    moments = [task[name] for name in ("deadline", "judgingEnd", "disputeEnd")]
    assert moments == [deadline, deadline + HOUR, deadline + 3 * HOUR]
    assert plain(task["panel"]) == PANEL


def test_tells_everything_that_a_worker_needs(data, requester):
    terms = data.terms()
    event = data.tasks.create(terms, {"from": requester}).events["DataTaskCreated"]
    assert plain(event["terms"]) == plain(terms)
    head, tail = plain(event["decryptionKey"])
    assert head + tail == bytes(SecretKey(REQUESTER_SECRET).public_key())


@pytest.mark.parametrize(
    ("what", "changes"),
    [
        ("reward", {"reward": 0}),
        ("deadline", {"deadline": 1}),
        ("deadline", {"deadline": 2**40 - 1}),
        ("judgingPeriod", {"judging_period": 1}),
        ("disputePeriod", {"dispute_period": 31 * DAY}),
        ("maxDeliveries", {"max_deliveries": 0}),
        ("maxDeliveries", {"max_deliveries": 65}),
    ],
)
def test_reverts_when_terms_are_out_of_bounds(data, requester, what, changes):
    with reverts("InvalidTerms", what):
        data.tasks.create(data.terms(**changes), {"from": requester})


def test_reverts_when_refusing_everybody_would_pay(data, requester):
    """With less than the reward at stake, the requester would keep the data and the difference."""
    with reverts("InvalidTerms", "compensation"):
        data.tasks.create(data.terms(compensation=REWARD - 1), {"from": requester})
    data.tasks.create(data.terms(compensation=REWARD), {"from": requester})


def test_reverts_when_no_worker_could_dispute(data, requester):
    with reverts("InvalidPanel", "commitPeriod"):
        data.tasks.create(data.terms(panel=(3, 1, HOUR, HOUR)), {"from": requester})


def test_reverts_when_the_requester_has_no_key(data, workers):
    with reverts("NotParticipant", workers[0]):
        data.tasks.create(data.terms(), {"from": workers[0]})


def test_reverts_when_nobody_could_read_the_schema(data, requester):
    with reverts("UnknownCodec", 0x71):
        data.tasks.create(data.terms(schema=(bytes(32), 0x71)), {"from": requester})


def test_reverts_when_the_ledger_does_not_take_its_word(
    deployer, data, requester, DataTasks, ReputationLedger
):
    ledger = deployer.deploy(ReputationLedger, deployer)
    names = ("REGISTRY", "PROOFS", "MARKET_TOKEN", "MIN_PERIOD", "MAX_PERIOD")
    parts = [getattr(data.tasks, name)() for name in names]
    tasks = deployer.deploy(DataTasks, data.court, ledger, *parts)
    with reverts("LedgerRefuses"):
        tasks.create(data.terms(), {"from": requester})


def test_there_is_nothing_to_know_of_an_unknown_task(data):
    with reverts("UnknownTask", 1):
        data.tasks.taskOf(1)
