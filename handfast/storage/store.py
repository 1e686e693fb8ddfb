"""The one interface to content: add, get, pin and verify, by CID, wherever the blocks lie.

All of it blocks; an asyncio process calls it in a thread (`asyncio.to_thread`), several at a time
if it likes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handfast.storage import ingest
from handfast.storage.cid import Block, Buffer, Cid
from handfast.storage.ingest import Blocks, Progress, Readable, ignore
from handfast.storage.listing import Sort, walk
from handfast.storage.reading import BlockSource, read_file
from handfast.storage.saving import save
from handfast.storage.unixfs import Tree


@dataclass(frozen=True, slots=True)
class Summary:
    """What was found whole: files, and the bytes in them."""

    files: int
    size: int


class Reader(BlockSource, Protocol):
    """Content from somebody who answers blocks; nothing is believed, all is verified."""

    @contextmanager
    def opened(self, _cid: Cid) -> Iterator[BlockSource]:
        """The source to read all below a root from; one that can stream prepares that."""
        yield self

    def read(self, cid: Cid, limit: int | None = None) -> Iterator[Buffer]:
        """A file's bytes as a stream of verified pieces (see `reading.read_file`)."""
        with self.opened(cid) as source:
            yield from read_file(source, cid, limit)

    def get_bytes(self, cid: Cid, limit: int) -> bytes:
        """A whole file of at most `limit` bytes."""
        return b"".join(self.read(cid, limit))

    def save(self, cid: Cid, target: Path, progress: Progress = ignore) -> None:
        """Write a file or directory to a path, at once or not at all (see `saving.save`)."""
        with self.opened(cid) as source:
            save(source, cid, target, progress)

    def verify(self, cid: Cid, progress: Progress = ignore) -> Summary:
        """Read all that is below a root, as `save` would, and keep nothing.

        raises   Rejected if a block is not what its CID names, Unavailable if one is missing
        """
        with self.opened(cid) as source:
            return verify(source, cid, progress)


class Store(Reader, Protocol):
    """A reader that also keeps."""

    @abstractmethod
    def ingest(self, blocks: Blocks) -> Cid:
        """Keep all of these blocks and pin their root, or, on any error, none."""

    @abstractmethod
    def pin(self, cid: Cid, progress: Progress = ignore) -> None:
        """Make sure that all below a root is there, and keep it.

        raises   as `verify`
        """

    def add(self, path: Path, *, hidden: bool = False, progress: Progress = ignore) -> Cid:
        """Keep a file, or a directory with all that is below it (see `blocks_of_path`)."""
        return self.ingest(ingest.blocks_of_path(path, hidden=hidden, progress=progress))

    def add_stream(self, stream: Readable, progress: Progress = ignore) -> Cid:
        """Keep a file that is read from a stream to its end."""
        return self.ingest(ingest.blocks_of_stream(stream, progress))

    def put_bytes(self, data: bytes) -> Cid:
        """Keep a file that is in memory."""
        return self.ingest(ingest.blocks_of_bytes(data))


def verify(source: BlockSource, cid: Cid, progress: Progress = ignore) -> Summary:
    """Read all that is below a root, as `save` would, and keep nothing."""
    files = size = 0
    for entry in walk(source, cid):
        if entry.sort is Sort.FILE:
            files += 1
            for piece in read_file(source, entry.cid):
                progress(len(piece))
                size += len(piece)
    return Summary(files, size)


def drain(blocks: Blocks, put: Callable[[Block], None]) -> Cid:
    """Hand on every block; returns the root."""
    while True:
        try:
            put(next(blocks))
        except StopIteration as stop:
            root: Tree = stop.value
            return root.cid


def cid_of_bytes(data: bytes) -> Cid:
    """The CID that a file with this content has; nothing is stored."""
    return drain(ingest.blocks_of_bytes(data), lambda _block: None)


def cid_of_path(path: Path, *, hidden: bool = False, progress: Progress = ignore) -> Cid:
    """The CID that a file or directory has; nothing is stored."""
    blocks = ingest.blocks_of_path(path, hidden=hidden, progress=progress)
    return drain(blocks, lambda _block: None)
