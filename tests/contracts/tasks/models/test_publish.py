"""The requester shows its validation data in time, and the court is asked. (SPEC MT-3, MT-4)"""

from __future__ import annotations

import pytest
from brownie import chain
from eth_abi import encode
from eth_utils import keccak

from handfast.protocol.constants import CaseKind
from handfast.tasks import rules
from tests.chain import plain, reverts
from tests.tasks import DEPOSIT, FEE, PANEL, REWARD, SALT, SEATS, content, digest_of


def test_opens_a_case_over_all_submissions(models, requester, workers):
    task = models.create(tolerance=7)
    for worker in workers[:3]:
        models.commit(task, worker, worker)
    models.at(task, "deadline")
    models.reveal(task, workers[1], workers[1])
    models.at(task, "revealEnd")
    sent = models.tasks.publish(task, content("validation"), SALT, {"from": requester})
    script = models.court.scriptOf(sent.return_value)
    evidence = keccak(
        encode(["uint256", "address", "uint256"], [chain.id, models.tasks.address, task])
    )
    assert plain(script["terms"]) == ((CaseKind.SCORES, SEATS, 3, 0, 7, 0, 0, *PANEL[1:], evidence))
    assert (script["client"], script["payer"]) == (models.tasks, requester)
    assert plain(models.tasks.evidenceOf(task)) == evidence
    event = sent.events["ValidationPublished"]
    assert plain(event.values()) == (task, 1, content("validation"), SALT, 3)


def test_spends_the_fee_and_nothing_else(models):
    task = models.revealed("mine")
    models.publish(task)
    assert models.token.balanceOf(models.court) == FEE
    assert models.token.balanceOf(models.tasks) == REWARD + DEPOSIT
    assert models.token.allowance(models.tasks, models.court) == 0


def test_need_not_wait_once_everybody_has_revealed(models, workers):
    task = models.create()
    for worker in workers[:2]:
        models.commit(task, worker, worker)
    models.at(task, "deadline")
    models.reveal(task, workers[0], workers[0])
    end = models.tasks.taskOf(task)["revealEnd"]
    with reverts("NotTheTime", task, end, ..., ...):
        models.publish(task)
    models.reveal(task, workers[1], workers[1])
    models.publish(task)


def test_before_the_deadline_somebody_may_still_commit(models):
    task = models.create()
    models.at(task, "deadline", -1)
    with reverts("NotTheTime", task, ..., ..., ...):
        models.publish(task)


@pytest.mark.parametrize(("after", "open_"), [(-1, True), (0, False)])
def test_ends_with_the_period(models, after, open_):
    task = models.revealed("mine")
    models.at(task, "publishEnd", after)
    if open_:
        models.publish(task)
    else:
        with reverts("NotTheTime", task, ..., ..., ...):
            models.publish(task)


def test_reverts_when_the_data_are_others(models, requester):
    """What was fixed at the creation cannot be chosen once the models are known."""
    task = models.revealed("mine")
    for other in ((content("better"), SALT), (content("validation"), bytes(32))):
        with reverts("WrongValidation", task):
            models.tasks.publish(task, *other, {"from": requester})


def test_reverts_when_nobody_could_read_the_data(models, requester):
    odd = (digest_of("validation"), 0)
    task = models.revealed("mine", validation=rules.validation_hash(*odd, SALT))
    with reverts("UnknownCodec", 0):
        models.tasks.publish(task, odd, SALT, {"from": requester})


def test_reverts_when_it_is_not_the_requester(models, workers):
    task = models.revealed("mine")
    with reverts("NotRequester", task, workers[0]):
        models.tasks.publish(task, content("validation"), SALT, {"from": workers[0]})


def test_reverts_when_it_was_published(models):
    """A second panel would be a second chance."""
    task = models.revealed("mine")
    case = models.publish(task)
    with reverts("AlreadyPublished", task, case):
        models.publish(task)


def test_reverts_when_nothing_was_revealed(models, workers):
    task = models.create()
    models.commit(task, workers[0], "mine")
    models.at(task, "revealEnd")
    with reverts("NothingRevealed", task):
        models.publish(task)
