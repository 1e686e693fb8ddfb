"""Batches become final in order, once their windows are over. (SPEC RP-34, RP-I2, RP-I3)"""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from brownie import chain

from handfast.protocol.constants import BatchPhase
from tests.chain import mine_at, plain, reverts, set_next_timestamp
from tests.rollups import BOND, NOTHING, WINDOW, Town

ROW = (4, 10, 1, 9, True)


@pytest.fixture
def posted(town, rows):
    """Two batches, the second of them later."""
    town.post_opinions(rows)
    chain.sleep(100)
    town.post_opinions([ROW])
    return town


def end_of(town, index):
    return town.headers[index - 1].posted_at + WINDOW


def test_moves_the_final_root_and_frees_the_bond(posted, rollup, coordinator):
    set_next_timestamp(end_of(posted, 1))
    transaction = posted.finalise(1)
    header = posted.headers[0]
    assert bytes(rollup.finalisedRoot(0)) == header.root
    assert plain(rollup.shardOf(0))[1] == 1
    assert plain(rollup.depositOf(coordinator))[1] == BOND
    assert plain(transaction.events["BatchFinalised"].values()) == (
        *(0, 1, header.hash(), header.root),
    )


def test_takes_several_at_once_from_anybody(posted, rollup, coordinator, stranger):
    mine_at(end_of(posted, 2))
    headers = [astuple(header) for header in posted.headers]
    rollup.finalise(headers, {"from": stranger})
    assert bytes(rollup.finalisedRoot(0)) == posted.state.root
    assert plain(rollup.depositOf(coordinator))[1] == 0


def test_frees_the_bond_of_the_proposer_alone(posted, rollup, token, coordinator, watcher):
    rollup.deposit(BOND * 2, {"from": watcher})
    posted.proposer = watcher
    posted.post_opinions([(4, 11, 1, 9, True)])
    mine_at(end_of(posted, 3))
    posted.finalise(1, 2)
    assert plain(rollup.depositOf(coordinator))[1] == 0
    assert plain(rollup.depositOf(watcher))[1] == BOND
    posted.finalise(3)
    assert plain(rollup.depositOf(watcher))[1] == 0


def test_passes_over_what_is_final_already(posted, rollup, coordinator):
    mine_at(end_of(posted, 2))
    posted.finalise(1)
    transaction = posted.finalise(1, 1, 2, 2)
    assert len(transaction.events["BatchFinalised"]) == 1
    assert plain(rollup.depositOf(coordinator))[1] == 0
    assert len(posted.finalise(1, 2).events) == 0


def test_does_nothing_for_no_batch(posted, rollup):
    posted.finalise()
    assert bytes(rollup.finalisedRoot(0)) == NOTHING


def test_reverts_when_the_window_is_open(posted, rollup):
    for index in (1, 2):
        end = end_of(posted, index)
        set_next_timestamp(end - 1)
        with reverts("WindowOpen", 0, index, end, end - 1):
            posted.finalise(index)
        set_next_timestamp(end)
        posted.finalise(index)


def test_reverts_when_one_of_several_is_open_and_leaves_all(posted, rollup):
    end = end_of(posted, 2)
    set_next_timestamp(end - 1)
    with reverts("WindowOpen", 0, 2, end, end - 1):
        posted.finalise(1, 2)
    assert bytes(rollup.finalisedRoot(0)) == NOTHING


def test_reverts_when_a_batch_is_passed_over(posted, rollup):
    mine_at(end_of(posted, 2))
    with reverts("NotNextBatch", 0, 2, 1):
        posted.finalise(2)


@pytest.mark.parametrize(
    "change",
    [
        {"posted_at": 0},
        {"root": b"\1" * 32},
        {"proposer": "0x" + "11" * 20},
        {"levy": 0},
        {"shard": 5},
    ],
)
def test_reverts_when_the_header_is_another(posted, rollup, change):
    mine_at(end_of(posted, 2))
    forged = replace(posted.headers[0], **change)
    stored = posted.headers[0].hash() if forged.shard == 0 else NOTHING
    with reverts("WrongHeader", forged.shard, 1, forged.hash(), stored):
        rollup.finalise([astuple(forged)], {"from": posted.proposer})


def test_reverts_when_there_is_no_such_batch(posted, rollup):
    mine_at(end_of(posted, 2))
    posted.finalise(1, 2)
    later = replace(posted.headers[1], index=3)
    with reverts("WrongHeader", 0, 3, later.hash(), NOTHING):
        rollup.finalise([astuple(later)], {"from": posted.proposer})


def test_finalises_each_shard_by_itself(deploy, token, coordinator):
    rollup = deploy(shards=2)
    token.approve(rollup, 10 * BOND, {"from": coordinator})
    rollup.deposit(10 * BOND, {"from": coordinator})
    towns = [Town(rollup, token, coordinator, shard) for shard in range(2)]
    for town, provider in zip(towns, (2, 1), strict=True):
        town.post_opinions([(provider, 10, 1, 9, True)])
    mine_at(end_of(towns[1], 1))
    towns[1].finalise(1)
    assert bytes(rollup.finalisedRoot(0)) == NOTHING
    assert bytes(rollup.finalisedRoot(1)) == towns[1].state.root


def test_a_batch_is_posted_then_final(posted, rollup):
    first, second = map(astuple, posted.headers)
    assert rollup.phaseOf(first) == rollup.phaseOf(second) == BatchPhase.POSTED
    mine_at(end_of(posted, 2))
    posted.finalise(1)
    assert rollup.phaseOf(first) == BatchPhase.FINAL
    assert rollup.phaseOf(second) == BatchPhase.POSTED
    forged = astuple(replace(posted.headers[0], levy=0))
    assert rollup.phaseOf(forged) == BatchPhase.ABSENT
