"""A task ends once all have had a say; the requester gets what is left. (SPEC DT-3, DT-6)"""

from __future__ import annotations

import pytest

from tests.chain import plain, reverts
from tests.tasks import COMPENSATION, DEPOSIT, FEE, REWARD

HONEST, DISHONEST = 1, 2


def test_without_a_dispute_the_compensation_goes_back(data, workers):
    task = data.judged(3)
    assert data.settle(task) == COMPENSATION + REWARD % 3
    for worker in workers[:3]:
        assert data.claim(task, worker) == DEPOSIT + REWARD // 3
    assert data.token.balanceOf(data.tasks) == 0


def test_a_task_that_nobody_took_up_ends_at_the_deadline(data):
    task = data.create()
    data.at(task, "deadline", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        data.settle(task)
    data.at(task, "deadline")
    assert data.settle(task) == REWARD + COMPENSATION


def test_waits_for_the_judging_period(data):
    task = data.delivered(1)
    data.at(task, "judgingEnd", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        data.settle(task)
    data.at(task, "judgingEnd")
    assert data.settle(task) == COMPENSATION


def test_waits_for_who_may_still_dispute(data, workers):
    task = data.judged(2, 0)
    data.at(task, "disputeEnd", -1)
    with reverts("DisputesOpen", task, 1, 0):
        data.settle(task)
    data.at(task, "disputeEnd")
    assert data.settle(task) == COMPENSATION + FEE
    assert data.claim(task, workers[0]) == DEPOSIT


def test_waits_for_the_court_however_long(data, workers):
    task = data.judged(1, 0)
    case = data.disputed(task, workers[0])
    data.at(task, "disputeEnd", 10_000)
    with reverts("DisputesOpen", task, 0, 1):
        data.settle(task)
    data.court.rule(case, DISHONEST, bytes(32), 0)
    data.tasks.resolve(case, {"from": workers[0]})
    assert data.settle(task) == REWARD + COMPENSATION + FEE


def test_need_not_wait_once_all_that_were_marked_have_disputed(data, workers):
    task = data.judged(2, 0)
    data.resolved(task, workers[0], HONEST, FEE)
    assert data.settle(task) == 0
    assert data.claim(task, workers[0]) == DEPOSIT + COMPENSATION
    assert data.claim(task, workers[1]) == DEPOSIT + REWARD


def test_a_requester_that_marks_everybody_dishonest_pays_more_than_it_saves(data, workers):
    """Its reward is back; but one who disputes takes all the compensation, and the fee."""
    task = data.judged(3, 0, 1, 2)
    data.resolved(task, workers[0], HONEST, FEE)
    data.at(task, "disputeEnd")
    assert data.settle(task) == REWARD + 2 * FEE
    assert data.claim(task, workers[0]) == DEPOSIT + COMPENSATION
    assert COMPENSATION >= REWARD


@pytest.mark.parametrize("winners", [1, 2, 3])
def test_units_that_cannot_be_divided_go_back(data, workers, winners):
    task = data.judged(4, *range(winners), reward=100, compensation=101)
    for worker in workers[:winners]:
        data.resolved(task, worker, HONEST, FEE)
    assert data.settle(task) == 100 % (4 - winners) + 101 % winners
    for worker in workers[:4]:
        data.claim(task, worker)
    assert data.token.balanceOf(data.tasks) == 0


def test_pays_once(data):
    """MetaAICM's `evaluate` could be called twice, and paid twice."""
    task = data.judged(1)
    data.create()
    data.settle(task)
    with reverts("AlreadySettled", task):
        data.settle(task)


def test_tells_what_happened(data, workers):
    task = data.judged(2, 0)
    data.resolved(task, workers[0], HONEST)
    event = data.tasks.settle(task, {"from": workers[0]}).events["DataTaskSettled"]
    assert plain(event.values()) == (task, 1, 1, FEE)
