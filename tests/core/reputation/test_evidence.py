"""Evidence is one run of bytes that proves an opinion, or says why not. (RP-4, RP-6, RP-7)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.crypto.ecdsa import Signer
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import FEE_UNIT, MAX_FEE_UNITS
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.reputation.encoding import Malformed
from handfast.reputation.evidence import (
    EVIDENCE_BYTES,
    Evidence,
    Receipted,
    same_content,
    split,
)

PROVIDER, CLIENT = Signer(b"\1" * 32), Signer(b"\2" * 32)
TOKEN = "0x" + "aA" * 20
HUB = Domain(31337, "0x" + "bb" * 20)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PARAMETERS = Parameters(CLIENT.address, PROVIDER.address, TOKEN, 3600, bytes(32))


def make(
    *,
    parameters: Parameters = PARAMETERS,
    fee: int = 5 * FEE_UNIT,
    nonce: int = 1,
    satisfied: bool = True,
    domain: Domain = HUB,
) -> Evidence:
    receipt = Receipt(id_of(parameters), 9, b"\7" * 32, fee, nonce)
    digest = receipt.digest(domain)
    opinion = Opinion(digest, satisfied).digest(domain)
    proof = Receipted(PROVIDER.sign(digest))
    return Evidence(parameters, receipt, satisfied, proof, CLIENT.sign(opinion))


def refusal(evidence: Evidence, token: str = TOKEN) -> str:
    with pytest.raises(Rejected) as refused:
        evidence.check(HUB, token)
    return refused.value.reason


def test_what_both_signed_passes_whatever_the_spelling_of_addresses() -> None:
    make().check(HUB, TOKEN.lower())


@given(
    fee=st.integers(0, 2**128 - 1),
    nonce=st.integers(0, 2**64 - 1),
    satisfied=st.booleans(),
)
def test_encoding_and_decoding_are_inverse(fee: int, nonce: int, satisfied: bool) -> None:
    evidence = make(fee=fee, nonce=nonce, satisfied=satisfied)
    data = evidence.encode()
    assert len(data) == EVIDENCE_BYTES
    assert Evidence.decode(data).encode() == data
    assert Evidence.decode(data).receipt == evidence.receipt


@given(st.binary(max_size=2 * EVIDENCE_BYTES))
def test_other_bytes_are_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        Evidence.decode(data)


@given(st.integers(0, EVIDENCE_BYTES - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(position: int, change: int) -> None:
    data = bytearray(make().encode())
    data[position] ^= change
    with pytest.raises((InvalidInput, Rejected)):
        Evidence.decode(bytes(data)).check(HUB, TOKEN)


def test_a_party_that_deals_with_itself_is_malformed() -> None:
    data = bytearray(make().encode())
    data[3:23] = data[23:43]
    with pytest.raises(Malformed):
        Evidence.decode(bytes(data))


def test_another_token_is_refused() -> None:
    assert refusal(make(), "0x" + "cc" * 20) == "token"


@pytest.mark.parametrize("fee", [0, 1, FEE_UNIT + 1, (MAX_FEE_UNITS + 1) * FEE_UNIT])
def test_a_fee_that_is_no_whole_number_of_units_in_range_is_refused(fee: int) -> None:
    assert refusal(make(fee=fee)) == "fee"


def test_the_largest_fee_passes() -> None:
    evidence = make(fee=MAX_FEE_UNITS * FEE_UNIT)
    evidence.check(HUB, TOKEN)
    assert evidence.fee_units == MAX_FEE_UNITS


def test_a_receipt_for_another_chain_or_hub_is_refused() -> None:
    assert refusal(make(domain=Domain(1, HUB.contract))) == "receipt_signature"
    assert refusal(make(domain=Domain(HUB.chain_id, TOKEN))) == "receipt_signature"


def test_an_opinion_turned_round_is_refused() -> None:
    assert refusal(replace(make(), satisfied=False)) == "opinion_signature"


def test_the_receipt_of_another_channel_is_refused() -> None:
    other = replace(PARAMETERS, salt=b"\1" * 32)
    data = Evidence.decode(replace(make(), parameters=other).encode())
    assert refusal(data) == "receipt_signature"


def test_signatures_that_the_chain_would_refuse_are_refused() -> None:
    good = make()
    r, s, v = (
        good.client_signature[:32],
        int.from_bytes(good.client_signature[32:64], "big"),
        good.client_signature[64],
    )
    malleable = r + (ORDER - s).to_bytes(32, "big") + bytes((55 - v,))
    low_v = good.client_signature[:64] + bytes((v - 27,))
    for signature in (malleable, low_v):
        assert refusal(replace(good, client_signature=signature)) == "opinion_signature"


def test_pieces_behind_each_other_are_told_apart() -> None:
    pieces = [make(nonce=nonce).encode() for nonce in (1, 2, 3)]
    assert list(split(b"".join(pieces))) == pieces
    with pytest.raises(Malformed, match="cut short"):
        list(split(b"".join(pieces)[:-1]))
    with pytest.raises(Malformed, match="cut short"):
        list(split(b"\1"))


def test_two_signatures_of_one_opinion_have_the_same_content() -> None:
    evidence = make()
    other = replace(evidence, client_signature=bytes(65))
    assert same_content(evidence.encode(), other.encode())
    assert not same_content(evidence.encode(), make(satisfied=False).encode())
