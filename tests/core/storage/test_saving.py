"""Content on the disk: whole under its name or not at all, and resumed where it stopped."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Buffer, Cid, Codec
from handfast.storage.saving import save
from handfast.storage.store import cid_of_path
from tests.storage_shapes import CHUNK, SHAPES, Memory, Shape, blocks_of, content, sized

LARGE = sized(37 * CHUNK + 12_345)


class Failing(Memory):
    """Answers a number of leaves, then no more."""

    def __init__(self, shape: Shape, leaves: int) -> None:
        self.tree, blocks = blocks_of(shape)
        super().__init__(blocks)
        self.leaves = leaves

    def fetch(self, cids: Sequence[Cid]) -> list[Buffer]:
        self.leaves -= sum(cid.codec is Codec.RAW for cid in cids)
        if self.leaves < 0:
            raise Unavailable("gone")
        return super().fetch(cids)


@pytest.mark.parametrize(
    "name",
    [
        "empty",
        "a chunk",
        "many chunks and a rest",
        "names in many scripts",
        "nested",
        "symbolic links",
        "empty directory",
        "one byte more",
    ],
)
def test_what_was_saved_has_the_cid_that_was_asked_for(name: str, tmp_path: Path) -> None:
    """ST-12"""
    tree, blocks = blocks_of(SHAPES[name])
    progress: list[int] = []
    save(Memory(blocks), tree.cid, tmp_path / "it", progress.append)
    assert cid_of_path(tmp_path / "it") == tree.cid
    assert [entry.name for entry in tmp_path.iterdir()] == ["it"]
    files = [
        path
        for path in [tmp_path / "it", *(tmp_path / "it").rglob("*")]
        if path.is_file() and not path.is_symlink()
    ]
    assert sum(progress) == sum(path.stat().st_size for path in files)


def test_a_file_in_the_way_is_replaced_at_the_end(tmp_path: Path) -> None:
    """ST-12"""
    target = tmp_path / "it"
    target.write_text("old")
    source = Failing(LARGE, leaves=20)
    with pytest.raises(Unavailable):
        save(source, source.tree.cid, target)
    assert target.read_text() == "old"
    source.leaves = 1000
    save(source, source.tree.cid, target)
    assert cid_of_path(target) == source.tree.cid


def test_a_directory_in_the_way_is_left_alone(tmp_path: Path) -> None:
    """ST-12"""
    (tmp_path / "it").mkdir()
    for name in ("a chunk", "one file"):
        tree, blocks = blocks_of(SHAPES[name])
        with pytest.raises(InvalidInput, match="exists already"):
            save(Memory(blocks), tree.cid, tmp_path / "it")
    assert list(tmp_path.rglob("*")) == [tmp_path / "it"]


def test_a_missing_parent_is_refused(tmp_path: Path) -> None:
    """ST-12"""
    tree, blocks = blocks_of(SHAPES["a chunk"])
    with pytest.raises(InvalidInput, match="no such file"):
        save(Memory(blocks), tree.cid, tmp_path / "no" / "it")


def test_a_lying_source_leaves_nothing(tmp_path: Path) -> None:
    """ST-12"""
    for shape in (LARGE, {"entries": {"a": LARGE, "b": sized(10)}}):
        tree, blocks = blocks_of(shape)
        source = Memory(blocks)
        source.blocks[blocks[30].cid] = bytes(CHUNK)
        with pytest.raises(Rejected):
            save(source, tree.cid, tmp_path / "it")
        assert list(tmp_path.iterdir()) == []


def test_an_interrupted_file_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """ST-13"""
    source = Failing(LARGE, leaves=30)
    with pytest.raises(Unavailable):
        save(source, source.tree.cid, tmp_path / "it")
    (partial,) = tmp_path.iterdir()
    held = partial.stat().st_size
    assert held > 0
    source.leaves, source.fetched = 1000, []
    progress: list[int] = []
    save(source, source.tree.cid, tmp_path / "it", progress.append)
    assert cid_of_path(tmp_path / "it") == source.tree.cid
    assert sum(cid.codec is Codec.RAW for cid in source.fetched) == 38 - held // CHUNK
    assert sum(progress) == source.tree.file_size


@pytest.mark.parametrize("at", [0, 5 * CHUNK + 100, 8 * CHUNK])
def test_what_is_resumed_is_not_believed(at: int, tmp_path: Path) -> None:
    """ST-13"""
    tree, blocks = blocks_of(LARGE)
    partial = bytearray(b"".join(content(LARGE))[: 8 * CHUNK + 500])
    partial[at] ^= 1
    (tmp_path / f".{tree.cid}.partial").write_bytes(partial + bytes(40 * CHUNK))
    source = Memory(blocks)
    save(source, tree.cid, tmp_path / "it")
    assert cid_of_path(tmp_path / "it") == tree.cid
    assert sum(cid.codec is Codec.RAW for cid in source.fetched) == 38 - at // CHUNK


def test_an_interrupted_directory_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """ST-13"""
    shape: Shape = {"entries": {"a": LARGE, "b": sized(20 * CHUNK, 9), "c": {"link": "a"}}}
    source = Failing(shape, leaves=45)
    with pytest.raises(Unavailable):
        save(source, source.tree.cid, tmp_path / "it")
    source.leaves, source.fetched = 1000, []
    save(source, source.tree.cid, tmp_path / "it")
    assert cid_of_path(tmp_path / "it") == source.tree.cid
    assert sum(cid.codec is Codec.RAW for cid in source.fetched) <= 20


def test_a_link_in_the_place_of_the_partial_file_is_not_followed(tmp_path: Path) -> None:
    """ST-12"""
    tree, blocks = blocks_of(LARGE)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".{tree.cid}.partial").symlink_to(victim)
    with pytest.raises(InvalidInput):
        save(Memory(blocks), tree.cid, tmp_path / "it")
    assert victim.read_text() == "mine"


def test_two_that_save_the_same_do_not_write_over_each_other(tmp_path: Path) -> None:
    """ST-12"""
    tree, blocks = blocks_of(LARGE)
    partial = tmp_path / f".{tree.cid}.partial"
    with partial.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another process"):
            save(Memory(blocks), tree.cid, tmp_path / "it")
    assert partial.exists()
    save(Memory(blocks), tree.cid, tmp_path / "it")


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    """ST-12"""
    tree, blocks = blocks_of(SHAPES["a chunk"])
    before = os.umask(0o027)
    try:
        save(Memory(blocks), tree.cid, tmp_path / "it")
    finally:
        os.umask(before)
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o640
