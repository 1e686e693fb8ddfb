"""Bundles on the disk: sealed into a store, fetched and checked before a purchase, opened after it.

All of it blocks, streams in constant memory, and goes on where it was interrupted.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from handfast.errors import InvalidInput, Rejected
from handfast.market.sealing import SealedStream, check_bundle, prove_chunk, seal, unseal
from handfast.market.seals import ChunkProof, Seal
from handfast.storage.cid import Cid
from handfast.storage.disk import file_faults, sync_path, write_all
from handfast.storage.ingest import Progress, ignore
from handfast.storage.reading import file_size
from handfast.storage.store import Reader, Store


def seal_file(
    path: Path, key: bytes, store: Store, progress: Progress = ignore
) -> tuple[Cid, Seal]:
    """Put the bundle of a file into a store, whole or not at all.

    key      fresh
    raises   InvalidInput if the file can't be read or is empty
    """
    with file_faults(str(path)), path.open("rb", 0) as content, tempfile.TemporaryFile() as scratch:
        stream = SealedStream(seal(content, key, scratch), progress)
        return store.add_stream(stream), stream.seal


def fetch_bundle(
    reader: Reader, cid: Cid, promised: Seal, target: Path, progress: Progress = ignore
) -> None:
    """Have a bundle in a file, and make sure that it is what was promised. (SPEC SL-4)

    progress   told of bytes fetched; a call that was interrupted does not fetch them again
    raises     Rejected if it is another bundle, Unavailable if it can't be had now
    """
    if not target.exists():
        size = file_size(reader, cid)
        if size != promised.bundle_size:
            raise Rejected(
                f"what is published has {size} bytes, not {promised.bundle_size}", "bad_bundle"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        reader.save(cid, target, progress)
    try:
        with file_faults(str(target)), target.open("rb", 0) as bundle:
            check_bundle(bundle, promised)
    except Rejected:
        target.unlink()
        raise


def open_bundle(
    bundle: Path, promised: Seal, key: bytes, output: Path, progress: Progress = ignore
) -> None:
    """Write the content of a bundle to a path, at once or not at all, verified.

    raises   WrongChunk if the seller lied about a chunk; InvalidInput if the path can't be written
    """
    partial = output.parent / f".{output.name}.partial"
    with file_faults(str(output)):
        try:
            with (
                bundle.open("rb", 0) as ciphertext,
                bundle.open("rb", 0) as manifest,
                partial.open("wb", 0) as target,
            ):
                manifest.seek(promised.size)
                for span in unseal(ciphertext, manifest, promised.size, key):
                    write_all(target.fileno(), [span])
                    progress(len(span))
                os.fsync(target.fileno())
        except Rejected:
            partial.unlink()
            raise
        partial.replace(output)
        sync_path(output.parent)


def prove_wrong_chunk(bundle: Path, promised: Seal, position: int) -> ChunkProof:
    """What shows a contract that a chunk of a bundle is wrong."""
    with file_faults(str(bundle)), bundle.open("rb") as file:
        return prove_chunk(file, promised, position)


def require_absent(output: Path) -> None:
    """Refuse a path that is taken, before anything is paid."""
    if output.exists() or output.is_symlink():
        raise InvalidInput(f"{output} exists already: name another path with --output")
    if not output.parent.is_dir():
        raise InvalidInput(f"{output.parent} is no folder")
