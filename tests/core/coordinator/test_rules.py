"""Which batch is due, which batches are ripe, who is registered, what levy is laid out.
(RP-8, RP-22, RP-34, CO-5, CO-9)
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.coordinator.directory import Directory
from handfast.coordinator.rules import Due, Pace, Tip, due_batch, ripe
from handfast.protocol.constants import BatchKind, BatchSource
from handfast.reputation.encoding import Header

PACE = Pace(count=10, age=30.0)
OPINIONS, SCORES = BatchKind.OPINIONS, BatchKind.SCORES


@pytest.mark.parametrize(
    ("tip", "present", "waiting", "age", "due"),
    [
        (Tip(), 3, 0, 0.0, None),
        (Tip(), 3, 9, 29.0, None),
        (Tip(), 3, 10, 0.0, Due(OPINIONS, 3)),
        (Tip(), 3, 1, 30.0, Due(OPINIONS, 3)),
        (Tip(1, kind=OPINIONS, epoch=3), 3, 10, 0.0, Due(OPINIONS, 3)),
        (Tip(1, kind=OPINIONS, epoch=3), 4, 0, 0.0, Due(SCORES, 3)),
        (Tip(1, kind=OPINIONS, epoch=3), 9, 10, 99.0, Due(SCORES, 3)),
        (Tip(1, kind=SCORES, epoch=3, closes=False), 4, 10, 99.0, Due(SCORES, 3)),
        (Tip(1, kind=SCORES, epoch=3, closes=True), 4, 10, 0.0, Due(OPINIONS, 4)),
        (Tip(1, kind=SCORES, epoch=3, closes=True), 3, 10, 99.0, None),
        (Tip(1, kind=OPINIONS, epoch=3), 2, 10, 99.0, None),
    ],
)
def test_an_epoch_that_is_over_is_scored_before_any_later_opinion(
    tip: Tip, present: int, waiting: int, age: float, due: Due | None
) -> None:
    assert due_batch(tip, present, waiting, age, PACE) == due


def header(index: int, posted_at: int) -> Header:
    word = bytes(32)
    return Header(
        0, index, OPINIONS, BatchSource.CALLDATA, False, 1, posted_at, "0x" + "aa" * 20, 0, 1,
        word, word, word, word, word, word,
    )  # fmt: skip


def test_only_leading_batches_whose_window_is_over_are_ripe() -> None:
    headers = [header(1, 100), header(2, 110), header(3, 105)]
    assert ripe(headers, 149, 50) == ()
    assert ripe(headers, 150, 50) == (headers[0],)
    assert ripe(headers, 156, 50) == (headers[0],)
    assert ripe(headers, 160, 50) == tuple(headers)
    assert ripe([replace(headers[0], posted_at=0)], 49, 50) == ()


def test_ids_follow_the_order_of_registration_and_fall_with_their_blocks() -> None:
    directory = Directory([("0xAA", 5), ("0xBB", 5), ("0xCC", 9)])
    assert [directory.id_of(each) for each in ("0xaa", "0xbb", "0xcc", "0xdd")] == [1, 2, 3, None]
    directory.roll_back(8)
    assert directory.highest == 2
    assert directory.id_of("0xcc") is None
    assert directory.add("0xDD", 8) == 3
    directory.roll_back(4)
    assert directory.highest == 0
