"""Walks a directory that came from a stranger: which names lead to which content.

Names that could leave the directory they stand in are refused, as are two of the same, shards
that are no such, and trees too deep or too large. Nothing here touches the file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from handfast.errors import Rejected
from handfast.storage.cid import Cid, Codec
from handfast.storage.dagpb import MURMUR3, Kind, Link, Node
from handfast.storage.ingest import MAX_DEPTH
from handfast.storage.reading import BlockSource, node_of

MAX_ENTRIES = 1_000_000
_MIN_SLOTS = 8
_MAX_SLOTS = 1024
_HASH_BITS = 64
_FILES = (Kind.FILE, Kind.RAW)


class Sort(Enum):
    """What stands at a path."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symbolic link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path below a root; the root itself has the empty path.

    target   of a symbolic link, else empty
    """

    path: PurePosixPath
    sort: Sort
    cid: Cid
    target: str = ""


def walk(source: BlockSource, cid: Cid) -> Iterator[Entry]:
    """Everything below a root, parents before children; files are named, not read.

    raises   Rejected for unsafe names or targets, malformed directories, more than MAX_ENTRIES
             entries or MAX_DEPTH levels
    """
    seen = 0
    waiting: list[Iterator[tuple[PurePosixPath, Cid]]] = [iter([(PurePosixPath(), cid)])]
    while waiting:
        following = next(waiting[-1], None)
        if following is None:
            waiting.pop()
            continue
        path, child = following
        seen += 1
        if seen > MAX_ENTRIES:
            raise Rejected(f"{cid} has more than {MAX_ENTRIES} entries", "too_big")
        node = None if child.codec is Codec.RAW else node_of(source, child)
        yield _entry(path, child, node)
        if node is not None and node.data.kind not in (*_FILES, Kind.SYMLINK):
            if len(waiting) > MAX_DEPTH:
                raise Rejected(f"{cid} is more than {MAX_DEPTH} directories deep", "too_deep")
            waiting.append(_children(source, path, node))


def sort_of(source: BlockSource, cid: Cid) -> Sort:
    """What a root is."""
    return next(walk(source, cid)).sort


def _entry(path: PurePosixPath, cid: Cid, node: Node | None) -> Entry:
    if node is None or node.data.kind in _FILES:
        return Entry(path, Sort.FILE, cid)
    if node.data.kind is Kind.SYMLINK:
        return Entry(path, Sort.SYMLINK, cid, _safe_target(path, node.data.content))
    if node.data.kind in (Kind.DIRECTORY, Kind.SHARD):
        return Entry(path, Sort.DIRECTORY, cid)
    raise Rejected(f"{cid} is UnixFS of type {node.data.kind.name}", "malformed")


def _children(
    source: BlockSource, path: PurePosixPath, node: Node
) -> Iterator[tuple[PurePosixPath, Cid]]:
    names: set[str] = set()
    for link in entries_of(source, node):
        _check_name(link.name)
        if link.name in names:
            raise Rejected(f"two entries are named {link.name!r}", "malformed")
        names.add(link.name)
        yield path / link.name, link.cid


def entries_of(source: BlockSource, node: Node) -> Iterator[Link]:
    """The links of a directory, those of its shards gathered under their plain names."""
    if node.data.kind is Kind.DIRECTORY:
        return iter(node.links)
    return _shard_entries(source, node, 0)


def _shard_entries(source: BlockSource, node: Node, bits: int) -> Iterator[Link]:
    slots = node.data.fanout or 0
    if (
        node.data.kind is not Kind.SHARD
        or node.data.hash_type != MURMUR3
        or not _MIN_SLOTS <= slots <= _MAX_SLOTS
        or slots & (slots - 1)
        or int.from_bytes(node.data.content, "big").bit_count() != len(node.links)
    ):
        raise Rejected("a directory shard that is none", "malformed")
    bits += slots.bit_length() - 1
    if bits > _HASH_BITS:
        raise Rejected("directory shards deeper than the hash of a name", "too_deep")
    width = len(f"{slots - 1:X}")
    for link in node.links:
        if len(link.name) < width:
            raise Rejected(f"a shard's link is named {link.name!r}", "malformed")
        if len(link.name) > width:
            yield Link(link.name[width:], link.cid, link.tsize)
        else:
            yield from _shard_entries(source, node_of(source, link.cid), bits)


def _check_name(name: str) -> None:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise Rejected(f"an entry is named {name!r}, which is no file name", "bad_name")


def _safe_target(path: PurePosixPath, content: bytes) -> str:
    """A target that stays below the root whatever other links there are.

    Only leading `..` are allowed, fewer than the entry is deep: they start from a real directory.
    """
    try:
        target = content.decode()
    except UnicodeDecodeError as error:
        raise Rejected(f"{path} leads to a name that is not UTF-8", "bad_name") from error
    parts = target.split("/")
    climbs = 0
    while climbs < len(parts) and parts[climbs] == "..":
        climbs += 1
    if (
        not target
        or not parts[0]
        or "\0" in target
        or climbs >= len(path.parts)
        or ".." in parts[climbs:]
    ):
        raise Rejected(f"{path} is a symbolic link that leads outside: {target!r}", "bad_name")
    return target
