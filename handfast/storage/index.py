"""The index of a local store: where each block lies, and which roots are pinned (SQLite).

Every change is one transaction of a write-ahead log that is flushed at commit, so it is there
whole after a power failure, or not at all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from handfast.errors import InvalidInput
from handfast.storage.cid import Block, Cid, Codec
from handfast.storage.disk import index_faults

_FORMAT = 1
_BUSY_SECONDS = 60.0
_SCHEMA = f"""
    BEGIN;
    CREATE TABLE packs (id INTEGER PRIMARY KEY, name TEXT NOT NULL, finished INTEGER NOT NULL);
    CREATE TABLE blocks (
        digest BLOB PRIMARY KEY,
        pack INTEGER NOT NULL,
        start INTEGER NOT NULL,
        size INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE small (digest BLOB PRIMARY KEY, content BLOB NOT NULL);
    CREATE TABLE pins (codec INTEGER, digest BLOB, PRIMARY KEY (codec, digest)) WITHOUT ROWID;
    PRAGMA user_version = {_FORMAT};
    COMMIT;
"""

_FIND = "SELECT name, start, size FROM blocks JOIN packs ON id = pack WHERE digest = ?"
_FIND_SMALL = "SELECT content FROM small WHERE digest = ?"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which pack a block lies."""

    pack: str
    start: int
    size: int

    def touches(self, other: Place) -> bool:
        """Whether the other block begins where this one ends."""
        return self.pack == other.pack and self.start + self.size == other.start


Row: TypeAlias = tuple[bytes, int, int]  # digest, start, size


class Index:
    """Safe to use from several threads and processes; one process at a time may make it."""

    def __init__(self, root: Path) -> None:
        self._name = str(root)
        self._reading = Lock()
        self._writing = Lock()
        with index_faults(self._name):
            self._writer = _connect(root / "index.sqlite")
            self._prepare()
            self._reader = _connect(root / "index.sqlite")

    def _prepare(self) -> None:
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._writer.executescript(_SCHEMA)
        elif version != _FORMAT:
            raise InvalidInput(f"{self._name} has format {version}; this version reads {_FORMAT}")

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def find(self, digests: Sequence[bytes]) -> dict[bytes, Place | bytes]:
        """Where these blocks lie, or the small ones themselves; what is unknown is left out."""
        found: dict[bytes, Place | bytes] = {}
        with self._reading, index_faults(self._name):
            for digest in digests:
                if (row := self._reader.execute(_FIND, (digest,)).fetchone()) is not None:
                    found[digest] = Place(*row)
                elif (row := self._reader.execute(_FIND_SMALL, (digest,)).fetchone()) is not None:
                    found[digest] = row[0]
        return found

    def add_small(self, blocks: Iterable[Block], root: Cid | None) -> None:
        """Keep blocks in the index itself, and pin their root."""
        with self._transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO small VALUES (?, ?)",
                ((block.cid.digest, block.data) for block in blocks),
            )
            _pin(database, root)

    def begin_pack(self, name: str) -> int:
        """Announce a pack, so that it can be removed should its writer die; returns its id."""
        with self._transaction() as database:
            cursor = database.execute("INSERT INTO packs (name, finished) VALUES (?, 0)", (name,))
            return int(cursor.lastrowid or 0)

    def finish_pack(self, pack: int, rows: Iterable[Row], root: Cid | None) -> None:
        """Make the blocks of a flushed pack visible, and pin their root."""
        with self._transaction() as database:
            database.execute("UPDATE packs SET finished = 1 WHERE id = ?", (pack,))
            database.executemany(
                "INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?)",
                ((digest, pack, start, size) for digest, start, size in rows),
            )
            _pin(database, root)

    def drop_pack(self, pack: int) -> None:
        """Forget a pack that was announced and not finished."""
        with self._transaction() as database:
            database.execute("DELETE FROM packs WHERE id = ? AND finished = 0", (pack,))

    def unfinished(self) -> list[tuple[int, str]]:
        """Packs whose writers are at work, or died."""
        with self._reading, index_faults(self._name):
            query = "SELECT id, name FROM packs WHERE finished = 0"
            return list(self._reader.execute(query))

    def is_unfinished(self, pack: int) -> bool:
        return any(pack == other for other, _name in self.unfinished())

    def pin(self, root: Cid) -> None:
        with self._transaction() as database:
            _pin(database, root)

    def pins(self) -> list[Cid]:
        """The roots that are to be kept."""
        with self._reading, index_faults(self._name):
            rows = self._reader.execute("SELECT codec, digest FROM pins ORDER BY digest, codec")
            return [Cid(Codec(codec), digest) for codec, digest in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing, index_faults(self._name):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )


def _pin(database: sqlite3.Connection, root: Cid | None) -> None:
    if root is not None:
        row = (int(root.codec), root.digest)
        database.execute("INSERT OR IGNORE INTO pins VALUES (?, ?)", row)
