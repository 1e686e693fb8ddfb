"""What becomes blocks, and what is refused."""

from __future__ import annotations

import io
import os
import socket
import threading
from pathlib import Path

import pytest

from handfast.errors import InvalidInput
from handfast.storage import ingest
from handfast.storage.ingest import SPAN_BYTES, blocks_of_bytes, blocks_of_stream
from handfast.storage.store import cid_of_bytes, cid_of_path, drain
from tests.storage_shapes import CHUNK, blocks_of, content, sized


class Dripping(io.RawIOBase):
    """A stream that gives less than it is asked for."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self._turn = 0

    def read(self, size: int = -1, /) -> bytes:
        self._turn += 1
        return self._data.read(min(size, 1 + self._turn * 7919 % 100_000))


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK, CHUNK + 1, SPAN_BYTES - 1, SPAN_BYTES, SPAN_BYTES + 1, 5 * SPAN_BYTES + 9]
)
def test_how_a_stream_is_cut_does_not_depend_on_how_it_comes(size: int) -> None:
    """ST-2, ST-11"""
    data = b"".join(content(sized(size)))
    expected = blocks_of(sized(size))
    for stream in (io.BytesIO(data), Dripping(data)):
        progress: list[int] = []
        blocks = []
        root = drain(blocks_of_stream(stream, progress.append), blocks.append)
        assert (root, blocks) == (expected[0].cid, expected[1])
        assert sum(progress) == size


def test_children_come_before_their_parents() -> None:
    """ST-11: whoever has a node has had all below it."""
    seen = set()
    for block in blocks_of_bytes(bytes(3 * CHUNK)):
        seen.add(block.cid)
    assert cid_of_bytes(bytes(3 * CHUNK)) == block.cid
    assert len(seen) == 2, "equal chunks are one block"


def test_a_pipe_is_read_to_its_end() -> None:
    """ST-11"""
    data = b"".join(content(sized(SPAN_BYTES + 77)))
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb") as sink:
            sink.write(data)

    feeding = threading.Thread(target=feed)
    feeding.start()
    with os.fdopen(reader, "rb") as stream:
        assert drain(blocks_of_stream(stream), lambda _block: None) == cid_of_bytes(data)
    feeding.join()


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """ST-4"""
    with pytest.raises(InvalidInput, match="no such file"):
        cid_of_path(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["fifo", "socket"])
@pytest.mark.parametrize("inside", [False, True])
def test_what_is_neither_file_directory_nor_link_is_refused(
    kind: str, inside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-4"""
    monkeypatch.chdir(tmp_path)
    if kind == "fifo":
        os.mkfifo("special")
    else:
        socket.socket(socket.AF_UNIX).bind("special")
    with pytest.raises(InvalidInput, match="special is neither"):
        cid_of_path(tmp_path if inside else tmp_path / "special")


def test_a_symbolic_link_to_be_added_itself_is_refused(tmp_path: Path) -> None:
    """ST-4"""
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(InvalidInput, match="leads to"):
        cid_of_path(tmp_path / "link")


@pytest.mark.parametrize("what", ["name", "target"])
def test_names_that_are_not_utf8_are_refused(what: str, tmp_path: Path) -> None:
    """ST-4"""
    bad = os.fsdecode(b"caf\xe9")
    if what == "name":
        (tmp_path / bad).write_bytes(b"")
    else:
        (tmp_path / "link").symlink_to(bad)
    with pytest.raises(InvalidInput, match=r"caf\\xe9.*not UTF-8"):
        cid_of_path(tmp_path)


def test_directories_below_the_deepest_level_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ST-4"""
    monkeypatch.setattr(ingest, "MAX_DEPTH", 3)
    (tmp_path / "1" / "2").mkdir(parents=True)
    cid_of_path(tmp_path)
    (tmp_path / "1" / "2" / "3").mkdir()
    with pytest.raises(InvalidInput, match="3 directories deep"):
        cid_of_path(tmp_path)


def test_a_directory_is_read_as_it_is_whatever_the_order_of_its_names(tmp_path: Path) -> None:
    """ST-1"""
    for first, second in (("x", "y"), ("y", "x")):
        place = tmp_path / (first + second)
        place.mkdir()
        (place / first).write_bytes(b"1" if first == "x" else b"2")
        (place / second).write_bytes(b"1" if second == "x" else b"2")
    assert cid_of_path(tmp_path / "xy") == cid_of_path(tmp_path / "yx")
