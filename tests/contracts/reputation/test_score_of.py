"""A score is read from the final state, by its path. (SPEC RP-31, RP-34)"""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.reputation.rules import UNKNOWN
from handfast.reputation.state import ScoreProof
from tests.chain import plain, reverts
from tests.rollups import BOND, WINDOW, Town


def encode(proof: ScoreProof):
    leaf = (*proof.leaf[:5], *proof.leaf.score, proof.leaf.score_epoch)
    return (tuple(proof.state), leaf, list(proof.path))


@pytest.fixture
def scored(town, rows):
    """Three providers scored, all final; and opinions on them and a fourth that are not."""
    town.post_opinions(rows)
    town.post_scores()
    chain.sleep(WINDOW)
    town.finalise(1, 2)
    town.final = {provider: town.state.prove_score(provider) for provider in (1, 2, 3)}
    town.post_opinions([(1, 99, 1, 9, True), (4, 99, 1, 9, True)])
    return town


def test_answers_the_score_that_was_rolled_up(scored, rollup):
    for provider, proof in scored.final.items():
        answer = plain(rollup.scoreOf(provider, encode(proof)))
        assert answer == (*proof.leaf.score, 1)
        assert sum(answer[:3]) == 10**9  # RP-I6


def test_answers_total_uncertainty_before_the_first_score(scored, rollup):
    chain.sleep(WINDOW)
    scored.finalise(3)
    answer = plain(rollup.scoreOf(4, encode(scored.state.prove_score(4))))
    assert answer == (*UNKNOWN, 0)
    old = plain(rollup.scoreOf(1, encode(scored.state.prove_score(1))))
    assert old == (*scored.final[1].leaf.score, 1)


def test_reverts_when_the_state_is_not_final(scored, rollup):
    with reverts("InvalidProof", 1):
        rollup.scoreOf(1, encode(scored.state.prove_score(1)))


def test_reverts_when_nothing_is_final(town, rollup, rows):
    town.post_opinions(rows)
    with reverts("InvalidProof", 1):
        rollup.scoreOf(1, encode(town.state.prove_score(1)))


def test_reverts_when_the_proof_is_anothers(scored, rollup):
    with reverts("InvalidProof", 2):
        rollup.scoreOf(2, encode(scored.final[1]))
    with reverts("InvalidProof", 2**32 - 1):
        rollup.scoreOf(2**32 - 1, encode(scored.final[1]))


def test_reverts_when_anything_of_the_proof_is_changed(scored, rollup):
    proof = scored.final[1]
    leaf, state = proof.leaf, proof.state
    better = leaf.score._replace(score=leaf.score.score + 1)
    for forged in (
        proof._replace(leaf=leaf._replace(score=better)),
        proof._replace(leaf=leaf._replace(score_epoch=9)),
        proof._replace(state=state._replace(levy=0)),
        proof._replace(state=state._replace(shard=1)),
        proof._replace(path=proof.path[:-1]),
        proof._replace(path=(*proof.path, bytes(32))),
        proof._replace(path=proof.path[::-1]),
    ):
        with reverts("InvalidProof", 1):
            rollup.scoreOf(1, encode(forged))


def test_reads_each_shard_at_its_own_root(deploy, token, coordinator):
    """RP-10"""
    rollup = deploy(shards=2)
    token.approve(rollup, 10 * BOND, {"from": coordinator})
    rollup.deposit(10 * BOND, {"from": coordinator})
    towns = [Town(rollup, token, coordinator, shard) for shard in range(2)]
    for town, provider in zip(towns, (6, 7), strict=True):
        town.post_opinions([(provider, 10, 1, 9, True), (provider, 11, 1, 9, True)])
    for town in towns:
        town.post_scores()
    chain.sleep(WINDOW)
    for town, provider in zip(towns, (6, 7), strict=True):
        town.finalise(1, 2)
        proof = town.state.prove_score(provider)
        assert plain(rollup.scoreOf(provider, encode(proof))) == (*proof.leaf.score, 1)
    with reverts("InvalidProof", 6):
        rollup.scoreOf(6, encode(towns[1].state.prove_score(7)))
