"""The dense Merkle tree: n leaves at positions 0..n-1, identical to MerkleTree.sol. (SPEC GEN-3)

Four forms of one tree: `MerkleTree` keeps every node, for paths and updates; `Frontier` is a value
that can only grow, in O(log n) memory; `StreamedTree` takes millions of leaves in runs, and gives
the path of one of them; `root_of` hashes a short list at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput

WORD = 32
EMPTY_ROOT = bytes(WORD)
MAX_HEIGHT = 64
# An encoding of this length would hash to a preimage as long as an inner node's.
_AMBIGUOUS_LENGTH = 63


def leaf_hash(encoding: bytes) -> bytes:
    """Hash a leaf's encoding so that it can't pass for an inner node.

    raises   InvalidInput if the encoding is 63 bytes long: with its prefix it would be as long as a
             node's two words
    """
    if len(encoding) == _AMBIGUOUS_LENGTH:
        raise InvalidInput("a leaf's encoding must not be 63 bytes long")
    return keccak(b"\0" + encoding)


def leaf_hashes(encodings: Iterable[bytes]) -> list[bytes]:
    """`leaf_hash` of each, for encodings that are all digests of 32 bytes: nothing is checked."""
    return [keccak(b"\0" + encoding) for encoding in encodings]


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two neighbouring subtrees."""
    return keccak(left + right)


def _zeros() -> tuple[bytes, ...]:
    zeros = [EMPTY_ROOT]
    for _ in range(MAX_HEIGHT):
        zeros.append(node_hash(zeros[-1], zeros[-1]))
    return tuple(zeros)


ZEROS = _zeros()
"""ZEROS[k] is what a missing subtree of height k hashes to."""


def height(count: int) -> int:
    """Height of the tree of `count` leaves: the least h with 2^h >= count."""
    return max(count - 1, 0).bit_length()


def root_from(leaf: bytes, position: int, path: Sequence[bytes]) -> bytes:
    """Root of the tree that has `leaf` at `position` with these siblings, from the leaf up.

    raises   InvalidInput if the position does not exist in a tree of this height
    """
    if not 0 <= position < 1 << len(path):
        raise InvalidInput(f"no position {position} in a tree of height {len(path)}")
    node = leaf
    for sibling in path:
        node = node_hash(sibling, node) if position & 1 else node_hash(node, sibling)
        position >>= 1
    return node


def verify(
    root: bytes, leaf: bytes, position: int, count: int | None, path: Sequence[bytes]
) -> bool:
    """Whether `leaf` stands at `position` under `root`; with a count, in a tree of so many leaves.

    Without a count the path's length is not checked: a leaf's hash can't pass for a node's, so
    nothing but the true position and height verifies anyway. Never raises.
    """
    if not 0 <= position < 1 << len(path) or len(leaf) != WORD:
        return False
    if count is not None and (position >= count or len(path) != height(count)):
        return False
    if any(len(sibling) != WORD for sibling in path):
        return False
    return root_from(leaf, position, path) == root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Root of a list of leaf hashes."""
    return MerkleTree(leaves).root


class MerkleTree:
    """A tree that keeps all of its nodes. Changes are hashed when the root or a path is next read,
    each inner node at most once, so a batch of changes costs less than one by one.

    leaves   leaf hashes of 32 bytes, see `leaf_hash`
    """

    __slots__ = ("_count", "_levels", "_stale")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        # A level is one array of words, padded to an even number with the zero of its height:
        # siblings are neighbours, and a node is the hash of 64 bytes in a row.
        self._levels: list[bytearray] = [bytearray()]
        self._count = 0
        self._stale: set[int] = set()
        for leaf in leaves:
            self.append(leaf)

    def __len__(self) -> int:
        return self._count

    def append(self, leaf: bytes) -> int:
        """Add a leaf behind the last and return its position."""
        position = self._count
        self._write(position, leaf)
        self._count += 1
        self._stale.add(position)
        return position

    def update(self, position: int, leaf: bytes) -> None:
        """Replace a leaf.

        raises   InvalidInput if there is none at this position
        """
        self._require(position)
        self._write(position, leaf)
        self._stale.add(position)

    def truncate(self, count: int) -> None:
        """Remove all leaves from position `count` on.

        raises   InvalidInput if there are not so many
        """
        if not 0 <= count <= self._count:
            raise InvalidInput(f"{self._count} leaves can't be cut to {count}")
        if count == self._count:
            return
        self._count = count
        self._stale = {position for position in self._stale if position < count}
        for level, nodes in enumerate(self._levels):
            del nodes[WORD * count :]
            if count & 1:
                nodes.extend(ZEROS[level])
            count = count + 1 >> 1
        if self._count:
            self._stale.add(self._count - 1)

    def leaf(self, position: int) -> bytes:
        """The leaf hash at a position.

        raises   InvalidInput if there is none at this position
        """
        self._require(position)
        return bytes(self._levels[0][WORD * position : WORD * (position + 1)])

    @property
    def root(self) -> bytes:
        """The tree's root; EMPTY_ROOT if it has no leaf."""
        if not self._count:
            return EMPTY_ROOT
        self._hash_stale()
        return bytes(self._levels[height(self._count)][:WORD])

    def path(self, position: int) -> tuple[bytes, ...]:
        """Siblings of a leaf from the bottom up.

        raises   InvalidInput if there is no leaf at this position
        """
        self._require(position)
        self._hash_stale()
        siblings = []
        for level in self._levels[: height(self._count)]:
            sibling = WORD * (position ^ 1)
            siblings.append(bytes(level[sibling : sibling + WORD]))
            position >>= 1
        return tuple(siblings)

    def copy(self) -> MerkleTree:
        """An independent tree with the same leaves."""
        other = MerkleTree()
        other._levels = [bytearray(level) for level in self._levels]
        other._count = self._count
        other._stale = set(self._stale)
        return other

    def _require(self, position: int) -> None:
        if not 0 <= position < self._count:
            raise InvalidInput(f"no leaf at position {position} of {self._count}")

    def _write(self, position: int, leaf: bytes) -> None:
        if len(leaf) != WORD:
            raise InvalidInput(f"a leaf hash has {WORD} bytes, not {len(leaf)}")
        leaves = self._levels[0]
        start = WORD * position
        if start == len(leaves):
            leaves += leaf + EMPTY_ROOT
        else:
            leaves[start : start + WORD] = leaf

    def _hash_stale(self) -> None:
        if not self._stale:
            return
        indices = sorted(self._stale)
        self._stale.clear()
        for level in range(height(self._count)):
            if level + 1 == len(self._levels):
                self._levels.append(bytearray())
            nodes, above, zero = self._levels[level], self._levels[level + 1], ZEROS[level + 1]
            indices = list(dict.fromkeys(index >> 1 for index in indices))
            for index in indices:
                start = WORD * index
                node = keccak(nodes[2 * start : 2 * (start + WORD)])
                if start == len(above):
                    above += node + zero
                else:
                    above[start : start + WORD] = node


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree that only grows, as a value: its leaf count and the roots of its full subtrees.

    peaks    root of the full subtree of height k for each bit k set in `count`, lowest first
    """

    count: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The tree with one more leaf."""
        node, merged = leaf, 0
        while self.count >> merged & 1:
            node = node_hash(self.peaks[merged], node)
            merged += 1
        return Frontier(self.count + 1, (node, *self.peaks[merged:]))

    @property
    def root(self) -> bytes:
        """The tree's root; EMPTY_ROOT if it has no leaf."""
        if self.count & (self.count - 1) == 0:
            return self.peaks[0] if self.peaks else EMPTY_ROOT
        peaks = iter(self.peaks)
        node = ZEROS[0]
        for level in range(height(self.count)):
            if self.count >> level & 1:
                node = node_hash(next(peaks), node)
            else:
                node = node_hash(node, ZEROS[level])
        return node


