"""ChannelHub.topUpWithPermit (SPEC CH-4)."""

from __future__ import annotations

import pytest

from tests.chain import reverts
from tests.channels import ETHER, NATIVE, Channel
from tests.contracts.channels.permits import permit


@pytest.fixture
def channel(hub, client, provider, token):
    channel = Channel(hub, client, provider, token)
    channel.open(ETHER, 0)
    token.approve(hub, 0, {"from": client})
    return channel


def test_needs_no_allowance_given_before(channel, hub, token, client):
    signed = permit(token, client, hub, ETHER)
    hub.topUpWithPermit(channel.parameters, client, ETHER, signed, {"from": client})
    assert channel.on_chain()["clientDeposit"] == 2 * ETHER


def test_reverts_when_the_permit_is_for_less(channel, hub, token, client):
    signed = permit(token, client, hub, ETHER)
    with reverts("ERC20InsufficientAllowance", hub, ETHER, 2 * ETHER):
        hub.topUpWithPermit(channel.parameters, client, 2 * ETHER, signed, {"from": client})


def test_reverts_for_the_native_coin(hub, token, client, provider):
    channel = Channel(hub, client, provider)
    channel.open(1, 0)
    signed = permit(token, client, hub, 1)
    with reverts("TokenNotAllowed", NATIVE):
        hub.topUpWithPermit(channel.parameters, client, 1, signed, {"from": client})
