"""ChannelHub.disallowToken (SPEC CH-19)."""

from __future__ import annotations

import pytest

from tests.chain import reverts
from tests.channels import ETHER, NATIVE, Channel, balance_of


def test_disallows_a_token(hub, deployer, token):
    tx = hub.disallowToken(token, {"from": deployer})
    assert not hub.isAllowed(token)
    assert tx.events["TokenDisallowed"] == {"token": token}


def test_reverts_when_caller_is_not_the_owner(hub, token, client):
    with reverts("OwnableUnauthorizedAccount", client):
        hub.disallowToken(token, {"from": client})


def test_reverts_for_what_was_not_allowed(hub, deployer, stranger):
    for token in (stranger, NATIVE):
        with reverts("TokenNotAllowed", token):
            hub.disallowToken(token, {"from": deployer})


@pytest.mark.parametrize("end", ["close", "exit", "withdraw"])
def test_no_exit_depends_on_the_list(hub, deployer, client, provider, token, end):
    """CH-19: what was put in comes out."""
    channel = Channel(hub, client, provider, token)
    before = balance_of(token, client)
    channel.open(10 * ETHER, 0)
    hub.disallowToken(token, {"from": deployer})
    if end == "close":
        channel.close(0, client)
    elif end == "exit":
        channel.exit(channel.opening(), client)
    else:
        channel.withdraw(client, 10 * ETHER, client)
    assert balance_of(token, client) == before


def test_credit_can_be_collected(hub, deployer, client, token):
    channel = Channel(hub, client, deployer, token)
    channel.fund(client, ETHER)
    hub.disallowToken(token, {"from": deployer})
    hub.collect(token, client, ETHER, {"from": client})
    assert hub.creditOf(token, client) == 0
