"""The appointer names the reward pool, once. (SPEC TK-3)"""

from __future__ import annotations

from tests.chain import reverts

ZERO = "0x" + "00" * 20


def test_names_the_pool(token, pool, deployer):
    assert token.rewardPool() == ZERO
    transaction = token.setRewardPool(pool, {"from": deployer})
    assert token.rewardPool() == pool
    assert transaction.events["RewardPoolSet"] == {"pool": pool}


def test_reverts_when_sender_is_not_the_appointer(token, pool, stranger):
    with reverts("NotAppointer", stranger):
        token.setRewardPool(pool, {"from": stranger})


def test_reverts_when_a_pool_was_named_before(minting, pool, deployer):
    with reverts("RewardPoolAlreadySet", pool):
        minting.setRewardPool(minting, {"from": deployer})


def test_reverts_when_the_pool_is_no_contract(token, stranger, deployer):
    with reverts("RewardPoolWithoutCode", stranger):
        token.setRewardPool(stranger, {"from": deployer})
