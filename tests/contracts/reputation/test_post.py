"""A batch is linked, hashed, bonded and its levy burnt; nobody reads it. (SPEC RP-19 to RP-22)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.protocol.constants import TOKEN_SUPPLY, BatchKind
from handfast.reputation.encoding import ShardState, encode_data
from handfast.reputation.rules import levy
from tests.chain import plain, reverts
from tests.channels import delegate
from tests.rollups import ARCHIVE, BOND, NOTHING, Town, to_next_epoch, units

OPINIONS, SCORES = int(BatchKind.OPINIONS), int(BatchKind.SCORES)


def shard_of(rollup, shard=0):
    index, final_index, epoch, kind, closes, root, final_root = plain(rollup.shardOf(shard))
    assert (final_index, final_root) == (0, NOTHING)
    return index, epoch, kind, closes, root


def test_makes_the_header_that_python_makes(town, rollup, rows):
    """RP-21, RP-33: Town.post compares the hash, the event carries the fields."""
    first = town.opinions(rows)
    assert len(first.segments) > 1
    transaction = town.post(first)
    header = town.headers[0]
    shard, index, batch, fields = plain(transaction.events["BatchPosted"].values())
    assert (shard, index, batch) == (0, 1, header.hash())
    assert fields[:10] == (
        *(0, 1, OPINIONS, 1, False, 1, transaction.timestamp, town.proposer.address),
        *(first.levy, len(first.segments)),
    )
    assert fields[10:] == (
        *(NOTHING, ShardState(0).hash(), first.root, header.data, NOTHING, ARCHIVE),
    )
    assert bytes(rollup.batchOf(0, 1)) == header.hash()
    assert shard_of(rollup) == (1, 1, OPINIONS, False, first.root)


def test_links_batches_in_a_row(town, rollup, rows):
    """RP-33"""
    town.post_opinions(rows)
    town.post_opinions([(4, 10, 1, 9, True)])
    town.post_scores()
    assert [header.previous for header in town.headers[1:]] == [
        header.hash() for header in town.headers[:-1]
    ]
    assert [header.root_before for header in town.headers[1:]] == [
        header.root for header in town.headers[:-1]
    ]
    assert shard_of(rollup) == (3, 1, SCORES, True, town.state.root)
    assert bytes(rollup.batchOf(0, 2)) == town.headers[1].hash()


def test_locks_a_bond_and_burns_the_levy(town, rollup, token, coordinator, rows):
    """RP-20, RP-32, RP-I3, RP-I4"""
    burnt = units(sum(levy(fee) for *_, fee, _ in rows))
    before = plain(rollup.depositOf(coordinator))[0]
    transaction = town.post_opinions(rows)
    assert plain(rollup.depositOf(coordinator)) == (before - burnt, BOND)
    assert token.balanceOf(rollup) == before - burnt
    assert token.totalSupply() == TOKEN_SUPPLY - burnt
    assert transaction.events["Transfer"]["value"] == burnt
    town.post_opinions([(4, 10, 1, 9, True)])
    assert plain(rollup.depositOf(coordinator))[1] == 2 * BOND
    assert TOKEN_SUPPLY - token.totalSupply() == units(town.state.words.levy)


def test_takes_what_is_malformed_as_it_is(town, rollup):
    """RP-19: an empty segment and one of nonsense; both are for proofs to judge."""
    data = encode_data([b"", b"\xff" * 500], [b"\1" * 32, b"\2" * 32])
    posting = (0, OPINIONS, False, 1, 0, NOTHING, NOTHING, NOTHING)
    rollup.post(posting, data, {"from": town.proposer})
    assert shard_of(rollup)[-1] == b"\2" * 32


def test_counts_each_shard_by_itself(deploy, token, coordinator, rows):
    """RP-10"""
    rollup = deploy(shards=3)
    token.approve(rollup, 10 * BOND, {"from": coordinator})
    rollup.deposit(10 * BOND, {"from": coordinator})
    towns = [Town(rollup, token, coordinator, shard) for shard in range(3)]
    for town in towns:
        town.post_opinions([row for row in rows if row[0] % 3 == town.state.shard])
    towns[1].post_opinions([(1, 9, 1, 9, True)])
    assert [shard_of(rollup, shard)[0] for shard in range(3)] == [1, 2, 1]
    assert [shard_of(rollup, shard)[-1] for shard in range(3)] == [
        town.state.root for town in towns
    ]


def test_reverts_when_there_is_no_such_shard(town, rollup, rows):
    with reverts("UnknownShard", 1, 1):
        town.post(town.opinions(rows), shard=1)


def test_reverts_when_the_tip_is_another(town, rollup, rows):
    """RP-33"""
    batch = town.opinions(rows)
    with reverts("StaleTip", 0, b"\1" * 32, NOTHING):
        town.post(batch, previous=b"\1" * 32)
    town.post(batch)
    with reverts("StaleTip", 0, NOTHING, town.tip):
        town.post(town.opinions([(4, 10, 1, 9, True)]), previous=NOTHING)


def test_reverts_when_the_deposit_does_not_cover_bond_and_levy(rollup, token, watcher, rows):
    town = Town(rollup, token, watcher)
    batch = town.opinions(rows)
    needed = BOND + units(batch.levy)
    rollup.deposit(needed - 1, {"from": watcher})
    with reverts("InsufficientDeposit", watcher, needed - 1, needed):
        town.post(batch)
    rollup.deposit(1, {"from": watcher})
    town.post(batch)
    assert plain(rollup.depositOf(watcher)) == (BOND, BOND)


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b"\0", 0),
        (b"\0\0" + bytes(31), 0),
        (b"\0\1" + bytes(32), 0),
        (b"\0\0" + bytes(32) + b"\0\5" + bytes(36), 34),
    ],
)
def test_reverts_when_a_segment_is_cut_short(town, rollup, data, position):
    posting = (0, OPINIONS, False, 1, 0, NOTHING, NOTHING, NOTHING)
    with reverts("TruncatedData", position):
        rollup.post(posting, data, {"from": town.proposer})


def test_reverts_when_there_is_no_segment(town, rollup):
    posting = (0, OPINIONS, False, 1, 0, NOTHING, NOTHING, NOTHING)
    with reverts("EmptyBatch"):
        rollup.post(posting, b"", {"from": town.proposer})


# ---------------------------------------------------------------- whose input it is in (RP-19)


def test_reverts_when_a_contract_passes_the_call_on(town, token, deployer, HostileWallet, rows):
    """Its bytes would be in no transaction's input."""
    wallet = deployer.deploy(HostileWallet, town.proposer)
    token.transfer(wallet, 2 * BOND, {"from": town.proposer})
    rollup = town.rollup
    for call in (token.approve.encode_input(rollup, 2 * BOND), rollup.deposit.encode_input(BOND)):
        to = token if call.startswith(token.approve.signature) else rollup
        wallet.execute(to, 0, call, {"from": town.proposer})
    batch = town.opinions(rows)
    post = rollup.post.encode_input(town.posting(batch), batch.data)
    with reverts("HiddenData", wallet):
        wallet.execute(rollup, 0, post, {"from": town.proposer})
    town.post(batch)


