"""A hold ends once. (SPEC RG-11)"""

from __future__ import annotations

from tests.chain import reverts


def test_counts_down(bonded, slasher):
    bonded.hold(1, {"from": slasher})
    bonded.hold(1, {"from": slasher})
    bonded.release(1, {"from": slasher})
    assert bonded.participantOf(1)[4] == 1


def test_reverts_when_nothing_is_held(bonded, slasher):
    with reverts("NotHeld", 1):
        bonded.release(1, {"from": slasher})


def test_reverts_when_sender_is_no_slasher(bonded, slasher, provider):
    bonded.hold(1, {"from": slasher})
    with reverts("NotSlasher", provider):
        bonded.release(1, {"from": provider})


def test_reverts_when_nobody_has_the_id(bonded, slasher):
    with reverts("UnknownParticipant", 2):
        bonded.release(2, {"from": slasher})
