"""Each worker gets what is its own, once, whoever asks for it; and its reputation. (SPEC MT-6)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import SCALE
from tests.chain import reverts
from tests.tasks import DEPOSIT, REWARD, THRESHOLD

LOW = THRESHOLD - 1


def test_pays_half_to_the_best_and_the_rest_to_the_others(models, workers):
    task = models.settled(THRESHOLD, SCALE, LOW, THRESHOLD)
    paid = [models.claim(task, worker) for worker in workers[:4]]
    assert [amount - DEPOSIT for amount in paid] == [REWARD // 4, REWARD // 2, 0, REWARD // 4]
    assert models.token.balanceOf(models.tasks) == 0


def test_raises_reputation_above_the_threshold_and_lowers_it_below(models, workers):
    """LG-1: one partner in one participation makes one."""
    task = models.settled(THRESHOLD, LOW)
    for worker, score in zip(workers, (SCALE, -SCALE), strict=False):
        models.claim(task, worker)
        assert models.ledger.scoreOf(worker) == score
        assert models.ledger.participationOf(worker)["participations"] == 1


def test_who_did_not_reveal_gets_nothing_and_loses_reputation(models, workers):
    task = models.create()
    for worker in workers[:2]:
        models.commit(task, worker, worker)
    models.at(task, "deadline")
    models.reveal(task, workers[0], workers[0])
    models.at(task, "publishEnd")
    models.tasks.settle(task, ((0,) * 8,), {"from": workers[0]})
    assert models.claim(task, workers[1]) == 0
    assert models.ledger.scoreOf(workers[1]) == -SCALE
    assert models.claim(task, workers[0]) == DEPOSIT + REWARD
    assert models.ledger.scoreOf(workers[0]) == 0


def test_nobody_s_reputation_changes_without_scores(models, workers):
    """MT-3, MT-4"""
    task = models.revealed("one", "two")
    models.court.rule(models.publish(task), 0, bytes(32), 0)
    models.tasks.settle(task, ((0,) * 8,), {"from": workers[0]})
    for worker in workers[:2]:
        assert models.claim(task, worker) == DEPOSIT + REWARD // 2
        assert models.ledger.participationOf(worker)["participations"] == 0


def test_nobody_skips_a_penalty_by_not_claiming(models, workers, requester):
    """Anybody claims for it, and the money goes where it belongs."""
    task = models.settled(LOW)
    before = models.token.balanceOf(workers[0])
    models.tasks.claim(task, workers[0], {"from": requester})
    assert models.ledger.scoreOf(workers[0]) == -SCALE
    assert models.token.balanceOf(workers[0]) - before == DEPOSIT


def test_pays_once(models, workers):
    task = models.settled(SCALE)
    models.claim(task, workers[0])
    with reverts("NotCommitted", task, workers[0]):
        models.claim(task, workers[0])


def test_says_beforehand_what_it_would_pay(models, workers):
    task, words = models.ruled(SCALE, LOW)
    assert models.tasks.claimable(task, workers[0]) == 0
    models.tasks.settle(task, words, {"from": workers[0]})
    for worker in workers[:2]:
        told = models.tasks.claimable(task, worker)
        assert models.claim(task, worker) == told
        with reverts("NotCommitted", task, worker):
            models.tasks.claimable(task, worker)


def test_reverts_before_the_settlement(models, workers):
    task, _ = models.ruled(SCALE)
    with reverts("NotSettled", task):
        models.claim(task, workers[0])


@pytest.mark.parametrize("place", [1, 5])
def test_reverts_for_who_did_not_take_part(models, workers, place):
    task = models.settled(SCALE)
    with reverts("NotCommitted", task, workers[place]):
        models.claim(task, workers[place])
