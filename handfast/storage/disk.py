"""Writing so that it lasts, and which of the four failures an error of the system is."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from handfast.errors import InvalidInput, InvariantBroken, Unavailable
from handfast.storage.cid import Buffer

_PASSING = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENFILE}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def file_faults(what: str) -> Iterator[None]:
    """Translate OSError: what may pass by itself is Unavailable, the rest is InvalidInput."""
    try:
        yield
    except OSError as error:
        text = f"{what}: {(error.strerror or str(error)).lower()}"
        if error.errno in _PASSING:
            raise Unavailable(text) from error
        raise InvalidInput(text) from error


@contextmanager
def index_faults(what: str) -> Iterator[None]:
    """Translate sqlite3.Error: a full or busy disk is Unavailable, a damaged file is not."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in _DAMAGED:
            raise InvariantBroken(f"{what}: the index is damaged: {error}") from error
        raise Unavailable(f"{what}: {error}") from error


@contextmanager
def locked(path: Path, *, exclusive: bool) -> Iterator[None]:
    """Hold a file's lock against other threads and processes; it waits for its turn."""
    with file_faults(str(path)):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield
        finally:
            os.close(descriptor)


def write_all(descriptor: int, buffers: Sequence[Buffer]) -> int:
    """Write every byte, in one call of the system where it takes them all; returns the count.

    buffers   at most 1,024 (IOV_MAX)
    """
    total = sum(len(buffer) for buffer in buffers)
    written = os.writev(descriptor, buffers)
    if written < total:
        rest = memoryview(b"".join(buffers))
        while written < total:
            written += os.write(descriptor, rest[written:])
    return total


def sync_path(path: Path) -> None:
    """Make a file's content, or the names in a directory, last."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
