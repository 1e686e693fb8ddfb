"""Writes one pack: blocks appended in order, flushed, and then made visible by the index.

While it is written the pack is locked; that is how others tell a live writer from a dead one.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from handfast.errors import Unavailable
from handfast.storage.cid import Block, Cid
from handfast.storage.disk import file_faults, index_faults, locked, sync_path, write_all
from handfast.storage.index import Index

LOCK = "lock"
"""The file in a store whose lock is held while packs are announced, or dead ones removed."""


class PackWriter:
    """A pack under construction; `finish` or `abandon` ends it."""

    def __init__(self, index: Index, root: Path) -> None:
        self._index = index
        name = f"{uuid.uuid4().hex}.pack"
        self._path = directory(root) / name
        self._length = 0
        # A nameless database spills to the disk: the rows of a huge file need no memory.
        self._rows = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._rows.execute("CREATE TABLE rows (digest BLOB PRIMARY KEY, start, size) WITHOUT ROWID")
        self._rows.execute("BEGIN")
        with locked(root / LOCK, exclusive=False):
            self._pack = index.begin_pack(name)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o666)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def append(self, blocks: Sequence[Block]) -> None:
        """Write blocks that the store does not have; those that this pack has are left out."""
        fresh: list[Block] = []
        with index_faults(str(self._path)):
            for block in blocks:
                row = (block.cid.digest, self._length, len(block.data))
                if self._rows.execute("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", row).rowcount:
                    fresh.append(block)
                    self._length += len(block.data)
        with file_faults(str(self._path)):
            write_all(self._descriptor, [block.data for block in fresh])

    def finish(self, root: Cid | None) -> None:
        """Flush the pack and its name; then its blocks become visible together."""
        with file_faults(str(self._path)):
            os.fsync(self._descriptor)
            sync_path(self._path.parent)
        rows = self._rows.execute("SELECT digest, start, size FROM rows")
        self._index.finish_pack(self._pack, rows, root)
        self._close()

    def abandon(self) -> None:
        """Leave nothing behind; should the index not take it now, the next open clears it."""
        with file_faults(str(self._path)):
            self._path.unlink()
        self._close()
        with suppress(Unavailable):
            self._index.drop_pack(self._pack)

    def _close(self) -> None:
        self._rows.close()
        os.close(self._descriptor)


def directory(root: Path) -> Path:
    """Where the packs of a store lie."""
    return root / "packs"


def remove_unfinished(index: Index, root: Path) -> None:
    """Remove the packs of writers that died: nobody holds their lock.

    The caller holds the store's lock, so that no pack is announced and not locked yet.
    """
    for pack, name in index.unfinished():
        path = directory(root) / name
        with file_faults(str(path)), _unlocked(path) as dead:
            if dead and index.is_unfinished(pack):
                path.unlink(missing_ok=True)
                index.drop_pack(pack)


@contextmanager
def _unlocked(path: Path) -> Iterator[bool]:
    """Whether nobody holds a pack's lock; if so, nobody else gets it meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free
    finally:
        os.close(descriptor)
