"""Speaks a contract's ABI: calls out, results, events and custom errors back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError, EncodingError
from eth_typing import ABIElement
from eth_utils.abi import (
    abi_to_signature,
    collapse_if_tuple,
    event_abi_to_log_topic,
    function_abi_to_4byte_selector,
)
from eth_utils.address import to_checksum_address

from handfast.errors import InvalidInput, InvariantBroken

_SHIPPED = "handfast.abi"
_STANDARD_ERRORS = (
    {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
)
_PANICS = {
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x32: "index out of range",
}


def _types(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [collapse_if_tuple(cast("dict[str, Any]", item)) for item in items]


@dataclass(frozen=True, slots=True)
class Log:
    """A log as a node reports it.

    index   position among the logs of its block
    """

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    block_number: int
    block_hash: bytes
    transaction: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Event:
    """A decoded log.

    arguments   by name; addresses are checksummed, words are bytes, structs and lists are tuples
    """

    contract: str
    name: str
    arguments: Mapping[str, Any]
    log: Log


class Abi:
    """The interface of one contract.

    name   the contract's name, e.g. "ChannelHub"
    """

    def __init__(self, name: str, entries: Sequence[Mapping[str, Any]]) -> None:
        self.name = name
        self._constructor: Sequence[Mapping[str, Any]] = ()
        self._functions: dict[str, Mapping[str, Any]] = {}
        self._events: dict[bytes, Mapping[str, Any]] = {}
        self._errors: dict[bytes, Mapping[str, Any]] = {}
        for entry in (*entries, *_STANDARD_ERRORS):
            element = cast("ABIElement", entry)
            if entry["type"] == "constructor":
                self._constructor = entry["inputs"]
            elif entry["type"] == "function":
                self._functions[entry["name"]] = entry
                self._functions[abi_to_signature(element)] = entry
            elif entry["type"] == "event":
                self._events[event_abi_to_log_topic(cast("Any", entry))] = entry
            elif entry["type"] == "error":
                self._errors[function_abi_to_4byte_selector(cast("Any", entry))] = entry

    def selectors(self) -> dict[bytes, str]:
        """Name of each function by its selector."""
        return {
            function_abi_to_4byte_selector(cast("Any", entry)): entry["name"]
            for entry in self._functions.values()
        }

    def encode(self, function: str, arguments: Sequence[Any]) -> bytes:
        """Calldata of a call. An overloaded function is named by its signature.

        raises   InvalidInput if an argument does not fit its type
        """
        entry = self._function(function)
        selector = function_abi_to_4byte_selector(cast("Any", entry))
        return bytes(selector + self._encode(entry["inputs"], function, arguments))

    def encode_constructor(self, arguments: Sequence[Any]) -> bytes:
        """What follows the bytecode of a contract's creation.

        raises   InvalidInput if an argument does not fit its type
        """
        return self._encode(self._constructor, "constructor", arguments)

    def decode(self, function: str, data: bytes) -> tuple[Any, ...]:
        """Results of a call.

        raises   InvariantBroken if the data is not what the ABI promises: another contract
        """
        try:
            return _decode(self._function(function)["outputs"], data)
        except DecodingError as error:
            raise InvariantBroken(
                f"{self.name}.{function} answered {len(data)} bytes that do not decode: {error}"
            ) from error

    def event(self, log: Log) -> Event | None:
        """The event in a log; None if this contract does not declare it."""
        if not log.topics or log.topics[0] not in self._events:
            return None
        entry = self._events[log.topics[0]]
        indexed = [item for item in entry["inputs"] if item["indexed"]]
        plain = [item for item in entry["inputs"] if not item["indexed"]]
        values: dict[str, Any] = {}
        for item, topic in zip(indexed, log.topics[1:], strict=True):
            values[item["name"]] = _indexed(item, topic)
        for item, value in zip(plain, _decode(plain, log.data), strict=True):
            values[item["name"]] = value
        ordered = {item["name"]: values[item["name"]] for item in entry["inputs"]}
        return Event(self.name, entry["name"], ordered, log)

    def error(self, data: bytes) -> str | None:
        """A custom error as text, e.g. "ChannelNotOpen(0x…, 2)"; None if it is not declared."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return None
        try:
            values = _decode(entry["inputs"], data[4:])
        except DecodingError:
            return None
        if entry["name"] == "Error":
            return str(values[0])
        if entry["name"] == "Panic":
            return f"Panic({values[0]:#04x}: {_PANICS.get(values[0], 'unknown')})"
        return f"{entry['name']}({', '.join(map(_text, values))})"

    def _encode(
        self, inputs: Sequence[Mapping[str, Any]], function: str, arguments: Sequence[Any]
    ) -> bytes:
        try:
            return encode(_types(inputs), list(arguments))
        except (EncodingError, TypeError, ValueError) as error:
            raise InvalidInput(f"{self.name}.{function}: {error}") from error

    def _function(self, name: str) -> Mapping[str, Any]:
        try:
            return self._functions[name]
        except KeyError:
            raise InvariantBroken(f"{self.name} has no function {name}") from None


def _decode(items: Sequence[Mapping[str, Any]], data: bytes) -> tuple[Any, ...]:
    values = decode(_types(items), data)
    return tuple(_plain(item, value) for item, value in zip(items, values, strict=True))


def _plain(item: Mapping[str, Any], value: Any) -> Any:
    """A decoded value with its addresses checksummed, however deep they stand."""
    type_ = item["type"]
    if type_ == "address":
        return to_checksum_address(value)
    if type_.endswith("]"):
        inner = {**item, "type": type_[: type_.rindex("[")]}
        return tuple(_plain(inner, element) for element in value)
    if type_ == "tuple":
        pairs = zip(item["components"], value, strict=True)
        return tuple(_plain(component, element) for component, element in pairs)
    return value


def _indexed(item: Mapping[str, Any], topic: bytes) -> Any:
    if item["type"].endswith("]") or item["type"] in {"string", "bytes", "tuple"}:
        return topic  # of these a log keeps the hash alone
    return _decode([item], topic)[0]


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    return str(value)


@cache
def shipped(name: str) -> Abi:
    """The ABI of one of the protocol's contracts, out of the package."""
    return Abi(name, _shipped_file(name)["abi"])


def shipped_bytecode(name: str) -> bytes:
    """The deployment bytecode of one of the protocol's contracts, out of the package."""
    return bytes.fromhex(_shipped_file(name)["bytecode"].removeprefix("0x"))


def _shipped_file(name: str) -> dict[str, Any]:
    text = resources.files(_SHIPPED).joinpath(f"{name}.json").read_text()
    return cast("dict[str, Any]", json.loads(text))


@cache
def _all_shipped() -> tuple[Abi, ...]:
    files = sorted(item.name for item in resources.files(_SHIPPED).iterdir())
    return tuple(shipped(name[:-5]) for name in files if name.endswith(".json"))


def describe_revert(data: bytes) -> str:
    """A revert's data as text, by the errors of all the protocol's contracts.

    A call passes through several contracts, and any of them may be the one that refused.
    """
    if not data:
        return "no reason given"
    for abi in _all_shipped():
        text = abi.error(data)
        if text is not None:
            return text
    return f"unknown error 0x{data.hex()}"
