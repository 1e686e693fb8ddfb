"""Signed messages hash alike in Solidity, Python and eth-account. (SPEC GEN-2)"""

from __future__ import annotations

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handfast.protocol.messages import DOMAIN_NAME, DOMAIN_VERSION, Domain
from tests.signed_messages import KINDS, any_message, fields_of, value_of, values

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
few = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


@kinds
def test_the_typehash_is_the_same_on_both_sides(probe, kind):
    assert bytes(getattr(probe, f"typehash{kind.__name__}")()) == kind.TYPEHASH


@kinds
@few
@given(data=st.data())
def test_encoding_hash_and_digest_are_the_same_on_both_sides(probe, chain, kind, data):
    message = data.draw(any_message(kind))
    fields = values(message)
    assert bytes(getattr(probe, f"encode{kind.__name__}")(fields)) == message.encode()
    assert bytes(getattr(probe, f"hash{kind.__name__}")(fields)) == message.hash_struct()
    digest = getattr(probe, f"digest{kind.__name__}")(fields)
    assert bytes(digest) == message.digest(Domain(chain.id, probe.address))


@kinds
@few
@given(data=st.data(), chain_id=st.integers(1, 2**63), contract=value_of("address"))
def test_eth_account_computes_the_same_digest(kind, data, chain_id, contract):
    message = data.draw(any_message(kind))
    types = [{"type": type_, "name": name} for type_, name in fields_of(kind)]
    domain = [("string", "name"), ("string", "version"), ("uint256", "chainId")]
    document = {
        "types": {
            "EIP712Domain": [
                {"type": type_, "name": name}
                for type_, name in [*domain, ("address", "verifyingContract")]
            ],
            kind.__name__: types,
        },
        "primaryType": kind.__name__,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": contract,
        },
        "message": {
            entry["name"]: value for entry, value in zip(types, values(message), strict=True)
        },
    }
    expected = _hash_eip191_message(encode_typed_data(full_message=document))
    assert message.digest(Domain(chain_id, contract)) == bytes(expected)
