"""Tasks before a real court: voters with stakes are drawn, vote, and their ruling moves the money.
(SPEC MT-4, MT-5, DT-5)
"""

from __future__ import annotations

import pytest
from brownie import chain
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.bls import SecretKey
from handfast.disputes.rules import words_of
from handfast.protocol.constants import (
    NO_VALIDATION,
    ROLE_VOTER,
    SCALE,
    CasePeriod,
    DeliveryState,
    ModelOutcome,
)
from handfast.protocol.messages import Domain, PanelKey
from handfast.registry.possession import prove_possession
from tests.chain import plain
from tests.courts import SETTINGS, STAKE, Courtroom, header_of
from tests.points import g1
from tests.sealing import masked
from tests.tasks import COMPENSATION, DEPOSIT, FEE, KEY, NO_SCORES, REWARD, SEATS

HONEST, DISHONEST = 1, 2
PANEL = (SEATS, 600, 600, 600)
VOTER_SECRET = 13


@pytest.fixture(scope="module")
def court(deployer, OracleCourt, token, registry):
    return deployer.deploy(OracleCourt, token, registry, SETTINGS)


@pytest.fixture(scope="module")
def room(court, token, registry, accounts, deployer, VoterPool):
    """Three voters who don't work for the tasks of these tests."""
    pool = VoterPool.at(court.VOTERS())
    voters = [accounts[i] for i in (6, 8, 9)]
    domain = Domain(chain.id, registry.address)
    for voter in voters:
        pair = SecretKey(11), SecretKey(VOTER_SECRET)
        keys = prove_possession(*pair, voter.address, 1, domain)
        registry.register((ROLE_VOTER, bytes(32), ""), keys.words(), 0, {"from": voter})
        token.transfer(voter, STAKE, {"from": deployer})
        token.approve(pool, STAKE, {"from": voter})
        pool.stake(STAKE, {"from": voter})
    return Courtroom(court, pool, token, None, voters, deployer)


def draw(room, case):
    """Whoever is drawn: a voter on all seats will do."""
    height = room.case(case)["drawHeight"]
    chain.mine(max(0, height + 1 - len(chain)))
    room.court.draw(case, header_of(height), {"from": room.payer})


def ruled(room, case, vote):
    """The whole panel votes alike, and nobody appeals."""
    draw(room, case)
    room.play(case, dict.fromkeys(room.panel(case), vote))
    if room.period(case) == CasePeriod.REVEAL:
        votes = [(words_of(vote),)] * len(room.panel(case))
        room.court.tally(case, votes, {"from": room.payer})
    room.pass_period(case)
    assert room.ruling(case)[0]


def test_the_medians_of_the_panel_pay_the_workers(models, room, workers):
    task = models.revealed("one", "two", "three", panel=PANEL)
    scores = [6 * 10**8, 9 * 10**8, 10**8]
    ruled(room, models.publish(task), scores)
    models.tasks.settle(task, (words_of(scores),), {"from": workers[0]})
    paid = [models.claim(task, worker) - DEPOSIT for worker in workers[:3]]
    assert paid == [REWARD // 2, REWARD // 2, 0]
    assert models.token.balanceOf(models.tasks) == 0


def test_a_panel_that_is_served_no_data_can_say_so_and_is_paid(models, room, workers):
    task = models.revealed("one", "two", panel=PANEL)
    scores = [NO_VALIDATION] * 2
    case = models.publish(task)
    ruled(room, case, scores)
    models.tasks.settle(task, (words_of(scores),), {"from": workers[0]})
    assert models.tasks.taskOf(task)["outcome"] == ModelOutcome.UNPUBLISHED
    votes = [(words_of(scores),)] * len(room.panel(case))
    before = {voter: room.court.creditOf(voter) for voter in room.voters}
    room.court.settleScores(case, 0, votes, (words_of(scores),), {"from": room.payer})
    earned = sum(room.court.creditOf(voter) - before[voter] for voter in room.voters)
    assert earned == FEE


def test_a_panel_that_stays_silent_leaves_no_scores(models, room, workers):
    task = models.revealed("one", panel=PANEL)
    case = models.publish(task)
    for _ in range(2):
        draw(room, case)
        room.pass_period(case)
        if room.period(case) == CasePeriod.REVEAL:
            room.pass_period(case)
    if not room.ruling(case)[0]:
        room.pass_period(case)
    models.tasks.settle(task, NO_SCORES, {"from": workers[0]})
    assert models.tasks.taskOf(task)["outcome"] == ModelOutcome.UNJUDGED
    assert models.claim(task, workers[0]) == REWARD + DEPOSIT


@pytest.fixture
def disputed(data, room, workers):
    """A dispute whose panel sits, with the key opened to it."""
    task = data.judged(1, 0, panel=PANEL)
    case = data.disputed(task, workers[0])
    draw(room, case)
    receiver = G1Point() * Scalar(VOTER_SECRET)
    domain = Domain(chain.id, data.tasks.address)
    seats = plain(room.court.panelOf(case))
    keys = [masked(PanelKey(case, who).digest(domain), KEY, receiver, 9)[1] for who in seats]
    data.tasks.openKey(case, g1(G1Point() * Scalar(9)), keys, {"from": workers[0]})
    return task, case


def vote(room, case, choice):
    """Everybody for this choice, to the end of the appeal period; what that told."""
    room.play(case, dict.fromkeys(room.panel(case), choice))
    return room.pass_period(case).events


def test_the_court_s_call_moves_the_money_of_a_won_dispute(data, room, workers, disputed):
    """The worker has its fee back, out of what the requester put aside."""
    task, case = disputed
    events = vote(room, case, HONEST)
    assert events["CaseRuled"]["told"]
    assert data.state(task, workers[0]) == DeliveryState.VINDICATED
    assert room.court.creditOf(workers[0]) == FEE
    assert data.settle(task) == REWARD
    assert data.claim(task, workers[0]) == DEPOSIT + COMPENSATION
    assert data.token.balanceOf(data.tasks) == 0
    assert data.ledger.scoreOf(workers[0]) == SCALE


def test_the_court_s_call_moves_the_money_of_a_lost_dispute(data, room, workers, disputed):
    task, case = disputed
    events = vote(room, case, DISHONEST)
    assert events["CaseRuled"]["told"]
    assert data.state(task, workers[0]) == DeliveryState.CONDEMNED
    assert room.court.creditOf(workers[0]) == 0
    assert data.settle(task) == REWARD + COMPENSATION + FEE
    assert data.token.balanceOf(data.tasks) == 0
