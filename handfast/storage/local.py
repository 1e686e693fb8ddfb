"""The store on this machine's disk: blocks in packs, and an index that says where each one lies.

A pack is a file of blocks one after the other, so that a large file costs one write and its leaves
lie in order; what is small lies in the index itself. Blocks become visible together, when the
index commits, after everything it points to was flushed. A killed process leaves at most an
unfinished pack, which the next one to open the store removes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Self

from handfast.errors import Unavailable
from handfast.storage.cid import Block, Buffer, Cid
from handfast.storage.disk import file_faults, locked
from handfast.storage.index import Index, Place
from handfast.storage.ingest import Blocks, Progress, ignore
from handfast.storage.packs import LOCK, PackWriter, directory, remove_unfinished
from handfast.storage.reading import BlockSource, verified
from handfast.storage.store import Store, drain, verify

SMALL_BYTES = 64 * 1024
_FLUSH_BYTES = 4 * 1024 * 1024
_FLUSH_BLOCKS = 512


class LocalStore(Store):
    """A block store in a directory; any number of threads and processes may share it.

    raises   InvalidInput if the directory cannot be used, Unavailable if the disk is full or busy,
             InvariantBroken if the index is damaged
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        with file_faults(str(root)):
            directory(root).mkdir(parents=True, exist_ok=True)
        with locked(root / LOCK, exclusive=True):
            self._index = Index(root)
            remove_unfinished(self._index, root)

    def close(self) -> None:
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        """Blocks as they lie on the disk, with one read for those that lie together."""
        places = self._index.find([cid.digest for cid in cids])
        found: list[Buffer] = []
        run: list[Place] = []
        for cid in cids:
            place = places.get(cid.digest)
            if place is None:
                raise Unavailable(f"block {cid} is not in this store")
            if run and (isinstance(place, bytes) or not run[-1].touches(place)):
                found += self._read(run)
                run = []
            if isinstance(place, bytes):
                found.append(place)
            else:
                run.append(place)
        if run:
            found += self._read(run)
        return found

    def missing(self, cids: Sequence[Cid]) -> list[Cid]:
        """Those whose blocks are not here."""
        here = self._index.find([cid.digest for cid in cids])
        return [cid for cid in cids if cid.digest not in here]

    def _read(self, run: list[Place]) -> list[Buffer]:
        """What lies at touching places; less if the pack was cut, which the hash will show."""
        path = directory(self._root) / run[0].pack
        start = run[0].start
        with file_faults(str(path)):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError as error:
                raise Unavailable(f"{path} is gone, and its blocks with it") from error
            try:
                view = memoryview(os.pread(descriptor, run[-1].start + run[-1].size - start, start))
            finally:
                os.close(descriptor)
        return [view[place.start - start :][: place.size] for place in run]

    def ingest(self, blocks: Blocks) -> Cid:
        with self._writer() as writer:
            root = drain(blocks, writer.put)
            writer.commit(root)
        return root

    def pin(self, cid: Cid, progress: Progress = ignore, source: BlockSource | None = None) -> None:
        """Make sure that all below a root is here, and keep it.

        source   where to fetch the blocks that are not; if it fails, what came before is kept, so
                 that a later call goes on from there
        """
        if source is None:
            self.verify(cid, progress)
            self._index.pin(cid)
            return
        with self._writer() as writer:
            try:
                verify(_Keeping(self, source, writer), cid, progress)
            except Unavailable:
                writer.commit(None)
                raise
            writer.commit(cid)

    @contextmanager
    def _writer(self) -> Iterator[_Writer]:
        writer = _Writer(self._index, self._root)
        try:
            yield writer
        except BaseException:
            writer.abandon()
            raise

    def pins(self) -> list[Cid]:
        """The roots that were added or pinned."""
        return self._index.pins()


class _Writer:
    """Gathers blocks that the store does not have: a few small ones, or a pack."""

    def __init__(self, index: Index, root: Path) -> None:
        self._index = index
        self._root = root
        self._lock = Lock()
        self._waiting: dict[bytes, Block] = {}
        self._held = 0
        self._pack: PackWriter | None = None

    def put(self, block: Block) -> None:
        with self._lock:
            if block.cid.digest not in self._waiting:
                self._waiting[block.cid.digest] = block
                self._held += len(block.data)
                if self._held >= _FLUSH_BYTES or len(self._waiting) == _FLUSH_BLOCKS:
                    self._flush()

    def commit(self, root: Cid | None) -> None:
        """Make it all last and visible, and pin the root."""
        with self._lock:
            if self._pack is None:
                fresh = self._fresh()
                if sum(len(block.data) for block in fresh) <= SMALL_BYTES:
                    self._index.add_small(fresh, root)
                    return
            self._flush()
            if self._pack is not None:
                self._pack.finish(root)
                self._pack = None

    def abandon(self) -> None:
        if self._pack is not None:
            self._pack.abandon()

    def _fresh(self) -> list[Block]:
        known = self._index.find(list(self._waiting)) if self._waiting else {}
        return [block for digest, block in self._waiting.items() if digest not in known]

    def _flush(self) -> None:
        fresh = self._fresh()
        self._waiting.clear()
        self._held = 0
        if fresh:
            if self._pack is None:
                self._pack = PackWriter(self._index, self._root)
            self._pack.append(fresh)


class _Keeping:
    """Answers blocks from a store, or else from a source, and keeps what came from there."""

    def __init__(self, store: LocalStore, source: BlockSource, writer: _Writer) -> None:
        self._store = store
        self._source = source
        self._writer = writer

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        missing = self._store.missing(cids)
        came = verified(self._source, missing)
        for cid, data in zip(missing, came, strict=True):
            self._writer.put(Block(cid, data))
        fetched = dict(zip(missing, came, strict=True))
        here = iter(self._store.fetch([cid for cid in cids if cid not in fetched]))
        return [fetched[cid] if cid in fetched else next(here) for cid in cids]
