"""A hub, a token that it takes, and channels between the client and the provider."""

from __future__ import annotations

import pytest

from handfast.protocol.constants import TOKEN_SUPPLY
from tests.channels import DAY, ETHER, HOUR, NATIVE, Channel

MIN_PERIOD = HOUR
MAX_PERIOD = 30 * DAY


@pytest.fixture(scope="module")
def preimages(deployer, PreimageRegistry):
    return deployer.deploy(PreimageRegistry)


@pytest.fixture(scope="module")
def hub(deployer, ChannelHub, preimages):
    return deployer.deploy(ChannelHub, deployer, preimages, MIN_PERIOD, MAX_PERIOD)


@pytest.fixture(scope="module")
def token(deployer, MarketToken, hub, client, provider):
    """MarketToken, allowed, with balances and allowances of both parties."""
    share = (deployer, TOKEN_SUPPLY // 4)
    token = deployer.deploy(MarketToken, deployer, [share, share, share, share])
    hub.allowToken(token, {"from": deployer})
    for party in (client, provider):
        token.transfer(party, 10**6 * ETHER, {"from": deployer})
        token.approve(hub, 2**256 - 1, {"from": party})
    return token


@pytest.fixture(scope="module", params=["native", "token"])
def asset(request):
    """The native coin, then a token."""
    return NATIVE if request.param == "native" else request.getfixturevalue("token")


@pytest.fixture
def channel(hub, client, provider):
    """One in the native coin, not opened."""
    return Channel(hub, client, provider)


@pytest.fixture
def opened(channel):
    """One in the native coin, with 10 of the client's and 5 of the provider's."""
    channel.open(10 * ETHER, 5 * ETHER)
    return channel


@pytest.fixture
def opened_in(hub, client, provider, asset):
    """One in each asset, with 10 of the client's and 5 of the provider's."""
    channel = Channel(hub, client, provider, asset)
    channel.open(10 * ETHER, 5 * ETHER)
    return channel


@pytest.fixture(scope="module")
def wallet(deployer, HostileWallet, beneficiary):
    """A contract account of the beneficiary's, honest until it is told otherwise."""
    return deployer.deploy(HostileWallet, beneficiary)
