"""Nobody chooses a draw, and stakes stand still before it. (SPEC OC-3 to OC-5)"""

from __future__ import annotations

import pytest
from brownie import chain, web3

from handfast.disputes.rules import Weight, draw
from handfast.protocol.constants import SEAT_FEE, SEAT_STAKE, CasePeriod
from tests.chain import plain, reverts
from tests.courts import DRAW_DELAY, STAKE, header_of

HISTORY = "0x0000F90827F1C53a10cb7A02335B175320002935"


def test_seats_whom_the_rules_seat(room, people):
    """OC-5: the same panel as the Python twin, and its seats are locked."""
    case = room.open()
    height = room.reach_draw(case)
    seed = int.from_bytes(web3.eth.get_block(height)["mixHash"])
    transaction = room.draw(case)
    panel = draw(seed, case, 0, 5, [Weight(STAKE)] * 6)
    addresses = tuple(people[number - 1].address for number in panel)
    assert plain(room.court.panelOf(case)) == addresses == plain(room.court.panelAt(case, 0))
    assert plain(transaction.events["PanelDrawn"].values())[:4] == (case, 0, seed, addresses)
    for number, voter in enumerate(people, 1):
        assert room.stake_of(voter)["locked"] == panel.count(number) * SEAT_STAKE
    found = room.case(case)
    assert found["voters"] == len(set(panel))
    assert found["endsAt"] == chain[-1].timestamp + found["commitPeriod"]


def test_a_voter_has_as_many_votes_as_seats(room, people):
    """With one voter left it has all five seats and decides alone."""
    for voter in people[1:]:
        room.pool.unstake(STAKE, {"from": voter})
    case = room.drawn()
    assert room.seats_of(case) == {people[0].address: 5}
    room.play(case, {people[0]: 1})
    assert room.ruling(case)[:2] == (False, 1)
    room.wait_for_end(case)
    room.rest()
    room.court.settle(case, 0)
    assert room.court.creditOf(people[0]) == 5 * SEAT_FEE


def test_seats_stay_empty_when_nobody_has_stake_free(room, people):
    for voter in people[1:]:
        room.pool.unstake(STAKE, {"from": voter})
    room.pool.unstake(STAKE - 2 * SEAT_STAKE, {"from": people[0]})
    case = room.drawn()
    assert plain(room.court.panelOf(case)) == (people[0].address,) * 2 + ("0x" + "00" * 20,) * 3


def test_an_empty_panel_is_redrawn_and_then_the_default_holds(room, people):
    """The fee goes back, and no voter loses."""
    for voter in people:
        room.pool.unstake(STAKE, {"from": voter})
    case = room.drawn()
    found = room.case(case)
    assert (found["round"], found["redrawn"], room.period(case)) == (1, True, CasePeriod.DRAW)
    room.draw(case)
    assert room.period(case) is CasePeriod.APPEAL
    room.pass_period(case)
    assert room.ruling(case) == (True, 2, bytes(32), 0)
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE


def test_waiting_changes_nothing(room):
    """A re-rolled draw by waiting: the height is fixed, and no other header fits."""
    case = room.open()
    height = room.reach_draw(case)
    chain.mine(20)
    for other in (height - 1, height + 1, height + 16):
        with reverts("InvalidHeader", height, ..., web3.eth.get_block(height)["hash"]):
            room.court.draw(case, header_of(other))
    room.draw(case)
    assert room.period(case) is CasePeriod.COMMIT


def test_a_forged_header_is_refused(room):
    case = room.open()
    height = room.reach_draw(case)
    header = header_of(height)
    mix = bytes(web3.eth.get_block(height)["mixHash"])
    forged = header.replace(mix, bytes([mix[0] ^ 1]) + mix[1:])
    with reverts("InvalidHeader", height, ..., ...):
        room.court.draw(case, forged)


def test_no_draw_before_its_block(room):
    case = room.open()
    height = room.case(case)["drawHeight"]
    with reverts("DrawNotDue", height, ...):
        room.court.draw(case, header_of(len(chain) - 1))
    with reverts("DrawNotMissed", case, height, ...):
        room.court.advance(case)


def test_stakes_and_settlements_stand_still_from_before_the_seed_is_known(room, people):
    """OC-4: stake moved after the seed is known. Also a case that waits for its settlement."""
    settled = room.drawn()
    room.play(settled, dict.fromkeys(room.panel(settled), 1))
    room.pass_period(settled)
    chain.mine((-(len(chain) - 1) - 2) % (2 * DRAW_DELAY))  # the next is two delays away
    case = room.open()
    height = room.case(case)["drawHeight"]
    chain.mine(max(0, height - DRAW_DELAY - len(chain)))
    pending = ("DrawPending", case, height)
    for _ in range(2):
        with reverts(*pending):
            room.pool.stake(STAKE, {"from": people[0]})
        with reverts(*pending):
            room.pool.unstake(STAKE, {"from": people[0]})
        with reverts(*pending):
            room.court.settle(settled, 0)
        room.reach_draw(case)
    room.draw(case)
    room.pool.stake(STAKE, {"from": people[0]})
    room.court.settle(settled, 0)


def test_half_of_all_blocks_leave_stakes_free_whoever_opens_cases(room):
    """OC-4: a case in every block; all draws of 2·DRAW_DELAY blocks share one."""
    first = len(chain)
    heights = {room.case(room.open())["drawHeight"] for _ in range(6 * DRAW_DELAY)}
    last = len(chain)
    still = [
        block
        for block in range(first, last)
        if any(height - DRAW_DELAY <= block < height for height in heights)
    ]
    assert 2 * len(still) <= last - first + 2 * DRAW_DELAY
    assert len(heights) <= 4


def test_draws_are_made_in_their_order(room):
    first, second = room.open(), room.open()
    room.reach_draw(second)
    with reverts("NotNextDraw", second, first):
        room.draw(second)
    room.draw(first)
    room.draw(second)
    assert plain(room.court.nextDraw()) == (0, 0)


@pytest.fixture
def forgetful():
    """A chain that proves 256 blocks only: the contract of EIP-2935 is taken away."""
    code = web3.eth.get_code(HISTORY).hex()
    web3.provider.make_request("anvil_setCode", [HISTORY, "0x"])
    yield
    web3.provider.make_request("anvil_setCode", [HISTORY, "0x" + code.removeprefix("0x")])


def test_a_draw_that_nobody_made_ends_with_what_stands(room, forgetful):
    """OC-4: default ruling, never a re-roll; the fee goes back."""
    case, waiting = room.open(), room.open()
    height = room.reach_draw(waiting)
    header = header_of(height)
    chain.mine(257)
    with reverts("DrawMissed", height):
        room.court.draw(case, header)
    with reverts("NotNextDraw", waiting, case):
        room.court.advance(waiting)
    room.court.advance(case)
    assert room.ruling(case) == (True, 2, bytes(32), 0)
    assert room.court.creditOf(room.payer) == 5 * SEAT_FEE
    room.court.advance(waiting)
    assert room.period(waiting) is CasePeriod.RULED
    room.court.settle(case, 0)
    assert room.court.creditOf(room.payer) == 10 * SEAT_FEE


def test_the_chain_proves_blocks_long_past(room):
    """EIP-2935, where the chain has it: 8,191 blocks."""
    if not web3.eth.get_code(HISTORY):
        pytest.skip("this Anvil has no history contract")
    case = room.open()
    height = room.reach_draw(case)
    chain.mine(400)
    assert not room.pool.isMissed(height)
    room.draw(case)
    assert room.period(case) is CasePeriod.COMMIT
