"""Leaves, segments and headers to the byte; decoders take nothing else. (SPEC RP-11 to RP-21)"""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import leaf_hash, root_of
from handfast.protocol.constants import SCALE, SEGMENT_OPINIONS, BatchKind, BatchSource
from handfast.reputation.encoding import (
    ROWS_PER_SEGMENT,
    ClientLeaf,
    Group,
    Header,
    Malformed,
    ProviderLeaf,
    Row,
    ScoreRow,
    ShardState,
    data_tree,
    decode_data,
    decode_groups,
    decode_scores,
    encode_data,
    encode_groups,
    encode_scores,
)
from handfast.reputation.rules import Pair, Score

u16, u31, u32, u64, u128 = (st.integers(0, 2**bits - 1) for bits in (16, 31, 32, 64, 128))
word = st.binary(min_size=32, max_size=32)

pairs = st.builds(Pair, u64, u64, u32, u32, u128, u32)
client_leaves = st.builds(ClientLeaf, u32, pairs, u64)
provider_leaves = st.builds(
    ProviderLeaf, word, u32, u64, u32, u32, st.builds(Score, u32, u32, u32, u32), u32
)
rows = st.builds(Row, u31, st.booleans(), u31, st.booleans(), st.integers(0, 255))
groups = st.builds(Group, u32, st.lists(rows, min_size=1, max_size=4).map(tuple))
score_rows = st.integers(0, SCALE).flatmap(
    lambda s: st.builds(ScoreRow, u32, st.just(s), st.integers(0, SCALE - s))
)


@given(client_leaves)
def test_a_client_leaf_takes_56_bytes(leaf: ClientLeaf) -> None:
    """RP-11"""
    encoding = leaf.encode()
    sizes = (4, 8, 8, 4, 4, 8, 16, 4)
    client, (positives, negatives, epoch, fee, worth, exponent), nonce = leaf
    values = (client, positives, negatives, epoch, fee, nonce, worth, exponent)
    assert encoding == b"".join(
        value.to_bytes(size, "big") for value, size in zip(values, sizes, strict=True)
    )
    assert len(encoding) == 56
    assert ClientLeaf.decode(encoding) == leaf


@given(provider_leaves)
def test_a_provider_leaf_takes_72_bytes(leaf: ProviderLeaf) -> None:
    """RP-12"""
    encoding = leaf.encode()
    root, clients, interactions, exponent, epoch, score, score_epoch = leaf
    sizes = (4, 8, 4, 4, 4, 4, 4, 4, 4)
    values = (clients, interactions, exponent, epoch, *score, score_epoch)
    assert encoding == root + b"".join(
        value.to_bytes(size, "big") for value, size in zip(values, sizes, strict=True)
    )
    assert len(encoding) == 72
    assert ProviderLeaf.decode(encoding) == leaf


@given(st.integers(0, 200))
def test_leaves_of_another_length_are_malformed(length: int) -> None:
    for size, leaf in ((56, ClientLeaf), (72, ProviderLeaf)):
        if length != size:
            with pytest.raises(Malformed):
                leaf.decode(bytes(length))


def test_a_state_root_hashes_five_words() -> None:
    """RP-14"""
    state = ShardState(3, b"\7" * 32, 9, 10, 11)
    encoding = b"".join(
        value if isinstance(value, bytes) else value.to_bytes(32, "big") for value in state
    )
    assert len(encoding) == 160
    assert state.hash() == keccak(encoding)


def test_an_opinion_takes_nine_bytes_and_a_group_five() -> None:
    """RP-16, RP-17"""
    segment = encode_groups(
        [
            Group(0x01020304, (Row(5, True, 7, True, 1), Row(6, False, 2**31 - 1, False, 255))),
        ]
    )
    assert segment.hex() == "0102030402800000050000000f0100000006fffffffeff"


@given(st.lists(groups, max_size=12))
def test_a_segment_of_opinions_reads_as_it_was_written(written: list[Group]) -> None:
    """RP-18"""
    weight = sum(2 + len(group.rows) for group in written)
    segment = encode_groups(written)
    if 0 < weight <= SEGMENT_OPINIONS:
        assert decode_groups(segment) == tuple(written)
    else:
        with pytest.raises(Malformed):
            decode_groups(segment)


