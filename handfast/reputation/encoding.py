"""The bytes of leaves, states and batches: what is hashed, posted and proven. (SPEC RP-10 to RP-21)

Encoders trust their callers; decoders take bytes from anybody and raise `Malformed` for all that
RP-16 to RP-19 do not allow.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import EMPTY_ROOT, MerkleTree, leaf_hash
from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    SCALE,
    SEGMENT_OPINIONS,
    SEGMENT_PROVIDER,
    BatchKind,
    BatchSource,
)
from handfast.reputation.rules import NEWCOMER, Pair, Score, Sums

NEWCOMER_FLAG = 1 << 31
"""Set in `who` if a client arrives: the rest is its id, else its position. (RP-16)"""
ROWS_PER_SEGMENT = SEGMENT_OPINIONS // SEGMENT_PROVIDER
"""Score rows of each segment but the last. (RP-18)"""

_CLIENT = struct.Struct(">IQQIIQQQI")
_PROVIDER = struct.Struct(">32sIQIIIIIII")
_GROUP = struct.Struct(">IB")
_OPINION = struct.Struct(">IIB")
_SCORE_ROW = struct.Struct(">III")
_LENGTH = struct.Struct(">H")
_WORD = 32
_LOW_64 = (1 << 64) - 1


class Malformed(InvalidInput):
    """Bytes that say nothing under RP-16 to RP-19. In a posted batch: fraud."""


def words(*values: int | bytes) -> bytes:
    """ABI-encode unsigned integers and 32-byte words."""
    return b"".join(
        value if isinstance(value, bytes) else value.to_bytes(_WORD, "big") for value in values
    )


# ---------------------------------------------------------------- leaves and states


class ClientLeaf(NamedTuple):
    """What is kept of one client of one provider. (RP-11)

    nonce   of the newest opinion
    """

    client: int
    pair: Pair = NEWCOMER
    nonce: int = 0

    def encode(self) -> bytes:
        """56 bytes."""
        (positives, negatives, epoch, fee, worth, exponent) = self.pair
        return _CLIENT.pack(
            self.client,
            positives,
            negatives,
            epoch,
            fee,
            self.nonce,
            worth >> 64,
            worth & _LOW_64,
            exponent,
        )

    def hash(self) -> bytes:
        """What stands in its provider's clients' tree."""
        return leaf_hash(self.encode())

    @classmethod
    def decode(cls, encoding: bytes) -> ClientLeaf:
        """Read 56 bytes.

        raises   Malformed if they are fewer or more
        """
        client, positives, negatives, epoch, fee, nonce, high, low, exponent = _unpack(
            _CLIENT, encoding
        )
        pair = Pair(positives, negatives, epoch, fee, high << 64 | low, exponent)
        return cls(client, pair, nonce)


class ProviderLeaf(NamedTuple):
    """What is kept of one provider. (RP-12)

    root            of its clients' tree, of `clients` leaves
    interactions    opinions on it
    exponent        largest of its clients that have worth
    opinion_epoch   of the newest opinion
    score           rolled up at the end of `score_epoch`; zeros if none was
    """

    root: bytes = EMPTY_ROOT
    clients: int = 0
    interactions: int = 0
    exponent: int = 0
    opinion_epoch: int = 0
    score: Score = Score(0, 0, 0, 0)
    score_epoch: int = 0

    @property
    def is_due(self) -> bool:
        """Whether it has opinions since it was last scored. (RP-30)"""
        return self.opinion_epoch > self.score_epoch

    def encode(self) -> bytes:
        """72 bytes."""
        return _PROVIDER.pack(*self[:5], *self.score, self.score_epoch)

    def hash(self) -> bytes:
        """What stands in the providers' tree."""
        return leaf_hash(self.encode())

    @classmethod
    def decode(cls, encoding: bytes) -> ProviderLeaf:
        """Read 72 bytes.

        raises   Malformed if they are fewer or more
        """
        root, clients, interactions, exponent, epoch, s, u, c, score, score_epoch = _unpack(
            _PROVIDER, encoding
        )
        return cls(root, clients, interactions, exponent, epoch, Score(s, u, c, score), score_epoch)


class ShardState(NamedTuple):
    """What a state root is the hash of. (RP-14)

    root        of the providers' tree, of `providers` leaves
    levy        of all opinions, in FEE_UNIT
    opinions    of all providers
    """

    shard: int
    root: bytes = EMPTY_ROOT
    providers: int = 0
    levy: int = 0
    opinions: int = 0

    def hash(self) -> bytes:
        """The state root."""
        return keccak(words(*self))


def encode_sums(sums: Sums) -> bytes:
    """A partial sum of a fold, four words. (RP-30)"""
    return words(*sums)


def _unpack(layout: struct.Struct, encoding: bytes) -> tuple[Any, ...]:
    if len(encoding) != layout.size:
        raise Malformed(f"{len(encoding)} bytes instead of {layout.size}")
    return layout.unpack(encoding)


# ---------------------------------------------------------------- segments


class Row(NamedTuple):
    """An opinion as it is posted. (RP-16)

    who     id of a newcomer, else the client's position with the provider
    fee     in FEE_UNIT
    step    nonce minus the pair's last
    """

    who: int
    newcomer: bool
    fee: int
    satisfied: bool
    step: int


class Group(NamedTuple):
    """Opinions on one provider, in the order of arrival. (RP-17)"""

    provider: int
    rows: tuple[Row, ...]


