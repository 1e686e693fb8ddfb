"""Between the deadline and the end of the reveal period a worker shows what it committed to; nobody
gains from what another shows. (SPEC MT-2)
"""

from __future__ import annotations

import pytest

from tests.chain import plain, reverts
from tests.tasks import content, digest_of, salt_of


@pytest.fixture
def committed(models, workers):
    """A task with one model of workers 0 and 1 each."""
    task = models.create()
    models.commit(task, workers[0], "mine")
    models.commit(task, workers[1], "yours")
    return task


def test_shows_where_the_model_is(models, workers, committed):
    models.at(committed, "deadline")
    event = models.reveal(committed, workers[0], "mine").events["ModelRevealed"]
    assert plain(event.values()) == (committed, workers[0].address, 0, content("mine"))
    assert models.tasks.taskOf(committed)["revealed"] == 0b01


def test_takes_the_first_and_the_last_second_of_the_period(models, workers, committed):
    task = models.tasks.taskOf(committed)
    span = (task["deadline"], task["revealEnd"])
    models.at(committed, "deadline", -1)
    with reverts("NotTheTime", committed, *span, span[0] - 1):
        models.reveal(committed, workers[0], "mine")
    models.at(committed, "deadline")
    models.reveal(committed, workers[0], "mine")
    models.at(committed, "revealEnd")
    with reverts("NotTheTime", committed, *span, span[1]):
        models.reveal(committed, workers[1], "yours")


def test_takes_the_last_second(models, workers, committed):
    models.at(committed, "revealEnd", -1)
    models.reveal(committed, workers[0], "mine")


def test_reverts_when_model_or_salt_are_others(models, workers, committed):
    models.at(committed, "deadline")
    with reverts("WrongReveal", committed, workers[0]):
        models.reveal(committed, workers[0], "better")
    with reverts("WrongReveal", committed, workers[0]):
        models.tasks.reveal(committed, content("mine"), bytes(32), {"from": workers[0]})


def test_reverts_when_it_was_revealed(models, workers, committed):
    models.at(committed, "deadline")
    models.reveal(committed, workers[0], "mine")
    with reverts("AlreadyRevealed", committed, workers[0]):
        models.reveal(committed, workers[0], "mine")


def test_a_copied_commitment_cannot_be_revealed(models, workers):
    """It names its worker, so that the copy is nobody's."""
    task = models.create()
    models.commit(task, workers[0], "mine")
    copied = models.commitment(task, workers[0], "mine")
    models.tasks.commit(task, copied, {"from": workers[1]})
    models.at(task, "deadline")
    models.reveal(task, workers[0], "mine")
    with reverts("WrongReveal", task, workers[1]):
        models.tasks.reveal(task, content("mine"), salt_of(workers[0]), {"from": workers[1]})


def test_a_reveal_that_somebody_saw_and_sent_first_is_worth_nothing(models, workers, committed):
    """Front-running: the sender is who committed, or nobody; another codec can't be slipped in."""
    models.at(committed, "deadline")
    seen = (committed, (digest_of("mine"), 0x55), salt_of(workers[0]))
    with reverts("NotCommitted", committed, workers[2]):
        models.tasks.reveal(*seen, {"from": workers[2]})
    with reverts("WrongReveal", committed, workers[1]):
        models.tasks.reveal(*seen, {"from": workers[1]})
    models.reveal(committed, workers[0], "mine")


def test_reverts_when_nobody_could_read_the_model(models, workers, committed):
    """The voters would have to guess what the worker meant."""
    models.at(committed, "deadline")
    with reverts("UnknownCodec", 0):
        models.tasks.reveal(
            committed, (digest_of("mine"), 0), salt_of(workers[0]), {"from": workers[0]}
        )
