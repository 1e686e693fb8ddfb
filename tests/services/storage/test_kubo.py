"""Beside a real Kubo: the same CIDs, and each reads what the other has written."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.storage.cid import Cid, Codec
from handfast.storage.kubo import KuboStore
from handfast.storage.local import LocalStore
from handfast.storage.store import Summary, cid_of_path
from tests.services.storage.conftest import Kubo, running
from tests.storage_shapes import CHUNK, DIRECTORIES, FILES, content, sized, write

BIG = sized(540_000_000, 540)
SHAPES = {name: shape for name, shape in (FILES | DIRECTORIES).items() if name != "sharded twice"}


@pytest.fixture
def node(kubo: Kubo) -> Iterator[KuboStore]:
    with KuboStore(kubo.address) as store:
        yield store


def pins(kubo: Kubo) -> set[str]:
    return set(kubo.run("pin", "ls", "--type=recursive", "--quiet").split())


@pytest.mark.parametrize("name", SHAPES)
def test_kubo_gives_the_same_cid_to_the_same_path(name: str, kubo: Kubo, tmp_path: Path) -> None:
    """ST-1, ST-2, ST-3"""
    write(SHAPES[name], tmp_path / "it")
    options = ["--only-hash"] if "count" in SHAPES[name] else []
    assert kubo.add(tmp_path / "it", *options) == str(cid_of_path(tmp_path / "it"))


def test_540_megabytes_have_the_same_cid_and_come_back(kubo: Kubo, node: KuboStore) -> None:
    """ST-2, ST-14, ST-19"""
    with TemporaryDirectory() as folder, LocalStore(Path(folder) / "store") as store:
        path = Path(folder) / "big"
        write(BIG, path)
        cid = store.add(path)
        assert store.verify(cid) == Summary(1, 540_000_000)
        assert kubo.add(path) == str(cid)
    assert node.verify(cid) == Summary(1, 540_000_000)


@pytest.mark.parametrize("name", ["empty", "many chunks and a rest", "nested", "one byte more"])
def test_what_is_added_here_is_pinned_there_and_comes_back(
    name: str, kubo: Kubo, node: KuboStore, tmp_path: Path
) -> None:
    """ST-19"""
    write(SHAPES[name], tmp_path / "in")
    cid = node.add(tmp_path / "in")
    assert cid == cid_of_path(tmp_path / "in")
    assert str(cid) in pins(kubo)
    node.save(cid, tmp_path / "out")
    assert cid_of_path(tmp_path / "out") == cid
    assert kubo.add(tmp_path / "out") == str(cid)


def test_streams_and_bytes_are_added_and_read(node: KuboStore) -> None:
    """ST-19"""
    data = b"".join(content(sized(20 * CHUNK + 7, 77)))
    cid = node.add_stream(io.BytesIO(data))
    assert node.put_bytes(data) == cid
    assert node.get_bytes(cid, len(data)) == data
    with pytest.raises(Rejected, match="allowed"):
        node.get_bytes(cid, len(data) - 1)


def test_the_cid_does_not_depend_on_how_the_node_imports(kubo_binary: str, tmp_path: Path) -> None:
    """ST-19"""
    repository = tmp_path / "repository"
    environment = {"IPFS_PATH": str(repository)}
    for command in (
        ["init", "--profile=test"],
        ["config", "Import.UnixFSChunker", "size-1000"],
        ["config", "Import.CidVersion", "0", "--json"],
        ["config", "Import.UnixFSHAMTDirectorySizeThreshold", "1KiB"],
    ):
        subprocess.run([kubo_binary, *command], check=True, env=environment, capture_output=True)
    write(DIRECTORIES["nested"], tmp_path / "it")
    with running(kubo_binary, repository) as kubo, KuboStore(kubo.address) as node:
        cid = node.add(tmp_path / "it")
        assert cid == cid_of_path(tmp_path / "it")
        assert node.verify(cid).files == 2


@pytest.mark.parametrize(
    "options",
    [
        ["--raw-leaves=false"],
        ["--cid-version=1", "--trickle"],
        ["--cid-version=1", "--chunker=size-1000"],
        ["--cid-version=1", "--chunker=size-1000", "--trickle", "--raw-leaves=false"],
        ["--cid-version=1", "--chunker=rabin"],
        ["--cid-version=1", "--max-file-links=3", "--chunker=size-1000"],
        ["--preserve-mode", "--preserve-mtime"],
        ["--cid-version=1", "--max-directory-links=2", "--max-hamt-fanout=8"],
    ],
)
def test_content_that_kubo_laid_out_otherwise_is_read(
    options: list[str], kubo: Kubo, node: KuboStore, tmp_path: Path
) -> None:
    """ST-7"""
    write({"entries": {"a": sized(5), "b": sized(700_000), "c": sized(0)}}, tmp_path / "in")
    root = kubo.run("add", "--recursive", "--quieter", *options, str(tmp_path / "in"))
    cid = Cid.parse(kubo.run("cid", "format", "-v", "1", "-b", "base32", root))
    node.save(cid, tmp_path / "out")
    assert cid_of_path(tmp_path / "out") == cid_of_path(tmp_path / "in")


def test_links_that_hold_their_content_are_refused(
    kubo: Kubo, node: KuboStore, tmp_path: Path
) -> None:
    """ST-5: Kubo inlines small files by identity CIDs if it is told to."""
    write({"entries": {"small": sized(5), "not so small": sized(100)}}, tmp_path / "in")
    cid = Cid.parse(kubo.add(tmp_path / "in", "--inline"))
    with pytest.raises(Rejected, match="identity"):
        node.verify(cid)


def test_content_that_the_node_lacks_is_unavailable(node: KuboStore) -> None:
    """ST-20"""
    nothing = Cid(Codec.RAW, bytes(32))
    with pytest.raises(Unavailable, match="not found"):
        node.get_bytes(nothing, 10)
    with pytest.raises(Unavailable, match="not found"):
        node.pin(nothing)


def test_a_failed_add_is_not_pinned(kubo: Kubo, node: KuboStore) -> None:
    """ST-19"""

    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise InvalidInput("it broke")

    before = pins(kubo)
    with pytest.raises(InvalidInput, match="it broke"):
        node.add_stream(Breaking())
    assert pins(kubo) == before


def test_a_node_that_dies_is_unavailable_and_what_it_gave_is_kept(
    kubo_binary: str, tmp_path: Path
) -> None:
    """ST-13, ST-20"""
    shape = sized(300 * CHUNK, 300)
    with running(kubo_binary, tmp_path / "repository") as kubo, KuboStore(kubo.address) as node:
        cid = node.add_stream(io.BytesIO(b"".join(content(shape))))
        received = 0

        def kill(count: int) -> None:
            nonlocal received
            received += count
            if received > 10 * CHUNK:
                kubo.process.kill()

        with pytest.raises(Unavailable):
            node.save(cid, tmp_path / "out", kill)
        with pytest.raises(Unavailable, match="cannot be reached"):
            node.verify(cid)
    assert received > 10 * CHUNK
    with running(kubo_binary, tmp_path / "repository") as kubo, KuboStore(kubo.address) as node:
        node.save(cid, tmp_path / "out")
    assert cid_of_path(tmp_path / "out") == cid
