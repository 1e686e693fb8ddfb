"""Files and directories described in a few words, so that vectors need no content in them.

A shape is a file, `{"size", "seed"}` or `{"zeros"}`; a symbolic link, `{"link"}` with its target;
or a directory: `{"entries": {name: shape}}`, and, with or without these, `{"count", "width"}` for
many small files (file i is named by i in `width` digits and holds its name).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from handfast.errors import Unavailable
from handfast.storage import unixfs
from handfast.storage.cid import Block, Buffer, Cid
from handfast.storage.ingest import blocks_of_bytes
from handfast.storage.unixfs import Tree

Shape: TypeAlias = dict[str, Any]

CHUNK = 256 * 1024
FULL = 174 * CHUNK  # what one node of leaves holds
_SPAN = 1024 * 1024


def sized(size: int, seed: int = 0) -> Shape:
    return {"size": size, "seed": seed}


FILES: dict[str, Shape] = {
    "empty": sized(0),
    "one byte": sized(1),
    "one byte short of a chunk": sized(CHUNK - 1),
    "a chunk": sized(CHUNK),
    "a chunk and a byte": sized(CHUNK + 1),
    "two chunks": sized(2 * CHUNK),
    "many chunks and a rest": sized(37 * CHUNK + 12_345),
    "equal chunks": {"zeros": 20 * CHUNK + 7},
    "a full node": sized(FULL, 1),
    "a full node and a byte": sized(FULL + 1, 1),
    "two full nodes": sized(2 * FULL, 2),
}
_SMALL = sized(100, 3)
DIRECTORIES: dict[str, Shape] = {
    "empty directory": {"entries": {}},
    "one file": {"entries": {"file": _SMALL}},
    "empty file and empty directory": {"entries": {"file": sized(0), "directory": {"entries": {}}}},
    "names in many scripts": {
        "entries": dict.fromkeys(
            ["ünïcödé", "ü", "文件", "🤝", "with space", "%2F+?#&", "-x", "a\\b", '"'], _SMALL
        )
    },
    "names that sort by their bytes": {
        "entries": dict.fromkeys(["b", "a", "B", "a-b", "a.b", "aa", "a b", "é", "z"], _SMALL)
    },
    "nested": {
        "entries": {
            "a": {"entries": {"b": {"entries": {"c": {"entries": {"deep": sized(300_000)}}}}}},
            "empty": {"entries": {}},
            "twin": sized(300_000),
        }
    },
    "symbolic links": {
        "entries": {
            "to file": {"link": "directory/file"},
            "broken": {"link": "nowhere"},
            "directory": {"entries": {"file": _SMALL, "up": {"link": "../to file"}}},
        }
    },
    # 2,048 names of 92 bytes with CIDs of 36 make 262,144 bytes: the most that is not sharded.
    "largest without shards": {"count": 2_048, "width": 92},
    "one byte more": {"count": 2_047, "width": 92, "entries": {"x" * 93: _SMALL}},
    "sharded": {"count": 7_000, "width": 5},
    "sharded twice": {"entries": {"big": {"count": 20_000, "width": 6}, "small": _SMALL}},
}
SHAPES = FILES | DIRECTORIES


def content(shape: Shape) -> Iterator[bytes]:
    """The bytes of a file, in pieces of any length."""
    if "zeros" in shape:
        yield bytes(shape["zeros"])
        return
    for start in range(0, shape["size"], _SPAN):
        key = f"{shape['seed']}/{start}".encode()
        yield hashlib.shake_128(key).digest(min(_SPAN, shape["size"] - start))


def entries(shape: Shape) -> dict[str, Shape | bytes]:
    """What a directory holds; bytes are the content of a small file."""
    names = [f"{number:0{shape['width']}}" for number in range(shape.get("count", 0))]
    return {name: name.encode() for name in names} | shape.get("entries", {})


def blocks_of(shape: Shape | bytes) -> tuple[Tree, list[Block]]:
    """The tree of a shape as pure rules build it, and its blocks, children first."""
    found: list[Block] = []
    if isinstance(shape, bytes) or "size" in shape or "zeros" in shape:
        data = shape if isinstance(shape, bytes) else b"".join(content(shape))
        building = blocks_of_bytes(data)
    elif "link" in shape:
        block, tree = unixfs.symlink(shape["link"])
        return tree, [block]
    else:
        trees: dict[str, Tree] = {}
        for name, child in entries(shape).items():
            trees[name], below = blocks_of(child)
            found += below
        building = unixfs.directory(trees)
    while True:
        try:
            found.append(next(building))
        except StopIteration as stop:
            return stop.value, found


def write(shape: Shape | bytes, path: Path) -> None:
    """Make the file or directory on the disk."""
    if isinstance(shape, bytes):
        path.write_bytes(shape)
    elif "link" in shape:
        path.symlink_to(shape["link"])
    elif "size" in shape or "zeros" in shape:
        with path.open("wb") as file:
            file.writelines(content(shape))
    else:
        path.mkdir()
        for name, child in entries(shape).items():
            write(child, path / name)


class Memory:
    """A source that has the given blocks; `fetched` counts what it was asked for."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = {block.cid: block.data for block in blocks}
        self.fetched: list[Cid] = []

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        self.fetched += cids
        try:
            return [self.blocks[cid] for cid in cids]
        except KeyError as error:
            raise Unavailable(f"no block {error}") from error