class StreamedTree:
    """A tree whose leaves come in their order and are not kept: of each full run of RUN leaves only
    its root stays, which is 32 bytes for 4 MiB of sealed content.

    watched   a position whose path is wanted in the end; None for none
    """

    RUN: Final = 1024

    __slots__ = ("_count", "_path", "_run", "_runs", "_watched")

    def __init__(self, watched: int | None = None) -> None:
        self._count = 0
        self._run: list[bytes] = []
        self._runs: list[bytes] = []
        self._watched = watched
        self._path: list[bytes] = []

    def __len__(self) -> int:
        return self._count

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Put leaves behind the last."""
        run = self._run
        before = len(run)
        run.extend(leaves)
        self._count += len(run) - before
        while len(run) >= self.RUN:
            self._close(run[: self.RUN], _RUN_HEIGHT)
            del run[: self.RUN]

    def finish(self) -> bytes:
        """The root, now that all leaves have come; EMPTY_ROOT if there are none."""
        if self._run:
            levels = _RUN_HEIGHT if self._runs else height(len(self._run))
            self._close(self._run, levels)
            self._run = []
        if len(self._runs) > 1:
            watched = None if self._watched is None else self._watched // self.RUN
            levels = height(len(self._runs))
            self._runs = [self._fold(self._runs, _RUN_HEIGHT, levels, watched)]
        return self._runs[0] if self._runs else EMPTY_ROOT

    def path(self) -> tuple[bytes, ...]:
        """Siblings of the watched leaf from the bottom up, after `finish`.

        raises   InvalidInput if no position was watched, or there is no leaf at it
        """
        if self._watched is None or not 0 <= self._watched < self._count:
            raise InvalidInput(f"no leaf at position {self._watched} of {self._count}")
        return tuple(self._path)

    def _close(self, run: list[bytes], levels: int) -> None:
        number, inside = divmod(-1 if self._watched is None else self._watched, self.RUN)
        watched = inside if number == len(self._runs) else None
        self._runs.append(self._fold(run, 0, levels, watched))

    def _fold(self, nodes: list[bytes], level: int, levels: int, watched: int | None) -> bytes:
        """Root of the subtree of so many levels above these nodes, which stand at `level`."""
        for zero in ZEROS[level : level + levels]:
            if len(nodes) & 1:
                nodes = [*nodes, zero]
            if watched is not None:
                self._path.append(nodes[watched ^ 1])
                watched >>= 1
            pairs = iter(nodes)
            nodes = [keccak(left + right) for left, right in zip(pairs, pairs, strict=True)]
        return nodes[0]


_RUN_HEIGHT = height(StreamedTree.RUN)
