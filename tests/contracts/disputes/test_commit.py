"""A commitment binds voter, case, round, ballot and salt. (SPEC OC-8, OC-9)"""

from __future__ import annotations

from handfast.protocol.constants import MAX_NOTE_BYTES, CasePeriod
from tests.chain import plain, reverts
from tests.courts import ballot_of, salt_of


def test_keeps_it_and_tells_the_note(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    digest = room.vote(case, voter, ballot_of(1))
    transaction = room.commit(case, voter, 1, b"sealed for myself")
    assert plain(transaction.events["VoteCommitted"].values()) == (
        *(case, 0, voter.address, digest, b"sealed for myself"),
    )
    assert room.court.ballotOf(case, 0, voter) == int.from_bytes(digest) & ~1
    assert room.case(case)["committed"] == 1


def test_revealing_starts_when_all_have_committed(room):
    case = room.drawn()
    panel = room.panel(case)
    for voter in panel:
        assert room.period(case) is CasePeriod.COMMIT
        room.commit(case, voter, 1)
    assert room.period(case) is CasePeriod.REVEAL


def test_revealing_starts_in_time_without_the_silent(room, stranger):
    case = room.drawn()
    room.commit(case, room.panel(case)[0], 1)
    with reverts("PeriodNotOver", case, CasePeriod.COMMIT, ..., ...):
        room.court.advance(case, {"from": stranger})
    room.wait_for_end(case)
    late = room.panel(case)[1]
    with reverts("PeriodOver", case, CasePeriod.COMMIT, ..., ...):
        room.commit(case, late, 1)
    room.court.advance(case, {"from": stranger})
    assert room.period(case) is CasePeriod.REVEAL
    with reverts("WrongPeriod", case, CasePeriod.REVEAL, CasePeriod.COMMIT):
        room.commit(case, late, 1)


def test_a_copied_commitment_cannot_be_revealed(room):
    """Vote copying: the voter's address is in the digest."""
    case = room.drawn()
    honest, thief = room.panel(case)[:2]
    digest = room.vote(case, honest, ballot_of(1))
    room.commit(case, honest, 1)
    room.court.commit(case, room.seat(case, thief), digest, b"", {"from": thief})
    room.wait_for_end(case)
    room.court.advance(case)
    room.reveal(case, honest, 1)
    salt = salt_of(honest, case, 0)
    with reverts("InvalidReveal", case, thief, ...):
        room.court.reveal(case, room.seat(case, thief), 1, salt, {"from": thief})


def test_reverts_for_the_second(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    room.commit(case, voter, 1)
    with reverts("AlreadyCommitted", case, voter):
        room.commit(case, voter, 2)


def test_reverts_on_another_seat_than_the_first_of_the_sender(room, stranger, people):
    case = room.drawn()
    digest = b"v" * 32
    seats = plain(room.court.panelOf(case))
    for seat in (*range(5), 5, 8, 2**200):
        with reverts("NotOnSeat", case, seat, stranger):
            room.court.commit(case, seat, digest, b"", {"from": stranger})
    for seat in range(1, 5):
        if seats[seat] == seats[seat - 1]:
            voter = room.account(seats[seat])
            with reverts("NotOnSeat", case, seat, voter):
                room.court.commit(case, seat, digest, b"", {"from": voter})


def test_reverts_for_nothing_and_for_a_long_note(room):
    case = room.drawn()
    voter = room.panel(case)[0]
    with reverts("EmptyCommitment"):
        room.court.commit(case, 0, bytes(32), b"", {"from": voter})
    note = bytes(MAX_NOTE_BYTES + 1)
    with reverts("NoteTooLong", MAX_NOTE_BYTES + 1, MAX_NOTE_BYTES):
        room.court.commit(case, 0, b"v" * 32, note, {"from": voter})
    room.court.commit(case, 0, b"v" * 32, note[1:], {"from": voter})
