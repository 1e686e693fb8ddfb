"""CAR version 1: many blocks in one stream, each after its CID."""

from __future__ import annotations

from collections.abc import Iterator

from handfast.errors import Rejected
from handfast.storage.cid import Block, Cid
from handfast.storage.dagpb import encode_varint
from handfast.storage.ingest import Blocks, Readable
from handfast.storage.reading import MAX_BLOCK_BYTES

_HEADER = b"\x11\xa2eroots\x80gversion\x01"  # DAG-CBOR {roots: [], version: 1}
_CID_BYTES = 36
_VARINT_BYTES = 4  # at most, for a section of a CID and a block of MAX_BLOCK_BYTES


def write_car(blocks: Blocks, roots: list[Cid]) -> Iterator[bytes]:
    """A stream that names no root, which is known only when all was sent: it goes to `roots`."""
    yield _HEADER
    while True:
        try:
            block = next(blocks)
        except StopIteration as stop:
            roots.append(stop.value.cid)
            return
        yield encode_varint(_CID_BYTES + len(block.data)) + bytes(block.cid)
        yield bytes(block.data)


def read_car(stream: Readable) -> Iterator[Block]:
    """The blocks of a stream, under the CIDs that it claims for them; nothing is verified.

    raises   Rejected if it is malformed or cut short
    """
    header = _section(stream)
    if header is None:
        raise Rejected("an empty CAR stream", "malformed")
    while (section := _section(stream)) is not None:
        at = 34 if section[:2] == b"\x12\x20" else _CID_BYTES  # version 0 is shorter
        yield Block(Cid.from_bytes(section[:at]), memoryview(section)[at:])


def _section(stream: Readable) -> bytes | None:
    length = shift = 0
    for _ in range(_VARINT_BYTES):
        byte = stream.read(1)
        if not byte:
            break
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return _exactly(stream, length)
    if shift:
        raise Rejected("a CAR section that is cut short or too long", "malformed")
    return None


def _exactly(stream: Readable, length: int) -> bytes:
    if length > _CID_BYTES + MAX_BLOCK_BYTES:
        raise Rejected("a CAR section that is too long", "malformed")
    section = stream.read(length)
    if len(section) < length:
        raise Rejected("a CAR section that is cut short", "malformed")
    return section
