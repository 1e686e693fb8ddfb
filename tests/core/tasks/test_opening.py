"""Each voter of a panel, and nobody else, reads the key that is opened to it. (SPEC DT-5, SL-5)"""

from __future__ import annotations

from handfast.crypto.bls import SecretKey
from handfast.market.masking import MaskedKey, unmask
from handfast.protocol.messages import Domain, PanelKey
from handfast.tasks.opening import open_to_panel

TASKS = Domain(31_337, "0x" + "ab" * 20)
KEY = bytes(range(32))
VOTERS = {"0x" + f"{number:040x}": SecretKey(1_000 + number) for number in (1, 2, 3)}
SEATS = [(account, secret.public_key()) for account, secret in VOTERS.items()]


def read(account, secret, ephemeral, masked, case=9):
    context = PanelKey(case, account).digest(TASKS)
    return unmask(secret, MaskedKey(ephemeral, masked), context)


def test_every_seat_s_voter_reads_it_and_no_other():
    ephemeral, masked = open_to_panel(KEY, TASKS, 9, SEATS)
    for seat, (account, secret) in enumerate(VOTERS.items()):
        for other in range(len(SEATS)):
            found = read(account, secret, ephemeral, masked[other])
            assert (found == KEY) == (other == seat)
    stranger = SecretKey(5)
    assert read(SEATS[0][0], stranger, ephemeral, masked[0]) != KEY


def test_a_voter_on_two_seats_reads_it_on_both_and_empty_seats_hold_nothing():
    ephemeral, masked = open_to_panel(KEY, TASKS, 9, [SEATS[0], None, SEATS[0]])
    account, secret = next(iter(VOTERS.items()))
    assert read(account, secret, ephemeral, masked[0]) == KEY
    assert masked == (masked[0], bytes(32), masked[0])


def test_a_repetition_shows_nothing_new_and_another_panel_or_case_shares_nothing():
    first = open_to_panel(KEY, TASKS, 9, SEATS)
    assert open_to_panel(KEY, TASKS, 9, SEATS) == first
    for other in (open_to_panel(KEY, TASKS, 9, SEATS[:2]), open_to_panel(KEY, TASKS, 10, SEATS)):
        assert other[0] != first[0]
        assert not set(other[1]) & set(first[1])
