"""Tasks with a court that is told what to rule, and workers with MarketToken."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import ROLE_CLIENT, TOKEN_SUPPLY
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.tasks import MAX_PERIOD, MIN_PERIOD, REQUESTER_SECRET, DataWorld, ModelWorld

WEALTH = 10**24


@pytest.fixture(scope="module")
def requester(client):
    return client


@pytest.fixture(scope="module")
def workers(accounts):
    return [accounts[i] for i in (2, 3, 4, 5, 6, 7)]


@pytest.fixture(scope="module")
def token(deployer, MarketToken, requester, workers):
    parts = [(requester, WEALTH), (workers[0], WEALTH), (workers[1], WEALTH)]
    parts.append((deployer, TOKEN_SUPPLY - 3 * WEALTH))
    token = deployer.deploy(MarketToken, deployer, parts)
    for worker in workers[2:]:
        token.transfer(worker, WEALTH, {"from": deployer})
    return token


@pytest.fixture(scope="module")
def court(deployer, ScriptedCourt, token):
    return deployer.deploy(ScriptedCourt, token)


@pytest.fixture(scope="module")
def ledger(deployer, ReputationLedger):
    return deployer.deploy(ReputationLedger, deployer)


@pytest.fixture(scope="module")
def models(deployer, ModelTasks, court, ledger, token, requester, workers):
    tasks = deployer.deploy(ModelTasks, court, ledger, token, MIN_PERIOD, MAX_PERIOD)
    ledger.authoriseRecorder(tasks, {"from": deployer})
    for account in (requester, *workers):
        token.approve(tasks, WEALTH, {"from": account})
    return ModelWorld(tasks, token, ledger, court, requester, workers)


@pytest.fixture(scope="module")
def registry(deployer, ParticipantRegistry, token, requester):
    """The requester is registered: its decryption key is what deliveries are masked for."""
    registry = deployer.deploy(ParticipantRegistry, token, deployer, MAX_PERIOD)
    secrets = SecretKey(1_001), SecretKey(REQUESTER_SECRET)
    keys = prove_possession(*secrets, requester.address, 1, Domain(chain.id, registry.address))
    registry.register((ROLE_CLIENT, bytes(32), ""), keys.words(), 0, {"from": requester})
    return registry


@pytest.fixture(scope="module")
def data(deployer, DataTasks, DeliveryProofs, court, ledger, registry, token, requester, workers):
    proofs = deployer.deploy(DeliveryProofs)
    parts = court, ledger, registry, proofs, token, MIN_PERIOD, MAX_PERIOD
    tasks = deployer.deploy(DataTasks, *parts)
    ledger.authoriseRecorder(tasks, {"from": deployer})
    for account in (requester, *workers):
        token.approve(tasks, WEALTH, {"from": account})
    return DataWorld(tasks, token, ledger, court, requester, workers)
