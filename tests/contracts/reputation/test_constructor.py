"""A deployment says how many shards there are, and how long epochs and windows last."""

from __future__ import annotations

import pytest
from brownie import chain

from tests.chain import mine_at, reverts
from tests.rollups import BOND, EPOCH_LENGTH, WINDOW


def test_keeps_its_settings(deploy, token):
    rollup = deploy(shards=3)
    assert rollup.MARKET_TOKEN() == token
    assert rollup.SHARDS() == 3
    assert rollup.EPOCH_LENGTH() == EPOCH_LENGTH
    assert rollup.WINDOW() == WINDOW
    assert rollup.BOND() == BOND


def test_counts_epochs_from_one_at_the_deployment(deploy):
    """RP-22"""
    rollup = deploy()
    genesis = chain[-1].timestamp
    assert rollup.GENESIS() == genesis
    assert rollup.currentEpoch() == 1
    mine_at(genesis + EPOCH_LENGTH - 1)
    assert rollup.currentEpoch() == 1
    mine_at(genesis + EPOCH_LENGTH)
    assert rollup.currentEpoch() == 2
    mine_at(genesis + 7 * EPOCH_LENGTH)
    assert rollup.currentEpoch() == 8


@pytest.mark.parametrize(
    "settings",
    [
        {"shards": 0},
        {"shards": 2**16},
        {"epoch_length": 0},
        {"window": 0},
        {"window": 2**32},
        {"bond": 0},
        {"bond": 2**96},
    ],
)
def test_reverts_when_a_setting_is_out_of_range(deploy, settings):
    with reverts("InvalidSettings"):
        deploy(**settings)


def test_takes_settings_at_their_limits(deploy):
    assert deploy(shards=2**16 - 1, window=2**32 - 1, bond=2**96 - 1).SHARDS() == 2**16 - 1
