"""Reading files from a source that may lie: the right bytes in the right order, or an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Block, Buffer, Cid, Codec
from handfast.storage.dagpb import Data, Kind, Link, encode_node
from handfast.storage.reading import MAX_BLOCK_BYTES, MAX_FILE_DEPTH, file_size, read_file
from tests.storage_shapes import CHUNK, Memory, Shape, blocks_of, content, sized

LARGE = sized(37 * CHUNK + 12_345)


def node(kind: Kind, links: Iterable[tuple[Block, int]] = (), **data: object) -> Block:
    """A dag-pb block; links are (child, the file size it is said to have)."""
    parts = list(links)
    sizes = tuple(size for _child, size in parts)
    body = Data(kind, block_sizes=sizes, **data)  # type: ignore[arg-type]
    found = [Link("", child.cid, len(child.data)) for child, _size in parts]
    return Block.of(Codec.DAG_PB, encode_node(found, body))


def raw(data: bytes) -> Block:
    return Block.of(Codec.RAW, data)


def read(blocks: list[Block], root: Block, limit: int | None = None) -> bytes:
    return b"".join(read_file(Memory([*blocks, root]), root.cid, limit))


@pytest.mark.parametrize(
    "shape", [sized(0), sized(5), sized(CHUNK), sized(CHUNK + 1), LARGE, {"zeros": 3 * CHUNK}]
)
def test_a_file_comes_back_as_it_was(shape: Shape) -> None:
    """ST-7"""
    tree, blocks = blocks_of(shape)
    data = b"".join(content(shape))
    assert b"".join(read_file(Memory(blocks), tree.cid)) == data
    assert file_size(Memory(blocks), tree.cid) == len(data) == tree.file_size


def test_content_inside_nodes_and_leaves_of_other_writers_is_read() -> None:
    """ST-7: nodes with content of their own, leaves in dag-pb of type File and Raw."""
    first = node(Kind.FILE, content=b"first ", file_size=6)
    second = node(Kind.RAW, content=b"second ", file_size=7)
    inner = node(Kind.FILE, [(second, 7), (raw(b"third"), 5)], file_size=12)
    root = node(Kind.FILE, [(first, 6), (inner, 12)], content=b"head ", file_size=23)
    assert read([first, second, raw(b"third"), inner], root) == b"head first second third"


@pytest.mark.parametrize("position", [0, 1, 20, 37, 38])
def test_a_flipped_bit_in_any_block_is_found(position: int) -> None:
    """ST-7, ST-I1"""
    tree, blocks = blocks_of(LARGE)
    source = Memory(blocks)
    cid = blocks[position].cid
    damaged = bytearray(source.blocks[cid])
    damaged[len(damaged) // 2] ^= 1
    source.blocks[cid] = bytes(damaged)
    received: list[Buffer] = []
    with pytest.raises(Rejected, match=str(cid)):
        received.extend(read_file(source, tree.cid))
    data = b"".join(content(LARGE))
    assert data.startswith(b"".join(received)), "only what was verified is handed on"


def test_another_block_or_too_few_of_them_are_refused() -> None:
    """ST-7"""
    tree, blocks = blocks_of(LARGE)

    class Swapping(Memory):
        def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
            return super().fetch(cids)[::-1]

    class Forgetting(Memory):
        def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
            return super().fetch(cids)[:-1]

    for source in (Swapping(blocks), Forgetting(blocks)):
        with pytest.raises(Rejected):
            list(read_file(source, tree.cid))


def test_a_missing_block_is_unavailable() -> None:
    """ST-7"""
    tree, blocks = blocks_of(LARGE)
    with pytest.raises(Unavailable):
        list(read_file(Memory(blocks[1:]), tree.cid))


def test_a_block_above_the_limit_is_refused_even_if_it_is_right() -> None:
    """ST-8"""
    fits, large = raw(bytes(MAX_BLOCK_BYTES)), raw(bytes(MAX_BLOCK_BYTES + 1))
    assert read([], fits) == fits.data
    with pytest.raises(Rejected, match="allowed") as refusal:
        read([], large)
    assert refusal.value.reason == "too_big"


def test_a_file_that_declares_more_than_the_limit_is_refused_before_it_is_fetched() -> None:
    """ST-8"""
    tree, blocks = blocks_of(LARGE)
    source = Memory(blocks)
    with pytest.raises(Rejected, match="allowed"):
        list(read_file(source, tree.cid, limit=tree.file_size - 1))
    assert source.fetched == [tree.cid]
    assert len(b"".join(read_file(source, tree.cid, limit=tree.file_size))) == tree.file_size


@pytest.mark.parametrize(
    "root",
    [
        node(Kind.FILE, [(raw(b"ab"), 3)], file_size=3),
        node(Kind.FILE, [(raw(b"ab"), 1)], file_size=1),
        node(Kind.FILE, [(raw(b"ab"), 2)], file_size=3),
        node(Kind.FILE, [(raw(b"ab"), 2)], content=b"x", file_size=2),
        node(Kind.FILE, [(node(Kind.FILE, [(raw(b"ab"), 2)], file_size=2), 3)], file_size=3),
        node(Kind.FILE, [(node(Kind.DIRECTORY), 2)], file_size=2),
        node(Kind.FILE, [(node(Kind.SYMLINK, content=b"ab"), 2)], file_size=2),
    ],
)
def test_sizes_that_do_not_add_up_are_refused(root: Block) -> None:
    """ST-8"""
    below = [
        raw(b"ab"),
        node(Kind.FILE, [(raw(b"ab"), 2)], file_size=2),
        node(Kind.DIRECTORY),
        node(Kind.SYMLINK, content=b"ab"),
    ]
    with pytest.raises(Rejected) as refusal:
        read(below, root)
    assert refusal.value.reason == "bad_size"


def test_links_without_sizes_are_refused() -> None:
    """ST-8"""
    leaf = raw(b"ab")
    links = [Link("", leaf.cid, 2)] * 2
    root = Block.of(Codec.DAG_PB, encode_node(links, Data(Kind.FILE, block_sizes=(2,))))
    with pytest.raises(Rejected, match="add up"):
        read([leaf], root)


def test_empty_parts_are_refused_since_they_could_multiply_for_ever() -> None:
    """ST-8"""
    bomb = node(Kind.FILE, file_size=0)
    blocks = [bomb]
    for _ in range(MAX_FILE_DEPTH - 1):
        bomb = node(Kind.FILE, [(bomb, 0)] * 174, file_size=0)
        blocks.append(bomb)
    source = Memory(blocks)
    with pytest.raises(Rejected, match="add up"):
        list(read_file(source, bomb.cid))
    assert len(source.fetched) == 1


@pytest.mark.parametrize(("levels", "fits"), [(MAX_FILE_DEPTH, True), (MAX_FILE_DEPTH + 1, False)])
def test_nodes_below_the_deepest_level_are_refused(levels: int, fits: bool) -> None:
    """ST-8"""
    root = node(Kind.FILE, [(raw(b"ab"), 2)], file_size=2)
    blocks = [raw(b"ab"), root]
    for _ in range(levels):
        root = node(Kind.FILE, [(root, 2)], file_size=2)
        blocks.append(root)
    if fits:
        assert read(blocks, root) == b"ab"
    else:
        with pytest.raises(Rejected, match="deeper"):
            read(blocks, root)


@pytest.mark.parametrize("kind", [Kind.DIRECTORY, Kind.SYMLINK, Kind.SHARD, Kind.METADATA])
def test_only_a_file_can_be_read(kind: Kind) -> None:
    """ST-7"""
    with pytest.raises(InvalidInput, match=kind.name.lower()):
        read([], node(kind))


def test_a_reader_may_stop_in_the_middle() -> None:
    """ST-7"""
    tree, blocks = blocks_of(LARGE)
    stream = read_file(Memory(blocks), tree.cid)
    assert next(stream) == blocks[0].data
    stream.close()  # type: ignore[attr-defined]
