"""Writes the Solidity and Python twins of protocol.toml: constants, enums, signed messages.

    python scripts/generate.py

Needs the checkout's `ruff` and `forge`, which lay the files out. What it writes is committed; CI
regenerates it and fails on a difference.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEADER = "Generated from protocol.toml by `make generate`; do not edit."
WIDTH = 100
SOLIDITY = f"// SPDX-License-Identifier: MIT\n// {HEADER}\npragma solidity 0.8.30;\n"

INTEGER = re.compile(r"(u?)int(\d+)")
FIXED_BYTES = re.compile(r"bytes(\d+)")


class ProtocolError(Exception):
    """protocol.toml says something that the generator can't write in both languages."""


@dataclass(frozen=True, slots=True)
class Constant:
    name: str
    type: str
    value: int | str
    doc: str


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    values: tuple[str, ...]
    doc: str


@dataclass(frozen=True, slots=True)
class Field:
    type: str
    name: str

    @property
    def snake(self) -> str:
        return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", self.name).lower()


@dataclass(frozen=True, slots=True)
class Message:
    name: str
    fields: tuple[Field, ...]
    doc: str

    @property
    def encoded_type(self) -> str:
        """The string of EIP-712 whose hash distinguishes this kind of message."""
        return f"{self.name}({','.join(f'{field.type} {field.name}' for field in self.fields)})"

    @property
    def typehash_name(self) -> str:
        return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", self.name).upper() + "_TYPEHASH"


@dataclass(frozen=True, slots=True)
class Protocol:
    domain_name: str
    domain_version: str
    constants: tuple[Constant, ...]
    enums: tuple[Enum, ...]
    messages: tuple[Message, ...]


# ---------------------------------------------------------------- reading


def read(text: str) -> Protocol:
    """Parse protocol.toml.

    raises   ProtocolError with one line that names the faulty entry
    """
    document = tomllib.loads(text)
    return Protocol(
        document["domain"]["name"],
        document["domain"]["version"],
        tuple(_constant(name, body) for name, body in document.get("constants", {}).items()),
        tuple(_enum(name, body) for name, body in document.get("enums", {}).items()),
        tuple(_message(name, body) for name, body in document.get("messages", {}).items()),
    )


def _constant(name: str, body: dict[str, Any]) -> Constant:
    constant = Constant(name, body["type"], body["value"], body["doc"])
    if constant.type == "string":
        if not isinstance(constant.value, str) or not constant.value.isascii():
            raise ProtocolError(f"constant {name}: a string of ASCII was expected")
        return constant
    lowest, highest = _range(constant.type, f"constant {name}")
    if not isinstance(constant.value, int) or not lowest <= constant.value <= highest:
        raise ProtocolError(f"constant {name}: {constant.value} is no {constant.type}")
    return constant


def _enum(name: str, body: dict[str, Any]) -> Enum:
    values = tuple(body["values"])
    if not values or values[0] != "Absent" or len(set(values)) != len(values):
        raise ProtocolError(f"enum {name}: distinct values from Absent on were expected")
    return Enum(name, values, body["doc"])


def _message(name: str, body: dict[str, Any]) -> Message:
    fields = []
    for text in body["fields"]:
        type_, _, field = text.partition(" ")
        if type_ not in ("address", "bool") and not _bytes_length(type_):
            _range(type_, f"message {name}, field {field}")
        fields.append(Field(type_, field))
    return Message(name, tuple(fields), body["doc"])


def _range(type_: str, subject: str) -> tuple[int, int]:
    """Smallest and largest value of an integer type."""
    match = INTEGER.fullmatch(type_)
    if not match or int(match[2]) not in range(8, 257, 8):
        raise ProtocolError(f"{subject}: {type_} is not one of the types that take one word")
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _bytes_length(type_: str) -> int:
    """Length of a fixed byte string; 0 if it is another type."""
    match = FIXED_BYTES.fullmatch(type_)
    return int(match[1]) if match and 1 <= int(match[1]) <= 32 else 0


