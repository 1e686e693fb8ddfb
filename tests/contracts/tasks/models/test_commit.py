"""A worker with enough reputation commits before the deadline, once, with a deposit. (SPEC MT-2)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import SCALE
from tests.chain import plain, reverts
from tests.tasks import DEPOSIT, FEE, REWARD


def test_keeps_the_commitment_and_the_deposit(models, workers):
    task = models.create()
    commitment = models.commitment(task, workers[0], "mine")
    transaction = models.tasks.commit(task, commitment, {"from": workers[0]})
    assert transaction.return_value == 0
    assert plain(models.tasks.submissionOf(task, workers[0])) == (0, commitment[:31])
    assert plain(transaction.events["ModelCommitted"].values()) == (
        task,
        workers[0].address,
        0,
        commitment,
    )
    assert models.token.balanceOf(models.tasks) == REWARD + FEE + DEPOSIT


def test_counts_positions_in_the_order_of_commitments(models, workers):
    task = models.create()
    for position, worker in enumerate(workers):
        assert models.commit(task, worker, worker).return_value == position
    assert models.tasks.taskOf(task)["committed"] == len(workers)


def test_takes_the_last_second_before_the_deadline_and_none_after(models, workers):
    task = models.create()
    deadline = models.tasks.taskOf(task)["deadline"]
    models.at(task, "deadline", -1)
    models.commit(task, workers[0], "mine")
    models.at(task, "deadline")
    with reverts("NotTheTime", task, 0, deadline, deadline):
        models.commit(task, workers[1], "yours")


def test_reverts_when_a_worker_commits_again(models, workers):
    task = models.create()
    models.commit(task, workers[0], "mine")
    with reverts("AlreadyCommitted", task, workers[0]):
        models.commit(task, workers[0], "better")


def test_reverts_when_the_task_is_full(models, workers):
    task = models.create(max_submissions=1)
    models.commit(task, workers[0], "mine")
    with reverts("TaskIsFull", task, 1):
        models.commit(task, workers[1], "yours")


@pytest.mark.parametrize(("minimum", "enough"), [(0, True), (1, False)])
def test_a_newcomer_has_a_reputation_of_zero(models, workers, minimum, enough):
    task = models.create(minimum_reputation=minimum)
    if enough:
        models.commit(task, workers[0], "mine")
    else:
        with reverts("ReputationTooLow", workers[0], 0, minimum):
            models.commit(task, workers[0], "mine")


def test_who_was_penalised_is_kept_out(models, workers):
    first = models.settled(0)
    models.claim(first, workers[0])
    task = models.create(minimum_reputation=0)
    with reverts("ReputationTooLow", workers[0], -SCALE, 0):
        models.commit(task, workers[0], "mine")


def test_reverts_when_the_requester_would_work_for_itself(models, requester):
    """It would be its own partner in the ledger."""
    task = models.create()
    with reverts("OwnTask", task):
        models.commit(task, requester, "mine")
