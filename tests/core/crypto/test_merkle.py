"""The dense Merkle tree against a plain recursive definition of it. (SPEC GEN-3)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import (
    EMPTY_ROOT,
    ZEROS,
    Frontier,
    MerkleTree,
    StreamedTree,
    height,
    leaf_hash,
    root_from,
    root_of,
    verify,
)
from handfast.errors import InvalidInput

words = st.binary(min_size=32, max_size=32)


def oracle(leaves: list[bytes], levels: int) -> bytes:
    """GEN-3 word for word: the root of a subtree of `levels` levels, leaves on the left."""
    if levels == 0:
        return leaves[0] if leaves else bytes(32)
    half = 1 << (levels - 1)
    left, right = oracle(leaves[:half], levels - 1), oracle(leaves[half:], levels - 1)
    return keccak(left + right)


def leaves_of(count: int) -> list[bytes]:
    return [leaf_hash(position.to_bytes(4, "big")) for position in range(count)]


def test_keccak_is_that_of_the_evm() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize(
    ("count", "levels"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 2), (5, 3), (1025, 11)]
)
def test_the_height_is_the_least_that_holds_all_leaves(count: int, levels: int) -> None:
    assert height(count) == levels


@pytest.mark.parametrize("count", [*range(18), 31, 32, 33, 100])
def test_all_forms_of_the_tree_have_the_defined_root(count: int) -> None:
    leaves = leaves_of(count)
    expected = oracle(leaves, height(count))
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.append(leaf)
    assert root_of(leaves) == expected
    assert frontier.root == expected
    assert frontier.count == count


def test_the_empty_tree_has_the_zero_root() -> None:
    assert MerkleTree().root == Frontier().root == EMPTY_ROOT == bytes(32)


def test_a_tree_of_one_leaf_is_its_leaf() -> None:
    assert root_of([b"\7" * 32]) == b"\7" * 32


@given(
    st.lists(words, min_size=1, max_size=40),
    st.lists(st.tuples(st.booleans(), st.integers(0, 39), words), max_size=40),
)
def test_any_mix_of_appends_and_updates_equals_a_fresh_tree(
    leaves: list[bytes], changes: list[tuple[bool, int, bytes]]
) -> None:
    tree = MerkleTree(leaves)
    for append, position, leaf in changes:
        if append:
            assert tree.append(leaf) == len(leaves)
            leaves.append(leaf)
        else:
            tree.update(position % len(leaves), leaf)
            leaves[position % len(leaves)] = leaf
        if position % 3 == 0:
            assert tree.root == oracle(leaves, height(len(leaves)))
    assert tree.root == oracle(leaves, height(len(leaves)))
    assert [tree.leaf(position) for position in range(len(tree))] == leaves


@given(st.lists(words, max_size=40), st.integers(0, 40), st.lists(words, max_size=9), st.booleans())
def test_a_tree_that_was_cut_equals_one_that_never_grew(
    leaves: list[bytes], count: int, more: list[bytes], hashed: bool
) -> None:
    tree = MerkleTree(leaves)
    if hashed:
        assert tree.root == root_of(leaves)
    count = min(count, len(leaves))
    tree.truncate(count)
    assert tree.root == oracle(leaves[:count], height(count))
    for leaf in more:
        tree.append(leaf)
    kept = leaves[:count] + more
    assert tree.root == oracle(kept, height(len(kept)))
    for position, leaf in enumerate(kept):
        assert verify(tree.root, leaf, position, len(kept), tree.path(position))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13])
def test_each_leaf_verifies_at_its_own_position_alone(count: int) -> None:
    leaves = leaves_of(count)
    tree = MerkleTree(leaves)
    for position, leaf in enumerate(leaves):
        path = tree.path(position)
        assert root_from(leaf, position, path) == tree.root
        for other in range(1 << height(count)):
            assert verify(tree.root, leaf, other, None, path) == (other == position)
            assert verify(tree.root, leaf, other, count, path) == (other == position)
        assert not verify(tree.root, leaf, position, 2 * count, path)
        assert not verify(tree.root, leaf, position, position, path)


def test_a_position_without_a_leaf_proves_to_be_empty() -> None:
    tree = MerkleTree(leaves_of(5))
    path = tree.path(4)
    assert verify(tree.root, ZEROS[0], 5, None, (tree.leaf(4), *path[1:]))


def test_an_inner_node_does_not_verify_as_a_leaf_of_a_counted_tree() -> None:
    tree = MerkleTree(leaves_of(4))
    path = tree.path(0)
    node = root_from(tree.leaf(0), 0, path[:1])
    assert not verify(tree.root, node, 0, 4, path[1:])


@pytest.mark.parametrize("path", [(), (b"\0" * 31,), (b"\0" * 33,)])
def test_a_malformed_path_is_false_and_never_an_error(path: tuple[bytes, ...]) -> None:
    tree = MerkleTree(leaves_of(2))
    assert not verify(tree.root, tree.leaf(0), 0, None, path)
    assert not verify(tree.root, b"", 0, None, tree.path(0))
    assert not verify(tree.root, tree.leaf(0), -1, None, tree.path(0))


def test_a_leaf_can_not_pass_for_a_node() -> None:
    assert leaf_hash(b"abc") == keccak(b"\0abc")
    with pytest.raises(InvalidInput):
        leaf_hash(bytes(63))


def test_positions_without_a_leaf_are_refused() -> None:
    tree = MerkleTree(leaves_of(3))
    for position in (-1, 3):
        with pytest.raises(InvalidInput):
            tree.path(position)
        with pytest.raises(InvalidInput):
            tree.update(position, bytes(32))
        with pytest.raises(InvalidInput):
            tree.leaf(position)
    with pytest.raises(InvalidInput):
        root_from(bytes(32), 2, (bytes(32),))
    with pytest.raises(InvalidInput):
        tree.append(b"short")
    for count in (-1, 4):
        with pytest.raises(InvalidInput):
            tree.truncate(count)


def test_a_copy_does_not_follow_its_origin() -> None:
    tree = MerkleTree(leaves_of(3))
    other = tree.copy()
    tree.append(b"\1" * 32)
    tree.update(0, b"\2" * 32)
    assert other.root == root_of(leaves_of(3))
    assert tree.root == root_of([b"\2" * 32, *leaves_of(3)[1:], b"\1" * 32])


def test_frontiers_are_values() -> None:
    leaves = leaves_of(3)
    before = Frontier().append(leaves[0]).append(leaves[1])
    root = before.root
    assert before.append(leaves[2]).root != root
    assert before.root == root


@pytest.mark.parametrize("count", [0, 1, 2, 3, 1023, 1024, 1025, 2048, 2049, 3 * 1024 + 5])
def test_a_streamed_tree_is_the_tree_of_its_leaves(count: int) -> None:
    leaves = leaves_of(count)
    whole = MerkleTree(leaves)
    for step in (700, 1024, 5000):
        tree = StreamedTree()
        for start in range(0, count, step):
            tree.extend(leaves[start : start + step])
        assert len(tree) == count
        assert tree.finish() == whole.root


@pytest.mark.parametrize("count", [1, 2, 3, 1024, 1025, 2049])
def test_a_streamed_tree_gives_the_path_of_the_watched_leaf(count: int) -> None:
    leaves = leaves_of(count)
    whole = MerkleTree(leaves)
    for position in {0, count // 2, count - 1}:
        tree = StreamedTree(position)
        tree.extend(leaves)
        assert tree.finish() == whole.root
        assert tree.path() == whole.path(position)


@pytest.mark.parametrize("watched", [None, 3, -1])
def test_a_streamed_tree_has_no_path_of_a_leaf_that_did_not_come(watched: int | None) -> None:
    tree = StreamedTree(watched)
    tree.extend(leaves_of(3))
    tree.finish()
    with pytest.raises(InvalidInput):
        tree.path()
