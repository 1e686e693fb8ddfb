"""Directories from strangers: names that stay where they stand, shards that are some."""

from __future__ import annotations

import pytest

from handfast.errors import Rejected
from handfast.storage import listing
from handfast.storage.cid import Block, Cid, Codec
from handfast.storage.dagpb import MURMUR3, Data, Kind, Link, encode_node
from handfast.storage.ingest import MAX_DEPTH
from handfast.storage.listing import Entry, Sort, walk
from tests.storage_shapes import SHAPES, Memory, blocks_of

LEAF = Block.of(Codec.RAW, b"leaf")


def directory(*names: str, child: Cid = LEAF.cid, data: Data | None = None) -> Block:
    links = [Link(name, child, 4) for name in names]
    return Block.of(Codec.DAG_PB, encode_node(links, data or Data(Kind.DIRECTORY)))


def symlink(target: bytes) -> Block:
    return Block.of(Codec.DAG_PB, encode_node([], Data(Kind.SYMLINK, target)))


def shard(*names: str, bits: int, child: Cid = LEAF.cid, fanout: int = 256) -> Block:
    content = bits.to_bytes(32, "big").lstrip(b"\0")
    return directory(
        *names, child=child, data=Data(Kind.SHARD, content, hash_type=MURMUR3, fanout=fanout)
    )


def names(root: Block, *below: Block) -> list[str]:
    return [str(entry.path) for entry in walk(Memory([LEAF, *below, root]), root.cid)]


def refused(root: Block, *below: Block) -> str:
    with pytest.raises(Rejected) as refusal:
        names(root, *below)
    return refusal.value.reason


def test_a_walk_names_everything_parents_first() -> None:
    """ST-9"""
    tree, blocks = blocks_of(SHAPES["symbolic links"])
    found = [
        (str(entry.path), entry.sort, entry.target) for entry in walk(Memory(blocks), tree.cid)
    ]
    assert found == [
        (".", Sort.DIRECTORY, ""),
        ("broken", Sort.SYMLINK, "nowhere"),
        ("directory", Sort.DIRECTORY, ""),
        ("directory/file", Sort.FILE, ""),
        ("directory/up", Sort.SYMLINK, "../to file"),
        ("to file", Sort.SYMLINK, "directory/file"),
    ]


@pytest.mark.parametrize("name", ["sharded twice", "one byte more"])
def test_shards_are_one_directory_again(name: str) -> None:
    """ST-3, ST-9"""
    tree, blocks = blocks_of(SHAPES[name])
    entries: list[Entry] = list(walk(Memory(blocks), tree.cid))
    files = {entry.path.name for entry in entries if entry.sort is Sort.FILE}
    shape = SHAPES[name]["entries"].get("big", SHAPES[name])
    assert files >= {f"{number:0{shape['width']}}" for number in range(shape["count"])}
    assert len(entries) == len({entry.path for entry in entries})


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/b", "../a", "/etc", "a\0b"])
def test_names_that_are_no_file_names_are_refused(name: str) -> None:
    """ST-9"""
    assert refused(directory(name)) == "bad_name"
    if name:
        assert refused(shard("00" + name, bits=1)) == "bad_name"


def test_two_entries_of_one_name_are_refused() -> None:
    """ST-9"""
    assert refused(directory("a", "a")) == "malformed"
    assert refused(shard("00a", "01a", bits=3)) == "malformed"


@pytest.mark.parametrize(
    "target", [b"a", b"./a", b"../a", b"a/b", b"../../a", b"../..", b".", "ü".encode()]
)
def test_links_that_stay_below_the_root_are_named(target: bytes) -> None:
    """ST-10"""
    link = symlink(target)
    inner = directory("link", child=link.cid)
    middle = directory("inner", child=inner.cid)
    root = directory("middle", child=middle.cid)
    assert "middle/inner/link" in names(root, middle, inner, link)


@pytest.mark.parametrize(
    "target",
    [b"", b"/", b"/etc/passwd", b"../../..", b"../../../a", b"a/..", b"a/../../b", b"\xff", b"a\0"],
)
def test_links_that_could_lead_outside_are_refused(target: bytes) -> None:
    """ST-10"""
    link = symlink(target)
    inner = directory("link", child=link.cid)
    middle = directory("inner", child=inner.cid)
    root = directory("middle", child=middle.cid)
    assert refused(root, middle, inner, link) == "bad_name"


def test_a_link_alone_leads_outside() -> None:
    """ST-10"""
    assert refused(symlink(b"a")) == "bad_name"


@pytest.mark.parametrize(
    "root",
    [
        shard("00a", "01b", bits=1),
        shard("00a", bits=3),
        shard("0", bits=1),
        shard("00a", bits=1, fanout=255),
        shard("000a", bits=1, fanout=2048),
        shard("0a", bits=1, fanout=4),
        directory("00a", data=Data(Kind.SHARD, b"\1", hash_type=0x12, fanout=256)),
        directory("00a", data=Data(Kind.SHARD, b"\1", hash_type=MURMUR3)),
        shard("00", bits=1, child=directory("a").cid),
        directory("a", child=Block.of(Codec.DAG_PB, encode_node([], Data(Kind.METADATA))).cid),
    ],
)
def test_shards_that_are_none_are_refused(root: Block) -> None:
    """ST-9"""
    metadata = Block.of(Codec.DAG_PB, encode_node([], Data(Kind.METADATA)))
    assert refused(root, directory("a"), metadata) == "malformed"


def test_shards_deeper_than_a_hash_are_refused() -> None:
    """ST-8"""
    root = shard("00a", bits=1)
    blocks = [root]
    for _ in range(8):
        root = shard("00", bits=1, child=root.cid)
        blocks.append(root)
    assert refused(root, *blocks) == "too_deep"
    assert names(blocks[-2], *blocks) == [".", "a"]


def test_directories_below_the_deepest_level_are_refused() -> None:
    """ST-8"""
    root = directory()
    blocks = [root]
    for _ in range(MAX_DEPTH):
        root = directory("d", child=root.cid)
        blocks.append(root)
    assert refused(root, *blocks) == "too_deep"
    assert len(names(blocks[-2], *blocks)) == MAX_DEPTH


def test_directories_that_multiply_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """ST-8: 20 blocks name 2^20 files."""
    monkeypatch.setattr(listing, "MAX_ENTRIES", 1000)
    root = directory("a", "b")
    blocks = [root]
    for _ in range(19):
        root = directory("a", "b", child=root.cid)
        blocks.append(root)
    assert refused(root, *blocks) == "too_big"
