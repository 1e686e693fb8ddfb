"""Which blocks are remembered to find where two histories part. (PR-12)"""

from __future__ import annotations

import itertools

from handfast.chain.rules import Point, thinned

KEEP = 16


def follow(blocks: int) -> tuple[Point, ...]:
    points: tuple[Point, ...] = (Point(0, bytes(32)),)
    for number in range(1, blocks):
        points = thinned((Point(number, bytes(32)), *points), KEEP)
    return points


def test_the_last_blocks_are_all_remembered() -> None:
    assert [point.number for point in follow(1000)][:KEEP] == list(range(999, 999 - KEEP, -1))


def test_the_beginning_is_never_forgotten() -> None:
    assert follow(10_000)[-1].number == 0


def test_few_blocks_are_remembered_of_many() -> None:
    assert len(follow(20_000)) < 60


def test_at_any_depth_a_remembered_block_is_at_most_about_twice_as_deep() -> None:
    points = follow(20_000)
    ages = [points[0].number - point.number for point in points]
    for younger, older in itertools.pairwise(ages):
        assert older <= 2 * younger + 2


def test_points_far_apart_survive_as_far_as_they_are_needed() -> None:
    ends = [Point(number, bytes(32)) for number in range(0, 100_001, 4096)]
    kept = thinned(tuple(reversed(ends)), KEEP)
    assert kept[0] == ends[-1]
    assert kept[-1] == ends[0]
    assert len(kept) >= 4
