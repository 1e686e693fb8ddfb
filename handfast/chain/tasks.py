"""ModelTasks and DataTasks, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from handfast.chain.client import Call, Contract
from handfast.chain.marketplace import masked_words, sealed_words
from handfast.crypto.bls import PublicKey
from handfast.market.masking import MaskedKey
from handfast.market.seals import Seal
from handfast.protocol.constants import Metric, ModelOutcome
from handfast.storage.cid import Cid


@dataclass(frozen=True, slots=True)
class PanelTerms:
    """The court that a task asks for; periods in seconds."""

    seats: int
    commit_period: int
    reveal_period: int
    appeal_period: int


@dataclass(frozen=True, slots=True)
class ModelTerms:
    """What a requester asks for of a model. (SPEC MT-1)

    reward       smallest units of MarketToken
    validation   what commits to the validation data: `validation_hash`
    threshold    lowest score that is paid, out of SCALE, as is the tolerance of votes
    deadline     absolute seconds; the periods follow it
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

    def struct(self) -> tuple[object, ...]:
        """As the contract takes it."""
        reward, description, *rest, panel = (getattr(self, name) for name in self.__slots__)
        return (reward, content_words(description), *rest, astuple(panel))


@dataclass(frozen=True, slots=True)
class DataTerms:
    """What a requester asks for of data. (SPEC DT-1)

    reward, compensation   smallest units of MarketToken
    deadline               absolute seconds; the periods follow it
    """

    reward: int
    compensation: int
    schema: Cid
    deadline: int
    judging_period: int
    dispute_period: int
    minimum_reputation: int
    max_deliveries: int
    panel: PanelTerms

    def struct(self) -> tuple[object, ...]:
        """As the contract takes it."""
        reward, compensation, schema, *rest, panel = (
            getattr(self, name) for name in self.__slots__
        )
        return (reward, compensation, content_words(schema), *rest, astuple(panel))


class ModelTasks(Contract):
    """A requester pays strangers for the best model. (SPEC MT)"""

    async def count(self) -> int:
        """The newest task."""
        return int(await self._read("taskCount"))

    async def outcome(self, task: int) -> ModelOutcome:
        """How a task ended; Absent until it is settled."""
        return ModelOutcome((await self._read("taskOf", task))[-1])

    async def claimable(self, task: int, worker: str) -> int:
        """What `claim` would pay."""
        return int(await self._read("claimable", task, worker))

    def create(self, terms: ModelTerms) -> Call:
        """Put reward and fee into escrow."""
        return self._call("create", terms.struct())

    def commit(self, task: int, commitment: bytes) -> Call:
        """Commit to a model: the digest of a `Submission`."""
        return self._call("commit", task, commitment)

    def reveal(self, task: int, model: Cid, salt: bytes) -> Call:
        """Show what the sender committed to."""
        return self._call("reveal", task, content_words(model), salt)

    def publish(self, task: int, validation: Cid, salt: bytes) -> Call:
        """Show the validation data and ask the court."""
        return self._call("publish", task, content_words(validation), salt)

    def settle(self, task: int, words: Sequence[int]) -> Call:
        """Fix what each gets, by the words of the medians that the court ruled."""
        return self._call("settle", task, (tuple(words),))

    def claim(self, task: int, worker: str) -> Call:
        """Pay a worker."""
        return self._call("claim", task, worker)


class DataTasks(Contract):
    """A requester pays strangers for data that only it can open. (SPEC DT)"""

    async def count(self) -> int:
        """The newest task."""
        return int(await self._read("taskCount"))

    async def claimable(self, task: int, worker: str) -> int:
        """What `claim` would pay now."""
        return int(await self._read("claimable", task, worker))

    def create(self, terms: DataTerms) -> Call:
        """Put reward and compensation into escrow."""
        return self._call("create", terms.struct())

    def deliver(self, task: int, seal: Seal, bundle: Cid, handed: MaskedKey) -> Call:
        """Deliver sealed content, its key masked for the requester."""
        return self._call("deliver", task, sealed_words(seal, bundle), masked_words(handed))

    def judge(self, task: int, dishonest: int) -> Call:
        """Say whose deliveries are dishonest: a set of positions."""
        return self._call("judge", task, dishonest)

    def dispute(self, task: int) -> Call:
        """Take being marked dishonest to the court."""
        return self._call("dispute", task)

    def open_key(self, case: int, ephemeral: PublicKey, masked: Sequence[bytes]) -> Call:
        """Hand the key to the panel, seat by seat."""
        return self._call("openKey", case, ephemeral.words(), list(masked))

    def resolve(self, case: int) -> Call:
        """Take over the court's ruling."""
        return self._call("resolve", case)

    def settle(self, task: int) -> Call:
        """Fix what each gets."""
        return self._call("settle", task)

    def claim(self, task: int, worker: str) -> Call:
        """Pay a worker."""
        return self._call("claim", task, worker)


def content_words(content: Cid) -> tuple[bytes, int]:
    """The contracts' struct of a CID."""
    return content.digest, int(content.codec)
