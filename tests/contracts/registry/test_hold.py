"""Authorised contracts count what of a participant's is open. (SPEC RG-11)"""

from __future__ import annotations

from tests.chain import reverts


def test_counts(bonded, slasher):
    bonded.hold(1, {"from": slasher})
    bonded.hold(1, {"from": slasher})
    assert bonded.participantOf(1)[4] == 2


def test_reverts_when_sender_is_no_slasher(bonded, deployer, provider):
    for sender in (deployer, provider):
        with reverts("NotSlasher", sender):
            bonded.hold(1, {"from": sender})


def test_reverts_when_nobody_has_the_id(bonded, slasher):
    for absent in (0, 2):
        with reverts("UnknownParticipant", absent):
            bonded.hold(absent, {"from": slasher})
