"""ChannelHub.openWithPermit (SPEC CH-3)."""

from __future__ import annotations

import pytest

from handfast.protocol.messages import Opening
from tests.chain import reverts
from tests.channels import ETHER, NATIVE, NEVER, Channel
from tests.contracts.channels.permits import permit


@pytest.fixture
def channel(hub, client, provider, token):
    token.approve(hub, 0, {"from": client})
    return Channel(hub, client, provider, token)


def open_with(channel, signed, client_deposit, provider_deposit=0, signature=b""):
    return channel.hub.openWithPermit(
        channel.parameters,
        client_deposit,
        provider_deposit,
        NEVER,
        signature,
        signed,
        {"from": channel.client},
    )


def test_opens_with_both_deposits_and_no_allowance_given_before(channel, hub, token):
    """CH-3: deposit, counterparty's deposit and permit in one transaction."""
    channel.fund(channel.provider, 5 * ETHER)
    opening = Opening(channel.id, 3 * ETHER, 5 * ETHER, NEVER)
    signature = channel.sign(channel.provider, opening)
    signed = permit(token, channel.client, hub, 3 * ETHER)
    tx = open_with(channel, signed, 3 * ETHER, 5 * ETHER, signature)
    assert tx.return_value == "0x" + channel.id.hex()
    found = channel.on_chain()
    assert (found["clientDeposit"], found["providerDeposit"]) == (3 * ETHER, 5 * ETHER)


def test_reverts_when_the_permit_is_for_less(channel, hub, token):
    signed = permit(token, channel.client, hub, ETHER)
    with reverts("ERC20InsufficientAllowance", hub, ETHER, 2 * ETHER):
        open_with(channel, signed, 2 * ETHER)


def test_reverts_for_the_native_coin(hub, client, provider, token):
    channel = Channel(hub, client, provider)
    with reverts("TokenNotAllowed", NATIVE):
        open_with(channel, permit(token, client, hub, 1), 1)
