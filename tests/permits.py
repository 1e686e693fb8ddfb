"""ERC-2612 permits for MarketToken, signed by an account whose key the tests hold."""

from __future__ import annotations

from typing import Any

from brownie import chain
from eth_account import Account
from eth_account.messages import encode_typed_data

SIGNER = Account.from_key("0x" + "4c" * 32)

_FIELDS = {
    "owner": "address",
    "spender": "address",
    "value": "uint256",
    "nonce": "uint256",
    "deadline": "uint256",
}


def sign_permit(
    token: Any, spender: Any, value: int, deadline: int, nonce: int = 0
) -> tuple[int, bytes, bytes]:
    """(v, r, s) by which SIGNER allows `spender` to take `value`."""
    domain = {
        "name": token.name(),
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": token.address,
    }
    types = {"Permit": [{"name": name, "type": type_} for name, type_ in _FIELDS.items()]}
    values = (SIGNER.address, spender.address, value, nonce, deadline)
    message = dict(zip(_FIELDS, values, strict=True))
    signed = SIGNER.sign_message(encode_typed_data(domain, types, message))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")
