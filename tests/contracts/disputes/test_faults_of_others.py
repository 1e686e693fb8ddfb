"""Faults that courts and voting systems have, reproduced there; each fails here."""

from __future__ import annotations

from handfast.crypto.keccak import keccak
from handfast.protocol.constants import SEAT_FEE, CasePeriod
from handfast.protocol.messages import Domain, Vote
from tests.chain import reverts
from tests.courts import ballot_of, salt_of


def test_metaaicm_evaluate_can_be_called_twice_and_pays_twice(room):
    case = room.drawn()
    room.play(case, dict.fromkeys(room.panel(case), 1))
    room.wait_for_end(case)
    room.rest()
    room.court.settle(case, 0)
    with reverts("NotSettleable", case, 0):
        room.court.settle(case, 0)
    paid = sum(int(room.court.creditOf(voter)) for voter in room.voters)
    assert paid == 5 * SEAT_FEE


def test_metaaicm_stakes_votes_and_draw_are_absent(room):
    """There, whoever is called an oracle decides; here a voter without a seat decides nothing."""
    case = room.drawn()
    outsiders = [voter for voter in room.voters if voter not in room.panel(case)]
    for voter in outsiders or [room.payer]:
        with reverts("NotOnSeat", case, 0, voter):
            room.court.commit(case, 0, b"v" * 32, b"", {"from": voter})


def test_uma_jurors_who_lose_their_salt_cannot_reveal(room):
    """The salt comes from key, case and round; the note in the log has the ballot. (SPEC OC-9)

    What is kept of it here is what `handfast voter` derives it from: nothing else.
    """
    case = room.drawn()
    voter = room.panel(case)[0]
    transaction = room.commit(case, voter, 1, b"encrypted ballot")
    assert bytes(transaction.events["VoteCommitted"]["note"]) == b"encrypted ballot"
    for other in room.panel(case)[1:]:
        room.commit(case, other, 1)
    room.court.reveal(case, 0, 1, salt_of(voter, case, 0), {"from": voter})


def test_uma_a_vote_is_copied_from_anothers_commitment(room):
    """Neither in the same round, nor of another case, nor before another court."""
    first, second = room.drawn(), room.drawn()
    voter = room.panel(second)[0]
    salt = keccak(b"salt")
    elsewhere = Domain(room.domain.chain_id, room.pool.address)
    copies = [
        Vote(first, 0, voter.address, ballot_of(1), salt).digest(room.domain),
        Vote(second, 1, voter.address, ballot_of(1), salt).digest(room.domain),
        Vote(second, 0, room.payer.address, ballot_of(1), salt).digest(room.domain),
        Vote(second, 0, voter.address, ballot_of(1), salt).digest(elsewhere),
    ]
    for digest in copies:
        assert digest != Vote(second, 0, voter.address, ballot_of(1), salt).digest(room.domain)
    room.court.commit(second, 0, copies[0], b"", {"from": voter})
    room.wait_for_end(second)
    room.court.advance(second)
    with reverts("InvalidReveal", second, voter, ...):
        room.court.reveal(second, 0, 1, salt, {"from": voter})


def test_kleros_surprise_about_who_wins_by_silence(room):
    """What stands if nobody says anything is in the case from its start."""
    case = room.open()
    assert room.ruling(case)[:2] == (False, 2)
    for _ in range(2):
        room.draw(case)
        room.pass_period(case)
    assert room.period(case) is CasePeriod.APPEAL
    room.pass_period(case)
    assert room.ruling(case)[:2] == (True, 2)
