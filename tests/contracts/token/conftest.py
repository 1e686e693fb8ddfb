"""A token whose four parts went to four accounts, and a reward pool that tests can speak for."""

from __future__ import annotations

import pytest

from handfast.protocol.constants import TOKEN_SUPPLY

SHARES = (40, 20, 15, 25)  # percent


@pytest.fixture(scope="module")
def beneficiaries(accounts):
    return accounts[1:5]


@pytest.fixture(scope="module")
def allotments(beneficiaries):
    amounts = (TOKEN_SUPPLY * share // 100 for share in SHARES)
    return list(zip(beneficiaries, amounts, strict=True))


@pytest.fixture(scope="module")
def token(deployer, MarketToken, allotments):
    return deployer.deploy(MarketToken, deployer, allotments)


@pytest.fixture(scope="module")
def pool(deployer, accounts, RevertProbe):
    """The address of some contract, unlocked."""
    return accounts.at(deployer.deploy(RevertProbe).address, force=True)


@pytest.fixture(scope="module")
def minting(deployer, MarketToken, allotments, pool):
    """A token whose reward pool is named."""
    token = deployer.deploy(MarketToken, deployer, allotments)
    token.setRewardPool(pool, {"from": deployer})
    return token
