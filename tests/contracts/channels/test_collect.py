"""ChannelHub.collect (SPEC CH-2)."""

from __future__ import annotations

from tests.chain import reverts
from tests.channels import ETHER, NATIVE, Channel, balance_of

HONEST, REFUSE = 0, 1


def test_takes_credit_out_to_any_account(hub, client, provider, stranger, asset):
    channel = Channel(hub, client, provider, asset)
    channel.fund(client, 5 * ETHER)
    before = balance_of(asset, stranger)
    tx = hub.collect(channel.token_address, stranger, 2 * ETHER, {"from": client})
    assert balance_of(asset, stranger) == before + 2 * ETHER
    assert hub.creditOf(channel.token_address, client) == 3 * ETHER
    assert tx.events["CreditCollected"] == {
        "token": channel.token_address,
        "account": client,
        "to": stranger,
        "amount": 2 * ETHER,
    }


def test_reverts_for_more_than_the_credit(hub, client, provider, asset):
    channel = Channel(hub, client, provider, asset)
    channel.fund(client, ETHER)
    with reverts("InsufficientCredit", channel.token_address, client, ETHER, ETHER + 1):
        hub.collect(channel.token_address, client, ETHER + 1, {"from": client})


def test_reverts_for_who_has_none(hub, client, provider, asset):
    channel = Channel(hub, client, provider, asset)
    channel.fund(client, ETHER)
    with reverts("InsufficientCredit", channel.token_address, provider, 0, 1):
        hub.collect(channel.token_address, provider, 1, {"from": provider})


def test_reverts_and_keeps_the_credit_when_the_receiver_refuses(
    hub, client, provider, wallet, beneficiary
):
    Channel(hub, client, provider).fund(client, ETHER)
    wallet.behave(REFUSE, HONEST, {"from": beneficiary})
    with reverts("PaymentFailed", wallet, ETHER):
        hub.collect(NATIVE, wallet, ETHER, {"from": client})
    assert hub.creditOf(NATIVE, client) == ETHER
