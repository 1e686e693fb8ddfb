"""Reads content by its CID from a source that is not trusted: every block is checked first.

A source answers blocks; whatever it answers, the bytes handed on are those that the CID names, in
order, with the sizes that the nodes above declared, or the reading ends with Rejected. Blocks of a
file are fetched and hashed by a few threads ahead of the reader, in memory of a few batches.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, islice
from typing import Protocol, TypeAlias

from handfast.errors import InvalidInput, Rejected
from handfast.storage.cid import Buffer, Cid, Codec
from handfast.storage.dagpb import Kind, Node, decode_node

MAX_BLOCK_BYTES = 2 * 1024 * 1024
MAX_FILE_DEPTH = 32
_BATCH_BYTES = 1024 * 1024
_BATCH_BLOCKS = 16
_IN_FLIGHT = 6
_THREADS = max(2, min(4, os.cpu_count() or 1))


class BlockSource(Protocol):
    """Somebody who may have blocks."""

    def fetch(self, cids: Sequence[Cid]) -> Sequence[Buffer]:
        """The bytes of these blocks, in this order; called from several threads.

        raises   Unavailable if one cannot be had
        """


@dataclass(frozen=True, slots=True)
class Leaf:
    """A raw block that holds `size` bytes of the file from `offset` on."""

    cid: Cid
    offset: int
    size: int


Piece: TypeAlias = Leaf | Buffer


def verified(source: BlockSource, cids: Sequence[Cid]) -> list[Buffer]:
    """Blocks whose bytes are those that their CIDs name.

    raises   Rejected if the source answers other bytes, or a block above MAX_BLOCK_BYTES
    """
    blocks = source.fetch(cids)
    if len(blocks) != len(cids):
        raise Rejected(f"{len(blocks)} blocks came for {len(cids)} CIDs", "bad_block")
    for cid, block in zip(cids, blocks, strict=True):
        check(cid, block)
    return list(blocks)


def check(cid: Cid, block: Buffer) -> None:
    """Refuse bytes that are not the block that the CID names."""
    if len(block) > MAX_BLOCK_BYTES:
        raise Rejected(f"block {cid} has {len(block)} bytes, {MAX_BLOCK_BYTES} allowed", "too_big")
    if hashlib.sha256(block).digest() != cid.digest:
        raise Rejected(f"the bytes that came for block {cid} are not that block", "bad_block")


def node_of(source: BlockSource, cid: Cid) -> Node:
    """The verified node that a dag-pb CID names."""
    return decode_node(verified(source, [cid])[0])


def read_file(source: BlockSource, cid: Cid, limit: int | None = None) -> Iterator[Buffer]:
    """The bytes of a file, piece by piece, each verified before it is yielded.

    limit    bytes; a file that declares more is refused before its content is fetched
    raises   InvalidInput for a directory or symbolic link, Rejected for content that is not what
             its CID names or declares a false size, Unavailable if a block cannot be had
    """
    for batch in file_batches(source, file_pieces(source, cid, limit)):
        yield from batch


def file_pieces(source: BlockSource, cid: Cid, limit: int | None = None) -> Iterator[Piece]:
    """What a file consists of, in order. Only nodes are fetched, and a root that is a leaf."""
    if cid.codec is Codec.RAW:
        block = verified(source, [cid])[0]
        _check_limit(cid, len(block), limit)
        yield block
        return
    node = _file_node(source, cid)
    _check_limit(cid, _declared(node), limit)
    yield from _pieces_below(source, node, 0, 0)


def file_size(source: BlockSource, cid: Cid) -> int:
    """How many bytes a file declares to have, from its root alone."""
    if cid.codec is Codec.RAW:
        return len(verified(source, [cid])[0])
    return _declared(_file_node(source, cid))


def _file_node(source: BlockSource, cid: Cid) -> Node:
    node = node_of(source, cid)
    if node.data.kind not in (Kind.FILE, Kind.RAW):
        raise InvalidInput(f"{cid} is not a file but a {node.data.kind.name.lower()}")
    return node


def _pieces_below(source: BlockSource, node: Node, offset: int, depth: int) -> Iterator[Piece]:
    if node.data.content:
        yield node.data.content
        offset += len(node.data.content)
    for link, size in zip(node.links, node.data.block_sizes, strict=True):
        if link.cid.codec is Codec.RAW:
            yield Leaf(link.cid, offset, size)
        else:
            if depth == MAX_FILE_DEPTH:
                raise Rejected(f"a file deeper than {MAX_FILE_DEPTH} nodes", "too_deep")
            child = node_of(source, link.cid)
            if _declared(child) != size:
                raise Rejected(f"node {link.cid} does not hold {size} bytes", "bad_size")
            yield from _pieces_below(source, child, offset, depth + 1)
        offset += size


def _declared(node: Node) -> int:
    """The size that a node of a file declares, if all it says about sizes agrees.

    An empty part is refused: without bytes to pay for them, parts could multiply for ever.
    """
    data = node.data
    size = len(data.content) + sum(data.block_sizes)
    if (
        data.kind not in (Kind.FILE, Kind.RAW)
        or len(node.links) != len(data.block_sizes)
        or 0 in data.block_sizes
        or data.file_size not in (None, size)
    ):
        raise Rejected("a node of a file whose sizes do not add up", "bad_size")
    return size


def _check_limit(cid: Cid, size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise Rejected(f"{cid} has {size} bytes, {limit} allowed", "too_big")


def file_batches(source: BlockSource, pieces: Iterator[Piece]) -> Iterator[list[Buffer]]:
    """Fetch the leaves among the pieces, some batches ahead of the reader."""
    batches = _batches(pieces)
    first = list(islice(batches, 2))
    if len(first) < 2:  # threads would cost more than they bring
        yield from (_resolve(source, batch) for batch in first)
        return
    ahead: deque[Future[list[Buffer]]] = deque()
    with ThreadPoolExecutor(_THREADS, "fetch") as pool:
        for batch in chain(first, batches):
            ahead.append(pool.submit(_resolve, source, batch))
            if len(ahead) > _IN_FLIGHT:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _batches(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    held = 0
    for piece in pieces:
        size = piece.size if isinstance(piece, Leaf) else len(piece)
        if batch and (held + size > _BATCH_BYTES or len(batch) == _BATCH_BLOCKS):
            yield batch
            batch, held = [], 0
        batch.append(piece)
        held += size
    if batch:
        yield batch


def _resolve(source: BlockSource, batch: list[Piece]) -> list[Buffer]:
    leaves = [piece for piece in batch if isinstance(piece, Leaf)]
    blocks = verified(source, [leaf.cid for leaf in leaves])
    for leaf, block in zip(leaves, blocks, strict=True):
        if len(block) != leaf.size:
            raise Rejected(f"leaf {leaf.cid} has {len(block)} bytes, not {leaf.size}", "bad_size")
    found = iter(blocks)
    return [next(found) if isinstance(piece, Leaf) else piece for piece in batch]
