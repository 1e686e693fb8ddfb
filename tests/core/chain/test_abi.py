"""Calls, results, events and errors as the ABI has them."""

from __future__ import annotations

import pytest
from eth_abi import encode
from hypothesis import given
from hypothesis import strategies as st

from handfast.chain.abi import Abi, Log, describe_revert, shipped
from handfast.chain.provider import refusal
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, InvariantBroken, Rejected, Unavailable

ACCOUNT = "0x00000000000000000000000000000000000000AA"
HUB = shipped("ChannelHub")
PREIMAGES = shipped("PreimageRegistry")


def test_a_call_starts_with_the_selector_of_its_signature() -> None:
    data = PREIMAGES.encode("reveal", [bytes(32)])
    assert data == keccak(b"reveal(bytes32)")[:4] + bytes(32)


def test_an_argument_of_the_wrong_type_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"PreimageRegistry\.reveal"):
        PREIMAGES.encode("reveal", ["no bytes"])


def test_a_function_that_does_not_exist_is_a_fault_of_ours() -> None:
    with pytest.raises(InvariantBroken, match="PreimageRegistry has no function conceal"):
        PREIMAGES.encode("conceal", [])


def test_a_struct_comes_back_as_a_tuple_with_checksummed_addresses() -> None:
    abi = Abi(
        "Probe",
        [
            {
                "type": "function",
                "name": "parties",
                "inputs": [],
                "outputs": [
                    {
                        "name": "",
                        "type": "tuple[]",
                        "components": [
                            {"name": "account", "type": "address"},
                            {"name": "amount", "type": "uint256"},
                        ],
                    }
                ],
            }
        ],
    )
    data = encode(["(address,uint256)[]"], [[(ACCOUNT.lower(), 5)]])
    assert abi.decode("parties", data) == (((ACCOUNT, 5),),)


def test_an_answer_of_another_contract_is_not_taken_for_a_result() -> None:
    with pytest.raises(InvariantBroken, match="do not decode"):
        PREIMAGES.decode("revealedAt", b"\1")


def log(topics: list[bytes], data: bytes) -> Log:
    return Log(ACCOUNT, tuple(topics), data, 1, bytes(32), bytes(32), 0)


def test_an_event_is_decoded_from_topics_and_data_in_the_order_of_its_declaration() -> None:
    topic = keccak(b"PreimageRevealed(bytes32,bytes32)")
    event = PREIMAGES.event(log([topic, b"\1" * 32], b"\2" * 32))
    assert event is not None
    assert event.name == "PreimageRevealed"
    assert list(event.arguments.items()) == [("hash", b"\1" * 32), ("preimage", b"\2" * 32)]


@pytest.mark.parametrize("topics", [[], [bytes(32)]])
def test_a_log_of_an_unknown_event_is_none(topics: list[bytes]) -> None:
    assert PREIMAGES.event(log(topics, b"")) is None


def revert(signature: str, types: list[str], values: list[object]) -> bytes:
    return keccak(signature.encode())[:4] + encode(types, values)


def test_a_custom_error_is_shown_with_its_arguments() -> None:
    data = revert("ChannelNotOpen(bytes32,uint8)", ["bytes32", "uint8"], [b"\xab" * 32, 2])
    assert describe_revert(data) == f"ChannelNotOpen(0x{'ab' * 32}, 2)"


def test_a_revert_with_text_shows_the_text() -> None:
    assert describe_revert(revert("Error(string)", ["string"], ["too late"])) == "too late"


def test_a_panic_is_explained() -> None:
    data = revert("Panic(uint256)", ["uint256"], [0x11])
    assert describe_revert(data) == "Panic(0x11: arithmetic overflow)"


@given(st.binary(max_size=100))
def test_any_revert_data_has_a_description(data: bytes) -> None:
    assert describe_revert(data)


def test_a_revert_is_decoded_from_the_answers_of_all_nodes() -> None:
    data = (
        "0x" + revert("ChannelNotOpen(bytes32,uint8)", ["bytes32", "uint8"], [bytes(32), 3]).hex()
    )
    for error in (
        {"code": 3, "message": "execution reverted", "data": data},
        {"code": -32015, "message": "VM execution error.", "data": f"Reverted {data}"},
        {"code": -32000, "message": "revert", "data": {"message": "revert", "data": data}},
    ):
        raised = refusal("eth_call", error)
        assert isinstance(raised, Rejected)
        assert raised.reason == f"ChannelNotOpen(0x{'00' * 32}, 3)"


@pytest.mark.parametrize(
    ("method", "error", "kind"),
    [
        ("eth_call", {"code": -32005, "message": "limit exceeded"}, Unavailable),
        ("eth_getLogs", {"code": -32005, "message": "10000 results"}, Rejected),
        ("eth_getLogs", {"code": -32602, "message": "range too wide"}, Rejected),
        ("eth_call", {"code": -32000, "message": "header not found"}, Unavailable),
        ("eth_call", {"code": -32601, "message": "no such method"}, Rejected),
        ("eth_call", "nonsense", Rejected),
        ("eth_call", {"message": None}, Rejected),
    ],
)
def test_a_node_that_will_not_is_told_from_one_that_can_not_now(
    method: str, error: object, kind: type[Exception]
) -> None:
    assert type(refusal(method, error)) is kind
