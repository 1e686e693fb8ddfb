"""Dataclasses as bytes: one encoding each, and nothing else is taken. (SPEC PR-11)"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Annotated

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.codec import Bytes32, Codec, Int128, Malformed, Size, Uint8, Uint64, Uint128


class Colour(IntEnum):
    RED = 1
    BLUE = 2


class Word(StrEnum):
    YES = "yes"


@dataclass(frozen=True, slots=True)
class Leaf:
    number: Uint8
    colour: Colour


@dataclass(frozen=True, slots=True)
class Twig:
    words: Annotated[tuple[Word, ...], Size(0, 2)]


@dataclass(frozen=True, slots=True)
class Tree:
    wide: Uint128
    signed: Int128
    time: Uint64
    digest: Bytes32 | None
    text: Annotated[str, Size(0, 5)]
    flag: bool
    parts: tuple[Leaf | Twig, ...]
    index: Mapping[Uint8, Leaf]


TREES: Codec[Tree] = Codec(Tree)
PARTS: Codec[Leaf | Twig] = Codec(Leaf | Twig)

leaves = st.builds(Leaf, st.integers(0, 255), st.sampled_from(Colour))
twigs = st.builds(Twig, st.lists(st.sampled_from(Word), max_size=2).map(tuple))
trees = st.builds(
    Tree,
    st.integers(0, 2**128 - 1),
    st.integers(-(2**127), 2**127 - 1),
    st.integers(0, 2**64 - 1),
    st.none() | st.binary(min_size=32, max_size=32),
    st.text(max_size=5),
    st.booleans(),
    st.lists(leaves | twigs, max_size=3).map(tuple),
    st.dictionaries(st.integers(0, 255), leaves, max_size=3),
)


@given(trees)
def test_every_value_comes_back(tree: Tree) -> None:
    data = TREES.encode(tree)
    assert TREES.decode(data) == tree
    assert TREES.encode(TREES.decode(data)) == data


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert PARTS.encode(PARTS.decode(data))


@pytest.mark.parametrize(
    "raw",
    [
        None,
        7,
        [],
        ["Leaf"],
        ["Leaf", 1],
        ["Leaf", 1, 1, 1],
        ["Root", 1, 1],
        [1, 1, 1],
        ["Leaf", 256, 1],
        ["Leaf", -1, 1],
        ["Leaf", True, 1],
        ["Leaf", 1.0, 1],
        ["Leaf", 1, 3],
        ["Leaf", 1, "red"],
        ["Leaf", 1, [1]],
        ["Twig", ["no"]],
        ["Twig", ["yes", "yes", "yes"]],
        ["Twig", "yes"],
        {"Leaf": 1},
    ],
)
def test_what_is_out_of_range_unknown_or_of_another_shape_is_malformed(raw: object) -> None:
    with pytest.raises(Malformed):
        PARTS.decode(msgpack.packb(raw))


def test_trailing_bytes_are_malformed() -> None:
    with pytest.raises(Malformed):
        PARTS.decode(PARTS.encode(Leaf(1, Colour.RED)) + b"\0")


def test_deep_nesting_is_malformed() -> None:
    with pytest.raises(Malformed):
        PARTS.decode(b"\x91" * 100_000)


def test_a_key_that_stands_twice_is_malformed() -> None:
    codec: Codec[Tree] = Codec(Tree)
    tree = Tree(1, 1, 1, None, "", True, (), {1: Leaf(1, Colour.RED)})
    raw = msgpack.unpackb(codec.encode(tree))
    raw[-1] *= 2
    with pytest.raises(Malformed):
        codec.decode(msgpack.packb(raw))


def test_a_wide_integer_has_one_encoding() -> None:
    raw = msgpack.unpackb(TREES.encode(Tree(1, 1, 1, None, "", True, (), {})))
    assert raw[0] == (1).to_bytes(16, "big")
    for other in (1, b"\1", bytes(17)):
        with pytest.raises(Malformed):
            TREES.decode(msgpack.packb([other, *raw[1:]]))
