"""Draws, counts and money of the court in Solidity and in Python are the same."""

from __future__ import annotations

import random
from dataclasses import astuple
from typing import Any

import pytest
from brownie import chain, web3
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from handfast.disputes import rules
from handfast.disputes.rules import Ballot, Contribution
from handfast.protocol.constants import MAX_SCORES, SEAT_FEE
from tests.chain import plain, reverts
from tests.courts import header_of

FEW = settings(max_examples=20, deadline=None, phases=(Phase.generate, Phase.shrink))
SCORE = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1])


@pytest.fixture(scope="module")
def harness(deployer, CourtRulesHarness):
    return deployer.deploy(CourtRulesHarness)


def test_a_tree_of_stakes_finds_what_a_list_finds(harness: Any) -> None:
    """OC-2: through three heights, with weights that come and go."""
    dice = random.Random(5)
    weights = [dice.choice([0, 20, dice.randrange(10**6)]) for _ in range(70)]
    harness.appendAll(weights[:9])
    harness.appendAll(weights[9:])
    for _ in range(25):
        position = dice.randrange(len(weights))
        weights[position] = dice.choice([0, dice.randrange(10**6)])
        harness.set(position, weights[position])
    total = sum(weights)
    assert harness.total() == total
    for point in [0, total - 1, *(dice.randrange(total) for _ in range(40))]:
        start = 0
        for position, weight in enumerate(weights):  # noqa: B007
            if point < start + weight:
                break
            start += weight
        assert plain(harness.find(point)) == (position, weight)


def test_a_tree_of_stakes_holds_no_more_than_its_lanes(
    deployer: Any, CourtRulesHarness: Any
) -> None:
    harness = deployer.deploy(CourtRulesHarness)
    harness.append(2**32 - 1)
    with reverts("TotalTooLarge", ..., 2**32 - 1):
        harness.append(2**32 - 1)


def test_a_header_of_this_chain_has_its_hash_and_mix(harness: Any) -> None:
    """OC-3: strictly parsed, and proven by the chain itself for 8,191 blocks where it can."""
    chain.mine(2)
    height = len(chain) - 2
    header = header_of(height)
    block = web3.eth.get_block(height)
    assert harness.mixOf(header) == int.from_bytes(block["mixHash"])
    assert bytes(harness.hashAt(height)) == bytes(block["hash"])
    assert bytes(harness.hashAt(len(chain) + 5)) == bytes(32)
    for broken in (header[:-1], header + b"\0", b"\xb8" + header[1:], header[3:]):
        with pytest.raises(Exception, match=r"Malformed|revert|out-of-bounds"):
            harness.mixOf(broken)


@given(current=st.integers(0, 2**39), delay=st.integers(1, 2**20))
@FEW
def test_heights_are_the_same(harness: Any, current: int, delay: int) -> None:
    assert harness.drawHeight(current, delay) == rules.draw_height(current, delay)


@given(
    words=st.lists(st.integers(0, 2**256 - 1), min_size=5, max_size=5), total=st.integers(1, 2**32)
)
@FEW
def test_points_are_the_same(harness: Any, words: list[int], total: int) -> None:
    assert harness.pointOf(*words, total) == rules.point_of(
        words[0], words[1], words[2], words[3], words[4], total
    )


def ballots_of(votes: list[tuple[int, int]]) -> list[Ballot]:
    return [
        Ballot(number, seats, rules.revealed_choice(choice) if choice else 0)
        for number, (seats, choice) in enumerate(votes, 1)
    ]


@given(votes=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), max_size=12))
@FEW
def test_winners_are_the_same(harness: Any, votes: list[tuple[int, int]]) -> None:
    ballots = ballots_of(votes)
    words = [(*astuple(each), False) for each in ballots]
    assert harness.winnerOf(words, 4) == rules.winner_of(ballots, 4)


@given(
    votes=st.lists(
        st.tuples(st.integers(1, 4), st.lists(SCORE, min_size=17, max_size=17)),
        min_size=1,
        max_size=11,
    )
)
@FEW
def test_medians_are_the_same(harness: Any, votes: list[tuple[int, list[int]]]) -> None:
    """Eight columns are sorted at once, by a network that knows nothing of the votes."""
    given_ = [(rules.words_of(scores),) for _, scores in votes]
    words = [(at, seats, 1, False) for at, (seats, _) in enumerate(votes, 1)]
    (found,) = plain(harness.mediansOf(words, given_))
    medians = rules.medians_of(votes, 17)
    assert rules.scores_of(found, 17) == medians
    assert found == rules.words_of(medians)


