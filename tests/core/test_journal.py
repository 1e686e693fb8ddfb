"""The journal: what was written is there after anything, or the error says so.

(SPEC PR-10, CH-24)
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from handfast.errors import InvalidInput, InvariantBroken, Unavailable
from handfast.journal import Batch, Journal, Scribe, Stored, Stream

ONE, OTHER = b"one", b"other"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "journal.db"


def lines(stream: bytes, *bodies: bytes) -> Batch:
    return Batch(lines=[(stream, body) for body in bodies])


def snapshot(stream: bytes, body: bytes, batch: Batch) -> Batch:
    batch.snapshot(stream, body)
    return batch


def in_a_child(deed: Callable[[], None]) -> int:
    """Run a deed in a process of its own; its exit code, negative for the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            deed()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_lines_come_back_by_stream_in_order(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(Batch(lines=[(ONE, b"1"), (OTHER, b"a"), (ONE, b"2")]))
        journal.write(lines(ONE, b"3"))
    with Journal(path) as journal:
        assert journal.load(ONE) == Stored(None, (b"1", b"2", b"3"))
        assert journal.load(OTHER) == Stored(None, (b"a",))
        assert journal.load(b"unknown") == Stored(None, ())
        assert journal.streams() == [ONE, OTHER]


def test_a_snapshot_replaces_the_lines_before_it(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(lines(ONE, b"1", b"2"))
        journal.write(snapshot(ONE, b"123", lines(ONE, b"3")))
        assert journal.load(ONE) == Stored(b"123", ())
        journal.write(lines(ONE, b"4"))
    with Journal(path) as journal:
        assert journal.load(ONE) == Stored(b"123", (b"4",))
        journal.write(snapshot(ONE, b"1234", Batch()))
        assert journal.load(ONE) == Stored(b"1234", ())


def test_a_note_is_kept_once_by_its_key(path: Path) -> None:
    with Journal(path) as journal:
        for body in (b"old", b"new"):
            journal.write(Batch(notes=[(ONE, "round", b"\2", body), (ONE, "other", b"\1", b"x")]))
        journal.write(Batch(notes=[(ONE, "round", b"\1", b"first"), (OTHER, "round", b"\1", b"")]))
    with Journal(path) as journal:
        assert list(journal.notes(ONE, "round")) == [(b"\1", b"first"), (b"\2", b"new")]
        assert list(journal.notes(ONE, "round", b"\2")) == [(b"\2", b"new")]
        assert journal.note(ONE, "round", b"\2") == b"new"
        assert journal.note(ONE, "round", b"\3") is None


def test_what_was_written_survives_a_kill(path: Path) -> None:
    def write_and_die() -> None:
        journal = Journal(path)
        for number in range(20):
            journal.write(lines(ONE, bytes([number])))
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(write_and_die) == -signal.SIGKILL
    with Journal(path) as journal:
        assert journal.load(ONE).lines == tuple(bytes([number]) for number in range(20))


def test_a_second_process_is_refused_and_told_who_holds_the_file(path: Path) -> None:
    def open_too() -> None:
        with pytest.raises(Unavailable, match=f"in use by process {os.getppid()}"):
            Journal(path)

    with Journal(path):
        assert in_a_child(open_too) == 0
    Journal(path).close()


def test_only_the_owner_can_read_it(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(lines(ONE, b"1"))
        for file in path.parent.glob("journal.db*"):
            if not file.name.endswith(".lock"):
                assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("change", ["UPDATE line SET body = x'00' WHERE number = 2",
                                    "DELETE FROM line WHERE number = 1"])  # fmt: skip
def test_a_damaged_or_missing_line_is_found(path: Path, change: str) -> None:
    with Journal(path) as journal:
        journal.write(lines(ONE, b"1", b"2", b"3"))
    base = sqlite3.connect(path)
    base.execute(change)
    base.commit()
    base.close()
    with Journal(path) as journal, pytest.raises(InvariantBroken, match=r"line \d.*restore"):
        journal.load(ONE)


def test_a_damaged_snapshot_is_found(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(snapshot(ONE, b"state", Batch()))
    base = sqlite3.connect(path)
    base.execute("UPDATE snapshot SET body = x'00'")
    base.commit()
    base.close()
    with Journal(path) as journal, pytest.raises(InvariantBroken, match="snapshot is damaged"):
        journal.load(ONE)


def test_a_file_overwritten_with_garbage_is_found(path: Path) -> None:
    with Journal(path) as journal:
        journal.write(lines(ONE, b"1"))
    path.write_bytes(b"\xff" * 8_192)
    with pytest.raises(InvariantBroken, match="restore it from a copy"):
        Journal(path)


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE theirs (x)")
    base.close()
    with pytest.raises(InvalidInput, match="not a journal"):
        Journal(path)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="journal"):
        Journal(tmp_path / "file" / "journal.db")


def test_a_full_disk_is_a_clear_error_and_loses_nothing(path: Path) -> None:
    """The limit on file sizes stands for the disk: the write fails in the same place."""

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with Journal(path) as journal:
            journal.write(lines(ONE, b"1"))
            _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
            late = Batch(lines=[(ONE, bytes(300_000))], notes=[(OTHER, "kind", b"k", b"v")])
            with pytest.raises(Unavailable, match="journal"):
                journal.write(late)
            assert journal.load(ONE) == Stored(None, (b"1",))
            assert journal.streams() == [ONE]
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            journal.write(late)
            assert len(journal.load(ONE).lines) == 2

    assert in_a_child(fill) == 0
    with Journal(path) as journal:
        assert journal.load(ONE).lines == (b"1", bytes(300_000))


def test_lines_brought_after_a_snapshot_into_its_batch_stay(path: Path) -> None:
    batch = snapshot(ONE, b"12", lines(ONE, b"1", b"2"))
    batch.lines += [(ONE, b"3"), (OTHER, b"a")]
    snapshot(OTHER, b"A", batch)
    batch.lines += [(ONE, b"4"), (OTHER, b"b")]
    with Journal(path) as journal:
        journal.write(batch)
    with Journal(path) as journal:
        assert journal.load(ONE) == Stored(b"12", (b"3", b"4"))
        assert journal.load(OTHER) == Stored(b"A", (b"b",))


def test_a_note_is_found_by_its_key(path: Path) -> None:
    async def use() -> None:
        scribe = Scribe(Journal(path))
        stream = scribe.stream(ONE)
        stream.note("kind", b"b", b"body")
        await stream.sync()
        assert stream.find("kind", b"b") == b"body"
        assert stream.find("kind", b"a") is None
        assert stream.find("other", b"b") is None
        await scribe.close()

    asyncio.run(use())


def test_a_scribe_writes_for_many_together(path: Path) -> None:
    async def use(stream: Stream) -> None:
        for body in (b"1", b"2"):
            stream.append(body)
            await stream.sync()

    async def use_all() -> None:
        scribe = Scribe(Journal(path))
        await asyncio.gather(*(use(scribe.stream(bytes([number]))) for number in range(50)))
        scribe.stream(ONE).append(b"last")
        await scribe.close()

    asyncio.run(use_all())
    with Journal(path) as journal:
        assert journal.load(ONE).lines == (b"last",)
        assert all(journal.load(bytes([n])).lines == (b"1", b"2") for n in range(50))


def test_a_scribe_that_could_not_write_stays_failed(path: Path) -> None:
    async def use() -> None:
        scribe = Scribe(Journal(path))
        scribe.stream(ONE).append(bytes(300_000))
        for _ in range(2):
            with pytest.raises(Unavailable, match="journal"):
                await scribe.stream(ONE).sync()

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        asyncio.run(use())

    assert in_a_child(fill) == 0
