"""ChannelHub.fund (SPEC CH-2, CH-4)."""

from __future__ import annotations

from tests.chain import reverts
from tests.channels import ETHER, NATIVE, Channel, balance_of


def test_adds_to_the_credit_of_any_account(hub, client, provider, asset):
    """CH-2: by anybody, for anybody."""
    address = getattr(asset, "address", asset)
    before, held = balance_of(asset, client), balance_of(asset, hub)
    value = ETHER if asset == NATIVE else 0
    for count in (1, 2):
        tx = hub.fund(address, provider, ETHER, {"from": client, "value": value})
        assert hub.creditOf(address, provider) == count * ETHER
        assert tx.events["CreditFunded"] == {
            "token": address,
            "account": provider,
            "from": client,
            "amount": ETHER,
        }
    assert hub.creditOf(address, client) == 0
    assert balance_of(asset, client) == before - 2 * ETHER
    assert balance_of(asset, hub) == held + 2 * ETHER


def test_reverts_unless_exactly_the_amount_is_sent(hub, client):
    for value in (0, 1, 3):
        with reverts("WrongValue", value, 2):
            hub.fund(NATIVE, client, 2, {"from": client, "value": value})


def test_reverts_when_native_coin_comes_with_a_token(hub, client, token):
    with reverts("WrongValue", 5, 0):
        hub.fund(token, client, 5, {"from": client, "value": 5})


def test_reverts_for_a_token_that_is_not_allowed(hub, client, deployer, token):
    hub.disallowToken(token, {"from": deployer})
    with reverts("TokenNotAllowed", token):
        hub.fund(token, client, 1, {"from": client})


def test_reverts_without_allowance(hub, client, provider, token):
    token.approve(hub, 0, {"from": client})
    with reverts("ERC20InsufficientAllowance", hub, 0, 1):
        Channel(hub, client, provider, token).fund(client, 1)