def test_medians_of_every_number_of_seats_are_the_same(harness: Any) -> None:
    dice = random.Random(3)
    for seats in (*range(1, 34), 63, 64, 127):
        votes = [(1, [dice.getrandbits(32)]) for _ in range(seats)]
        words = [(at, 1, 1, False) for at in range(1, seats + 1)]
        (found,) = plain(harness.mediansOf(words, [(rules.words_of(each),) for _, each in votes]))
        assert rules.scores_of(found, 1) == rules.medians_of(votes, 1)


@given(
    pairs=st.lists(st.tuples(SCORE, st.integers(-3, 3)), min_size=1, max_size=MAX_SCORES),
    tolerance=st.integers(0, 3),
)
@FEW
def test_nearness_is_the_same(harness: Any, pairs: list[tuple[int, int]], tolerance: int) -> None:
    scores = [score for score, _ in pairs]
    medians = [min(max(score + step, 0), 2**32 - 1) for score, step in pairs]
    words = [(rules.words_of(each),) for each in (scores, medians)]
    near = rules.is_near(scores, medians, tolerance)
    assert harness.isNear(*words, len(pairs), tolerance) == near


@given(scores=st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=MAX_SCORES))
@FEW
def test_scores_beyond_the_case_do_not_fit(harness: Any, scores: list[int]) -> None:
    words = (rules.words_of(scores),)
    assert harness.fits(words, len(scores))
    assert not harness.fits(words, len(scores) - 1)


@given(vote=st.binary(min_size=32, max_size=32), choice=st.integers(1, 255), score=SCORE)
@FEW
def test_what_is_held_of_votes_is_the_same(
    harness: Any, vote: bytes, choice: int, score: int
) -> None:
    words = rules.words_of([score])
    held = plain(harness.words(vote, choice, rules.hash_of(words)))
    assert held == (
        *(rules.committed(vote), rules.revealed_choice(choice), rules.revealed_scores(words)),
    )


@given(seats=st.integers(0, 127), coherent=st.integers(0, 127), others=st.integers(0, 127))
@FEW
def test_rewards_are_the_same(harness: Any, seats: int, coherent: int, others: int) -> None:
    fee = seats * SEAT_FEE
    assert plain(harness.rewardOf(fee, coherent, others)) == rules.reward_of(fee, coherent, others)


contributions = st.lists(
    st.builds(
        lambda fee, secured, side, earned: Contribution(
            fee, fee if secured else 0, side == 1, side == 2, earned
        ),
        st.integers(0, 10**24),
        st.booleans(),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(paid=contributions, share=st.integers(1, 100))
@FEW
def test_money_is_divided_the_same(harness: Any, paid: list[Contribution], share: int) -> None:
    words = [astuple(each) for each in paid]
    credited, costs = rules.divide(paid)
    assert plain(harness.divide(words)) == (credited, costs)
    amount = costs * share // 100
    assert plain(harness.madeGood(words, costs, amount)) == rules.made_good(paid, costs, amount)


@given(
    head=st.tuples(
        *(st.integers(0, 6), st.integers(0, 2), st.integers(0, 7), st.integers(0, 3)),
        st.booleans(),
        *(st.integers(0, 127), st.integers(0, 127), st.integers(0, 127)),
        *(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255)),
        *(st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1), st.integers(0, 2**24 - 1)),
        *(st.integers(0, 2**40 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**32 - 1)),
    ),
    payment=st.tuples(
        st.just("0x" + "a1" * 20),
        *(st.integers(0, 255), st.integers(0, 127)),
        *(st.booleans(), st.booleans(), st.booleans()),
    ),
)
@FEW
def test_a_head_and_a_payment_survive_their_words(
    harness: Any, head: tuple[Any, ...], payment: tuple[Any, ...]
) -> None:
    found, paid = plain(harness.repack(head, payment))
    assert found == head
    assert (paid[0].lower(), *paid[1:]) == payment
