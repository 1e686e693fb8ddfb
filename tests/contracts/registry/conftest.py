"""A registry with funded accounts, and a slasher that tests can speak for."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import ROLE_CLIENT, ROLE_PROVIDER, TOKEN_SUPPLY
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession

UNBONDING_PERIOD = 10_000
WEALTH = 10**24
METADATA = bytes(range(32))
ENDPOINT = "https://provider.example:8443"
PROVIDER_PROFILE = (ROLE_PROVIDER, METADATA, ENDPOINT)
CLIENT_PROFILE = (ROLE_CLIENT, bytes(32), "")


def secrets_of(epoch=1):
    return SecretKey(1_000 + epoch), SecretKey(2_000 + epoch)


@pytest.fixture(scope="module")
def token(deployer, MarketToken, client, provider, stranger):
    rest = TOKEN_SUPPLY - 3 * WEALTH
    parts = [(client, WEALTH), (provider, WEALTH), (stranger, WEALTH), (deployer, rest)]
    return deployer.deploy(MarketToken, deployer, parts)


@pytest.fixture(scope="module")
def registry(deployer, ParticipantRegistry, token, client, provider, stranger):
    registry = deployer.deploy(ParticipantRegistry, token, deployer, UNBONDING_PERIOD)
    for account in (client, provider, stranger):
        token.approve(registry, WEALTH, {"from": account})
    return registry


@pytest.fixture(scope="module")
def domain(registry):
    return Domain(chain.id, registry.address)


@pytest.fixture(scope="module")
def prove(domain):
    """Proven keys of an account for an epoch, as Python has them."""

    def prove(account, epoch=1):
        return prove_possession(*secrets_of(epoch), account.address, epoch, domain)

    return prove


@pytest.fixture(scope="module")
def contract_account(deployer, accounts, RevertProbe):
    """The address of some contract, unlocked."""
    return accounts.at(deployer.deploy(RevertProbe).address, force=True)


@pytest.fixture(scope="module")
def slasher(contract_account, registry, deployer):
    registry.authoriseSlasher(contract_account, {"from": deployer})
    return contract_account


@pytest.fixture
def bonded(registry, provider, prove):
    """The registry with the provider as participant 1 and 1,000 bonded."""
    registry.register(PROVIDER_PROFILE, prove(provider).words(), 1_000, {"from": provider})
    return registry
