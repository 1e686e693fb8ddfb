"""The local store: the same content from it as went in, shared by threads, honest about damage."""

from __future__ import annotations

import io
import os
import sqlite3
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handfast.errors import InvalidInput, InvariantBroken, Rejected, Unavailable
from handfast.storage.cid import Cid, Codec
from handfast.storage.local import SMALL_BYTES, LocalStore
from handfast.storage.store import Summary, cid_of_bytes, cid_of_path
from tests.storage_shapes import CHUNK, SHAPES, Memory, blocks_of, content, sized, write

LARGE = sized(37 * CHUNK + 12_345)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store") as opened:
        yield opened


def packs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "store" / "packs").iterdir())


@pytest.mark.parametrize("size", [0, 1, SMALL_BYTES, SMALL_BYTES + 1, CHUNK, 5 * CHUNK + 3])
def test_bytes_come_back_from_a_store_that_was_opened_again(size: int, tmp_path: Path) -> None:
    """ST-14"""
    data = b"".join(content(sized(size)))
    with LocalStore(tmp_path) as store:
        cid = store.put_bytes(data)
    assert cid == cid_of_bytes(data)
    with LocalStore(tmp_path) as store:
        assert store.get_bytes(cid, size) == data
        assert store.pins() == [cid]
        if size:
            with pytest.raises(Rejected, match="allowed"):
                store.get_bytes(cid, size - 1)


@pytest.mark.parametrize("name", ["many chunks and a rest", "nested", "one byte more"])
def test_paths_come_back_as_they_were(name: str, store: LocalStore, tmp_path: Path) -> None:
    """ST-14"""
    write(SHAPES[name], tmp_path / "in")
    cid = store.add(tmp_path / "in")
    store.save(cid, tmp_path / "out")
    assert cid_of_path(tmp_path / "out") == cid == blocks_of(SHAPES[name])[0].cid


def test_a_stream_is_kept_like_the_file_it_holds(store: LocalStore) -> None:
    """ST-14"""
    data = b"".join(content(LARGE))
    cid = store.add_stream(io.BytesIO(data))
    assert cid == cid_of_bytes(data)
    assert b"".join(store.read(cid)) == data
    assert store.verify(cid) == Summary(1, len(data))


def test_a_large_file_lies_in_one_pack_and_small_content_in_none(
    store: LocalStore, tmp_path: Path
) -> None:
    """ST-15"""
    store.put_bytes(b"small")
    assert packs(tmp_path) == []
    store.put_bytes(b"".join(content(LARGE)))
    (pack,) = packs(tmp_path)
    assert pack.read_bytes()[: 20 * CHUNK] == b"".join(content(LARGE))[: 20 * CHUNK]


def test_what_is_there_already_is_not_written_again(store: LocalStore, tmp_path: Path) -> None:
    """ST-15"""
    data = b"".join(content(LARGE))
    store.put_bytes(data)
    before = [pack.stat().st_size for pack in packs(tmp_path)]
    assert store.put_bytes(data) == store.put_bytes(data)
    assert [pack.stat().st_size for pack in packs(tmp_path)] == before
    store.put_bytes(data + bytes(CHUNK))
    assert sum(pack.stat().st_size for pack in packs(tmp_path)) < before[0] + 3 * CHUNK


def test_equal_chunks_are_kept_once(store: LocalStore, tmp_path: Path) -> None:
    """ST-15"""
    cid = store.put_bytes(bytes(40 * CHUNK))
    assert sum(pack.stat().st_size for pack in packs(tmp_path)) < 2 * CHUNK
    assert store.get_bytes(cid, 40 * CHUNK) == bytes(40 * CHUNK)


def test_a_failed_add_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    """ST-16"""

    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(size)
            if not piece:
                raise InvalidInput("it broke")
            return piece

    large = sized(150 * CHUNK, 6)  # so long that a pack was begun when it breaks
    data = b"".join(content(large))
    with pytest.raises(InvalidInput, match="it broke"):
        store.add_stream(Breaking(data))
    assert packs(tmp_path) == []
    assert store.pins() == []
    first = blocks_of(large)[1][0].cid
    assert store.missing([first]) == [first]
    assert store.get_bytes(store.put_bytes(data), len(data)) == data


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_pack_is_noticed(damage: str, store: LocalStore, tmp_path: Path) -> None:
    """ST-7, ST-14"""
    cid = store.put_bytes(b"".join(content(LARGE)))
    (pack,) = packs(tmp_path)
    if damage == "flip":
        with pack.open("r+b") as file:
            file.seek(20 * CHUNK)
            byte = file.read(1)
            file.seek(20 * CHUNK)
            file.write(bytes([byte[0] ^ 1]))
    elif damage == "cut":
        with pack.open("r+b") as file:
            file.truncate(20 * CHUNK + 5)
    else:
        pack.unlink()
    with pytest.raises(Unavailable if damage == "remove" else Rejected):
        store.verify(cid)


