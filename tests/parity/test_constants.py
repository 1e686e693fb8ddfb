"""Every constant and enum value is the same in Solidity and Python. (SPEC GEN-1)"""

from __future__ import annotations

from enum import IntEnum

import pytest

from handfast.protocol import constants
from handfast.protocol.messages import DOMAIN_NAME, DOMAIN_VERSION

CONSTANTS = {name: value for name, value in vars(constants).items() if name.isupper()}
ENUMS = [
    entry
    for entry in vars(constants).values()
    if isinstance(entry, type) and issubclass(entry, IntEnum) and entry is not IntEnum
]


def solidity_name(value: IntEnum) -> str:
    return value.name.title().replace("_", "")


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_the_same_on_both_sides(probe, name):
    assert getattr(probe, name)() == CONSTANTS[name]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_an_enum_has_the_same_values_on_both_sides(probe, enum):
    for value in enum:
        assert getattr(probe, f"{enum.__name__}_{solidity_name(value)}")() == value
    assert getattr(probe, f"{enum.__name__}_max")() == max(enum)


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_zero_is_absent(enum):
    assert enum(0).name == "ABSENT"


def test_nothing_that_solidity_declares_is_missing_in_python(probe):
    declared = {item["name"] for item in probe.abi if item["type"] == "function"}
    messages = {
        name for name in declared if name.startswith(("typehash", "encode", "hash", "digest"))
    }
    enums = {f"{enum.__name__}_{solidity_name(value)}" for enum in ENUMS for value in enum}
    ends = {f"{enum.__name__}_max" for enum in ENUMS}
    assert declared - messages - enums - ends - {"eip712Domain"} == set(CONSTANTS)


def test_the_domain_is_the_same_on_both_sides(probe, chain):
    _, name, version, chain_id, contract, _, _ = probe.eip712Domain()
    assert (name, version) == (DOMAIN_NAME, DOMAIN_VERSION)
    assert (chain_id, contract) == (chain.id, probe.address)
