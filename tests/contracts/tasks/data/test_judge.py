"""The requester says once who is dishonest; silence is honest. (SPEC DT-3)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import DeliveryState
from tests.chain import plain, reverts
from tests.tasks import DEPOSIT, FEE, OTHER_KEY, REWARD


def test_marks_a_set_and_puts_the_court_s_fees_aside(data, workers, requester):
    task = data.delivered(4)
    before = data.token.balanceOf(requester)
    sent = data.tasks.judge(task, 0b0101, {"from": requester})
    states = [data.state(task, worker) for worker in workers[:4]]
    marked, honest = DeliveryState.DISHONEST, DeliveryState.DELIVERED
    assert states == [marked, honest, marked, honest]
    assert before - data.token.balanceOf(requester) == 2 * FEE
    after = data.tasks.taskOf(task)
    assert (after["honest"], after["marked"], after["security"]) == (2, 2, 2 * FEE)
    assert plain(sent.events["DeliveriesJudged"].values()) == (task, 0b0101, 2 * FEE)


def test_ends_the_judging_period(data, requester):
    task = data.delivered(1)
    sent = data.tasks.judge(task, 0, {"from": requester})
    assert data.tasks.taskOf(task)["judgingEnd"] == sent.timestamp
    with reverts("NotTheTime", task, ..., ..., ...):
        data.tasks.judge(task, 1, {"from": requester})


def test_cannot_be_said_before_the_deadline_nor_after_the_period(data, workers, requester):
    task = data.create()
    data.deliver(task, workers[0])
    data.at(task, "deadline", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        data.tasks.judge(task, 0, {"from": requester})
    data.at(task, "judgingEnd")
    with reverts("NotTheTime", task, ..., ..., ...):
        data.tasks.judge(task, 0, {"from": requester})


def test_the_last_second_counts(data, workers, requester):
    task = data.create()
    data.deliver(task, workers[0])
    data.at(task, "judgingEnd", -1)
    data.tasks.judge(task, 1, {"from": requester})
    assert data.state(task, workers[0]) == DeliveryState.DISHONEST


def test_silence_is_honest(data, workers):
    task = data.create()
    for worker in workers[:2]:
        data.deliver(task, worker)
    data.at(task, "judgingEnd", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        data.claim(task, workers[0])
    data.at(task, "judgingEnd")
    assert data.claim(task, workers[0]) == DEPOSIT + REWARD // 2


@pytest.mark.parametrize("stray", [0b100, 1 << 255])
def test_reverts_when_nobody_delivered_there(data, requester, stray):
    task = data.delivered(2)
    with reverts("UnknownPositions", task, stray, 2):
        data.tasks.judge(task, stray, {"from": requester})


def test_reverts_when_the_delivery_is_void(data, workers, requester):
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    point = data.shown(task, workers[0])
    data.tasks.proveWrongKey(task, workers[0], *delivery, point, {"from": requester})
    data.at(task, "deadline")
    with reverts("WrongState", task, 0, DeliveryState.VOID):
        data.tasks.judge(task, 1, {"from": requester})


def test_reverts_when_it_is_not_the_requester(data, workers):
    task = data.delivered(1)
    with reverts("NotRequester", task, workers[0]):
        data.tasks.judge(task, 0, {"from": workers[0]})
