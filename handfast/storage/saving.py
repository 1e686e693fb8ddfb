"""Writes verified content to a path: at once or not at all, and where it was interrupted, onwards.

The content grows in a hidden sibling, `.<CID>.partial`, is flushed to the disk and renamed. What
an interrupted run left there is hashed again, and only the rest is fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Cid
from handfast.storage.disk import file_faults, sync_path, write_all
from handfast.storage.ingest import Progress, ignore
from handfast.storage.listing import Sort, sort_of, walk
from handfast.storage.reading import BlockSource, Leaf, Piece, file_batches, file_pieces

_OPEN = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def save(source: BlockSource, cid: Cid, target: Path, progress: Progress = ignore) -> None:
    """Write a file or a directory with all that is below it.

    target   a file there is replaced at the end; a directory must not be there yet
    raises   InvalidInput if it cannot be written there, Rejected if the content is not what the
             CID names, Unavailable if the source does not answer, the disk is full, or another
             process is saving the same content there; then a later call goes on from there
    """
    partial = target.parent / f".{cid}.partial"
    sort = sort_of(source, cid)
    with file_faults(str(target)):
        if target.is_dir() or (sort is Sort.DIRECTORY and os.path.lexists(target)):
            raise InvalidInput(f"{target} exists already")
        try:
            if sort is Sort.DIRECTORY:
                _fill_directory(source, cid, partial, progress)
            else:
                _fill_file(source, cid, partial, progress)
        except (InvalidInput, Rejected):
            _discard(partial)
            raise
        if sort is Sort.DIRECTORY:
            os.sync()  # once: thousands of small files would each wait for the disk
        else:
            sync_path(partial)
        partial.replace(target)
        sync_path(target.parent)


def _fill_directory(source: BlockSource, cid: Cid, partial: Path, progress: Progress) -> None:
    """Symbolic links come last, so that nothing is ever written through one."""
    partial.mkdir(exist_ok=True)
    with _locked(os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), partial):
        links: list[tuple[Path, str]] = []
        for entry in walk(source, cid):
            place = partial / entry.path
            if entry.sort is Sort.FILE:
                _fill_file(source, entry.cid, place, progress)
            elif entry.sort is Sort.SYMLINK:
                links.append((place, entry.target))
            else:
                place.mkdir(exist_ok=True)
        for place, target in links:
            place.unlink(missing_ok=True)
            place.symlink_to(target)


def _fill_file(source: BlockSource, cid: Cid, place: Path, progress: Progress) -> None:
    with _locked(os.open(place, _OPEN, 0o666), place) as descriptor:
        pieces = _missing(file_pieces(source, cid), descriptor, progress)
        for blocks in file_batches(source, pieces):
            progress(write_all(descriptor, blocks))


def _missing(pieces: Iterator[Piece], descriptor: int, progress: Progress) -> Iterator[Piece]:
    """The pieces after those that the file holds already; it is cut and stands at their end."""
    held = 0
    for piece in pieces:
        size = piece.size if isinstance(piece, Leaf) else len(piece)
        kept = os.pread(descriptor, size, held)
        if not _is_piece(piece, kept):
            pieces = chain([piece], pieces)
            break
        held += size
        progress(size)
    os.ftruncate(descriptor, held)
    os.lseek(descriptor, held, os.SEEK_SET)
    return pieces


def _is_piece(piece: Piece, kept: bytes) -> bool:
    if isinstance(piece, Leaf):
        return len(kept) == piece.size and hashlib.sha256(kept).digest() == piece.cid.digest
    return kept == piece


@contextmanager
def _locked(descriptor: int, place: Path) -> Iterator[int]:
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable(f"another process is writing {place}") from error
        yield descriptor
    finally:
        os.close(descriptor)


def _discard(partial: Path) -> None:
    if partial.is_dir() and not partial.is_symlink():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)
