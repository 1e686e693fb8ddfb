"""A marketplace with all that it stands on, a bonded seller and two buyers."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import ROLE_CLIENT, SELLER_PENALTY, TOKEN_SUPPLY
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.market import CHALLENGE_PERIOD, DELIVERY_PERIOD, ETHER, NATIVE, SETTINGS, Deal

UNBONDING_PERIOD = DELIVERY_PERIOD + CHALLENGE_PERIOD + 1
BOND = 3 * SELLER_PENALTY
BUYER_BOND = 7 * ETHER
SELLER_SECRET, BUYER_SECRET, STRANGER_SECRET = 1_001, 1_002, 1_003


def enroll(registry, account, secret, bond=0):
    """Register an account with this decryption secret."""
    domain = Domain(chain.id, registry.address)
    pair = SecretKey(7 * secret), SecretKey(secret)
    keys = prove_possession(*pair, account.address, 1, domain).words()
    registry.register((ROLE_CLIENT, bytes(32), ""), keys, bond, {"from": account})


@pytest.fixture(scope="module")
def preimages(deployer, PreimageRegistry):
    return deployer.deploy(PreimageRegistry)


@pytest.fixture(scope="module")
def hub(deployer, ChannelHub, preimages):
    return deployer.deploy(ChannelHub, deployer, preimages, 100, 1_000)


@pytest.fixture(scope="module")
def token(deployer, MarketToken, hub, client, provider, stranger):
    share = (deployer, TOKEN_SUPPLY // 4)
    token = deployer.deploy(MarketToken, deployer, [share, share, share, share])
    hub.allowToken(token, {"from": deployer})
    for party in (client, provider, stranger):
        token.transfer(party, 10**6 * ETHER, {"from": deployer})
    return token


@pytest.fixture(scope="module")
def registry(deployer, ParticipantRegistry, token, client, provider, stranger):
    """The provider is participant 1 and bonded, the client 2, the stranger 3."""
    registry = deployer.deploy(ParticipantRegistry, token, deployer, UNBONDING_PERIOD)
    for account, secret, bond in (
        (provider, SELLER_SECRET, BOND),
        (client, BUYER_SECRET, BUYER_BOND),
        (stranger, STRANGER_SECRET, 0),
    ):
        token.approve(registry, 2**256 - 1, {"from": account})
        enroll(registry, account, secret, bond)
    return registry


@pytest.fixture(scope="module")
def ledger(deployer, ReputationLedger):
    return deployer.deploy(ReputationLedger, deployer)


@pytest.fixture(scope="module")
def court(deployer, ScriptedCourt, token):
    """The court as its clients see it; tests/contracts/market/test_court.py has the real one."""
    return deployer.deploy(ScriptedCourt, token)


@pytest.fixture(scope="module")
def market(deployer, Marketplace, hub, registry, ledger, court, token, client, stranger):
    market = deployer.deploy(Marketplace, hub, registry, ledger, court, SETTINGS)
    registry.authoriseSlasher(market, {"from": deployer})
    registry.seal({"from": deployer})
    ledger.authoriseRecorder(market, {"from": deployer})
    ledger.seal({"from": deployer})
    for account in (client, stranger):
        token.approve(market, 2**256 - 1, {"from": account})
    return market


@pytest.fixture(scope="module", params=["native", "token"])
def asset(request):
    """The native coin, then a token."""
    return NATIVE if request.param == "native" else request.getfixturevalue("token")


@pytest.fixture
def deal(market, provider, client):
    """One in the native coin, not published."""
    return Deal(market, provider, client, BUYER_SECRET)


@pytest.fixture
def published(deal):
    deal.publish()
    return deal


@pytest.fixture
def bought(published):
    published.buy()
    return published


@pytest.fixture
def delivered(bought):
    bought.deliver()
    return bought


@pytest.fixture
def dealt_in(market, provider, client, asset):
    """One in each asset, bought."""
    deal = Deal(market, provider, client, BUYER_SECRET, asset)
    deal.publish()
    deal.buy()
    return deal
