"""CIDs are those that a real Kubo gave (tests/vectors/storage.json, by scripts/storage_vectors)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from handfast.storage import unixfs
from handfast.storage.cid import Block, Cid, Codec
from handfast.storage.store import cid_of_path
from handfast.storage.unixfs import BalancedTree
from tests.storage_shapes import SHAPES, blocks_of, write

DOCUMENT: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "storage.json").read_text()
)
VECTORS = {vector["name"]: vector for vector in DOCUMENT["vectors"]}


@pytest.mark.parametrize("name", VECTORS)
def test_cid_equals_that_of_kubo(name: str) -> None:
    """ST-1, ST-2, ST-3"""
    tree, _blocks = blocks_of(VECTORS[name]["shape"])
    assert str(tree.cid) == VECTORS[name]["cid"]


def test_every_shape_has_a_vector() -> None:
    assert {name: vector["shape"] for name, vector in VECTORS.items()} == SHAPES


@pytest.mark.parametrize(
    "name", ["many chunks and a rest", "names in many scripts", "nested", "symbolic links"]
)
def test_cid_of_what_lies_on_the_disk_equals_that_of_kubo(name: str, tmp_path: Path) -> None:
    """ST-1, ST-2"""
    write(VECTORS[name]["shape"], tmp_path / "it")
    assert str(cid_of_path(tmp_path / "it")) == VECTORS[name]["cid"]


@pytest.mark.parametrize(("hidden", "key"), [(False, "left out"), (True, "taken")])
def test_hidden_names_are_left_out_unless_asked_for(hidden: bool, key: str, tmp_path: Path) -> None:
    """ST-4"""
    write(DOCUMENT["hidden"]["shape"], tmp_path / "it")
    assert str(cid_of_path(tmp_path / "it", hidden=hidden)) == DOCUMENT["hidden"][key]


def test_a_file_of_three_levels_has_the_root_that_kubo_gives_it() -> None:
    """ST-2: small chunks stand for the 8 GB that it takes with chunks of 256 KiB."""
    vector = DOCUMENT["three levels"]
    tree = BalancedTree()
    full = Block.of(Codec.RAW, bytes(vector["chunk"]))
    chunks, rest = divmod(vector["zeros"], vector["chunk"])
    for _ in range(chunks):
        list(tree.push(unixfs.leaf(full)))
    list(tree.push(unixfs.leaf(Block.of(Codec.RAW, bytes(rest)))))
    finishing = tree.finish()
    root: Cid | None = None
    while root is None:
        try:
            next(finishing)
        except StopIteration as stop:
            root = stop.value.cid
    assert str(root) == vector["cid"]
