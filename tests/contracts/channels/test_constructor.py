"""What a hub is deployed with."""

from __future__ import annotations

import pytest

from tests.chain import reverts
from tests.channels import DAY, HOUR, NATIVE

CENTURY = 36_525 * DAY


def test_keeps_owner_registry_and_bounds(hub, deployer, preimages):
    assert hub.owner() == deployer
    assert hub.PREIMAGES() == preimages
    assert hub.MIN_CHALLENGE_PERIOD() == HOUR
    assert hub.MAX_CHALLENGE_PERIOD() == 30 * DAY


def test_allows_the_native_coin_and_nothing_else(hub, stranger):
    assert hub.isAllowed(NATIVE)
    assert not hub.isAllowed(stranger)


@pytest.mark.parametrize("bounds", [(0, DAY), (2, 1), (1, CENTURY + 1)])
def test_reverts_for_senseless_bounds(deployer, ChannelHub, preimages, bounds):
    with reverts("InvalidBounds", *bounds):
        deployer.deploy(ChannelHub, deployer, preimages, *bounds)


@pytest.mark.parametrize("bounds", [(1, 1), (1, CENTURY)])
def test_accepts_the_extremes(deployer, ChannelHub, preimages, bounds):
    hub = deployer.deploy(ChannelHub, deployer, preimages, *bounds)
    assert (hub.MIN_CHALLENGE_PERIOD(), hub.MAX_CHALLENGE_PERIOD()) == bounds


def test_reverts_without_an_owner(deployer, ChannelHub, preimages):
    with reverts("OwnableInvalidOwner", NATIVE):
        deployer.deploy(ChannelHub, NATIVE, preimages, 1, 1)


def test_takes_no_coin_outside_of_its_actions(hub, client):
    with reverts(None):
        client.transfer(hub, 1)
