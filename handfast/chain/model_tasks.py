"""ModelTasks, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from handfast.chain.client import Call, Contract
from handfast.protocol.constants import Metric, ModelOutcome
from handfast.storage.cid import Cid


@dataclass(frozen=True, slots=True)
class PanelTerms:
    """The court that a task asks for; periods in seconds. (SPEC MT-1)"""

    seats: int
    commit_period: int
    reveal_period: int
    appeal_period: int


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """What a requester asks for. (SPEC MT-1)

    reward               smallest units of MarketToken
    validation           `rules.validation_hash` of the validation data
    threshold, tolerance, minimum_reputation   out of SCALE
    deadline             absolute seconds; the periods follow it
    """

    reward: int
    description: Cid
    validation: bytes
    metric: Metric
    threshold: int
    tolerance: int
    deadline: int
    reveal_period: int
    publish_period: int
    minimum_reputation: int
    max_submissions: int
    panel: PanelTerms

    def words(self) -> tuple[Any, ...]:
        """The contract's struct."""
        return (
            self.reward,
            content_words(self.description),
            self.validation,
            self.metric,
            self.threshold,
            self.tolerance,
            self.deadline,
            self.reveal_period,
            self.publish_period,
            self.minimum_reputation,
            self.max_submissions,
            astuple(self.panel),
        )


@dataclass(frozen=True, slots=True)
class ModelTask:
    """How a task stands; sets of positions are integers. (SPEC MT-1 to MT-6)

    fee        in escrow until the case is opened
    passed     set of those that share the reward; of a settled task, as `best`
    case_id    0 before the publication
    """

    requester: str
    reward: int
    fee: int
    deadline: int
    reveal_end: int
    publish_end: int
    threshold: int
    tolerance: int
    minimum_reputation: int
    max_submissions: int
    committed: int
    revealed: int
    passed: int
    best: int
    validation: bytes
    panel: PanelTerms
    case_id: int
    outcome: ModelOutcome

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> ModelTask:
        """Read the contract's struct, its fields in order."""
        *plain, panel, case_id, outcome = struct
        last: tuple[Any, ...] = PanelTerms(*panel), case_id, ModelOutcome(outcome)
        return cls(*plain, *last)


class ModelTasks(Contract):
    """Strangers compete for the best model. (SPEC MT)"""

    async def task(self, task: int) -> ModelTask:
        """How a task stands.

        raises   Rejected(UnknownTask) if there is none
        """
        return ModelTask.decode(await self._read("taskOf", task))

    async def count(self) -> int:
        """The newest task."""
        return int(await self._read("taskCount"))

    async def position_of(self, task: int, worker: str) -> int:
        """Where a worker's submission stands.

        raises   Rejected(NotCommitted) if it has none, or was paid
        """
        position, _ = await self._read("submissionOf", task, worker)
        return int(position)

    async def claimable(self, task: int, worker: str) -> int:
        """What a claim would pay now."""
        return int(await self._read("claimable", task, worker))

    def create(self, terms: ModelTerms) -> Call:
        """Put reward and fee into escrow."""
        return self._call("create", terms.words())

    def commit(self, task: int, commitment: bytes) -> Call:
        """Commit to the digest of a `Submission`, with a deposit."""
        return self._call("commit", task, commitment)

    def reveal(self, task: int, model: Cid, salt: bytes) -> Call:
        """Show what the sender committed to."""
        return self._call("reveal", task, content_words(model), salt)

    def publish(self, task: int, validation: Cid, salt: bytes) -> Call:
        """Show the validation data, and ask the court."""
        return self._call("publish", task, content_words(validation), salt)

    def settle(self, task: int, words: Sequence[int]) -> Call:
        """Fix what each gets, by the ruling's eight words; any others if it has none."""
        return self._call("settle", task, (tuple(words),))

    def claim(self, task: int, worker: str) -> Call:
        """Pay a worker what is its own."""
        return self._call("claim", task, worker)


def content_words(cid: Cid) -> tuple[bytes, int]:
    """The contracts' struct `Content`."""
    return cid.digest, int(cid.codec)
