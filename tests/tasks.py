"""Drives tasks: their terms, their workers, and a court that rules as it is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from brownie import chain
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.keccak import keccak
from handfast.disputes.rules import hash_of, words_of
from handfast.protocol.constants import SCALE, SEAT_FEE, SUBMISSION_DEPOSIT, Metric
from handfast.protocol.messages import DeliveryKey, Domain, Submission
from handfast.tasks import rules
from tests.chain import mine_at, set_next_timestamp
from tests.sealing import Package, masked, shown

RAW = 0x55
DAG_PB = 0x70
HOUR = 3_600
DAY = 24 * HOUR
TOKEN = 10**18
REWARD = 100 * TOKEN
THRESHOLD = SCALE // 2
SEATS = 3
FEE = SEATS * SEAT_FEE
DEPOSIT = SUBMISSION_DEPOSIT
PANEL = (SEATS, HOUR, 2 * HOUR, 3 * HOUR)
SALT = bytes(range(32))
NO_SCORES = (words_of([]),)
MIN_PERIOD = HOUR
MAX_PERIOD = 30 * DAY


def digest_of(name: object) -> bytes:
    """The digest of some content."""
    return hashlib.sha256(str(name).encode()).digest()


def content(name: object) -> tuple[bytes, int]:
    """A CID as the contracts take it."""
    return digest_of(name), DAG_PB


def salt_of(worker: Any) -> bytes:
    return keccak(worker.address.encode())


@dataclass
class ModelWorld:
    """Tasks for models, one requester and its workers, and the time of the next block."""

    tasks: Any
    token: Any
    ledger: Any
    court: Any
    requester: Any
    workers: list[Any]

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """What the requester asks for, in the order of ModelTerms."""
        fields = {
            "reward": REWARD,
            "description": content("description"),
            "validation": rules.validation_hash(*content("validation"), SALT),
            "metric": Metric.ACCURACY,
            "threshold": THRESHOLD,
            "tolerance": 0,
            "deadline": chain.time() + DAY,
            "reveal_period": HOUR,
            "publish_period": 2 * HOUR,
            "minimum_reputation": -SCALE,
            "max_submissions": 64,
            "panel": PANEL,
        }
        assert changes.keys() <= fields.keys()
        return tuple((fields | changes).values())

    def create(self, **changes: Any) -> int:
        """A task; returns its number."""
        self.tasks.create(self.terms(**changes), {"from": self.requester})
        return int(self.tasks.taskCount())

    def commitment(self, task: int, worker: Any, model: object) -> bytes:
        message = Submission(task, worker.address, digest_of(model), salt_of(worker))
        return message.digest(Domain(chain.id, self.tasks.address))

    def commit(self, task: int, worker: Any, model: object) -> Any:
        commitment = self.commitment(task, worker, model)
        return self.tasks.commit(task, commitment, {"from": worker})

    def reveal(self, task: int, worker: Any, model: object) -> Any:
        return self.tasks.reveal(task, content(model), salt_of(worker), {"from": worker})

    def publish(self, task: int) -> int:
        """The case that the requester's validation data open."""
        self.tasks.publish(task, content("validation"), SALT, {"from": self.requester})
        return int(self.tasks.taskOf(task)["caseId"])

    def at(self, task: int, moment: str, after: int = 0) -> None:
        """Have the next block that long after a moment of the task."""
        set_next_timestamp(int(self.tasks.taskOf(task)[moment]) + after)

    def revealed(self, *models: object, **changes: Any) -> int:
        """A task to which the first workers revealed these models."""
        task = self.create(**changes)
        for worker, model in zip(self.workers, models, strict=False):
            self.commit(task, worker, model)
        self.at(task, "deadline")
        for worker, model in zip(self.workers, models, strict=False):
            self.reveal(task, worker, model)
        return task

    def ruled(self, *scores: int, **changes: Any) -> tuple[int, Any]:
        """A task whose panel gave these scores, and they as `settle` takes them."""
        task = self.revealed(*range(len(scores)), **changes)
        case, words = self.publish(task), words_of(scores)
        self.court.rule(case, 0, hash_of(words), 0)
        return task, (words,)

    def settled(self, *scores: int, **changes: Any) -> int:
        """A task that was settled by these scores."""
        task, words = self.ruled(*scores, **changes)
        self.tasks.settle(task, words, {"from": self.requester})
        return task

    def claim(self, task: int, worker: Any) -> int:
        """What a claim paid its worker."""
        before = self.token.balanceOf(worker)
        self.tasks.claim(task, worker, {"from": self.workers[-1]})
        return int(self.token.balanceOf(worker)) - int(before)


