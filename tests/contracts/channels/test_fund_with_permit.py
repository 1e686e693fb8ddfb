"""ChannelHub.fundWithPermit (SPEC CH-2)."""

from __future__ import annotations

import pytest

from tests.chain import reverts
from tests.channels import ETHER, NATIVE
from tests.contracts.channels.permits import permit


@pytest.fixture(autouse=True)
def _no_allowance(token, hub, client):
    token.approve(hub, 0, {"from": client})


def test_needs_no_allowance_given_before(hub, token, client, provider):
    signed = permit(token, client, hub, ETHER)
    hub.fundWithPermit(token, provider, ETHER, signed, {"from": client})
    assert hub.creditOf(token, provider) == ETHER
    assert token.allowance(client, hub) == 0


def test_a_permit_that_somebody_used_already_still_serves(hub, token, client, provider, stranger):
    """Nobody can annoy by using it first: what it allowed is there."""
    signed = permit(token, client, hub, ETHER)
    value, deadline, v, r, s = signed
    token.permit(client, hub, value, deadline, v, r, s, {"from": stranger})
    hub.fundWithPermit(token, provider, ETHER, signed, {"from": client})
    assert hub.creditOf(token, provider) == ETHER


def test_reverts_when_the_permit_is_for_less(hub, token, client):
    signed = permit(token, client, hub, ETHER - 1)
    with reverts("ERC20InsufficientAllowance", hub, ETHER - 1, ETHER):
        hub.fundWithPermit(token, client, ETHER, signed, {"from": client})


def test_reverts_when_the_permit_is_somebody_elses(hub, token, client, provider):
    """The hub pulls from its caller alone, whatever is signed."""
    signed = permit(token, provider, hub, ETHER)
    with reverts("ERC20InsufficientAllowance", hub, 0, ETHER):
        hub.fundWithPermit(token, client, ETHER, signed, {"from": client})


def test_reverts_for_the_native_coin(hub, token, client):
    with reverts("TokenNotAllowed", NATIVE):
        hub.fundWithPermit(NATIVE, client, 0, permit(token, client, hub, 0), {"from": client})


def test_reverts_for_a_token_that_is_not_allowed(hub, token, client, deployer):
    hub.disallowToken(token, {"from": deployer})
    with reverts("TokenNotAllowed", token):
        hub.fundWithPermit(token, client, 1, permit(token, client, hub, 1), {"from": client})
