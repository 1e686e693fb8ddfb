"""ReputationRollup, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from handfast.chain.abi import Event
from handfast.chain.client import Call, Contract
from handfast.errors import InvalidInput
from handfast.protocol.constants import BatchKind, BatchSource
from handfast.reputation.batches import Batch
from handfast.reputation.encoding import Header

_WORD = 32
_SELECTOR = 4
_DATA_OFFSET = 8 * _WORD
"""Where in the arguments of `post` stands where its data begins: behind the struct Posting."""


@dataclass(frozen=True, slots=True)
class ShardRecord:
    """Where a shard stands on chain.

    index          of its newest batch, as are epoch, kind and closes; 0 if there is none
    final_index    of its newest final batch, 0 if there is none
    root           state root of the newest batch; `final_root`: of the newest final one
    """

    index: int
    final_index: int
    epoch: int
    kind: BatchKind
    closes: bool
    root: bytes
    final_root: bytes

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> ShardRecord:
        """Read the contract's struct, its fields in order."""
        index, final_index, epoch, kind, *rest = struct
        return cls(index, final_index, epoch, BatchKind(kind), *rest)


@dataclass(frozen=True, slots=True)
class Deposit:
    """What a proposer has in the contract, in smallest units; `locked` is part of `amount`."""

    amount: int
    locked: int

    @property
    def free(self) -> int:
        """What bonds and levies can be taken from."""
        return self.amount - self.locked


@dataclass(frozen=True, slots=True)
class RollupSettings:
    """Constants of the deployment.

    genesis        second at which epoch 1 began
    epoch_length   seconds; `window`: for which a batch is open to proofs
    bond           smallest units that one batch locks
    """

    shards: int
    genesis: int
    epoch_length: int
    window: int
    bond: int

    def epoch_at(self, time: int) -> int:
        """The epoch of a moment. (RP-22)"""
        return 1 + (time - self.genesis) // self.epoch_length


def decode_header(struct: Sequence[Any]) -> Header:
    """A batch's header from the contract's struct, its fields in order."""
    shard, index, kind, source, *rest = struct
    return Header(shard, index, BatchKind(kind), BatchSource(source), *rest)


class ReputationRollup(Contract):
    """Batches of opinions and scores, and the scores that are final. (SPEC RP)"""

    async def settings(self) -> RollupSettings:
        """What the deployment fixed for ever."""
        names = ("SHARDS", "GENESIS", "EPOCH_LENGTH", "WINDOW", "BOND")
        return RollupSettings(*[int(await self._read(name)) for name in names])

    async def shard(self, shard: int) -> ShardRecord:
        """Where a shard stands."""
        return ShardRecord.decode(await self._read("shardOf", shard))

    async def finalised_root(self, shard: int) -> bytes:
        """State root of the newest final batch; zero if there is none."""
        return bytes(await self._read("finalisedRoot", shard))

    async def deposit_of(self, account: str) -> Deposit:
        """What a proposer has in the contract."""
        return Deposit(*await self._read("depositOf", account))

    def deposit(self, amount: int) -> Call:
        """Pay in for bonds and levies, out of what the sender allowed the contract."""
        return self._call("deposit", amount)

    def withdraw(self, amount: int) -> Call:
        """Take out what is not locked."""
        return self._call("withdraw", amount)

    def post(self, batch: Batch, previous: bytes, archive: bytes) -> Call:
        """Post a batch on top of another, whose hash is `previous`."""
        posting = (
            batch.before.shard,
            int(batch.kind),
            batch.closes,
            batch.epoch,
            batch.levy,
            previous,
            batch.folds,
            archive,
        )
        return self._call("post", posting, batch.data)

    def finalise(self, headers: Sequence[Header]) -> Call:
        """Make batches final whose windows are over, in order."""
        return self._call("finalise", [astuple(header) for header in headers])

    def posted_data(self, call_data: bytes) -> bytes:
        """The batch's data out of the calldata of a `post`, as the contract finds it: wherever the
        offset points to, padded or not.

        raises   InvalidInput if it is another call, or no data is there
        """
        if self.abi.selectors().get(call_data[:_SELECTOR]) != "post":
            raise InvalidInput("the call is another than ReputationRollup.post")
        arguments = call_data[_SELECTOR:]
        offset = int.from_bytes(arguments[_DATA_OFFSET : _DATA_OFFSET + _WORD], "big")
        start = offset + _WORD
        end = start + int.from_bytes(arguments[offset:start], "big")
        if len(arguments) < max(_DATA_OFFSET + _WORD, start, end):
            raise InvalidInput("the call of ReputationRollup.post is cut short")
        return arguments[start:end]


def posted_header(event: Event) -> Header:
    """The header that a BatchPosted event carries."""
    if event.name != "BatchPosted":
        raise InvalidInput(f"{event.name} has no header")
    return decode_header(event.arguments["header"])
