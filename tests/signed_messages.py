"""Random signed messages of every kind, built from the types that they declare."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from handfast.protocol import messages
from handfast.protocol.messages import SignedMessage

KINDS: tuple[type[SignedMessage], ...] = tuple(
    entry
    for entry in vars(messages).values()
    if isinstance(entry, type) and issubclass(entry, SignedMessage) and entry is not SignedMessage
)


def fields_of(kind: type[SignedMessage]) -> list[tuple[str, str]]:
    """(type, name) of each field, as EIP-712 has them."""
    inside = kind.TYPE[kind.TYPE.index("(") + 1 : -1]
    return [tuple(field.split(" ")) for field in inside.split(",")]  # type: ignore[misc]


def value_of(type_: str) -> st.SearchStrategy[Any]:
    if type_ == "bool":
        return st.booleans()
    if type_ == "address":
        return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
    if match := re.fullmatch(r"bytes(\d+)", type_):
        return st.binary(min_size=int(match[1]), max_size=int(match[1]))
    bits = int(type_.removeprefix("u").removeprefix("int"))
    if type_.startswith("u"):
        return st.integers(0, 2**bits - 1) | st.sampled_from([0, 2**bits - 1])
    limit = 2 ** (bits - 1)
    return st.integers(-limit, limit - 1) | st.sampled_from([-limit, -1, 0, limit - 1])


def any_message(kind: type[SignedMessage]) -> st.SearchStrategy[SignedMessage]:
    return st.builds(kind, *(value_of(type_) for type_, _ in fields_of(kind)))


def values(message: SignedMessage) -> tuple[Any, ...]:
    """The fields in order, as a contract takes the struct."""
    return tuple(getattr(message, field.name) for field in fields(message))  # type: ignore[arg-type]
