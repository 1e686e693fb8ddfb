"""The generator refuses a protocol.toml that both languages could not agree on."""

from __future__ import annotations

import pytest

from scripts.generate import ProtocolError, read

DOMAIN = '[domain]\nname = "Town"\nversion = "1"\n'


def constant(type_: str, value: str) -> str:
    return f'{DOMAIN}[constants.LIMIT]\ntype = "{type_}"\nvalue = {value}\ndoc = "A limit."\n'


def message(field: str) -> str:
    return f'{DOMAIN}[messages.Vow]\nfields = ["{field}"]\ndoc = "A vow."\n'


def enum(values: str) -> str:
    return f'{DOMAIN}[enums.Phase]\nvalues = {values}\ndoc = "A phase."\n'


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (constant("uint8", "256"), "constant LIMIT: 256"),
        (constant("uint8", "-1"), "constant LIMIT: -1"),
        (constant("int8", "128"), "constant LIMIT: 128"),
        (constant("uint12", "1"), "uint12"),
        (constant("uint256", '"1"'), "constant LIMIT"),
        (constant("string", '"ü"'), "constant LIMIT"),
        (constant("string", "1"), "constant LIMIT"),
        (message("string text"), "message Vow, field text: string"),
        (message("bytes data"), "message Vow, field data: bytes"),
        (message("uint256[] list"), "message Vow, field list"),
        (message("bytes33 word"), "message Vow, field word"),
        (enum('["Open", "Closed"]'), "enum Phase"),
        (enum('["Absent", "Open", "Open"]'), "enum Phase"),
        (enum("[]"), "enum Phase"),
    ],
)
def test_names_the_faulty_entry(text: str, subject: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(text)
    assert subject in str(caught.value)


@pytest.mark.parametrize(
    ("type_", "value"),
    [("uint8", 255), ("int8", -128), ("int8", 127), ("uint256", 2**256 - 1), ("string", "tag")],
)
def test_accepts_the_ends_of_a_type(type_: str, value: int | str) -> None:
    written = f'"{value}"' if isinstance(value, str) else str(value)
    assert read(constant(type_, written)).constants[0].value == value


def test_writes_names_as_each_language_has_them() -> None:
    (vow,) = read(message("uint64 lastDeadline")).messages
    assert vow.encoded_type == "Vow(uint64 lastDeadline)"
    assert vow.fields[0].snake == "last_deadline"
