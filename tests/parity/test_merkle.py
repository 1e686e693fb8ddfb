"""MerkleTree.sol agrees with handfast.crypto.merkle. (SPEC GEN-3)"""

from __future__ import annotations

import random
from typing import Any

import pytest
from brownie import MerkleTreeHarness

from handfast.crypto.merkle import MerkleTree, leaf_hash, root_from, root_of, verify
from tests.chain import reverts


@pytest.fixture(scope="module")
def harness(deployer: Any) -> Any:
    return deployer.deploy(MerkleTreeHarness)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 11])
def test_each_position_of_a_tree_verifies_alike(harness: Any, count: int) -> None:
    tree = MerkleTree(leaf_hash(bytes([position])) for position in range(count))
    for position in range(count):
        leaf, path = tree.leaf(position), tree.path(position)
        for other in (position, position ^ 1, position + 1, position + 64, 2**256 - 1):
            assert harness.verify(tree.root, leaf, other, path) == verify(
                tree.root, leaf, other, None, path
            )


@pytest.mark.parametrize("levels", [0, 1, 2, 3, 4, 5, 7, 14, 20, 32])
def test_any_path_leads_to_the_same_root(harness: Any, levels: int) -> None:
    chance = random.Random(levels)
    leaf, path = chance.randbytes(32), [chance.randbytes(32) for _ in range(levels)]
    for position in {0, 2**levels - 1, chance.randrange(2**levels)}:
        root = root_from(leaf, position, path)
        assert harness.verify(root, leaf, position, path)
        assert not harness.verify(bytes(32), leaf, position, path)
        for level in range(levels):  # each sibling and each turn matters
            assert not harness.verify(root, leaf, position ^ (1 << level), path)
            other = [*path[:level], bytes(32), *path[level + 1 :]]
            assert not harness.verify(root, leaf, position, other)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 31, 32, 33, 100])
def test_a_growing_tree_has_the_same_root(harness: Any, count: int) -> None:
    leaves = [leaf_hash(bytes([position])) for position in range(count)]
    assert bytes(harness.rootOf(leaves)) == root_of(leaves)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 62, 64, 65, 200])
def test_an_encoding_hashes_alike(harness: Any, length: int) -> None:
    encoding = bytes(range(length))
    assert bytes(harness.leafHash(encoding)) == leaf_hash(encoding)


def test_a_word_hashes_alike(harness: Any) -> None:
    word = bytes(range(1, 33))
    assert bytes(harness.leafHashOfWord(word)) == leaf_hash(word)


def test_an_encoding_as_long_as_a_node_is_refused(harness: Any) -> None:
    with reverts("AmbiguousEncoding"):
        harness.leafHash(bytes(63))


def test_a_position_outside_the_tree_stands_nowhere(harness: Any) -> None:
    leaf, path = bytes(32), [bytes(32)]
    assert not harness.verify(root_from(leaf, 0, path), leaf, 2, path)
    assert harness.verify(root_from(leaf, 2**255, path * 256), leaf, 2**255, path * 256)
