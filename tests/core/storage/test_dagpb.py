"""The wire form of nodes: canonical when written, and no surprise when read from a stranger."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.errors import Rejected
from handfast.storage.cid import Cid, Codec
from handfast.storage.dagpb import Data, Kind, Link, Node, decode_node, encode_node
from tests.core.storage.test_cid import DIGEST, cids

numbers = st.integers(0, 2**64 - 1)
links = st.builds(Link, st.text(), cids, numbers)
data = st.builds(
    Data,
    kind=st.sampled_from(Kind),
    content=st.binary(),
    file_size=st.none() | numbers,
    block_sizes=st.lists(numbers, max_size=5).map(tuple),
    hash_type=st.none() | numbers,
    fanout=st.none() | numbers,
)
LINK = b"\x0a\x24" + bytes(Cid(Codec.RAW, DIGEST))
FILE = b"\x0a\x02\x08\x02"  # data: {kind: FILE}


def field(tag: int, body: bytes) -> bytes:
    return bytes([tag, len(body)]) + body


@given(st.lists(links, max_size=8), data)
def test_a_node_survives_encoding_with_its_links_sorted(found: list[Link], data: Data) -> None:
    """ST-6"""
    node = decode_node(encode_node(found, data))
    assert node == Node(tuple(sorted(found, key=lambda link: link.name.encode())), data)


@given(st.lists(links, max_size=4), data, st.data())
def test_damaged_nodes_are_refused_or_read_and_nothing_else(
    found: list[Link], data: Data, draw: st.DataObject
) -> None:
    """ST-6"""
    block = bytearray(encode_node(found, data))
    for _ in range(draw.draw(st.integers(1, 4))):
        at = draw.draw(st.integers(0, len(block) - 1))
        block[at] = draw.draw(st.integers(0, 255))
    with suppress(Rejected):
        node = decode_node(bytes(block[: draw.draw(st.integers(0, len(block)))]))
        assert isinstance(node, Node)


@given(st.binary(max_size=200))
def test_noise_is_refused_or_read_and_nothing_else(noise: bytes) -> None:
    """ST-6"""
    with suppress(Rejected):
        assert isinstance(decode_node(noise), Node)


def test_links_may_stand_before_or_after_the_data() -> None:
    """ST-6"""
    link = field(0x12, LINK)
    assert decode_node(FILE + link) == decode_node(link + FILE)


def test_packed_sizes_mode_and_time_are_read_as_kubo_reads_them() -> None:
    """ST-6"""
    body = b"\x08\x02" + b"\x22\x02\x05\x07" + b"\x38\xed\x03" + b"\x42\x02\x08\x01"
    assert decode_node(field(0x0A, body)).data == Data(Kind.FILE, block_sizes=(5, 7))


@pytest.mark.parametrize(
    ("block", "fact"),
    [
        (b"", "without UnixFS"),
        (field(0x12, LINK), "without UnixFS"),
        (FILE + FILE, "field 1"),
        (FILE + b"\x1a\x00", "field 3"),
        (b"\x08\x01", "field 1"),
        (b"\x0a\x05\x08\x02", "cut short"),
        (b"\x0b", "wire type 3"),
        (b"\x0d\x00", "cut short"),
        (b"\x0a" + b"\xff" * 10 + b"\x01", "number"),
        (b"\x0a" + b"\xff" * 9 + b"\x02", "number"),
        (b"\x0a\x80", "number"),
        (field(0x0A, b""), "type"),
        (field(0x0A, b"\x08\x06"), "type"),
        (field(0x0A, b"\x08\x02\x08\x02"), "field 1"),
        (field(0x0A, b"\x08\x02\x48\x02"), "field 9"),
        (FILE + field(0x12, b""), "without a CID"),
        (FILE + field(0x12, b"\x12\x01a" + LINK), "field 1 after field 2"),
        (FILE + field(0x12, LINK + LINK), "field 1 after field 1"),
        (FILE + field(0x12, LINK + b"\x12\x01\xff"), "UTF-8"),
        (FILE + field(0x12, LINK + b"\x22\x01a"), "field 4"),
        (FILE + field(0x12, b"\x0a\x04\x01\x55\x00\x00"), "identity"),
        (FILE + field(0x12, b"\x0a\x24\x01\x71\x12\x20" + DIGEST), "codec 0x71"),
    ],
)
def test_malformed_nodes_are_refused(block: bytes, fact: str) -> None:
    """ST-6"""
    with pytest.raises(Rejected, match=fact):
        decode_node(block)


def test_a_view_is_read_like_the_bytes_it_shows() -> None:
    assert decode_node(cast(bytes, memoryview(FILE))) == decode_node(FILE)
