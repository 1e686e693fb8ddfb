"""A court with six voters, and a client that pays for its cases."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import ROLE_VOTER, TOKEN_SUPPLY
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.courts import SETTINGS, STAKE, Courtroom

WEALTH = 10**24


@pytest.fixture(scope="session")
def payer(accounts):
    return accounts[1]


@pytest.fixture(scope="session")
def people(accounts):
    """Those who vote: all but deployer, payer, stranger and one."""
    return [accounts[index] for index in (2, 3, 4, 6, 7, 8)]


@pytest.fixture(scope="module")
def token(deployer, MarketToken, people, payer):
    rest = TOKEN_SUPPLY - 3 * WEALTH
    parts = [(deployer, rest), (payer, WEALTH), (deployer, WEALTH), (deployer, WEALTH)]
    return deployer.deploy(MarketToken, deployer, parts)


@pytest.fixture(scope="module")
def registry(deployer, ParticipantRegistry, token):
    return deployer.deploy(ParticipantRegistry, token, deployer, 1_000)


@pytest.fixture(scope="module")
def enlist(registry):
    """Registers an account with roles."""

    def enlist(account, roles=ROLE_VOTER):
        domain = Domain(chain.id, registry.address)
        keys = prove_possession(SecretKey(11), SecretKey(13), account.address, 1, domain)
        registry.register((roles, bytes(32), ""), keys.words(), 0, {"from": account})

    return enlist


@pytest.fixture(scope="module")
def court(deployer, OracleCourt, token, registry):
    return deployer.deploy(OracleCourt, token, registry, SETTINGS)


@pytest.fixture(scope="module")
def pool(court, VoterPool):
    return VoterPool.at(court.VOTERS())


@pytest.fixture(scope="module")
def client_contract(deployer, HostileCourtClient, court, token, payer):
    made = deployer.deploy(HostileCourtClient, court)
    token.transfer(made, 10**23, {"from": payer})
    return made


@pytest.fixture(scope="module")
def room(court, pool, token, client_contract, people, payer, deployer, enlist):
    """Six voters with ten seats' stake each."""
    for voter in people:
        enlist(voter)
        token.transfer(voter, 2 * STAKE, {"from": deployer})
        token.approve(pool, 2**256 - 1, {"from": voter})
        pool.stake(STAKE, {"from": voter})
    token.approve(court, 2**256 - 1, {"from": payer})
    return Courtroom(court, pool, token, client_contract, people, payer)
