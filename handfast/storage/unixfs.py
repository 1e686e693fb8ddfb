"""Which DAG a file or a directory becomes: the layout of `ipfs add --cid-version=1 --raw-leaves`.

Files are cut into chunks of 256 KiB under a balanced tree of 174 links a node; a directory whose
names and CIDs together pass 256 KiB is spread over shards (HAMT) of 256 slots by the murmur3 hash
of each name.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

import mmh3

from handfast.errors import InvalidInput
from handfast.storage.cid import Block, Cid, Codec
from handfast.storage.dagpb import MURMUR3, Data, Kind, Link, encode_node

CHUNK_BYTES = 256 * 1024
FILE_LINKS = 174
DIRECTORY_BYTES = 256 * 1024  # one byte more and it is sharded
SHARD_SLOTS = 256
_HASH_BYTES = 8


@dataclass(frozen=True, slots=True)
class Tree:
    """A finished subtree.

    file_size   bytes of the file below it (0 for directories and symbolic links)
    tsize       bytes of its blocks, each counted as often as it is linked
    """

    cid: Cid
    file_size: int
    tsize: int


def leaf(block: Block) -> Tree:
    """The subtree that is one raw chunk."""
    return Tree(block.cid, len(block.data), len(block.data))


class BalancedTree:
    """Builds the inner nodes of a file from its leaves, in order, in memory of O(log size).

    Every leaf has the same depth, the least that holds them all: a full row of FILE_LINKS is
    joined at once, and the rows that are not full when the file ends are joined by `finish`.
    """

    def __init__(self) -> None:
        self._rows: list[list[Tree]] = []

    def push(self, tree: Tree) -> Iterator[Block]:
        """Take the next leaf; yields the nodes that it completes."""
        depth = 0
        while True:
            if depth == len(self._rows):
                self._rows.append([])
            row = self._rows[depth]
            row.append(tree)
            if len(row) < FILE_LINKS:
                return
            block, tree = _join(row)
            row.clear()
            yield block
            depth += 1

    def finish(self) -> Generator[Block, None, Tree]:
        """Join the rows that are not full, from the bottom; the value returned is the root.

        raises   InvalidInput if no leaf was pushed (an empty file is one empty leaf)
        """
        lifted: list[Tree] = []
        for depth, row in enumerate(self._rows):
            row.extend(lifted)
            if depth == len(self._rows) - 1 and len(row) == 1:
                return row[0]
            lifted = []
            if row:
                block, tree = _join(row)
                yield block
                lifted = [tree]
        if not lifted:
            raise InvalidInput("a file without leaves")
        return lifted[0]


def _join(row: list[Tree]) -> tuple[Block, Tree]:
    size = sum(tree.file_size for tree in row)
    data = Data(Kind.FILE, file_size=size, block_sizes=tuple(tree.file_size for tree in row))
    return _node([Link("", tree.cid, tree.tsize) for tree in row], data, size)


def _node(links: list[Link], data: Data, file_size: int = 0) -> tuple[Block, Tree]:
    block = Block.of(Codec.DAG_PB, encode_node(links, data))
    tsize = len(block.data) + sum(link.tsize for link in links)
    return block, Tree(block.cid, file_size, tsize)


def symlink(target: str) -> tuple[Block, Tree]:
    """The node of a symbolic link."""
    return _node([], Data(Kind.SYMLINK, target.encode()))


def directory(entries: Mapping[str, Tree]) -> Generator[Block, None, Tree]:
    """The nodes of a directory; the value returned is its root.

    entries   by name; the names are unique and were checked by the caller
    """
    links = [Link(name, tree.cid, tree.tsize) for name, tree in entries.items()]
    if sum(len(link.name.encode()) + len(bytes(link.cid)) for link in links) > DIRECTORY_BYTES:
        return (yield from _shard([(name_hash(link.name), link) for link in links], 0))
    block, tree = _node(links, Data(Kind.DIRECTORY))
    yield block
    return tree


def name_hash(name: str) -> bytes:
    """One byte for each depth of the trie: the first half of murmur3 x64 128, big-endian."""
    return mmh3.hash64(name.encode(), x64arch=True, signed=False)[0].to_bytes(_HASH_BYTES, "big")


def _shard(hashed: list[tuple[bytes, Link]], depth: int) -> Generator[Block, None, Tree]:
    if depth == _HASH_BYTES:
        raise InvalidInput(f"names with equal hashes: {hashed[0][1].name!r}, {hashed[1][1].name!r}")
    slots: dict[int, list[tuple[bytes, Link]]] = {}
    for item in hashed:
        slots.setdefault(item[0][depth], []).append(item)
    links: list[Link] = []
    for slot, items in slots.items():
        if len(items) == 1:
            link = items[0][1]
            links.append(Link(f"{slot:02X}{link.name}", link.cid, link.tsize))
        else:
            tree = yield from _shard(items, depth + 1)
            links.append(Link(f"{slot:02X}", tree.cid, tree.tsize))
    bits = sum(1 << slot for slot in slots)
    bitfield = bits.to_bytes((bits.bit_length() + 7) // 8, "big")
    data = Data(Kind.SHARD, bitfield, hash_type=MURMUR3, fanout=SHARD_SLOTS)
    block, tree = _node(links, data)
    yield block
    return tree
