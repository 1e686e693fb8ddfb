"""A task ends once, by the scores or without them, at a cost that the number of workers does not
show in. (SPEC MT-3 to MT-6)
"""

from __future__ import annotations

import pytest

from handfast.disputes.rules import hash_of, words_of
from handfast.protocol.constants import NO_VALIDATION, SCALE, ModelOutcome
from tests.chain import plain, reverts
from tests.tasks import DEPOSIT, FEE, NO_SCORES, REWARD, THRESHOLD

LOW = THRESHOLD - 1


def settle(models, task, scores=NO_SCORES):
    """What settling paid the requester."""
    before = models.token.balanceOf(models.requester)
    models.tasks.settle(task, scores, {"from": models.workers[-1]})
    return models.token.balanceOf(models.requester) - before


@pytest.mark.parametrize(
    ("scores", "passed", "best", "refund"),
    [
        ((LOW, SCALE, THRESHOLD), 0b110, 1, 0),
        ((THRESHOLD, LOW), 0b01, 0, REWARD // 2),
        ((LOW, LOW), 0, 0, REWARD),
        ((7 * 10**8, 9 * 10**8, 9 * 10**8), 0b111, 1, 0),
    ],
)
def test_the_best_and_those_above_the_threshold_share(models, scores, passed, best, refund):
    """MT-5: half each; what has no taker goes back; ties to the earlier."""
    task, words = models.ruled(*scores)
    assert settle(models, task, words) == refund
    after = models.tasks.taskOf(task)
    assert (after["outcome"], after["passed"], after["best"]) == (
        ModelOutcome.RANKED,
        passed,
        best,
    )


def test_units_that_cannot_be_divided_go_back(models):
    """MT-5"""
    task, words = models.ruled(SCALE, SCALE, SCALE, SCALE, reward=101)
    assert settle(models, task, words) == 101 - 50 - 3 * 16


def test_scores_of_who_did_not_reveal_count_for_nothing(models, workers):
    """MT-2: whatever the panel says of them."""
    task = models.create()
    for worker in workers[:4]:
        models.commit(task, worker, worker)
    models.at(task, "deadline")
    for worker in (workers[0], workers[2]):
        models.reveal(task, worker, worker)
    models.at(task, "revealEnd")
    words = words_of([THRESHOLD, SCALE, THRESHOLD, SCALE])
    models.court.rule(models.publish(task), 0, hash_of(words), 0)
    assert settle(models, task, (words,)) == 2 * DEPOSIT
    after = models.tasks.taskOf(task)
    assert (after["passed"], after["best"]) == (0b101, 0)


def test_without_validation_data_in_time_all_share_equally(models, requester):
    """MT-3: the requester publishes nothing; it loses reward and reputation, and keeps its fee."""
    task = models.revealed("one", "two", "three")
    models.at(task, "publishEnd")
    assert settle(models, task) == FEE + REWARD % 3
    after = models.tasks.taskOf(task)
    assert (after["outcome"], after["passed"]) == (ModelOutcome.UNPUBLISHED, 0b111)
    assert models.ledger.scoreOf(requester) == -SCALE


def test_a_panel_that_cannot_get_the_data_counts_as_nothing_published(models, requester):
    """MT-4: publishing a digest whose data nobody serves saves the requester nothing."""
    task, words = models.ruled(*[NO_VALIDATION] * 2)
    assert settle(models, task, words) == 0
    after = models.tasks.taskOf(task)
    assert (after["outcome"], after["passed"]) == (ModelOutcome.UNPUBLISHED, 0b11)
    assert models.ledger.scoreOf(requester) == -SCALE


def test_without_scores_all_share_equally_and_the_requester_is_not_to_blame(models, requester):
    """MT-4: a panel that never ruled."""
    task = models.revealed("one", "two")
    models.court.rule(models.publish(task), 0, bytes(32), 0)
    assert settle(models, task) == 0
    assert models.tasks.taskOf(task)["outcome"] == ModelOutcome.UNJUDGED
    assert models.ledger.scoreOf(requester) == 0


def test_a_task_that_nobody_took_up_ends_at_the_deadline(models):
    """MT-3"""
    task = models.create()
    models.at(task, "deadline", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        settle(models, task)
    models.at(task, "deadline")
    assert settle(models, task) == REWARD + FEE
    assert models.tasks.taskOf(task)["outcome"] == ModelOutcome.EMPTY


def test_a_task_to_which_nobody_revealed_ends_with_the_reveal_period(models, workers):
    """MT-2, MT-3: the deposits go to the requester."""
    task = models.create()
    models.commit(task, workers[0], "one")
    models.at(task, "revealEnd", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        settle(models, task)
    models.at(task, "revealEnd")
    assert settle(models, task) == REWARD + FEE + DEPOSIT


@pytest.mark.parametrize("published", [True, False])
def test_waits_for_who_still_has_a_say(models, published):
    task = models.revealed("one")
    if published:
        case = models.publish(task)
        with reverts("NotRuled", task, case):
            settle(models, task)
    else:
        models.at(task, "publishEnd", -1)
        with reverts("NotTheTime", task, ..., ..., ...):
            settle(models, task)


def test_reverts_when_the_scores_are_not_the_ruling_s(models):
    task, words = models.ruled(SCALE, LOW)
    other = (words_of([LOW, SCALE]),)
    hashes = hash_of(other[0]), hash_of(words[0])
    with reverts("WrongScores", task, *hashes):
        settle(models, task, other)


def test_pays_once(models):
    """MetaAICM's `evaluate` could be called twice, and paid twice."""
    task, words = models.ruled(LOW)
    assert settle(models, task, words) == REWARD
    with reverts("AlreadySettled", task):
        settle(models, task, words)


def test_one_task_does_not_pay_for_another(models, workers):
    """MT-I1: what is left at the end of one is what the other holds."""
    models.create(reward=5 * REWARD)
    task = models.settled(SCALE, LOW, SCALE)
    for worker in workers[:3]:
        models.claim(task, worker)
    assert models.token.balanceOf(models.tasks) == 5 * REWARD + FEE


def test_tells_what_happened(models):
    task, words = models.ruled(SCALE, LOW)
    event = models.tasks.settle(task, words, {"from": models.requester}).events
    told = plain(event["ModelTaskSettled"].values())
    assert told == (task, ModelOutcome.RANKED, 0b01, 0, REWARD // 2)
