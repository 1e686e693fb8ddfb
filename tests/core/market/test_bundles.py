"""Bundles on the disk, and the document that describes them. (SPEC SL-4, MK-1, SB-1)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.market.bundles import (
    fetch_bundle,
    open_bundle,
    prove_wrong_chunk,
    require_absent,
    seal_file,
)
from handfast.market.description import Description
from handfast.market.sealing import WrongChunk, is_wrong_chunk
from handfast.market.seals import Seal
from handfast.storage.cid import Buffer, Cid
from handfast.storage.local import LocalStore
from handfast.storage.store import Reader
from tests.core.market.test_sealing import content_of, garbled

KEY = bytes(range(32))
SIZE = 9_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with LocalStore(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def sealed(tmp_path: Path, store: LocalStore) -> tuple[Cid, Seal]:
    path = tmp_path / "model"
    path.write_bytes(content_of(SIZE))
    return seal_file(path, KEY, store)


class Failing(Reader):
    """Answers some blocks and then no more."""

    def __init__(self, store: LocalStore, blocks: int) -> None:
        self._store = store
        self.left = blocks
        self.served = 0

    def fetch(self, cids: Sequence[Cid]) -> Sequence[Buffer]:
        if self.left < len(cids):
            raise Unavailable("gone")
        self.left -= len(cids)
        self.served += len(cids)
        return self._store.fetch(cids)


def test_a_file_is_sealed_fetched_and_opened(
    tmp_path: Path, store: LocalStore, sealed: tuple[Cid, Seal]
) -> None:
    cid, promised = sealed
    bundle, output = tmp_path / "buyer" / "bundle", tmp_path / "bought"
    told: list[int] = []
    fetch_bundle(store, cid, promised, bundle, told.append)
    assert sum(told) == promised.bundle_size == bundle.stat().st_size
    open_bundle(bundle, promised, KEY, output)
    assert output.read_bytes() == content_of(SIZE)
    assert not list(tmp_path.glob(".*partial"))


def test_an_interrupted_transfer_goes_on_where_it_stopped(
    tmp_path: Path, store: LocalStore, sealed: tuple[Cid, Seal]
) -> None:
    cid, promised = sealed
    source = Failing(store, 30)
    with pytest.raises(Unavailable):
        fetch_bundle(source, cid, promised, tmp_path / "bundle")
    before, source.left = source.served, 1_000
    fetch_bundle(source, cid, promised, tmp_path / "bundle")
    assert source.served - before < before + 20


def test_a_bundle_that_is_here_is_checked_and_not_fetched_again(
    tmp_path: Path, store: LocalStore, sealed: tuple[Cid, Seal]
) -> None:
    cid, promised = sealed
    fetch_bundle(store, cid, promised, tmp_path / "bundle")
    nobody = Failing(store, 0)
    fetch_bundle(nobody, cid, promised, tmp_path / "bundle")
    (tmp_path / "bundle").write_bytes(b"rotten")
    with pytest.raises(Rejected):
        fetch_bundle(nobody, cid, promised, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    "lie", [{"size": SIZE + 1}, {"ciphertext_root": bytes(32)}, {"plaintext_root": bytes(32)}]
)
def test_what_is_not_promised_is_refused_before_it_is_paid(
    tmp_path: Path, store: LocalStore, sealed: tuple[Cid, Seal], lie: dict[str, object]
) -> None:
    cid, promised = sealed
    with pytest.raises(Rejected):
        fetch_bundle(store, cid, replace(promised, **lie), tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_lie_leaves_nothing_under_the_outputs_name(tmp_path: Path) -> None:
    """SL-7."""
    data, promised = garbled(content_of(SIZE), 1500)
    bundle, output = tmp_path / "bundle", tmp_path / "bought"
    bundle.write_bytes(data)
    with pytest.raises(WrongChunk) as found:
        open_bundle(bundle, promised, KEY, output)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    proof = prove_wrong_chunk(bundle, promised, found.value.position)
    assert is_wrong_chunk(promised, KEY, proof)


def test_an_empty_or_missing_file_is_not_sealed(tmp_path: Path, store: LocalStore) -> None:
    (tmp_path / "empty").touch()
    for name in ("empty", "missing"):
        with pytest.raises(InvalidInput):
            seal_file(tmp_path / name, KEY, store)
    assert store.pins() == []


def test_an_output_that_is_taken_is_refused(tmp_path: Path) -> None:
    require_absent(tmp_path / "new")
    (tmp_path / "old").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("old", "link", "no/where"):
        with pytest.raises(InvalidInput):
            require_absent(tmp_path / name)


def test_a_description_comes_back() -> None:
    made = Description.make("reads digits", "digits.onnx", "application/onnx")
    assert Description.parse(made.encode()) == made
    later = made.encode().replace(b'"text"', b'"licence":"MIT","text"')
    assert Description.parse(later) == made


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\nb", "x" * 101])
def test_a_file_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="file_name"):
        Description.make("text", name, "text/plain")


@pytest.mark.parametrize("document", [b"", b"{}", b'{"text": 5}', b"\xff", b"[1]"])
def test_a_malformed_description_is_refused(document: bytes) -> None:
    with pytest.raises(InvalidInput, match="description"):
        Description.parse(document)