# ---------------------------------------------------------------- Solidity


def _natspec(tag: str, doc: str) -> str:
    first, *rest = textwrap.wrap(" ".join(doc.split()), WIDTH)
    return "\n".join([f"/// @{tag} {first}", *(f"/// {line}" for line in rest)])


def _solidity_literal(constant: Constant) -> str:
    return f'"{constant.value}"' if isinstance(constant.value, str) else f"{constant.value:_}"


def solidity_constants(protocol: Protocol) -> Iterator[str]:
    yield SOLIDITY
    for constant in protocol.constants:
        yield _natspec("dev", constant.doc)
        literal = _solidity_literal(constant)
        yield f"{constant.type} constant {constant.name} = {literal};\n"


def solidity_enums(protocol: Protocol) -> Iterator[str]:
    yield SOLIDITY
    for enum in protocol.enums:
        yield _natspec("notice", enum.doc)
        yield f"enum {enum.name} {{ {', '.join(enum.values)} }}\n"


def solidity_messages(protocol: Protocol) -> Iterator[str]:
    yield SOLIDITY
    yield f'string constant DOMAIN_NAME = "{protocol.domain_name}";'
    yield f'string constant DOMAIN_VERSION = "{protocol.domain_version}";\n'
    for message in protocol.messages:
        yield _natspec("notice", message.doc)
        yield f"struct {message.name} {{"
        yield from (f"{field.type} {field.name};" for field in message.fields)
        yield "}\n"
    yield """/// @title Messages
/// @notice The EIP-712 struct hash of every signed message.
/// @dev All fields take one word, so the ABI encoding of a struct is its EIP-712 encoding.
library Messages {"""
    for message in protocol.messages:
        typehash = f'keccak256("{message.encoded_type}")'
        yield f"bytes32 internal constant {message.typehash_name} = {typehash};"
    for message in protocol.messages:
        yield f"""
function hash({message.name} memory message) internal pure returns (bytes32) {{
    return keccak256(abi.encode({message.typehash_name}, message));
}}"""
    yield "}"


def solidity_probe(protocol: Protocol) -> Iterator[str]:
    yield SOLIDITY
    yield 'import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";'
    yield 'import * as Constants from "../protocol/Constants.sol";'
    enums = ", ".join(enum.name for enum in protocol.enums)
    yield f'import {{ {enums} }} from "../protocol/Enums.sol";'
    names = ["DOMAIN_NAME", "DOMAIN_VERSION", "Messages", *(m.name for m in protocol.messages)]
    yield f'import {{ {", ".join(names)} }} from "../protocol/Messages.sol";'
    yield """
/// @title ProtocolProbe
/// @notice Shows tests every constant, enum value and message hash as Solidity has them.
contract ProtocolProbe is EIP712(DOMAIN_NAME, DOMAIN_VERSION) {"""
    for constant in protocol.constants:
        returned = "string memory" if constant.type == "string" else constant.type
        yield f"""
function {constant.name}() external pure returns ({returned}) {{
    return Constants.{constant.name};
}}"""
    for enum in protocol.enums:
        for value in enum.values:
            yield f"""
function {enum.name}_{value}() external pure returns ({enum.name}) {{
    return {enum.name}.{value};
}}"""
        yield f"""
function {enum.name}_max() external pure returns ({enum.name}) {{
    return type({enum.name}).max;
}}"""
    for message in protocol.messages:
        yield from _probe_message(message)
    yield "}"


def _probe_message(message: Message) -> Iterator[str]:
    def function(verb: str, argument: str, rest: str, result: str) -> str:
        return f"function {verb}{message.name}({argument}) external {rest} {{ return {result}; }}\n"

    given = f"{message.name} calldata message"
    hashed = "Messages.hash(message)"
    yield function("typehash", "", "pure returns (bytes32)", f"Messages.{message.typehash_name}")
    yield function("encode", given, "pure returns (bytes memory)", "abi.encode(message)")
    yield function("hash", given, "pure returns (bytes32)", hashed)
    yield function("digest", given, "view returns (bytes32)", f"_hashTypedDataV4({hashed})")


