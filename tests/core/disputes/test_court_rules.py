"""Draws, counts and money of the court, as SPEC.md has them. (SPEC OC-3, OC-5, OC-10 to OC-13)"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.crypto.keccak import keccak
from handfast.disputes.rules import (
    Ballot,
    Contribution,
    Weight,
    divide,
    draw,
    draw_height,
    encode_header,
    is_near,
    is_revealed,
    made_good,
    medians_of,
    revealed_choice,
    revealed_scores,
    reward_of,
    scores_of,
    slices,
    winner_of,
    words_of,
)
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_SCORES, SEAT_FEE, SEAT_STAKE, STAKE_UNIT

TEN = [Weight(each * SEAT_STAKE) for each in range(1, 11)]


@given(current=st.integers(0, 10**9), delay=st.integers(1, 1_000))
def test_a_draw_is_a_delay_to_three_delays_away_on_a_shared_height(
    current: int, delay: int
) -> None:
    height = draw_height(current, delay)
    assert height % (2 * delay) == 0
    assert delay <= height - current < 3 * delay


def test_a_draw_seats_voters_side_by_side_by_weight() -> None:
    counts = [0] * 11
    for seed in range(400):
        panel = draw(seed, 1, 0, 5, TEN)
        assert sorted(set(panel), key=panel.index) == [
            number for at, number in enumerate(panel) if at == 0 or panel[at - 1] != number
        ]
        for number in panel:
            counts[number] += 1
    assert counts[0] == 0
    assert 5 * counts[1] < counts[10]  # ten times the weight


def test_a_draw_passes_over_who_has_no_stake_free() -> None:
    voters = [Weight(3 * SEAT_STAKE, 3 * SEAT_STAKE), Weight(2 * SEAT_STAKE)]
    for seed in range(30):
        panel = draw(seed, 1, 0, 5, voters)
        assert 1 not in panel
        assert panel.count(2) <= 2
        assert panel[panel.count(2) :] == (0,) * (5 - panel.count(2))


def test_dust_and_nobody_are_not_drawn() -> None:
    assert draw(7, 1, 0, 3, []) == (0, 0, 0)
    assert draw(7, 1, 0, 3, [Weight(SEAT_STAKE - STAKE_UNIT)]) == (0, 0, 0)


def ballots(*votes: tuple[int, int]) -> list[Ballot]:
    """Seats and choice of each; choice 0 was not revealed."""
    return [
        Ballot(number, seats, revealed_choice(choice) if choice else 0)
        for number, (seats, choice) in enumerate(votes, 1)
    ]


@pytest.mark.parametrize(
    ("votes", "winner"),
    [
        (((1, 1), (1, 2), (1, 2)), 2),
        (((3, 1), (1, 2), (1, 2)), 1),
        (((1, 1), (1, 2)), 0),
        (((1, 0), (4, 0)), 0),
        (((1, 3), (4, 0)), 3),
        (((2, 1), (2, 2), (1, 3)), 0),
    ],
)
def test_the_option_with_most_seats_wins_and_a_tie_does_not(
    votes: tuple[tuple[int, int], ...], winner: int
) -> None:
    assert winner_of(ballots(*votes), 3) == winner


def test_a_median_weighs_seats_and_takes_the_lower_of_two() -> None:
    assert medians_of([(1, [1, 9]), (1, [5, 3])], 2) == (1, 3)
    assert medians_of([(3, [1, 9]), (1, [5, 3]), (1, [7, 0])], 2) == (1, 9)


@given(
    votes=st.lists(
        st.tuples(st.integers(1, 5), st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3)),
        min_size=1,
        max_size=9,
    )
)
def test_at_least_half_the_seats_are_on_each_side_of_a_median(
    votes: list[tuple[int, list[int]]],
) -> None:
    total = sum(seats for seats, _ in votes)
    for entry, median in enumerate(medians_of(votes, 3)):
        below = sum(seats for seats, scores in votes if scores[entry] < median)
        above = sum(seats for seats, scores in votes if scores[entry] > median)
        assert 2 * below < total
        assert 2 * above <= total


def test_near_means_near_in_every_entry() -> None:
    assert is_near([10, 20], [12, 18], 2)
    assert not is_near([10, 20], [12, 17], 2)


@given(scores=st.lists(st.integers(0, 2**32 - 1), max_size=MAX_SCORES))
def test_scores_survive_their_words(scores: list[int]) -> None:
    words = words_of(scores)
    assert len(words) == 8
    assert list(scores_of(words, len(scores))) == scores
    assert is_revealed(revealed_scores(words))


@pytest.mark.parametrize("scores", [[0] * 65, [2**32], [-1]])
def test_words_refuse_what_they_have_no_room_for(scores: list[int]) -> None:
    with pytest.raises(InvalidInput, match="at most 64 scores"):
        words_of(scores)


@given(
    fee=st.integers(0, 127).map(lambda seats: seats * SEAT_FEE),
    coherent=st.integers(0, 127),
    others=st.integers(0, 127),
)
def test_a_round_pays_out_what_came_in(fee: int, coherent: int, others: int) -> None:
    reward, odd, burnt = reward_of(fee, coherent, others)
    lost = others * SEAT_STAKE // 4
    if coherent:
        assert (coherent * reward + odd, burnt) == (fee + lost, 0)
    else:
        assert (reward, odd, burnt) == (0, 0, lost)


contributions = st.lists(
    st.builds(
        lambda fee, secured, side, earned: Contribution(
            fee, fee if secured else 0, side == 1, side == 2, earned
        ),
        st.integers(0, 10**20),
        st.booleans(),
        st.integers(0, 2),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(paid=contributions)
def test_a_case_credits_what_was_paid_and_not_earned(paid: list[Contribution]) -> None:
    credited, costs = divide(paid)
    assert sum(credited) == sum((0 if each.earned else each.fee) + each.security for each in paid)
    owed = sum(each.fee for each in paid if each.earned and each.right)
    pledged = sum(each.security for each in paid if each.wrong)
    assert costs == max(0, owed - pledged)


@given(paid=contributions, data=st.data())
def test_costs_that_are_paid_make_the_winners_whole(
    paid: list[Contribution], data: st.DataObject
) -> None:
    credited, costs = divide(paid)
    got = list(credited)
    left = costs
    while left:
        amount = data.draw(st.integers(1, left))
        for at, part in enumerate(made_good(paid, left, amount)):
            got[at] += part
        left -= amount
    for each, sum_ in zip(paid, got, strict=True):
        if each.right:
            assert sum_ == each.fee + each.security


def test_slices_lie_between_the_marks() -> None:
    assert slices([5, 0, 7, 3], 4, 13) == (1, 0, 7, 1)
    assert slices([5, 7], 0, 0) == (0, 0)


def test_a_header_with_unknown_fields_is_refused() -> None:
    block: dict[str, Any] = {"number": "0x10", "difficulty": "0x0", "hash": "0x" + "00" * 32}
    with pytest.raises(InvalidInput, match="unknown fields"):
        encode_header(block)


def test_a_header_is_encoded_as_rlp() -> None:
    extra = random.Random(1).randbytes(70)
    block = {"difficulty": "0x0", "number": "0x10", "gasLimit": "0x400", "extraData": extra.hex()}
    block["extraData"] = "0x" + block["extraData"]
    header = b"\xf8\x4d\x80\x10\x82\x04\x00\xb8\x46" + extra
    assert encode_header({**block, "hash": "0x" + keccak(header).hex()}) == header
