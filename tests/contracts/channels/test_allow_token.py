"""ChannelHub.allowToken (SPEC CH-19)."""

from __future__ import annotations

from tests.chain import reverts
from tests.channels import NATIVE


def test_allows_a_token(hub, deployer, MarketToken):
    share = (deployer, 25 * 10**25)
    token = deployer.deploy(MarketToken, deployer, [share, share, share, share])
    assert not hub.isAllowed(token)
    tx = hub.allowToken(token, {"from": deployer})
    assert hub.isAllowed(token)
    assert tx.events["TokenAllowed"] == {"token": token}


def test_reverts_when_caller_is_not_the_owner(hub, token, client):
    with reverts("OwnableUnauthorizedAccount", client):
        hub.allowToken(token, {"from": client})


def test_reverts_for_an_account_without_code(hub, deployer, stranger):
    for account in (stranger, NATIVE):
        with reverts("TokenHasNoCode", account):
            hub.allowToken(account, {"from": deployer})


def test_the_owner_changes_in_two_steps(hub, deployer, client, token):
    hub.transferOwnership(client, {"from": deployer})
    assert hub.owner() == deployer
    hub.acceptOwnership({"from": client})
    hub.disallowToken(token, {"from": client})
    assert not hub.isAllowed(token)
