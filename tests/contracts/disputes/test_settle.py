"""Who agrees with the ruling is paid, who does not loses. (SPEC OC-11, OC-13)"""

from __future__ import annotations

from handfast.protocol.constants import SEAT_FEE, CasePeriod
from tests.chain import plain


def test_pays_a_panel_that_agrees(room):
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), 1))
    assert room.period(case) is CasePeriod.APPEAL
    room.wait_for_end(case)
    room.rest()
    transaction = room.court.settle(case, 0, {"from": room.payer})
    assert plain(transaction.events["RoundSettled"].values()) == (case, 0, 5, SEAT_FEE, 0)
    assert room.ruling(case) == (True, 1, bytes(32), 5 * SEAT_FEE)  # what the payer is owed
