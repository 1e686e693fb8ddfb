"""A signed message holds only values that its Solidity struct can hold. (SPEC GEN-2)"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handfast.errors import InvalidInput
from handfast.protocol.messages import Domain, SignedMessage
from tests.signed_messages import KINDS, any_message, fields_of, values

FIELDS = [
    pytest.param(kind, position, type_, id=f"{kind.__name__}.{name}")
    for kind in KINDS
    for position, (type_, name) in enumerate(fields_of(kind))
]
CONTRACT = "0x" + "5a" * 20


def outside(type_: str) -> list[object]:
    """Values that a field of this type must refuse."""
    if type_ == "bool":
        return [0, 1, None, "true"]
    if type_ == "address":
        return [CONTRACT[2:], CONTRACT + "00", CONTRACT[:-1] + "g", "0x" + " " * 40, bytes(20), 0]
    if type_.startswith("bytes"):
        size = int(type_.removeprefix("bytes"))
        return [bytes(size - 1), bytes(size + 1), bytearray(size), "0" * size, None]
    signed, bits = not type_.startswith("u"), int(type_.removeprefix("u").removeprefix("int"))
    highest = 2 ** (bits - signed) - 1
    return [highest + 1, -highest - 2 if signed else -1, True, 1.0, "1", None]


@pytest.mark.parametrize(("kind", "position", "type_"), FIELDS)
def test_refuses_a_field_outside_its_type(
    kind: type[SignedMessage], position: int, type_: str
) -> None:
    valid = {"bool": True, "address": CONTRACT}
    good: list[object] = [
        valid.get(each, bytes(32) if each.startswith("bytes") else 1) for each, _ in fields_of(kind)
    ]
    kind(*good)
    for wrong in outside(type_):
        fields = [*good[:position], wrong, *good[position + 1 :]]
        with pytest.raises(InvalidInput, match=rf"^{kind.__name__}\.\w+ must be {type_}, got "):
            kind(*fields)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=10)
@given(data=st.data())
def test_the_encoding_takes_one_word_a_field(
    kind: type[SignedMessage], data: st.DataObject
) -> None:
    message = data.draw(any_message(kind))
    assert len(message.encode()) == 32 * len(values(message))


def test_no_two_kinds_share_a_type() -> None:
    assert len({kind.TYPEHASH for kind in KINDS}) == len(KINDS)


@given(
    kind=st.sampled_from(KINDS),
    data=st.data(),
    chain_id=st.integers(1, 2**256 - 1),
)
def test_a_digest_holds_for_one_chain_and_one_contract(
    kind: type[SignedMessage], data: st.DataObject, chain_id: int
) -> None:
    message = data.draw(any_message(kind))
    here = message.digest(Domain(chain_id, CONTRACT))
    assert here != message.digest(Domain(chain_id % (2**256 - 1) + 1, CONTRACT))
    assert here != message.digest(Domain(chain_id, "0x" + "5b" * 20))


@pytest.mark.parametrize("chain_id", [0, -1, 2**256, True, "1"])
def test_refuses_a_domain_without_a_chain(chain_id: int) -> None:
    with pytest.raises(InvalidInput, match="chain_id"):
        Domain(chain_id, CONTRACT)


@pytest.mark.parametrize("contract", ["", "0x", CONTRACT[2:], CONTRACT + "0", CONTRACT[:-1] + "x"])
def test_refuses_a_domain_without_a_contract(contract: str) -> None:
    with pytest.raises(InvalidInput, match="contract"):
        Domain(1, contract)
