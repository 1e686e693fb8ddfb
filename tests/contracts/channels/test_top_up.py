"""ChannelHub.topUp (SPEC CH-4, CH-5)."""

from __future__ import annotations

import pytest

from handfast.protocol.constants import MAX_FUNDS
from tests.chain import reverts
from tests.channels import ETHER, Channel, balance_of


@pytest.mark.parametrize("side", ["client", "provider"])
def test_adds_to_the_deposit_of_either_side(opened_in, asset, side):
    channel, party = opened_in, getattr(opened_in, side)
    held = balance_of(asset, channel.hub)
    tx = channel.top_up(party, 2 * ETHER)
    expected = {"clientDeposit": 10 * ETHER, "providerDeposit": 5 * ETHER}
    expected[side + "Deposit"] += 2 * ETHER
    assert expected.items() <= channel.on_chain().items()
    assert balance_of(asset, channel.hub) == held + 2 * ETHER
    assert tx.events["ChannelToppedUp"] == {
        "channel": "0x" + channel.id.hex(),
        "party": party,
        "amount": 2 * ETHER,
    }


def test_by_anybody(opened, client, stranger):
    opened.top_up(client, ETHER, by=stranger)
    assert opened.on_chain()["clientDeposit"] == 11 * ETHER


def test_never_invalidates_a_signed_state(opened_in, asset, client, provider):
    """CH-5: a state says what moved, so money that came later stays with its side."""
    state = opened_in.state(1, transferred=10 * ETHER)
    opened_in.top_up(client, 3 * ETHER)
    opened_in.top_up(provider, 4 * ETHER)
    before = balance_of(asset, client), balance_of(asset, provider)
    opened_in.exit(state, provider)
    assert balance_of(asset, client) == before[0] + 3 * ETHER
    assert balance_of(asset, provider) == before[1] + 19 * ETHER


def test_reverts_for_who_is_no_party(opened, stranger):
    with reverts("NotParty", opened.id, stranger):
        opened.top_up(stranger, 1)


def test_reverts_unless_open(channel, client):
    with reverts("ChannelNotOpen", channel.id, 0):
        channel.top_up(client, 1)
    channel.open(1, 0)
    channel.register(channel.opening(), client)
    with reverts("ChannelNotOpen", channel.id, 2):
        channel.top_up(client, 1)
    channel.end_period()
    channel.settle(channel.opening(), client)
    with reverts("ChannelNotOpen", channel.id, 3):
        channel.top_up(client, 1)


def test_reverts_unless_exactly_the_amount_is_sent(opened, client):
    with reverts("WrongValue", 1, 2):
        opened.top_up(client, 2, value=1)


def test_reverts_for_a_token_that_was_disallowed(hub, client, provider, token, deployer):
    """CH-19."""
    channel = Channel(hub, client, provider, token)
    channel.open(ETHER, 0)
    hub.disallowToken(token, {"from": deployer})
    with reverts("TokenNotAllowed", token):
        channel.top_up(client, ETHER)


def test_reverts_beyond_the_most_that_a_side_can_have(hub, client, provider, token, deployer):
    """CH-4."""
    token.transfer(client, MAX_FUNDS, {"from": deployer})
    channel = Channel(hub, client, provider, token)
    channel.open(ETHER, 0)
    with reverts("AmountTooLarge", MAX_FUNDS + 1, MAX_FUNDS):
        channel.top_up(client, MAX_FUNDS - ETHER + 1)
    channel.top_up(client, MAX_FUNDS - ETHER)
    assert channel.on_chain()["clientDeposit"] == MAX_FUNDS


def test_what_was_withdrawn_makes_room(hub, client, provider, token, deployer):
    token.transfer(client, MAX_FUNDS, {"from": deployer})
    channel = Channel(hub, client, provider, token)
    channel.open(MAX_FUNDS, 0)
    channel.withdraw(client, ETHER, client)
    channel.top_up(client, ETHER)
    assert channel.on_chain()["clientDeposit"] == MAX_FUNDS + ETHER