def test_reverts_when_the_sender_delegates_to_code(town, deployer, web3, HostileWallet, rows):
    """EIP-7702: it may call itself first, and is the transaction's sender all the same."""
    proposer = town.proposer
    batch = town.opinions(rows)
    post = town.rollup.post.encode_input(town.posting(batch), batch.data)
    wallet = deployer.deploy(HostileWallet, proposer)
    delegate(proposer, wallet)
    through_itself = wallet.execute.encode_input(town.rollup, 0, post)
    for to, data in ((proposer, through_itself), (town.rollup, post)):
        with reverts("HiddenData", proposer):
            proposer.transfer(to, 0, data=data)
    web3.provider.make_request("anvil_setCode", [proposer.address, "0x"])
    town.post(batch)


# ---------------------------------------------------------------- order of epochs (RP-22)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (OPINIONS, {"closes": True}),
        (OPINIONS, {"folds": b"\1" * 32}),
        (SCORES, {"levy": 1}),
        (0, {}),
    ],
)
def test_reverts_when_a_kind_says_what_it_does_not(town, rows, kind, change):
    with reverts("NotForKind", kind):
        town.post(town.opinions(rows), **{"kind": kind, "levy": 0} | change)


def test_takes_opinions_of_the_present_epoch_and_the_one_before(town, rollup, rows):
    to_next_epoch(rollup)
    to_next_epoch(rollup)
    assert town.epoch == 3
    town.post(town.opinions(rows, epoch=2))
    town.post(town.opinions([(4, 10, 1, 9, True)], epoch=2))