class ScoreRow(NamedTuple):
    """A score as it is posted, out of SCALE. (RP-17)"""

    provider: int
    s: int
    c: int


def encode_groups(groups: Iterable[Group]) -> bytes:
    """A segment of opinions."""
    parts = []
    for provider, rows in groups:
        parts.append(_GROUP.pack(provider, len(rows)))
        parts += [
            _OPINION.pack(who | NEWCOMER_FLAG if newcomer else who, fee << 1 | satisfied, step)
            for who, newcomer, fee, satisfied, step in rows
        ]
    return b"".join(parts)


def decode_groups(segment: bytes) -> tuple[Group, ...]:
    """Read a segment of opinions, to the last byte.

    raises   Malformed if it is cut short, holds nothing, holds an empty group or weighs too much
    """
    groups, at, weight = [], 0, 0
    while at < len(segment):
        if at + _GROUP.size > len(segment):
            raise Malformed("a group's header is cut short")
        provider, count = _GROUP.unpack_from(segment, at)
        at += _GROUP.size
        end = at + count * _OPINION.size
        weight += SEGMENT_PROVIDER + count
        if count == 0 or end > len(segment):
            raise Malformed("a group is empty or cut short")
        rows = [
            Row(who & ~NEWCOMER_FLAG, who >= NEWCOMER_FLAG, fee >> 1, bool(fee & 1), step)
            for who, fee, step in _OPINION.iter_unpack(segment[at:end])
        ]
        groups.append(Group(provider, tuple(rows)))
        at = end
    _check_weight(weight)
    return tuple(groups)


def encode_scores(rows: Iterable[ScoreRow]) -> bytes:
    """A segment of score rows."""
    return b"".join(_SCORE_ROW.pack(*row) for row in rows)


def decode_scores(segment: bytes, last: bool) -> tuple[ScoreRow, ...]:
    """Read a segment of score rows, to the last byte.

    last     whether it is its batch's last segment, which may be empty; all others are full
    raises   Malformed if it is cut short, of the wrong weight, or levels exceed SCALE together
    """
    if len(segment) % _SCORE_ROW.size:
        raise Malformed("a score row is cut short")
    rows = tuple(ScoreRow(*row) for row in _SCORE_ROW.iter_unpack(segment))
    if rows:
        _check_weight(SEGMENT_PROVIDER * len(rows))
    if not last and len(rows) != ROWS_PER_SEGMENT:
        raise Malformed("a segment before the last is not full")
    if any(row.s + row.c > SCALE for row in rows):
        raise Malformed("levels exceed one")
    return rows


def _check_weight(weight: int) -> None:
    if not 0 < weight <= SEGMENT_OPINIONS:
        raise Malformed(f"a segment weighs {weight}, at most {SEGMENT_OPINIONS} is allowed")


# ---------------------------------------------------------------- batches


def encode_data(segments: Sequence[bytes], roots: Sequence[bytes]) -> bytes:
    """What `post` takes: each segment behind its length, and the state root after it. (RP-19)"""
    return b"".join(
        _LENGTH.pack(len(segment)) + segment + root
        for segment, root in zip(segments, roots, strict=True)
    )


def decode_data(data: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Segments and roots.

    raises   Malformed if anything is cut short, or there is no segment
    """
    segments, roots, at = [], [], 0
    while at < len(data):
        start = at + _LENGTH.size
        if start > len(data):
            raise Malformed("a length is cut short")
        (length,) = _LENGTH.unpack_from(data, at)
        end = start + length
        at = end + _WORD
        if at > len(data):
            raise Malformed("a segment is cut short")
        segments.append(data[start:end])
        roots.append(data[end:at])
    if not segments:
        raise Malformed("no segment")
    return tuple(segments), tuple(roots)


def segment_leaf(segment: bytes, before: bytes, after: bytes) -> bytes:
    """Leaf of a batch's data tree. (RP-19)"""
    return leaf_hash(keccak(segment) + before + after)


def data_tree(segments: Sequence[bytes], before: bytes, roots: Sequence[bytes]) -> MerkleTree:
    """The tree under a header's `data`; `before` is the root before the batch. (RP-19)"""
    befores = (before, *roots[:-1])
    return MerkleTree(
        segment_leaf(segment, was, is_)
        for segment, was, is_ in zip(segments, befores, roots, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Header:
    """A batch in sixteen words; its hash is all that the chain keeps. (RP-21)

    index         counts a shard's batches from 1
    posted_at     absolute seconds
    proposer      address as 0x and 40 hexadecimal digits
    levy          of this batch, in FEE_UNIT
    previous      hash of the batch before, zero for the first
    root_before   state root that it starts from; `root`: that it ends in
    data          root of the data tree
    folds         root over the folds of a batch of scores, else zero
    archive       sha2-256 digest of the archive's root block
    """

    shard: int
    index: int
    kind: BatchKind
    source: BatchSource
    closes: bool
    epoch: int
    posted_at: int
    proposer: str
    levy: int
    segments: int
    previous: bytes
    root_before: bytes
    root: bytes
    data: bytes
    folds: bytes
    archive: bytes

    def encode(self) -> bytes:
        """ABI encoding, 512 bytes."""
        values = (getattr(self, field.name) for field in fields(self))
        return words(*(int(value, 16) if isinstance(value, str) else value for value in values))

    def hash(self) -> bytes:
        """The batch's hash."""
        return keccak(self.encode())
