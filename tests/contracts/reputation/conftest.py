"""A roll-up with two funded proposers, and the state that its batches lead to."""

from __future__ import annotations

import pytest

from handfast.protocol.constants import TOKEN_SUPPLY
from tests.rollups import BOND, EPOCH_LENGTH, WEALTH, WINDOW, Town


@pytest.fixture(scope="module")
def token(deployer, MarketToken, coordinator, watcher):
    rest = TOKEN_SUPPLY - 2 * WEALTH
    parts = [(coordinator, WEALTH), (watcher, WEALTH), (deployer, rest), (deployer, 0)]
    return deployer.deploy(MarketToken, deployer, parts)


@pytest.fixture(scope="module")
def deploy(deployer, ReputationRollup, token):
    def deploy(shards=1, epoch_length=EPOCH_LENGTH, window=WINDOW, bond=BOND):
        return deployer.deploy(ReputationRollup, token, shards, epoch_length, window, bond)

    return deploy


@pytest.fixture(scope="module")
def rollup(deploy, token, coordinator, watcher):
    rollup = deploy()
    for account in (coordinator, watcher):
        token.approve(rollup, WEALTH, {"from": account})
    return rollup


@pytest.fixture
def town(rollup, token, coordinator):
    """A proposer with a deposit of ten bonds."""
    rollup.deposit(10 * BOND, {"from": coordinator})
    return Town(rollup, token, coordinator)


@pytest.fixture
def rows():
    """Opinions of 40 clients with three providers: more than one segment."""
    return [(1 + at % 3, 10 + at, 1, 1_000 + at, at % 4 > 0) for at in range(40)]