@pytest.mark.parametrize("epoch", [0, 1, 4])
def test_reverts_when_opinions_are_of_another_epoch(town, rollup, rows, epoch):
    to_next_epoch(rollup)
    to_next_epoch(rollup)
    with reverts("EpochNotOpen", epoch, 3):
        town.post(town.opinions(rows, epoch=3), epoch=epoch)


def test_reverts_when_opinions_are_of_no_epoch(town, rows):
    with reverts("OutOfOrder", OPINIONS, 0, 0, 0, False):
        town.post(town.opinions(rows), epoch=0)


def test_reverts_when_opinions_leave_an_epoch_unscored(town, rollup, rows):
    town.post_opinions(rows)
    to_next_epoch(rollup)
    with reverts("OutOfOrder", OPINIONS, 2, OPINIONS, 1, False):
        town.post_opinions([(4, 10, 1, 9, True)])


def test_reverts_when_opinions_follow_scores_that_do_not_close(town, rollup, rows):
    town.post_opinions(rows)
    to_next_epoch(rollup)
    town.post(town.scores(1, limit=1))
    for epoch in (1, 2):
        with reverts("OutOfOrder", OPINIONS, epoch, SCORES, 1, False):
            town.post(town.opinions([(4, 10 + epoch, 1, 9, True)], epoch=2), epoch=epoch)


def test_reverts_when_opinions_are_of_a_closed_epoch(town, rollup, rows):
    town.post_opinions(rows)
    town.post_scores()
    batch = town.opinions([(4, 10, 1, 9, True)])
    with reverts("OutOfOrder", OPINIONS, 1, SCORES, 1, True):
        town.post(batch, epoch=1)
    town.post(batch)


def test_takes_scores_in_several_batches_until_they_close(town, rollup, rows):
    town.post_opinions(rows)
    to_next_epoch(rollup)
    for closes in (False, False, True):
        batch = town.scores(1, limit=1)
        assert batch.closes == closes
        town.post(batch)
    assert shard_of(rollup)[1:4] == (1, SCORES, True)


def test_takes_a_batch_of_no_scores_that_closes_what_somebody_left_open(town, rollup, rows):
    """RP-18"""
    town.post_opinions(rows)
    to_next_epoch(rollup)
    town.post(replace(town.scores(1), closes=False))
    closing = town.scores(1)
    assert closing.segments == (b"",)
    town.post(closing)
    assert shard_of(rollup)[1:] == (1, SCORES, True, town.state.root)
    town.post_opinions([(4, 10, 1, 9, True)])


def test_reverts_when_scores_come_before_the_epoch_is_over(town, rows):
    town.post_opinions(rows)
    with reverts("EpochNotOver", 1, 1):
        town.post(town.scores(1))


def test_reverts_when_scores_are_of_another_epoch(town, rollup, rows):
    town.post_opinions(rows)
    to_next_epoch(rollup)
    to_next_epoch(rollup)
    with reverts("OutOfOrder", SCORES, 2, OPINIONS, 1, False):
        town.post(town.scores(1), epoch=2)


def test_reverts_when_scores_follow_nothing_or_a_closed_epoch(town, rollup, rows):
    to_next_epoch(rollup)
    batch = town.opinions(rows)
    with reverts("OutOfOrder", SCORES, 1, 0, 0, False):
        town.post(batch, kind=SCORES, epoch=1, levy=0)
    town.post(batch)
    town.post_scores()
    with reverts("OutOfOrder", SCORES, 2, SCORES, 2, True):
        town.post(batch, kind=SCORES, levy=0)
