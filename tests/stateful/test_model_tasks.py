"""A Python model of a model task beside the contract: who can do what when, and who gets what.
(SPEC MT-1 to MT-6, MT-I1 to MT-I3)
"""

from __future__ import annotations

from typing import Any

from brownie import chain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handfast.disputes.rules import hash_of, words_of
from handfast.protocol.constants import NO_VALIDATION, SCALE, SUBMISSION_DEPOSIT, ModelOutcome
from handfast.tasks import rules
from tests.campaign import examples
from tests.chain import reverts, set_next_timestamp
from tests.contracts.tasks.conftest import (  # noqa: F401 - the world of the contract tests
    court,
    ledger,
    models,
    requester,
    token,
    workers,
)
from tests.tasks import FEE, HOUR, NO_SCORES, REWARD, SALT, THRESHOLD, content

WORKERS = 4
workers_ = st.integers(0, WORKERS - 1)
subsets = st.sets(workers_, min_size=1)
score_lists = st.lists(
    st.sampled_from([0, THRESHOLD - 1, THRESHOLD, SCALE]), min_size=WORKERS, max_size=WORKERS
)


class ModelTaskMachine(RuleBasedStateMachine):
    """One task and four workers; each rule does the same to contract and model."""

    world: Any

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.now = int(chain[-1].timestamp) + 1
        set_next_timestamp(self.now)
        deadline = self.now + HOUR
        self.task = self.world.create(reward=REWARD + 1, deadline=deadline)
        self.moments = (deadline, deadline + HOUR, deadline + 3 * HOUR)
        self.committed: list[int] = []
        self.revealed: set[int] = set()
        self.paid: set[int] = set()
        self.case = 0
        self.scores: tuple[int, ...] | None = None
        self.ruled = False
        self.outcome = ModelOutcome.ABSENT
        self.shares: dict[int, int] = {}
        self.balances = {each: self.balance(each) for each in range(WORKERS)}

    def teardown(self) -> None:
        self.finish()
        chain.revert()

    # ------------------------------------------------------------ the two sides

    def balance(self, worker: int) -> int:
        return int(self.world.token.balanceOf(self.world.workers[worker]))

    def position(self, worker: int) -> int:
        return self.committed.index(worker)

    def tick(self, seconds: int = 1) -> int:
        self.now += seconds
        set_next_timestamp(self.now)
        return self.now

    def phase(self) -> int:
        """How many of the deadlines have passed."""
        return sum(self.now >= moment for moment in self.moments)

    # ------------------------------------------------------------ what can be done

    @rule(some=subsets, scores=score_lists, kind=st.integers(0, 7))
    def move_on(self, some: set[int], scores: list[int], kind: int) -> None:
        """What usually comes next, by some of the workers; then the next moment, or just before."""
        phase = self.phase()
        if self.outcome is not ModelOutcome.ABSENT:
            for worker in sorted(some):
                self.claim(worker)
        elif self.case:
            self.judge(scores, kind)
            self.settle()
        elif phase < 2:
            for worker in sorted(some):
                self.commit(worker) if phase == 0 else self.reveal(worker)
            self.now = max(self.now, self.moments[phase] - 1 - (kind == 0))
        elif phase == 2 and kind:
            self.publish()
        else:
            self.now = max(self.now, self.moments[2] - 1)
            self.settle()

    @rule(some=subsets, scores=score_lists, kind=st.integers(0, 7))
    def move_on_again(self, some: set[int], scores: list[int], kind: int) -> None:
        """Twice as often as anything else."""
        self.move_on(some, scores, kind)

    @rule(worker=workers_)
    def commit(self, worker: int) -> None:
        self.tick()
        account = self.world.workers[worker]
        if self.phase() > 0:
            with reverts("NotTheTime", self.task, ..., ..., ...):
                self.world.commit(self.task, account, worker)
        elif worker in self.committed:
            with reverts("AlreadyCommitted", self.task, account):
                self.world.commit(self.task, account, worker)
        else:
            self.world.commit(self.task, account, worker)
            self.committed.append(worker)
            self.balances[worker] -= SUBMISSION_DEPOSIT

    @rule(worker=workers_)
    def reveal(self, worker: int) -> None:
        self.tick()
        account = self.world.workers[worker]
        if self.phase() != 1:
            with reverts("NotTheTime", self.task, ..., ..., ...):
                self.world.reveal(self.task, account, worker)
        elif worker not in self.committed or worker in self.paid:
            with reverts("NotCommitted", self.task, account):
                self.world.reveal(self.task, account, worker)
        elif worker in self.revealed:
            with reverts("AlreadyRevealed", self.task, account):
                self.world.reveal(self.task, account, worker)
        else:
            self.world.reveal(self.task, account, worker)
            self.revealed.add(worker)

    @rule()
    def publish(self) -> None:
        self.tick()
        call = (self.task, content("validation"), SALT, {"from": self.world.requester})
        complete = len(self.revealed) == len(self.committed)
        if self.case:
            with reverts("AlreadyPublished", self.task, self.case):
                self.world.tasks.publish(*call)
        elif not (1 if complete else 2) <= self.phase() < 3:
            with reverts("NotTheTime", self.task, ..., ..., ...):
                self.world.tasks.publish(*call)
        elif not self.revealed:
            with reverts("NothingRevealed", self.task):
                self.world.tasks.publish(*call)
        else:
            self.case = int(self.world.tasks.publish(*call).return_value)

    @rule(scores=score_lists, kind=st.integers(0, 5))
    def judge(self, scores: list[int], kind: int) -> None:
        """The court rules: scores, none, or that there were no data."""
        if not self.case or self.ruled:
            return
        self.tick()
        found = scores[: len(self.committed)]
        if kind == 0:
            self.scores = None
        elif kind == 1:
            self.scores = (NO_VALIDATION,) * len(self.committed)
        else:
            self.scores = tuple(found)
        hashed = bytes(32) if self.scores is None else hash_of(words_of(self.scores))
        self.world.court.rule(self.case, 0, hashed, 0)
        self.ruled = True

    @rule()
    def settle(self) -> None:
        self.tick()
        words = NO_SCORES if self.scores is None else (words_of(self.scores),)
        sender = {"from": self.world.workers[0]}
        expected = self.expected()
        if self.outcome is not ModelOutcome.ABSENT:
            with reverts("AlreadySettled", self.task):
                self.world.tasks.settle(self.task, words, sender)
        elif expected is ModelOutcome.ABSENT:
            error = "NotRuled" if self.case else "NotTheTime"
            with reverts(error, self.task, *[...] * (1 if self.case else 3)):
                self.world.tasks.settle(self.task, words, sender)
        else:
            before = self.world.token.balanceOf(self.world.requester)
            self.world.tasks.settle(self.task, words, sender)
            self.outcome = expected
            refund = self.divide()
            assert self.world.token.balanceOf(self.world.requester) - before == refund
            assert self.world.tasks.taskOf(self.task)["outcome"] == expected

    @rule(worker=workers_)
    def claim(self, worker: int) -> None:
        self.tick()
        account = self.world.workers[worker]
        call = (self.task, account, {"from": self.world.requester})
        if worker not in self.committed or worker in self.paid:
            with reverts("NotCommitted", self.task, account):
                self.world.tasks.claim(*call)
        elif self.outcome is ModelOutcome.ABSENT:
            with reverts("NotSettled", self.task):
                self.world.tasks.claim(*call)
        else:
            score = int(self.world.ledger.scoreOf(account))
            self.world.tasks.claim(*call)
            self.paid.add(worker)
            self.balances[worker] += self.shares[worker]
            change = int(self.world.ledger.scoreOf(account)) - score
            assert (change > 0) - (change < 0) == self.judged(worker)

    # ------------------------------------------------------------ what the rules say

    def expected(self) -> ModelOutcome:
        """How the task ends if it is settled now; Absent while it can't."""
        if self.case:
            if not self.ruled:
                return ModelOutcome.ABSENT
            if self.scores is None:
                return ModelOutcome.UNJUDGED
            if rules.is_without_validation(self.scores):
                return ModelOutcome.UNPUBLISHED
            return ModelOutcome.RANKED
        if self.revealed:
            return ModelOutcome.UNPUBLISHED if self.phase() == 3 else ModelOutcome.ABSENT
        over = self.phase() >= (2 if self.committed else 1)
        return ModelOutcome.EMPTY if over else ModelOutcome.ABSENT

    def divide(self) -> int:
        """What everybody gets; returns what the requester does."""
        reward = left = REWARD + 1
        counted = rules.set_of(map(self.position, self.revealed))
        portions: dict[int, int] = {}
        if self.outcome is ModelOutcome.RANKED:
            assert self.scores is not None
            passed, best = rules.rank(self.scores, counted, THRESHOLD)
            members = rules.positions_of(passed)
            if members:
                of_best, of_other = rules.split(reward, len(members))
                portions = {i: of_best if i == best else of_other for i in members}
                left = reward - sum(portions.values())
        elif counted:
            members = rules.positions_of(counted)
            portions = {i: reward // len(members) for i in members}
            left = rules.left(reward, len(members))
        self.passing = {self.committed[i] for i in portions}
        for worker in self.committed:
            deposit = SUBMISSION_DEPOSIT if worker in self.revealed else 0
            self.shares[worker] = deposit + portions.get(self.position(worker), 0)
        forfeited = (len(self.committed) - len(self.revealed)) * SUBMISSION_DEPOSIT
        return left + forfeited + (0 if self.case else FEE)

    def judged(self, worker: int) -> int:
        """Which way a claim moves the worker's reputation."""
        if worker not in self.revealed:
            return -1
        if self.outcome is not ModelOutcome.RANKED:
            return 0
        return 1 if worker in self.passing else -1

    # ------------------------------------------------------------ what always holds

    @invariant()
    def the_contract_holds_what_it_owes(self) -> None:
        """MT-I1"""
        if self.outcome is ModelOutcome.ABSENT:
            deposits = len(self.committed) * SUBMISSION_DEPOSIT
            held = REWARD + 1 + (0 if self.case else FEE) + deposits
        else:
            held = sum(self.shares[each] for each in self.committed if each not in self.paid)
        assert self.world.token.balanceOf(self.world.tasks) == held

    def finish(self) -> None:
        """MT-I2, MT-I3: everything ends, and nothing is left."""
        self.now = max(self.now, self.moments[-1])
        self.judge([SCALE] * WORKERS, 2)
        if self.outcome is ModelOutcome.ABSENT:
            self.settle()
        for worker in self.committed:
            if worker not in self.paid:
                self.claim(worker)
        assert self.world.token.balanceOf(self.world.tasks) == 0
        for worker in range(WORKERS):
            assert self.balance(worker) == self.balances[worker]


def test_the_contract_does_what_the_model_says(models: Any) -> None:  # noqa: F811
    ModelTaskMachine.world = models
    run_state_machine_as_test(
        ModelTaskMachine,
        settings=settings(
            max_examples=examples(24),
            stateful_step_count=20,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
        ),
    )
