"""What bytes a node of the DAG has: the dag-pb wire form, and the UnixFS data inside it.

Encoding is canonical (dag-pb specification: links sorted by name, then data); decoding takes
what Kubo takes and refuses the rest, since the bytes come from strangers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from handfast.errors import InvalidInput, Rejected
from handfast.storage.cid import Buffer, Cid

_VARINT = 0
_FIXED64 = 1
_BYTES = 2
_FIXED32 = 5
_FIXED_WIDTH = {_FIXED64: 8, _FIXED32: 4}
_UINT64_MAX = 2**64 - 1
MURMUR3 = 0x22


class Kind(IntEnum):
    """UnixFS node types, numbered as on the wire."""

    RAW = 0
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


@dataclass(frozen=True, slots=True)
class Link:
    """tsize: bytes of the blocks below, as the writer claims (nothing relies on it)."""

    name: str
    cid: Cid
    tsize: int


@dataclass(frozen=True, slots=True)
class Data:
    """UnixFS data of one node.

    content       file bytes held in the node, a symbolic link's target, or a shard's bitfield
    block_sizes   file bytes below each link, in order
    file_size     content and block_sizes together
    """

    kind: Kind
    content: bytes = b""
    file_size: int | None = None
    block_sizes: tuple[int, ...] = ()
    hash_type: int | None = None
    fanout: int | None = None


@dataclass(frozen=True, slots=True)
class Node:
    links: tuple[Link, ...]
    data: Data


def encode_varint(value: int) -> bytes:
    """An unsigned LEB128 of at most 64 bits."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode_node(links: Iterable[Link], data: Data) -> bytes:
    """The block of a node. Links are stably sorted by the bytes of their names."""
    out = bytearray()
    for link in sorted(links, key=lambda link: link.name.encode()):
        body = _bytes_field(1, bytes(link.cid)) + _bytes_field(2, link.name.encode())
        out += _bytes_field(2, body + _varint_field(3, link.tsize))
    return bytes(out + _bytes_field(1, _encode_data(data)))


def _encode_data(data: Data) -> bytes:
    out = bytearray(_varint_field(1, data.kind))
    if data.content:
        out += _bytes_field(2, data.content)
    if data.file_size is not None:
        out += _varint_field(3, data.file_size)
    for size in data.block_sizes:
        out += _varint_field(4, size)
    if data.hash_type is not None:
        out += _varint_field(5, data.hash_type)
    if data.fanout is not None:
        out += _varint_field(6, data.fanout)
    return bytes(out)


def _varint_field(number: int, value: int) -> bytes:
    return encode_varint(number << 3 | _VARINT) + encode_varint(value)


def _bytes_field(number: int, value: bytes) -> bytes:
    return encode_varint(number << 3 | _BYTES) + encode_varint(len(value)) + value


def decode_node(block: Buffer) -> Node:
    """Read a dag-pb block that carries UnixFS.

    raises   Rejected if it is malformed, or links by a CID that is not sha2-256 raw or dag-pb
    """
    links: list[Link] = []
    data: Data | None = None
    for number, value in _fields(bytes(block)):
        match number, value:
            case 2, bytes():
                links.append(_decode_link(value))
            case 1, bytes() if data is None:
                data = _decode_data(value)
            case _:
                raise _malformed(f"unexpected field {number} in a dag-pb node")
    if data is None:
        raise _malformed("a dag-pb node without UnixFS data")
    return Node(tuple(links), data)


def _decode_link(body: bytes) -> Link:
    cid: Cid | None = None
    name = ""
    tsize = 0
    last = 0
    for number, value in _fields(body):
        if number <= last:
            raise _malformed(f"field {number} after field {last} in a link")
        last = number
        match number, value:
            case 1, bytes():
                cid = _decode_cid(value)
            case 2, bytes():
                name = _decode_text(value)
            case 3, int():
                tsize = value
            case _:
                raise _malformed(f"unexpected field {number} in a link")
    if cid is None:
        raise _malformed("a link without a CID")
    return Link(name, cid, tsize)


def _decode_data(body: bytes) -> Data:
    known: dict[int, int | bytes] = {}
    sizes: list[int] = []
    for number, value in _fields(body):
        match number, value:
            case 4, int():
                sizes.append(value)
            case 4, bytes():  # the packed form of the same
                sizes.extend(_packed(value))
            case (1 | 3 | 5 | 6, int()) | (2, bytes()) if number not in known:
                known[number] = value
            case (7, int()) | (8, bytes()):
                pass  # mode and time of modification: not restored
            case _:
                raise _malformed(f"unexpected field {number} in UnixFS data")
    kind, content = known.get(1), known.get(2, b"")
    if not isinstance(kind, int) or kind not in set(Kind) or not isinstance(content, bytes):
        raise _malformed(f"unknown UnixFS type {kind!r}")
    return Data(
        Kind(kind),
        content,
        _number(known, 3),
        tuple(sizes),
        _number(known, 5),
        _number(known, 6),
    )


def _number(known: dict[int, int | bytes], field: int) -> int | None:
    value = known.get(field)
    return value if isinstance(value, int) else None


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: an int for a varint, else bytes."""
    at = 0
    while at < len(body):
        tag, at = _read_varint(body, at)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, at = _read_varint(body, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _read_varint(body, at)
        elif wire in _FIXED_WIDTH:
            length = _FIXED_WIDTH[wire]
        else:
            raise _malformed(f"wire type {wire}")
        if at + length > len(body):
            raise _malformed(f"field {number} is cut short")
        yield number, body[at : at + length]
        at += length


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(body) and shift < 70:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            if value > _UINT64_MAX:
                break
            return value, at
        shift += 7
    raise _malformed("a number that is cut short or longer than 64 bits")


def _packed(body: bytes) -> Iterator[int]:
    at = 0
    while at < len(body):
        value, at = _read_varint(body, at)
        yield value


def _decode_cid(value: bytes) -> Cid:
    try:
        return Cid.from_bytes(value)
    except InvalidInput as error:
        raise Rejected(f"a link of the content cannot be followed: {error}", "bad_link") from error


def _decode_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise _malformed("a name that is not UTF-8") from error


def _malformed(what: str) -> Rejected:
    return Rejected(f"malformed content: {what}", "malformed")
