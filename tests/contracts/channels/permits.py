"""ERC-2612 permits of MarketToken, as the hub takes them."""

from __future__ import annotations

from typing import Any

from brownie import chain
from eth_account.messages import encode_typed_data

from tests.channels import NEVER, key_of

FIELDS = ("owner address", "spender address", "value uint256", "nonce uint256", "deadline uint256")


def permit(token: Any, owner: Any, spender: Any, value: int, deadline: int = NEVER) -> tuple:
    """(value, deadline, v, r, s), good for the owner's next nonce."""
    types = [dict(zip(("name", "type"), field.split(), strict=True)) for field in FIELDS]
    domain = {
        "name": token.name(),
        "version": "1",
        "chainId": chain.id,
        "verifyingContract": token.address,
    }
    message = {
        "owner": owner.address,
        "spender": spender.address,
        "value": value,
        "nonce": token.nonces(owner),
        "deadline": deadline,
    }
    signed = key_of(owner).sign_message(encode_typed_data(domain, {"Permit": types}, message))
    words = (number.to_bytes(32, "big") for number in (signed.r, signed.s))
    return (value, deadline, signed.v, *words)
