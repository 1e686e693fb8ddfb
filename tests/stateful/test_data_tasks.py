"""A Python model of a data task beside the contract: who can do what when, and who gets what.
(SPEC DT-1 to DT-7, DT-I1 to DT-I3)
"""

from __future__ import annotations

from typing import Any

from brownie import chain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handfast.protocol.constants import SUBMISSION_DEPOSIT, DeliveryState
from handfast.tasks import rules
from tests.campaign import examples
from tests.chain import reverts, set_next_timestamp
from tests.contracts.tasks.conftest import (  # noqa: F401 - the world of the contract tests
    court,
    data,
    ledger,
    registry,
    requester,
    token,
    workers,
)
from tests.tasks import COMPENSATION, FEE, HOUR, KEY, OTHER_KEY, REWARD

WORKERS = 4
workers_ = st.integers(0, WORKERS - 1)
subsets = st.sets(workers_, min_size=1)
State = DeliveryState
UNTOLD = [...] * 3


class DataTaskMachine(RuleBasedStateMachine):
    """One task and four workers, of whom the last hands over a wrong key."""

    world: Any

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.now = int(chain[-1].timestamp) + 1
        set_next_timestamp(self.now)
        self.deadline = self.now + HOUR
        self.task = self.world.create(reward=REWARD + 1, deadline=self.deadline)
        self.judging_end = self.deadline + HOUR
        self.states: dict[int, State] = {}
        self.sent: dict[int, Any] = {}
        self.cases: dict[int, int] = {}
        self.paid: set[int] = set()
        self.security = 0
        self.settled = False
        self.held = REWARD + 1 + COMPENSATION

    def teardown(self) -> None:
        self.finish()
        chain.revert()

    def tick(self) -> None:
        self.now += 1
        set_next_timestamp(self.now)

    def account(self, worker: int) -> Any:
        return self.world.workers[worker]

    def count(self, *states: State) -> int:
        return sum(state in states for state in self.states.values())

    def honest(self) -> int:
        return sum(rules.is_honest(state) for state in self.states.values())

    @property
    def dispute_end(self) -> int:
        return self.judging_end + 2 * HOUR

    # ------------------------------------------------------------ what can be done

    @rule(some=subsets, choice=st.integers(0, 5))
    def move_on(self, some: set[int], choice: int) -> None:
        """What usually comes next, by some of the workers; then the next moment, or just before."""
        if self.now + 1 < self.deadline:
            for worker in sorted(some):
                self.deliver(worker)
            self.now = self.deadline - 1 - (choice == 0)
        elif self.now + 1 < self.judging_end:
            if choice:
                self.judge(some)
            self.now = max(self.now, self.judging_end - 1)
        elif not self.settled:
            for worker in sorted(some):
                self.dispute(worker)
            for worker in sorted(self.cases):
                self.resolve(worker, choice % 3)
            self.now = max(self.now, self.dispute_end - 1 - (choice == 0))
            self.settle()
        for worker in sorted(some):
            self.claim(worker)

    @rule(some=subsets, choice=st.integers(0, 5))
    def move_on_again(self, some: set[int], choice: int) -> None:
        """Twice as often as anything else."""
        self.move_on(some, choice)

    @rule(worker=workers_)
    def deliver(self, worker: int) -> None:
        self.tick()
        key = OTHER_KEY if worker == WORKERS - 1 else KEY
        if self.now >= self.deadline:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.deliver(self.task, self.account(worker), key)
        elif worker in self.states:
            with reverts("AlreadyDelivered", self.task, self.account(worker)):
                self.world.deliver(self.task, self.account(worker), key)
        else:
            self.sent[worker] = self.world.deliver(self.task, self.account(worker), key)
            self.states[worker] = State.DELIVERED
            self.held += SUBMISSION_DEPOSIT

    @rule(worker=workers_)
    def prove(self, worker: int) -> None:
        """The requester claims a wrong key, rightly or not."""
        if worker not in self.sent:
            return
        self.tick()
        point = self.world.shown(self.task, self.account(worker))
        sender = {"from": self.world.requester}
        call = (self.task, self.account(worker), *self.sent[worker], point, sender)
        if self.now >= self.judging_end:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.tasks.proveWrongKey(*call)
        elif self.states[worker] is not State.DELIVERED:
            with reverts("WrongState", self.task, ..., self.states[worker]):
                self.world.tasks.proveWrongKey(*call)
        else:
            self.world.tasks.proveWrongKey(*call)
            wrong = worker == WORKERS - 1
            self.states[worker] = State.VOID if wrong else State.HONEST
            if wrong:
                self.held -= SUBMISSION_DEPOSIT
                self.paid.add(worker)

    @rule(some=subsets)
    def judge(self, some: set[int]) -> None:
        self.tick()
        order = list(self.states)
        marked = [each for each in some if self.states.get(each) is State.DELIVERED]
        chosen = rules.set_of(order.index(each) for each in marked)
        sender = {"from": self.world.requester}
        if not self.deadline <= self.now < self.judging_end:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.tasks.judge(self.task, chosen, sender)
            return
        self.world.tasks.judge(self.task, chosen, sender)
        self.judging_end = self.now
        self.security = len(marked) * FEE
        self.held += self.security
        for each in marked:
            self.states[each] = State.DISHONEST

    @rule(worker=workers_)
    def dispute(self, worker: int) -> None:
        if worker not in self.states:
            return
        self.tick()
        sender = {"from": self.account(worker)}
        if not self.judging_end <= self.now < self.dispute_end:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.tasks.dispute(self.task, sender)
        elif self.states[worker] is not State.DISHONEST:
            with reverts("WrongState", self.task, ..., self.states[worker]):
                self.world.tasks.dispute(self.task, sender)
        else:
            self.cases[worker] = self.world.disputed(self.task, self.account(worker))
            self.states[worker] = State.DISPUTED

    @rule(worker=workers_, choice=st.integers(0, 2))
    def resolve(self, worker: int, choice: int) -> None:
        """The court rules, with costs of a fee and a half, and somebody takes it over."""
        if self.states.get(worker) is not State.DISPUTED:
            return
        won = choice == 1
        self.tick()
        self.world.court.rule(self.cases[worker], choice, bytes(32), FEE * 3 // 2 if won else 0)
        self.tick()
        self.world.tasks.resolve(self.cases[worker], {"from": self.world.requester})
        self.states[worker] = State.VINDICATED if won else State.CONDEMNED
        if won:
            self.security -= FEE
            self.held -= FEE
        else:
            self.held -= SUBMISSION_DEPOSIT
            self.paid.add(worker)

    @rule()
    def settle(self) -> None:
        self.tick()
        sender = {"from": self.world.requester}
        start = self.judging_end if self.states else self.deadline
        waiting = self.count(State.DISHONEST) and self.now < self.dispute_end
        if self.settled:
            with reverts("AlreadySettled", self.task):
                self.world.tasks.settle(self.task, sender)
        elif self.now < start:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.tasks.settle(self.task, sender)
        elif waiting or self.count(State.DISPUTED):
            with reverts("DisputesOpen", self.task, ..., ...):
                self.world.tasks.settle(self.task, sender)
        else:
            refund = rules.left(REWARD + 1, self.honest()) + self.security
            refund += rules.left(COMPENSATION, self.count(State.VINDICATED))
            assert self.world.settle(self.task) == refund
            self.settled = True
            self.held -= refund

    @rule(worker=workers_)
    def claim(self, worker: int) -> None:
        self.tick()
        call = (self.task, self.account(worker))
        state = self.states.get(worker)
        if state is None:
            with reverts("NotDelivered", *call):
                self.world.claim(*call)
        elif worker in self.paid:
            with reverts("AlreadyClaimed", *call):
                self.world.claim(*call)
        elif rules.is_honest(state) and self.now < self.judging_end:
            with reverts("NotTheTime", self.task, *UNTOLD):
                self.world.claim(*call)
        elif not rules.is_honest(state) and not self.settled:
            with reverts("NotSettled", self.task):
                self.world.claim(*call)
        else:
            due = self.due(state)
            assert self.world.claim(*call) == due
            self.paid.add(worker)
            self.held -= due

    def due(self, state: State) -> int:
        """What a claim pays."""
        if rules.is_honest(state):
            return SUBMISSION_DEPOSIT + (REWARD + 1) // self.honest()
        if state is State.VINDICATED:
            return SUBMISSION_DEPOSIT + COMPENSATION // self.count(State.VINDICATED)
        return SUBMISSION_DEPOSIT

    # ------------------------------------------------------------ what always holds

    @invariant()
    def the_contract_holds_what_it_owes(self) -> None:
        """DT-I1"""
        assert self.world.token.balanceOf(self.world.tasks) == self.held

    def finish(self) -> None:
        """DT-I2, DT-I3: everything ends, and nothing is left."""
        for worker in list(self.cases):
            self.resolve(worker, 1)
        self.now = max(self.now, self.dispute_end)
        if not self.settled:
            self.settle()
        for worker in self.states:
            assert self.world.state(self.task, self.account(worker)) == self.states[worker]
            if worker not in self.paid:
                self.claim(worker)
        assert self.world.token.balanceOf(self.world.tasks) == self.held == 0


def test_the_contract_does_what_the_model_says(data: Any) -> None:  # noqa: F811
    DataTaskMachine.world = data
    run_state_machine_as_test(
        DataTaskMachine,
        settings=settings(
            max_examples=examples(24),
            stateful_step_count=15,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
        ),
    )
