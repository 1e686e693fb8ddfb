"""Turns files, directories and streams into blocks, children before parents.

Memory is constant: a few spans of SPAN_BYTES are in flight, hashed by threads (hashlib lets other
threads run meanwhile). Only the names and CIDs of one directory at a time, per depth, are kept.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeAlias

from handfast.errors import InvalidInput
from handfast.storage import unixfs
from handfast.storage.cid import Block, Codec
from handfast.storage.disk import file_faults
from handfast.storage.unixfs import CHUNK_BYTES, BalancedTree, Tree

SPAN_BYTES = 16 * CHUNK_BYTES
MAX_DEPTH = 128
_IN_FLIGHT = 4
_THREADS = min(4, os.cpu_count() or 1)

Blocks: TypeAlias = Generator[Block, None, Tree]
Progress: TypeAlias = Callable[[int], None]


class Readable(Protocol):
    """What is read of a stream: up to `size` bytes, none at its end."""

    def read(self, size: int, /) -> bytes: ...


def ignore(_count: int) -> None:
    """A Progress that nobody watches."""


def blocks_of_bytes(data: bytes) -> Blocks:
    """The blocks of a file with this content."""
    tree = BalancedTree()
    for block in _chunks(data) or [Block.of(Codec.RAW, b"")]:
        yield block
        yield from tree.push(unixfs.leaf(block))
    return (yield from tree.finish())


def blocks_of_stream(stream: Readable, progress: Progress = ignore) -> Blocks:
    """The blocks of a file that is read to its end.

    progress   called with the number of bytes that each span brought
    """
    with ThreadPoolExecutor(_THREADS, "hash") as pool:
        return (yield from _file(stream, pool, progress))


def blocks_of_path(path: Path, *, hidden: bool = False, progress: Progress = ignore) -> Blocks:
    """The blocks of a file or of a directory with all that is below it.

    hidden   take names that begin with a dot, too (`ipfs add --hidden`)
    raises   InvalidInput for what cannot be read, is neither file, directory nor symbolic link,
             has a name that is not UTF-8, or lies deeper than MAX_DEPTH; and for a symbolic
             link as `path` itself
    """
    with ThreadPoolExecutor(_THREADS, "hash") as pool:
        walk = _Walk(pool, hidden, progress)
        with file_faults(str(path)):
            mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise InvalidInput(f"{path} is a symbolic link: give the path that it leads to")
        return (yield from walk.entry(str(path), mode, 0))


class _Walk:
    def __init__(self, pool: ThreadPoolExecutor, hidden: bool, progress: Progress) -> None:
        self._pool = pool
        self._hidden = hidden
        self._progress = progress

    def entry(self, path: str, mode: int, depth: int) -> Blocks:
        if stat.S_ISREG(mode):
            return (yield from self._regular(path))
        if stat.S_ISDIR(mode):
            return (yield from self._directory(path, depth))
        if stat.S_ISLNK(mode):
            with file_faults(path):
                target = _text(str(Path(path).readlink()))
            block, tree = unixfs.symlink(target)
            yield block
            return tree
        raise InvalidInput(f"{path} is neither a file, a directory nor a symbolic link")

    def _regular(self, path: str) -> Blocks:
        with file_faults(path):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb", buffering=0) as stream:
            return (yield from _file(_Named(stream, path), self._pool, self._progress))

    def _directory(self, path: str, depth: int) -> Blocks:
        if depth == MAX_DEPTH:
            raise InvalidInput(f"{path} is more than {MAX_DEPTH} directories deep")
        with file_faults(path), os.scandir(path) as scan:
            found = [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in scan]
        entries: dict[str, Tree] = {}
        for name, mode in sorted(found):
            if self._hidden or not name.startswith("."):
                entries[_text(name)] = yield from self.entry(f"{path}/{name}", mode, depth + 1)
        return (yield from unixfs.directory(entries))


class _Named:
    """A file whose failures to read name its path."""

    def __init__(self, stream: Readable, path: str) -> None:
        self._stream = stream
        self._path = path

    def read(self, size: int, /) -> bytes:
        with file_faults(self._path):
            return self._stream.read(size)


def _file(stream: Readable, pool: ThreadPoolExecutor, progress: Progress) -> Blocks:
    first = read_full(stream, SPAN_BYTES)
    progress(len(first))
    if len(first) < SPAN_BYTES:
        return (yield from blocks_of_bytes(first))
    tree = BalancedTree()
    for block in _leaves(first, stream, pool, progress):
        yield block
        yield from tree.push(unixfs.leaf(block))
    return (yield from tree.finish())


def _leaves(
    first: bytes, stream: Readable, pool: ThreadPoolExecutor, progress: Progress
) -> Iterator[Block]:
    hashing: deque[Future[list[Block]]] = deque([pool.submit(_chunks, first)])
    while hashing:
        span = read_full(stream, SPAN_BYTES)
        if span:
            progress(len(span))
            hashing.append(pool.submit(_chunks, span))
        while hashing and (len(hashing) == _IN_FLIGHT or not span):
            yield from hashing.popleft().result()


def _chunks(span: bytes) -> list[Block]:
    view = memoryview(span)
    starts = range(0, len(span), CHUNK_BYTES)
    return [Block.of(Codec.RAW, view[start : start + CHUNK_BYTES]) for start in starts]


def read_full(stream: Readable, size: int) -> bytes:
    """Read `size` bytes of a stream, fewer only at its end: a pipe gives them in pieces."""
    piece = stream.read(size)
    if len(piece) == size or not piece:
        return piece
    pieces = [piece]
    missing = size - len(piece)
    while missing and (piece := stream.read(missing)):
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _text(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"the name {os.fsencode(name)!r} is not UTF-8") from error
    return name