# ---------------------------------------------------------------- Python


def _docstring(doc: str, indent: str = "") -> str:
    text = " ".join(doc.split())
    if len(text) + len(indent) + 6 <= WIDTH:
        return f'{indent}"""{text}"""'
    lines = textwrap.wrap(text, WIDTH - len(indent) - 3)
    return indent + '"""' + f"\n{indent}".join([*lines, '"""'])


def python_constants(protocol: Protocol) -> Iterator[str]:
    yield f'"""Constants and enums of the protocol.\n\n{HEADER}\n"""\n'
    yield "from __future__ import annotations\n"
    yield "from enum import IntEnum"
    yield "from typing import Final\n"
    for constant in protocol.constants:
        yield f"{constant.name}: Final = {_solidity_literal(constant)}"
        yield _docstring(constant.doc)
    for enum in protocol.enums:
        yield f"\nclass {enum.name}(IntEnum):"
        yield _docstring(enum.doc, "    ") + "\n"
        yield from (f"    {_upper(value)} = {at}" for at, value in enumerate(enum.values))


def _upper(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).upper()


MESSAGE_PREAMBLE = '''
from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Final, NoReturn

from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput

DOMAIN_NAME: Final = {name!r}
DOMAIN_VERSION: Final = {version!r}

_DOMAIN_PREFIX: Final = (
    keccak(
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    + keccak(DOMAIN_NAME.encode())
    + keccak(DOMAIN_VERSION.encode())
)

_ADDRESS_PAD: Final = bytes(12)


def _address_word(address: str) -> bytes:
    return _ADDRESS_PAD + bytes.fromhex(address[2:])


def is_address(value: object) -> bool:
    """Whether `value` is an address as text: 0x and 40 hexadecimal digits, checksum or not."""
    if type(value) is not str or len(value) != 42 or value[:2] != "0x":
        return False
    return all(digit in "0123456789abcdefABCDEF" for digit in value[2:])


def _refuse(message: object, name: str, type_: str) -> NoReturn:
    raise InvalidInput(
        f"{{type(message).__name__}}.{{name}} must be {{type_}}, got {{getattr(message, name)!r}}"
    )


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature holds: one contract on one chain.

    chain_id   of the live chain
    contract   address of the contract that verifies
    """

    chain_id: int
    contract: str
    prefix: bytes = field(init=False, repr=False, compare=False)
    """What a struct hash is appended to before the digest is taken."""

    def __post_init__(self) -> None:
        if type(self.chain_id) is not int or not 0 < self.chain_id < 1 << 256:
            _refuse(self, "chain_id", "a positive uint256")
        if not is_address(self.contract):
            _refuse(self, "contract", "an address")
        words = self.chain_id.to_bytes(32, "big") + _address_word(self.contract)
        object.__setattr__(self, "prefix", b"\\x19\\x01" + keccak(_DOMAIN_PREFIX + words))

    @property
    def separator(self) -> bytes:
        """The domain separator of EIP-712."""
        return self.prefix[2:]


class SignedMessage(ABC):
    """What all messages share: every field takes one word, so that encoding is concatenation."""

    __slots__ = ()

    TYPE: ClassVar[str]
    TYPEHASH: ClassVar[bytes]

    @abstractmethod
    def encode(self) -> bytes:
        """The ABI encoding of the fields, one word each."""

    def hash_struct(self) -> bytes:
        """The struct hash of EIP-712."""
        return keccak(self.TYPEHASH + self.encode())

    def digest(self, domain: Domain) -> bytes:
        """What is signed."""
        return keccak(domain.prefix + keccak(self.TYPEHASH + self.encode()))
'''


