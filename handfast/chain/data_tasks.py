"""DataTasks, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from handfast.chain.client import Call, Contract
from handfast.chain.marketplace import chunk_words, masked_words, sealed_words, shared_words
from handfast.chain.model_tasks import PanelTerms, content_words
from handfast.crypto.bls import PublicKey
from handfast.market.masking import MaskedKey, SharedPoint
from handfast.market.seals import ChunkProof, Seal
from handfast.protocol.constants import DeliveryState
from handfast.storage.cid import Cid, Codec


@dataclass(frozen=True, slots=True)
class DataTerms:
    """What a requester asks for. (SPEC DT-1)

    reward, compensation   smallest units of MarketToken; the latter not below the former
    deadline               absolute seconds; the periods follow it
    minimum_reputation     out of SCALE
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

    def words(self) -> tuple[Any, ...]:
        """The contract's struct."""
        return (
            self.reward,
            self.compensation,
            content_words(self.schema),
            self.deadline,
            self.judging_period,
            self.dispute_period,
            self.minimum_reputation,
            self.max_deliveries,
            astuple(self.panel),
        )


@dataclass(frozen=True, slots=True)
class DataTask:
    """How a task stands. (SPEC DT-1 to DT-7)

    receiver   hash of the decryption key that deliveries are masked for
    honest     how many share the reward, as things stand
    marked     dishonest ones that have not disputed
    disputed   disputes that are not resolved
    """

    requester: str
    reward: int
    compensation: int
    fee: int
    receiver: bytes
    deadline: int
    judging_end: int
    dispute_end: int
    minimum_reputation: int
    max_deliveries: int
    delivered: int
    honest: int
    marked: int
    disputed: int
    won: int
    security: int
    panel: PanelTerms
    is_settled: bool

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> DataTask:
        """Read the contract's struct, its fields in order."""
        *plain, panel, is_settled = struct
        last: tuple[Any, ...] = PanelTerms(*panel), is_settled
        return cls(*plain, *last)


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """How a delivery stands; `digest` is the beginning of the hash of what was delivered."""

    position: int
    digest: bytes
    state: DeliveryState
    is_claimed: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a worker delivered, out of its event."""

    worker: str
    position: int
    bundle: Cid
    seal: Seal
    handed: MaskedKey

    @classmethod
    def decode(cls, arguments: Any) -> Delivery:
        """Read the event DataDelivered."""
        key_hash, plaintext, ciphertext, digest, codec, size = arguments["sealed_"]
        ephemeral, masked = arguments["masked"]
        return cls(
            arguments["worker"],
            arguments["position"],
            Cid(Codec(codec), digest),
            Seal(size, key_hash, plaintext, ciphertext),
            MaskedKey(PublicKey.from_words(ephemeral), masked),
        )

    def words(self) -> tuple[Any, ...]:
        """The contract's structs `Sealed` and `MaskedKey`."""
        return sealed_words(self.seal, self.bundle), masked_words(self.handed)


class DataTasks(Contract):
    """Strangers collect data that only the requester can open. (SPEC DT)"""

    async def task(self, task: int) -> DataTask:
        """How a task stands.

        raises   Rejected(UnknownTask) if there is none
        """
        return DataTask.decode(await self._read("taskOf", task))

    async def count(self) -> int:
        """The newest task."""
        return int(await self._read("taskCount"))

    async def delivery(self, task: int, worker: str) -> DeliveryStatus:
        """How a worker's delivery stands.

        raises   Rejected(NotDelivered) if there is none
        """
        position, digest, state, claimed = await self._read("deliveryOf", task, worker)
        return DeliveryStatus(position, digest, DeliveryState(state), claimed)

    async def claimable(self, task: int, worker: str) -> int:
        """What a claim would pay now."""
        return int(await self._read("claimable", task, worker))

    def create(self, terms: DataTerms) -> Call:
        """Put reward and compensation into escrow."""
        return self._call("create", terms.words())

    def deliver(self, task: int, delivery: Delivery) -> Call:
        """Deliver sealed content, with a deposit."""
        return self._call("deliver", task, *delivery.words())

    def prove_wrong_key(self, task: int, delivery: Delivery, shown: SharedPoint) -> Call:
        """Claim that a key is not the promised one."""
        words = (*delivery.words(), shared_words(shown))
        return self._call("proveWrongKey", task, delivery.worker, *words)

    def prove_wrong_chunk(
        self, task: int, delivery: Delivery, shown: SharedPoint, chunk: ChunkProof
    ) -> Call:
        """Claim that a chunk is not the promised one."""
        words = (*delivery.words(), shared_words(shown), chunk_words(chunk))
        return self._call("proveWrongChunk", task, delivery.worker, *words)

    def judge(self, task: int, dishonest: int) -> Call:
        """Mark a set of positions dishonest and let the others be paid."""
        return self._call("judge", task, dishonest)

    def dispute(self, task: int) -> Call:
        """Take the sender's mark to the court, at its fee."""
        return self._call("dispute", task)

    def open_key(self, case: int, ephemeral: PublicKey, masked: Sequence[bytes]) -> Call:
        """Hand the key to the panel of the running round, seat by seat."""
        return self._call("openKey", case, ephemeral.words(), tuple(masked))

    def resolve(self, case: int) -> Call:
        """Take over the court's ruling."""
        return self._call("resolve", case)

    def settle(self, task: int) -> Call:
        """Fix what each gets."""
        return self._call("settle", task)

    def claim(self, task: int, worker: str) -> Call:
        """Pay a worker what is its own."""
        return self._call("claim", task, worker)
