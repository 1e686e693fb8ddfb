"""A wrong key or chunk is proven; a false claim makes the delivery honest for good.
(SPEC DT-4, SL-7, SL-8)
"""

from __future__ import annotations

import hashlib

import pytest
from brownie import chain
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import SCALE, DeliveryState
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.chain import reverts
from tests.sealing import Package, shown
from tests.tasks import DEPOSIT, KEY, OTHER_KEY


def claim_key(data, task, worker, delivery, point=None):
    point = point or data.shown(task, worker)
    before = data.token.balanceOf(data.requester)
    data.tasks.proveWrongKey(task, worker, *delivery, point, {"from": data.requester})
    return data.token.balanceOf(data.requester) - before


def claim_chunk(data, task, worker, delivery, package, position):
    call = (task, worker, *delivery, data.shown(task, worker), package.proof(position))
    data.tasks.proveWrongChunk(*call, {"from": data.requester})


def test_a_wrong_key_voids_the_delivery(data, workers):
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    assert claim_key(data, task, workers[0], delivery) == DEPOSIT
    assert data.state(task, workers[0]) == DeliveryState.VOID
    assert data.ledger.scoreOf(workers[0]) == -SCALE
    assert data.tasks.taskOf(task)["honest"] == 0
    with reverts("AlreadyClaimed", task, workers[0]):
        data.tasks.claim(task, workers[0], {"from": workers[0]})


def test_a_false_claim_makes_it_honest_for_good(data, workers, requester):
    task = data.create()
    delivery = data.deliver(task, workers[0])
    assert claim_key(data, task, workers[0], delivery) == 0
    assert data.state(task, workers[0]) == DeliveryState.HONEST
    assert data.ledger.scoreOf(requester) == -SCALE
    with reverts("WrongState", task, 0, DeliveryState.HONEST):
        claim_key(data, task, workers[0], delivery)
    data.at(task, "deadline")
    with reverts("WrongState", task, 0, DeliveryState.HONEST):
        data.tasks.judge(task, 1, {"from": requester})


@pytest.mark.parametrize("position", [0, 2])
def test_a_wrong_chunk_voids_the_delivery(data, workers, position):
    task = data.create()
    package = Package.seal(bytes(10_000), KEY).with_chunk(position, b"x" * 1_808)
    delivery = data.delivery(task, workers[0], package)
    data.tasks.deliver(task, *delivery, {"from": workers[0]})
    claim_chunk(data, task, workers[0], delivery, package, position)
    assert data.state(task, workers[0]) == DeliveryState.VOID


def test_a_right_chunk_is_a_false_claim(data, workers):
    task = data.create()
    package = Package.seal(bytes(10_000), KEY)
    delivery = data.delivery(task, workers[0], package)
    data.tasks.deliver(task, *delivery, {"from": workers[0]})
    claim_chunk(data, task, workers[0], delivery, package, 1)
    assert data.state(task, workers[0]) == DeliveryState.HONEST


def test_under_a_wrong_key_every_chunk_is_wrong(data, workers):
    task = data.create()
    package = Package.seal(bytes(100), KEY)
    delivery = data.delivery(task, workers[0], package, OTHER_KEY)
    data.tasks.deliver(task, *delivery, {"from": workers[0]})
    claim_chunk(data, task, workers[0], delivery, package, 0)
    assert data.state(task, workers[0]) == DeliveryState.VOID


def test_a_proof_that_does_not_hold_changes_nothing(data, workers):
    """SL-8: another's key, another's context, another chunk."""
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    data.deliver(task, workers[1])
    ephemeral = G1Point() * Scalar(77)
    context = data.context(task, workers[0])
    with reverts("NotReceiver", ..., ...):
        claim_key(data, task, workers[0], delivery, shown(context, 5, ephemeral))
    with reverts("InvalidSharedPoint", context):
        claim_key(data, task, workers[0], delivery, data.shown(task, workers[1]))
    key, shared, (challenge, response) = data.shown(task, workers[0])
    with reverts("InvalidSharedPoint", context):
        claim_key(data, task, workers[0], delivery, (key, shared, (challenge, response + 1)))
    assert data.state(task, workers[0]) == DeliveryState.DELIVERED


def test_reverts_when_it_is_not_what_was_delivered(data, workers):
    """Or the requester would put its own wrong key into the worker's mouth."""
    task = data.create()
    sealed, (ephemeral, covered) = data.deliver(task, workers[0])
    lie = hashlib.sha256(covered).digest()
    with reverts("WrongDelivery", task, workers[0]):
        claim_key(data, task, workers[0], (sealed, (ephemeral, lie)))
    with reverts("NotDelivered", task, workers[1]):
        claim_key(data, task, workers[1], (sealed, (ephemeral, covered)))


def test_reverts_when_it_is_not_the_requester(data, workers):
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    call = (task, workers[0], *delivery, data.shown(task, workers[0]))
    with reverts("NotRequester", task, workers[1]):
        data.tasks.proveWrongKey(*call, {"from": workers[1]})


@pytest.mark.parametrize("judged", [True, False])
def test_ends_with_the_judging(data, workers, requester, judged):
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    if judged:
        data.at(task, "deadline")
        data.tasks.judge(task, 0, {"from": requester})
    else:
        data.at(task, "judgingEnd")
    with reverts("NotTheTime", task, 0, ..., ...):
        claim_key(data, task, workers[0], delivery)


def test_the_key_that_counts_is_the_one_of_the_task_s_creation(data, workers, requester, registry):
    """A requester that rotates its key afterwards has not changed what was masked for it."""
    task = data.create()
    delivery = data.deliver(task, workers[0], OTHER_KEY)
    domain = Domain(chain.id, registry.address)
    keys = prove_possession(SecretKey(5), SecretKey(6), requester.address, 2, domain)
    registry.rotateKeys(keys.words(), {"from": requester})
    assert claim_key(data, task, workers[0], delivery) == DEPOSIT
