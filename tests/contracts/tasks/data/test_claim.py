"""Each worker gets what is its own, once, whoever asks for it; and its reputation. (SPEC DT-7)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import SCALE
from tests.chain import reverts
from tests.tasks import COMPENSATION, DEPOSIT, REWARD

HONEST, DISHONEST = 1, 2


def test_the_honest_are_paid_without_waiting_for_others_disputes(data, workers):
    task = data.judged(3, 0)
    data.disputed(task, workers[0])
    for worker in workers[1:3]:
        assert data.claim(task, worker) == DEPOSIT + REWARD // 2
        assert data.ledger.scoreOf(worker) == SCALE


def test_who_accepts_the_mark_has_its_deposit_back_and_loses_reputation(data, workers):
    """Were the deposit the requester's, marking would pay it."""
    task = data.judged(1, 0)
    with reverts("NotSettled", task):
        data.claim(task, workers[0])
    data.at(task, "disputeEnd")
    data.settle(task)
    assert data.claim(task, workers[0]) == DEPOSIT
    assert data.ledger.scoreOf(workers[0]) == -SCALE


def test_nobody_skips_a_penalty_by_not_claiming(data, workers, requester):
    task = data.judged(1, 0)
    data.at(task, "disputeEnd")
    data.settle(task)
    data.tasks.claim(task, workers[0], {"from": requester})
    assert data.ledger.scoreOf(workers[0]) == -SCALE


def test_who_won_is_counted_once_by_the_ledger(data, workers):
    task = data.judged(1, 0)
    data.resolved(task, workers[0], HONEST)
    data.settle(task)
    assert data.claim(task, workers[0]) == DEPOSIT + COMPENSATION
    known = data.ledger.participationOf(workers[0])
    assert (known["score"], known["participations"]) == (SCALE, 1)


def test_who_lost_has_nothing_to_claim(data, workers):
    task = data.judged(1, 0)
    data.resolved(task, workers[0], DISHONEST)
    with reverts("AlreadyClaimed", task, workers[0]):
        data.claim(task, workers[0])


@pytest.mark.parametrize("honest", [True, False])
def test_pays_once(data, workers, honest):
    task = data.judged(1, *() if honest else (0,))
    if not honest:
        data.at(task, "disputeEnd")
        data.settle(task)
    data.claim(task, workers[0])
    with reverts("AlreadyClaimed", task, workers[0]):
        data.claim(task, workers[0])


def test_waits_for_the_dispute_of_its_own(data, workers):
    task = data.judged(1, 0)
    data.disputed(task, workers[0])
    with reverts("NotSettled", task):
        data.claim(task, workers[0])


def test_says_beforehand_what_it_would_pay(data, workers):
    task = data.judged(3, 0, 1)
    told = [data.tasks.claimable(task, worker) for worker in workers[:3]]
    assert told == [0, 0, DEPOSIT + REWARD]
    data.resolved(task, workers[0], HONEST)
    data.at(task, "disputeEnd")
    data.settle(task)
    for worker in workers[:3]:
        told = data.tasks.claimable(task, worker)
        assert data.claim(task, worker) == told
        assert data.tasks.claimable(task, worker) == 0


def test_reverts_for_who_did_not_take_part(data, workers):
    task = data.judged(1)
    with reverts("NotDelivered", task, workers[1]):
        data.claim(task, workers[1])