def test_a_damaged_index_stops_the_process(store: LocalStore, tmp_path: Path) -> None:
    """ST-14"""
    store.put_bytes(b"small")
    store.close()
    index = tmp_path / "store" / "index.sqlite"
    index.write_bytes(b"x" * 100 + index.read_bytes()[100:])
    with pytest.raises(InvariantBroken, match="damaged"):
        LocalStore(tmp_path / "store")


def test_a_store_of_another_format_is_refused(store: LocalStore, tmp_path: Path) -> None:
    """ST-14"""
    store.close()
    with sqlite3.connect(tmp_path / "store" / "index.sqlite") as database:
        database.execute("PRAGMA user_version = 2")
    with pytest.raises(InvalidInput, match="format 2"):
        LocalStore(tmp_path / "store")


def test_a_path_that_can_hold_no_store_is_refused(tmp_path: Path) -> None:
    """ST-14"""
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput):
        LocalStore(tmp_path / "file")


def test_missing_content_is_unavailable(store: LocalStore) -> None:
    """ST-14"""
    with pytest.raises(Unavailable, match="not in this store"):
        store.get_bytes(Cid(Codec.RAW, bytes(32)), 10)
    with pytest.raises(Unavailable):
        store.pin(Cid(Codec.DAG_PB, bytes(32)))
    assert store.pins() == []


def test_threads_share_a_store(store: LocalStore) -> None:
    """ST-17"""

    def work(number: int) -> None:
        data = b"".join(content(sized(number % 7 * 100_000 + 5, number % 11)))
        cid = store.put_bytes(data)
        assert store.get_bytes(cid, len(data)) == data

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(30)))
    assert len(store.pins()) == 30


def test_pin_fetches_what_is_missing_and_only_that(store: LocalStore) -> None:
    """ST-18"""
    data = b"".join(content(LARGE))
    store.put_bytes(data[: 20 * CHUNK])
    tree, blocks = blocks_of(LARGE)
    source = Memory(blocks)
    store.pin(tree.cid, source=source)
    assert sum(cid.codec is Codec.RAW for cid in source.fetched) == 18
    assert store.get_bytes(tree.cid, len(data)) == data
    assert tree.cid in store.pins()
    source.fetched = []
    store.pin(tree.cid, source=source)
    assert source.fetched == []


def test_an_interrupted_pin_goes_on_where_it_stopped(store: LocalStore) -> None:
    """ST-18, ST-I2"""
    tree, blocks = blocks_of(LARGE)
    some = Memory([*blocks[:25], blocks[-1]])
    with pytest.raises(Unavailable):
        store.pin(tree.cid, source=some)
    assert store.pins() == []
    source = Memory(blocks)
    store.pin(tree.cid, source=source)
    assert len(source.fetched) < 20
    assert store.verify(tree.cid).size == tree.file_size


def test_a_pin_from_a_lying_source_keeps_nothing_of_it(store: LocalStore) -> None:
    """ST-18"""
    tree, blocks = blocks_of(LARGE)
    source = Memory(blocks)
    source.blocks[blocks[30].cid] = b"lie"
    with pytest.raises(Rejected):
        store.pin(tree.cid, source=source)
    assert store.missing([block.cid for block in blocks]) == [block.cid for block in blocks]
    assert store.pins() == []


@pytest.mark.parametrize("size", [100, 5 * CHUNK])
def test_nothing_becomes_visible_before_it_was_flushed(
    size: int, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-16"""
    events: list[str] = []
    flush = os.fsync

    def flush_and_tell(descriptor: int) -> None:
        flush(descriptor)
        kind = "directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "pack"
        events.append(f"{kind} flushed")

    def tell(statement: str) -> None:
        if statement == "COMMIT":
            events.append("commit")

    monkeypatch.setattr(os, "fsync", flush_and_tell)
    index = store._index._writer
    index.set_trace_callback(tell)
    store.put_bytes(bytes(size))
    if size > SMALL_BYTES:
        assert events == ["commit", "pack flushed", "directory flushed", "commit"]
    else:
        assert events == ["commit"]
    assert index.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert index.execute("PRAGMA synchronous").fetchone() == (2,), "every commit is flushed"
