"""What must survive a crash: lines of input by stream, snapshots of what they led to, and notes.

A process appends a line for every input that changes its state, and acts once the line is on disk;
after a crash, the newest snapshot and the lines behind it lead to the same state. Streams are
independent (one channel, one stream), and one `write` makes lines of many streams durable with a
single sync.

The file is SQLite in WAL mode with synchronous=FULL. It can hold secrets that a state needs
(preimages), never keys, and is readable by its owner alone. One process at a time may open it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self

from handfast.errors import HandfastError, InvalidInput, InvariantBroken, Unavailable

_FORMAT = 1
_LITTLE = 64 * 1024
"""Bytes without which SQLite speaks of an I/O error, or of a full disk."""
_APPLICATION = 0x48414E44
_SCHEMA = """
CREATE TABLE stream (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
CREATE TABLE line (
    number INTEGER PRIMARY KEY, stream INTEGER NOT NULL, body BLOB NOT NULL, chain INTEGER NOT NULL
);
CREATE INDEX line_of_stream ON line (stream);
CREATE TABLE snapshot (
    stream INTEGER PRIMARY KEY, body BLOB NOT NULL, chain INTEGER NOT NULL, own INTEGER NOT NULL
);
CREATE TABLE note (
    stream INTEGER NOT NULL, kind TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (stream, kind, key)
) WITHOUT ROWID;
"""
_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}


@dataclass(slots=True)
class Batch:
    """What is to become durable together.

    lines        by stream and body, in order
    notes        by stream, kind and key; a later one replaces an earlier
    snapshots    by stream: see `snapshot`
    """

    lines: list[tuple[bytes, bytes]] = field(default_factory=list)
    notes: list[tuple[bytes, str, bytes, bytes]] = field(default_factory=list)
    snapshots: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def snapshot(self, stream: bytes, body: bytes) -> None:
        """Keep the state that the stream's lines so far lead to, in their place. Lines that are
        brought after this, into the same batch too, stand behind it.
        """
        self.snapshots[stream] = (len(self.lines), body)

    def __bool__(self) -> bool:
        return bool(self.lines or self.notes or self.snapshots)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stream as it was left.

    snapshot    None if there is none
    lines       those behind it, in order
    """

    snapshot: bytes | None
    lines: tuple[bytes, ...]


class Journal:
    """A journal file, held by this process until `close`.

    path     made if it does not exist
    raises   Unavailable if another process holds it or the disk fails; InvalidInput if the file is
             something else; InvariantBroken if it is damaged
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = _hold(path)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
        except OSError as error:
            raise Unavailable(f"journal {path}: {error.strerror}") from error
        try:
            self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._prepare()
            # Of its own, so that reading here and writing in another thread do not meet.
            self._reader = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._ids: dict[bytes, int] = dict(self._base.execute("SELECT name, id FROM stream"))
            self._chains = self._read_chains()
        except sqlite3.Error as error:
            self._lock.close()
            raise self._failure(error) from error
        except HandfastError:
            self._lock.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()
        self._base.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------ writing

    def write(self, batch: Batch) -> None:
        """Make a batch durable: all of it is on disk when this returns, or nothing is.

        raises   Unavailable if the disk is full or fails; the batch can be written again later
        """
        ids, chains = self._ids.copy(), self._chains.copy()
        try:
            self._base.execute("BEGIN IMMEDIATE")
            self._insert(batch)
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            self._ids, self._chains = ids, chains
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise self._failure(error) from error

    def _insert(self, batch: Batch) -> None:
        first = 0
        for name, (behind, body) in sorted(batch.snapshots.items(), key=_position):
            self._insert_lines(batch.lines[first:behind])
            self._insert_snapshot(self._id(name), body)
            first = behind
        self._insert_lines(batch.lines[first:])
        self._base.executemany(
            "INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)",
            [(self._id(name), kind, key, body) for name, kind, key, body in batch.notes],
        )

    def _insert_lines(self, lines: list[tuple[bytes, bytes]]) -> None:
        chains = self._chains
        rows = []
        for name, body in lines:
            stream = self._id(name)
            chains[stream] = chain = zlib.crc32(body, chains.get(stream, 0))
            rows.append((stream, body, chain))
        self._base.executemany("INSERT INTO line (stream, body, chain) VALUES (?, ?, ?)", rows)

    def _insert_snapshot(self, stream: int, body: bytes) -> None:
        state = (stream, body, self._chains.get(stream, 0), zlib.crc32(body))
        self._base.execute("INSERT OR REPLACE INTO snapshot VALUES (?, ?, ?, ?)", state)
        self._base.execute("DELETE FROM line WHERE stream = ?", (stream,))

    def _id(self, name: bytes) -> int:
        known = self._ids.get(name)
        if known is None:
            cursor = self._base.execute("INSERT INTO stream (name) VALUES (?)", (name,))
            known = self._ids[name] = cursor.lastrowid or 0
        return known

    # ------------------------------------------------------------ reading

    def streams(self) -> list[bytes]:
        """Every stream, in the order of their first lines."""
        return sorted(self._ids, key=self._ids.__getitem__)

    def load(self, name: bytes) -> Stored:
        """A stream's newest snapshot and the lines behind it.

        raises   InvariantBroken if a line is damaged or missing
        """
        stream = self._ids.get(name)
        try:
            found = self._reader.execute(
                "SELECT body, chain, own FROM snapshot WHERE stream = ?", (stream,)
            ).fetchone()
            rows = self._reader.execute(
                "SELECT body, chain FROM line WHERE stream = ? ORDER BY number", (stream,)
            ).fetchall()
        except sqlite3.Error as error:
            raise self._failure(error) from error
        chain = 0
        if found is not None:
            body, chain, own = found
            if zlib.crc32(body) != own:
                raise self._damage("a snapshot is damaged")
        for number, (body, expected) in enumerate(rows, 1):
            chain = zlib.crc32(body, chain)
            if chain != expected:
                raise self._damage(f"line {number} behind the snapshot is damaged or missing")
        return Stored(found[0] if found is not None else None, tuple(body for body, _ in rows))

    def note(self, name: bytes, kind: str, key: bytes) -> bytes | None:
        """One note; None if there is none."""
        try:
            found = self._reader.execute(
                "SELECT body FROM note WHERE stream = ? AND kind = ? AND key = ?",
                (self._ids.get(name), kind, key),
            ).fetchone()
        except sqlite3.Error as error:
            raise self._failure(error) from error
        return None if found is None else bytes(found[0])

    def notes(self, name: bytes, kind: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Notes of a kind, by key, from `start` on."""
        try:
            yield from self._reader.execute(
                "SELECT key, body FROM note WHERE stream = ? AND kind = ? AND key >= ?"
                " ORDER BY key",
                (self._ids.get(name), kind, start),
            )
        except sqlite3.Error as error:
            raise self._failure(error) from error

    # ------------------------------------------------------------ internals

    def _prepare(self) -> None:
        run = self._base.execute
        (application,), (version,) = (
            run(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        (tables,) = run("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and (application, version) != (_APPLICATION, _FORMAT):
            raise InvalidInput(f"{self.path} is not a journal of format {_FORMAT}")
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")
        if not tables:
            script = f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_FORMAT};"
            self._base.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {script} COMMIT;")

    def _read_chains(self) -> dict[int, int]:
        chains: dict[int, int] = dict(self._base.execute("SELECT stream, chain FROM snapshot"))
        chains.update(
            self._base.execute(
                "SELECT stream, chain FROM line"
                " WHERE number IN (SELECT max(number) FROM line GROUP BY stream)"
            )
        )
        return chains

    def _failure(self, error: sqlite3.Error) -> HandfastError:
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _PASSING:
            full = shutil.disk_usage(self.path.parent).free < _LITTLE
            return Unavailable(f"journal {self.path}: {'the disk is full' if full else error}")
        return self._damage(str(error))

    def _damage(self, fact: str) -> InvariantBroken:
        return InvariantBroken(f"journal {self.path}: {fact}; restore it from a copy")


def _position(item: tuple[bytes, tuple[int, bytes]]) -> int:
    return item[1][0]


def _hold(path: Path) -> IO[str]:
    """Take the lock beside the file: SQLite's own would let two processes take turns."""
    lock = Path(f"{path}.lock").open("a+", encoding="ascii")  # noqa: SIM115 - held until close
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise Unavailable(f"journal {path} is in use by {holder}") from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


class Scribe:
    """Writes a journal for everybody in this process: what is brought while one sync is under way
    goes to disk with the next, together. (Group commit.)

    A write that fails ends it: everybody who waits or comes later gets the error. What was not
    synced was not done, and a restart begins from what is on disk.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._batch = Batch()
        self._written: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")

    @property
    def batch(self) -> Batch:
        """What the next sync will write: append to it."""
        return self._batch

    async def sync(self) -> None:
        """Return once everything that was appended before is on disk.

        raises   Unavailable if the disk is full or fails, InvariantBroken if the journal is damaged
        """
        if self._failure is not None:
            raise self._failure
        if self._written is None:
            if not self._batch and self._task is None:
                return
            self._written = asyncio.get_running_loop().create_future()
        written = self._written
        if self._task is None:
            self._task = asyncio.create_task(self._write_all())
        await asyncio.shield(written)

    async def close(self) -> None:
        """Write what is left, and let go of the file."""
        try:
            await self.sync()
        finally:
            self._disk.shutdown()
            self.journal.close()

    def stream(self, name: bytes) -> Stream:
        """One stream alone, for whoever needs no more."""
        return Stream(self, name)

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._written is not None:
            batch, written = self._batch, self._written
            self._batch, self._written = Batch(), None
            writing = loop.run_in_executor(self._disk, self.journal.write, batch)
            await asyncio.wait([writing])
            self._failure = writing.exception()
            if self._failure is not None:
                written.set_exception(self._failure)
                if self._written is not None:
                    self._written.set_exception(self._failure)
                return
            written.set_result(None)
        self._task = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a journal that others write too."""

    scribe: Scribe
    name: bytes

    def append(self, line: bytes) -> None:
        """Bring a line; it is durable once `sync` has returned."""
        self.scribe.batch.lines.append((self.name, line))

    def note(self, kind: str, key: bytes, body: bytes) -> None:
        """Bring a note, durable with the next `sync`."""
        self.scribe.batch.notes.append((self.name, kind, key, body))

    def snapshot(self, body: bytes) -> None:
        """Bring the state that all lines so far lead to."""
        self.scribe.batch.snapshot(self.name, body)

    def load(self) -> Stored:
        """What is on disk."""
        return self.scribe.journal.load(self.name)

    def notes(self, kind: str) -> Iterator[tuple[bytes, bytes]]:
        """The notes of a kind that are on disk, by key."""
        return self.scribe.journal.notes(self.name, kind)

    def find(self, kind: str, key: bytes) -> bytes | None:
        """One note that is on disk."""
        found = next(self.scribe.journal.notes(self.name, kind, key), None)
        return found[1] if found is not None and found[0] == key else None

    async def sync(self) -> None:
        """Return once all of it is on disk."""
        await self.scribe.sync()
