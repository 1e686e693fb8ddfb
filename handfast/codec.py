"""How frozen dataclasses become bytes and come back: msgpack, strict, deterministic.

One schema, the annotations themselves, serves the wire (untrusted) and the journal. A dataclass is
the array of its fields in order, computed ones left out; where an annotation names several
dataclasses, the array begins with the class's name. Integers wider than 64 bits are big-endian
bytes of their full width, so every value has exactly one encoding. Decoding checks types, ranges
and sizes and knows no other failure than `Malformed`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack  # type: ignore[import-untyped]

from handfast.errors import InvalidInput

T = TypeVar("T")
Coder = Callable[[Any], Any]


class Malformed(InvalidInput):
    """Bytes that no value of the expected type encodes to."""


@dataclass(frozen=True, slots=True)
class Bits:
    """Constraint of an integer: so many bits wide."""

    width: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Size:
    """Constraint of a length: of bytes and text in bytes, of tuples and mappings in items."""

    low: int
    high: int


Uint8 = Annotated[int, Bits(8)]
Uint32 = Annotated[int, Bits(32)]
Uint64 = Annotated[int, Bits(64)]
Uint128 = Annotated[int, Bits(128)]
Int128 = Annotated[int, Bits(128, signed=True)]
Bytes20 = Annotated[bytes, Size(20, 20)]
Bytes32 = Annotated[bytes, Size(32, 32)]

_NARROW = 64
_UNBOUNDED = Size(0, 2**32 - 1)


class Codec(Generic[T]):
    """Encoder and decoder of one type: a dataclass or a union of dataclasses."""

    __slots__ = ("_decode", "_encode")

    def __init__(self, kind: Any) -> None:
        self._encode, self._decode = _coders(kind, {})

    def encode(self, value: T) -> bytes:
        """The value's bytes."""
        return bytes(msgpack.packb(self._encode(value), use_bin_type=True))

    def decode(self, data: bytes) -> T:
        """The value of these bytes.

        raises   Malformed if they are no encoding of this codec's type
        """
        try:
            raw = msgpack.unpackb(data, use_list=True, strict_map_key=True)
        except (ValueError, msgpack.exceptions.UnpackException, RecursionError) as error:
            raise Malformed("not a msgpack value") from error
        value: T = self._decode(raw)
        return value


def _same(value: Any) -> Any:
    return value


def _coders(kind: Any, seen: dict[type, tuple[Coder, Coder]]) -> tuple[Coder, Coder]:
    """Encoder and decoder of an annotation; `seen` holds those of dataclasses."""
    constraint: Any = None
    if get_origin(kind) is Annotated:
        kind, constraint = get_args(kind)[:2]
    while hasattr(kind, "__supertype__"):  # a NewType, over an annotation perhaps
        kind = kind.__supertype__
        if get_origin(kind) is Annotated:
            kind, constraint = get_args(kind)[:2]
    if is_dataclass(kind) and isinstance(kind, type):
        return _of_dataclass(kind, seen)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _of_enum(kind)
    origin = get_origin(kind)
    if origin is tuple:
        return _of_tuple(kind, constraint or _UNBOUNDED, seen)
    if origin in (Union, types.UnionType):
        return _of_union(kind, seen)
    if origin in (Mapping, dict):
        return _of_mapping(kind, constraint or _UNBOUNDED, seen)
    return _of_atom(kind, constraint)


def _of_atom(kind: Any, constraint: Any) -> tuple[Coder, Coder]:
    if kind is bool:
        return _same, _boolean
    if kind is int:
        return _of_integer(constraint or Bits(_NARROW))
    if kind is bytes or kind is str:
        return _same, _sized(kind, constraint or _UNBOUNDED)
    raise TypeError(f"no encoding for {kind}")


def _boolean(raw: Any) -> Any:
    if raw is True or raw is False:
        return raw
    raise Malformed("expected a truth value")


def _of_integer(bits: Bits) -> tuple[Coder, Coder]:
    low = -(1 << (bits.width - 1)) if bits.signed else 0
    high = low + (1 << bits.width) - 1
    octets = bits.width // 8

    def narrow(raw: Any) -> Any:
        if type(raw) is int and low <= raw <= high:
            return raw
        raise Malformed(f"expected an integer of {bits.width} bits")

    def widen(value: int) -> bytes:
        return value.to_bytes(octets, "big", signed=bits.signed)

    def wide(raw: Any) -> int:
        if type(raw) is bytes and len(raw) == octets:
            return int.from_bytes(raw, "big", signed=bits.signed)
        raise Malformed(f"expected an integer of {octets} bytes")

    return (_same, narrow) if bits.width <= _NARROW else (widen, wide)


