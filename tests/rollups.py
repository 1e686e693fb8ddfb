"""A roll-up on chain with the state that its batches lead to beside it, for contract tests."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from brownie import chain

from handfast.protocol.constants import FEE_UNIT
from handfast.reputation.batches import Batch, Entry, apply_opinions, apply_scores
from handfast.reputation.encoding import Header
from handfast.reputation.state import State
from tests.chain import mine_at

EPOCH_LENGTH = 1_000
WINDOW = 400
BOND = 50 * 10**18
WEALTH = 10**24
REGISTERED = 200
ARCHIVE = bytes(range(32))
NOTHING = bytes(32)

Rows = list[tuple[int, int, int, int, bool]]


class Town:
    """One proposer's view: builds batches, posts them, keeps their headers.

    Rows are (provider, client, nonce, fee, satisfied).
    """

    def __init__(self, rollup: Any, token: Any, proposer: Any, shard: int = 0) -> None:
        self.rollup = rollup
        self.token = token
        self.proposer = proposer
        self.state = State(shard, rollup.SHARDS())
        self.headers: list[Header] = []

    @property
    def tip(self) -> bytes:
        """Hash of the newest batch."""
        return self.headers[-1].hash() if self.headers else NOTHING

    @property
    def epoch(self) -> int:
        return int(self.rollup.currentEpoch())

    def opinions(self, rows: Rows, epoch: int | None = None) -> Batch:
        """Build a batch of opinions, without posting it."""
        entries = [Entry(*row) for row in rows]
        return apply_opinions(self.state, entries, epoch or self.epoch, REGISTERED)

    def scores(self, epoch: int, limit: int | None = None) -> Batch:
        """Build a batch of scores, without posting it."""
        return apply_scores(self.state, epoch, limit)

    def posting(self, batch: Batch, **changes: Any) -> tuple[Any, ...]:
        """The Posting of a batch, with changes for cheats."""
        fields = {
            "shard": self.state.shard,
            "kind": int(batch.kind),
            "closes": batch.closes,
            "epoch": batch.epoch,
            "levy": batch.levy,
            "previous": self.tip,
            "folds": batch.folds,
            "archive": ARCHIVE,
        }
        assert changes.keys() <= fields.keys()
        return tuple((fields | changes).values())

    def post(self, batch: Batch, **changes: Any) -> Any:
        """Post a batch and check that the chain made the header that Python makes."""
        transaction = self.rollup.post(
            self.posting(batch, **changes), batch.data, {"from": self.proposer}
        )
        header = batch.header(
            len(self.headers) + 1,
            self.tip,
            transaction.timestamp,
            self.proposer.address,
            ARCHIVE,
        )
        if not changes:
            assert bytes(transaction.return_value) == header.hash()
        self.headers.append(header)
        return transaction

    def post_opinions(self, rows: Rows) -> Any:
        return self.post(self.opinions(rows))

    def post_scores(self) -> Any:
        """Wait for the end of the newest epoch and post its scores."""
        epoch = self.headers[-1].epoch
        while self.epoch <= epoch:
            to_next_epoch(self.rollup)
        return self.post(self.scores(epoch))

    def finalise(self, *indices: int) -> Any:
        headers = [astuple(self.headers[index - 1]) for index in indices]
        return self.rollup.finalise(headers, {"from": self.proposer})


def to_next_epoch(rollup: Any) -> None:
    """Mine the first block of the next epoch."""
    genesis, length = rollup.GENESIS(), rollup.EPOCH_LENGTH()
    mine_at(genesis + ((chain[-1].timestamp - genesis) // length + 1) * length)


def units(levy: int) -> int:
    """A levy in smallest units of the token."""
    return levy * FEE_UNIT
