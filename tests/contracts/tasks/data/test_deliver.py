"""A worker delivers sealed data before the deadline, once, with a deposit. (SPEC DT-2)"""

from __future__ import annotations

import pytest
from eth_abi import encode
from eth_utils import keccak

from handfast.protocol.constants import SCALE, DeliveryState
from tests.chain import plain, reverts
from tests.points import INFINITY_G1, g1, stray_g1
from tests.sealing import Package
from tests.tasks import COMPENSATION, DEPOSIT, KEY, REWARD

TYPES = (
    "(bytes32,bytes32,bytes32,bytes32,uint8,uint64)",
    "((uint256,uint256,uint256,uint256),bytes32)",
)


def test_keeps_a_hash_of_what_was_delivered_and_the_deposit(data, workers):
    task = data.create()
    delivery = data.deliver(task, workers[0])
    digest = keccak(encode(TYPES, delivery))[:31]
    status = plain(data.tasks.deliveryOf(task, workers[0]))
    assert status == (0, digest, DeliveryState.DELIVERED, False)
    assert data.token.balanceOf(data.tasks) == REWARD + COMPENSATION + DEPOSIT


def test_tells_where_everything_is(data, workers):
    task = data.create()
    package = Package.seal(b"rows", KEY)
    delivery = data.delivery(task, workers[0], package)
    sent = data.tasks.deliver(task, *delivery, {"from": workers[0]})
    told = plain(sent.events["DataDelivered"].values())
    assert told == (task, workers[0].address, 0, *plain(delivery))
    assert sent.return_value == 0


def test_counts_positions_in_the_order_of_deliveries(data, workers):
    task = data.create()
    for worker in workers:
        data.deliver(task, worker)
    places = [data.tasks.deliveryOf(task, worker)["position"] for worker in workers]
    assert places == list(range(len(workers)))
    after = data.tasks.taskOf(task)
    assert after["delivered"] == after["honest"] == len(workers)


def test_takes_the_last_second_before_the_deadline_and_none_after(data, workers):
    task = data.create()
    data.at(task, "deadline", -1)
    data.deliver(task, workers[0])
    data.at(task, "deadline")
    with reverts("NotTheTime", task, 0, ..., ...):
        data.deliver(task, workers[1])


def test_reverts_when_a_worker_delivers_again(data, workers):
    task = data.create()
    data.deliver(task, workers[0])
    with reverts("AlreadyDelivered", task, workers[0]):
        data.deliver(task, workers[0])


def test_reverts_when_the_task_is_full(data, workers):
    task = data.create(max_deliveries=1)
    data.deliver(task, workers[0])
    with reverts("TaskIsFull", task, 1):
        data.deliver(task, workers[1])


def test_reverts_when_the_reputation_is_too_low(data, workers):
    task = data.create(minimum_reputation=1)
    with reverts("ReputationTooLow", workers[0], 0, 1):
        data.deliver(task, workers[0])
    data.create(minimum_reputation=-SCALE)


def test_reverts_when_the_requester_would_deliver_to_itself(data, requester):
    task = data.create()
    delivery = data.delivery(task, requester, Package.seal(b"rows", KEY))
    with reverts("OwnTask", task):
        data.tasks.deliver(task, *delivery, {"from": requester})


@pytest.mark.parametrize(
    ("point", "error"),
    [
        (INFINITY_G1, "EphemeralAtInfinity"),
        (g1(stray_g1()), "InvalidPoint"),
        ((1, 2, 3, 4), "InvalidPoint"),
    ],
)
def test_reverts_when_no_key_could_be_proven_from_the_point(data, workers, point, error):
    """Outside the subgroup the requester's proof would fail, and a wrong key go unpunished."""
    task = data.create()
    sealed, (_, covered) = data.delivery(task, workers[0], Package.seal(b"rows", KEY))
    with reverts(error):
        data.tasks.deliver(task, sealed, (point, covered), {"from": workers[0]})


def test_reverts_when_there_is_nothing_sealed(data, workers):
    task = data.create()
    sealed, key = data.delivery(task, workers[0], Package.seal(b"rows", KEY))
    with reverts("InvalidSize", 0, ...):
        data.tasks.deliver(task, (*sealed[:5], 0), key, {"from": workers[0]})
    with reverts("UnknownContentCodec", 1):
        data.tasks.deliver(task, (*sealed[:4], 1, sealed[5]), key, {"from": workers[0]})