def python_messages(protocol: Protocol) -> Iterator[str]:
    yield f'"""The signed messages of the protocol (EIP-712).\n\n{HEADER}\n"""'
    yield MESSAGE_PREAMBLE.format(name=protocol.domain_name, version=protocol.domain_version)
    for message in protocol.messages:
        yield from _python_message(message)


def _python_message(message: Message) -> Iterator[str]:
    yield "\n@dataclass(frozen=True, slots=True)"
    yield f"class {message.name}(SignedMessage):"
    yield _docstring(message.doc, "    ") + "\n"
    yield from (f"    {field.snake}: {_python_type(field.type)}" for field in message.fields)
    yield "\n    TYPE: ClassVar[str] = ("
    yield from (f'        "{piece}"' for piece in _pieces(message.encoded_type))
    yield "    )"
    yield "    TYPEHASH: ClassVar[bytes] = keccak(TYPE.encode())"
    yield "\n    def __post_init__(self) -> None:"
    for field in message.fields:
        yield f"        if {_refused(field)}:"
        yield f'            _refuse(self, "{field.snake}", "{field.type}")'
    yield "\n    def encode(self) -> bytes:"
    yield "        return (" + " + ".join(_word(field) for field in message.fields) + ")"


def _pieces(text: str) -> list[str]:
    """Cut an encoded type behind its commas into pieces that fit a line."""
    pieces = [""]
    for word in re.findall(r"[^,]+,?", text):
        if len(pieces[-1]) + len(word) > WIDTH - 12:
            pieces.append("")
        pieces[-1] += word
    return pieces


def _python_type(type_: str) -> str:
    if _bytes_length(type_):
        return "bytes"
    return {"address": "str", "bool": "bool"}.get(type_, "int")


def _refused(field: Field) -> str:
    """Python expression that is true where the value isn't one of the field's type."""
    value = f"self.{field.snake}"
    if field.type == "address":
        return f"not is_address({value})"
    if field.type == "bool":
        return f"type({value}) is not bool"
    if length := _bytes_length(field.type):
        return f"type({value}) is not bytes or len({value}) != {length}"
    lowest, highest = _range(field.type, field.name)
    bits = highest.bit_length()
    low = "0" if lowest == 0 else f"-(1 << {bits})"
    return f"type({value}) is not int or not {low} <= {value} < 1 << {bits}"


def _word(field: Field) -> str:
    """Python expression of the field's 32 bytes."""
    value = f"self.{field.snake}"
    if field.type == "address":
        return f"_address_word({value})"
    if length := _bytes_length(field.type):
        return value if length == 32 else f'{value}.ljust(32, b"\\0")'
    signed = ", signed=True" if field.type.startswith("int") else ""
    return f'{value}.to_bytes(32, "big"{signed})'


# ---------------------------------------------------------------- writing

TARGETS = {
    "contracts/protocol/Constants.sol": solidity_constants,
    "contracts/protocol/Enums.sol": solidity_enums,
    "contracts/protocol/Messages.sol": solidity_messages,
    "contracts/mocks/ProtocolProbe.sol": solidity_probe,
    "handfast/protocol/constants.py": python_constants,
    "handfast/protocol/messages.py": python_messages,
}


def main() -> None:
    try:
        protocol = read((ROOT / "protocol.toml").read_text())
    except ProtocolError as fault:
        sys.exit(f"protocol.toml: {fault}")
    for name, render in TARGETS.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(render(protocol)) + "\n")
    python = [name for name in TARGETS if name.endswith(".py")]
    solidity = [name for name in TARGETS if name.endswith(".sol")]
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "format", "--quiet", *python], cwd=ROOT, check=True)
    subprocess.run([".tools/bin/forge", "fmt", "--quiet", *solidity], cwd=ROOT, check=True)
    print(f"{len(TARGETS)} files from protocol.toml")


if __name__ == "__main__":
    main()