@given(st.lists(score_rows, max_size=ROWS_PER_SEGMENT + 1), st.booleans())
def test_a_segment_of_scores_reads_as_it_was_written(written: list[ScoreRow], last: bool) -> None:
    """RP-18: none but the last may be short, or empty."""
    segment = encode_scores(written)
    full = len(written) == ROWS_PER_SEGMENT
    if full or (last and len(written) < ROWS_PER_SEGMENT):
        assert decode_scores(segment, last) == tuple(written)
    else:
        with pytest.raises(Malformed):
            decode_scores(segment, last)


@given(st.binary(max_size=64))
def test_bytes_are_a_segment_in_one_way_or_none(segment: bytes) -> None:
    """Whatever is read writes back to the same bytes."""
    for decode, encode in (
        (decode_groups, encode_groups),
        (lambda data: decode_scores(data, True), encode_scores),
    ):
        try:
            read = decode(segment)
        except Malformed:
            continue
        assert encode(read) == segment  # type: ignore[operator]


@pytest.mark.parametrize(
    "segment",
    [
        "",  # nothing
        "00000001",  # a header cut short
        "0000000100",  # an empty group
        "0000000101" + "00" * 8,  # an opinion cut short
        "0000000101" + "00" * 10,  # a byte too many
    ],
)
def test_malformed_opinions_are_refused(segment: str) -> None:
    with pytest.raises(Malformed):
        decode_groups(bytes.fromhex(segment))


def test_levels_above_one_are_malformed() -> None:
    row = ScoreRow(1, SCALE, 0)
    assert decode_scores(encode_scores([row]), True) == (row,)
    with pytest.raises(Malformed):
        decode_scores(encode_scores([row._replace(c=1)]), True)


@given(st.lists(st.tuples(st.binary(max_size=300), word), min_size=1, max_size=8))
def test_data_frames_each_segment_with_its_root(frames: list[tuple[bytes, bytes]]) -> None:
    """RP-19"""
    segments, roots = zip(*frames, strict=True)
    data = encode_data(segments, roots)
    assert data == b"".join(
        len(segment).to_bytes(2, "big") + segment + root for segment, root in frames
    )
    assert decode_data(data) == (segments, roots)


@given(st.binary(max_size=80))
def test_data_is_framed_in_one_way_or_none(data: bytes) -> None:
    try:
        segments, roots = decode_data(data)
    except Malformed:
        return
    assert encode_data(segments, roots) == data


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1" + bytes(32), b"\0\0" + bytes(31)])
def test_data_cut_short_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_data(data)


def test_the_data_tree_chains_the_roots() -> None:
    """RP-19"""
    before, first, second = (bytes([at]) * 32 for at in (1, 2, 3))
    leaves = [
        leaf_hash(keccak(b"a") + before + first),
        leaf_hash(keccak(b"b") + first + second),
    ]
    assert data_tree([b"a", b"b"], before, [first, second]).root == root_of(leaves)


def test_a_header_is_sixteen_words() -> None:
    """RP-21: every field takes its own word, in the order of the rule."""
    header = Header(
        shard=1,
        index=2,
        kind=BatchKind.SCORES,
        source=BatchSource.CALLDATA,
        closes=True,
        epoch=6,
        posted_at=7,
        proposer="0x" + "08" * 20,
        levy=9,
        segments=10,
        previous=b"\x0b" * 32,
        root_before=b"\x0c" * 32,
        root=b"\x0d" * 32,
        data=b"\x0e" * 32,
        folds=b"\x0f" * 32,
        archive=b"\x10" * 32,
    )
    encoding = header.encode()
    expected: list[int | bytes] = [1, 2, 2, 1, 1, 6, 7, bytes(12) + b"\x08" * 20, 9, 10]
    expected += [bytes([at]) * 32 for at in range(11, 17)]
    assert encoding == b"".join(
        value if isinstance(value, bytes) else value.to_bytes(32, "big") for value in expected
    )
    assert header.hash() == keccak(encoding)
    assert dataclasses.replace(header, closes=False).hash() != header.hash()