REQUESTER_SECRET = 2_001
COMPENSATION = 120 * TOKEN
KEY = bytes(range(100, 132))
OTHER_KEY = bytes(32)


@dataclass
class DataWorld:
    """Tasks for data, one requester and its workers, and the time of the next block."""

    tasks: Any
    token: Any
    ledger: Any
    court: Any
    requester: Any
    workers: list[Any]

    def terms(self, **changes: Any) -> tuple[Any, ...]:
        """What the requester asks for, in the order of DataTerms."""
        fields = {
            "reward": REWARD,
            "compensation": COMPENSATION,
            "schema": content("schema"),
            "deadline": chain.time() + DAY,
            "judging_period": HOUR,
            "dispute_period": 2 * HOUR,
            "minimum_reputation": -SCALE,
            "max_deliveries": 64,
            "panel": PANEL,
        }
        assert changes.keys() <= fields.keys()
        return tuple((fields | changes).values())

    def create(self, **changes: Any) -> int:
        """A task; returns its number."""
        self.tasks.create(self.terms(**changes), {"from": self.requester})
        return int(self.tasks.taskCount())

    def context(self, task: int, worker: Any) -> bytes:
        message = DeliveryKey(task, worker.address)
        return message.digest(Domain(chain.id, self.tasks.address))

    def delivery(
        self, task: int, worker: Any, package: Package, key: bytes = KEY, secret: int = 77
    ) -> tuple[Any, Any]:
        """Sealed content, and a key masked for the requester."""
        receiver = G1Point() * Scalar(REQUESTER_SECRET)
        return package.words(), masked(self.context(task, worker), key, receiver, secret)

    def deliver(self, task: int, worker: Any, key: bytes = KEY) -> Any:
        """Deliver what is a worker's own; returns what was delivered."""
        package = Package.seal(worker.address.encode() * 200, KEY)
        delivery = self.delivery(task, worker, package, key)
        self.tasks.deliver(task, *delivery, {"from": worker})
        return delivery

    def shown(self, task: int, worker: Any, secret: int = 77) -> Any:
        """The requester's proof of what the worker's masked key is."""
        return shown(self.context(task, worker), REQUESTER_SECRET, G1Point() * Scalar(secret))

    def at(self, task: int, moment: str, after: int = 0) -> None:
        """Have the next block that long after a moment of the task."""
        set_next_timestamp(int(self.tasks.taskOf(task)[moment]) + after)

    def delivered(self, count: int, **changes: Any) -> int:
        """A task past its deadline with that many deliveries."""
        task = self.create(**changes)
        for worker in self.workers[:count]:
            self.deliver(task, worker)
        mine_at(int(self.tasks.taskOf(task)["deadline"]))
        return task

    def judged(self, count: int, *dishonest: int, **changes: Any) -> int:
        """A task of so many deliveries, of which these were marked."""
        task = self.delivered(count, **changes)
        self.tasks.judge(task, rules.set_of(dishonest), {"from": self.requester})
        return task

    def disputed(self, task: int, worker: Any) -> int:
        """The case of a worker's dispute."""
        return int(self.tasks.dispute(task, {"from": worker}).return_value)

    def resolved(self, task: int, worker: Any, choice: int, costs: int = 0) -> Any:
        """A dispute that the court ruled this way, taken over."""
        case = self.disputed(task, worker)
        self.court.rule(case, choice, bytes(32), costs)
        return self.tasks.resolve(case, {"from": self.workers[-1]})

    def settle(self, task: int) -> int:
        """What settling paid the requester."""
        before = self.token.balanceOf(self.requester)
        self.tasks.settle(task, {"from": self.workers[-1]})
        return int(self.token.balanceOf(self.requester)) - int(before)

    def claim(self, task: int, worker: Any) -> int:
        """What a claim paid its worker."""
        before = self.token.balanceOf(worker)
        self.tasks.claim(task, worker, {"from": self.workers[-1]})
        return int(self.token.balanceOf(worker)) - int(before)

    def state(self, task: int, worker: Any) -> int:
        return int(self.tasks.deliveryOf(task, worker)["state"])