def _sized(kind: type[bytes | str], size: Size) -> Coder:
    low, high = size.low, size.high

    def decode(raw: Any) -> Any:
        if isinstance(raw, kind) and low <= len(raw) <= high:
            return raw
        raise Malformed(f"expected {kind.__name__} of length {low} to {high}")

    return decode


def _of_enum(kind: type[Enum]) -> tuple[Coder, Coder]:
    members = {member.value: member for member in kind}

    def encode(value: Any) -> Any:
        return value.value

    def decode(raw: Any) -> Any:
        if type(raw) in (int, str) and raw in members:
            return members[raw]
        raise Malformed(f"no such {kind.__name__}")

    return encode, decode


def _of_tuple(kind: Any, size: Size, seen: dict[type, tuple[Coder, Coder]]) -> tuple[Coder, Coder]:
    arguments = get_args(kind)
    if len(arguments) != 2 or arguments[1] is not Ellipsis:
        raise TypeError(f"no encoding for {kind}: only tuples of one type and any length")
    encode_item, decode_item = _coders(arguments[0], seen)

    def encode(value: Any) -> Any:
        return [encode_item(item) for item in value]

    def decode(raw: Any) -> Any:
        if type(raw) is list and size.low <= len(raw) <= size.high:
            return tuple([decode_item(item) for item in raw])
        raise Malformed(f"expected a list of {size.low} to {size.high} items")

    return encode, decode


def _of_mapping(
    kind: Any, size: Size, seen: dict[type, tuple[Coder, Coder]]
) -> tuple[Coder, Coder]:
    (encode_key, decode_key), (encode_item, decode_item) = (
        _coders(argument, seen) for argument in get_args(kind)
    )

    def encode(value: Any) -> Any:
        return [[encode_key(key), encode_item(item)] for key, item in value.items()]

    def decode(raw: Any) -> Any:
        if type(raw) is not list or not size.low <= len(raw) <= size.high:
            raise Malformed(f"expected a list of {size.low} to {size.high} pairs")
        if any(type(pair) is not list or len(pair) != 2 for pair in raw):
            raise Malformed("expected a pair")
        result = {decode_key(key): decode_item(item) for key, item in raw}
        if len(result) != len(raw):
            raise Malformed("a key stands twice")
        return result

    return encode, decode


def _of_union(kind: Any, seen: dict[type, tuple[Coder, Coder]]) -> tuple[Coder, Coder]:
    arguments = [argument for argument in get_args(kind) if argument is not types.NoneType]
    optional = len(arguments) < len(get_args(kind))
    if optional and len(arguments) == 1:
        return _of_optional(arguments[0], seen)
    if not all(is_dataclass(argument) for argument in arguments):
        raise TypeError(f"no encoding for {kind}: only unions of dataclasses")
    encoders = {each: (each.__name__, _coders(each, seen)[0]) for each in arguments}
    decoders = {each.__name__: _coders(each, seen)[1] for each in arguments}

    def encode(value: Any) -> Any:
        if value is None and optional:
            return None
        name, encode_fields = encoders[type(value)]
        return [name, *encode_fields(value)]

    def decode(raw: Any) -> Any:
        if raw is None and optional:
            return None
        if type(raw) is not list or not raw or type(raw[0]) is not str:
            raise Malformed("expected a named value")
        decode_fields = decoders.get(raw[0])
        if decode_fields is None:
            raise Malformed(f"unknown kind {raw[0][:32]!r}")
        return decode_fields(raw[1:])

    return encode, decode


def _of_optional(kind: Any, seen: dict[type, tuple[Coder, Coder]]) -> tuple[Coder, Coder]:
    encode_item, decode_item = _coders(kind, seen)
    return (
        lambda value: None if value is None else encode_item(value),
        lambda raw: None if raw is None else decode_item(raw),
    )


def _of_dataclass(kind: type, seen: dict[type, tuple[Coder, Coder]]) -> tuple[Coder, Coder]:
    if kind in seen:
        return seen[kind]
    hints = get_type_hints(kind, include_extras=True)
    names = [field.name for field in fields(kind) if field.init]
    coders = [(name, *_coders(hints[name], seen)) for name in names]
    encoders = [(name, encode) for name, encode, _ in coders]
    decoders = [decode for _, _, decode in coders]
    count = len(decoders)

    def encode(value: Any) -> Any:
        return [encode(getattr(value, name)) for name, encode in encoders]

    def decode(raw: Any) -> Any:
        if type(raw) is not list or len(raw) != count:
            raise Malformed(f"expected {kind.__name__} with {count} fields")
        return kind(*[decode(item) for decode, item in zip(decoders, raw, strict=True)])

    seen[kind] = encode, decode
    return encode, decode
