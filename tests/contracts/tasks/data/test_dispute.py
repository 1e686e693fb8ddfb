"""A worker that was marked dishonest takes it to the court and opens the key to the panel alone;
the ruling moves the money. (SPEC DT-5)
"""

from __future__ import annotations

import pytest
from brownie import chain
from eth_abi import encode
from eth_utils import keccak
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.protocol.constants import CALLBACK_GAS, SCALE, CaseKind, DeliveryState
from handfast.protocol.messages import Domain, PanelKey
from tests.chain import plain, reverts
from tests.points import g1
from tests.sealing import masked
from tests.tasks import COMPENSATION, DEPOSIT, FEE, KEY, PANEL, SEATS

HONEST, DISHONEST = 1, 2


def test_opens_a_case_at_the_worker_s_cost(data, workers):
    task = data.judged(2, 0, 1)
    before = data.token.balanceOf(workers[1])
    case = data.disputed(task, workers[1])
    assert before - data.token.balanceOf(workers[1]) == FEE
    script = data.court.scriptOf(case)
    fields = [chain.id, data.tasks.address, task, workers[1].address]
    evidence = keccak(encode(["uint256", "address", "uint256", "address"], fields))
    assert plain(script["terms"]) == (
        (CaseKind.CHOICE, SEATS, 2, DISHONEST, 0, HONEST, 0, *PANEL[1:], evidence)
    )
    assert (script["client"], script["payer"]) == (data.tasks, workers[1])
    assert plain(data.tasks.disputeOf(case)) == (task, workers[1].address)
    assert data.state(task, workers[1]) == DeliveryState.DISPUTED


@pytest.mark.parametrize(("after", "open_"), [(-1, True), (0, False)])
def test_ends_with_the_period(data, workers, after, open_):
    task = data.judged(1, 0)
    data.at(task, "disputeEnd", after)
    if open_:
        data.disputed(task, workers[0])
    else:
        with reverts("NotTheTime", task, ..., ..., ...):
            data.disputed(task, workers[0])


def test_reverts_for_who_was_not_marked(data, workers):
    task = data.judged(2, 0)
    with reverts("WrongState", task, 1, DeliveryState.DELIVERED):
        data.disputed(task, workers[1])
    with reverts("NotDelivered", task, workers[2]):
        data.disputed(task, workers[2])


def test_reverts_when_it_was_disputed(data, workers):
    task = data.judged(1, 0)
    data.disputed(task, workers[0])
    with reverts("WrongState", task, 0, DeliveryState.DISPUTED):
        data.disputed(task, workers[0])


class TestOpenKey:
    """The key is masked for each voter of the panel, and for nobody else."""

    def test_tells_the_panel_its_masked_keys(self, data, workers, accounts):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        secrets = {accounts[8]: 3_000, accounts[9]: 4_000}
        voters = [accounts[8], accounts[9], accounts[8]]
        data.court.draw(case, voters)
        domain = Domain(chain.id, data.tasks.address)
        covered = []
        for voter in voters:
            receiver = G1Point() * Scalar(secrets[voter])
            context = PanelKey(case, voter.address).digest(domain)
            covered.append(masked(context, KEY, receiver, 9)[1])
        ephemeral = g1(G1Point() * Scalar(9))
        sent = data.tasks.openKey(case, ephemeral, covered, {"from": workers[0]})
        told = plain(sent.events["KeyOpened"].values())
        assert told == (case, ephemeral, tuple(covered))
        assert covered[0] == covered[2] != covered[1]

    @pytest.mark.parametrize("count", [0, 2, 4])
    def test_reverts_when_there_is_not_one_for_each_seat(self, data, workers, accounts, count):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        data.court.draw(case, [accounts[8]] * 3)
        with reverts("WrongPanel", case, count, 3):
            data.tasks.openKey(case, (0, 0, 0, 0), [KEY] * count, {"from": workers[0]})

    def test_reverts_before_the_draw(self, data, workers):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        with reverts("WrongPanel", case, 0, 0):
            data.tasks.openKey(case, (0, 0, 0, 0), [], {"from": workers[0]})

    def test_reverts_when_it_is_not_the_worker(self, data, workers, requester, accounts):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        data.court.draw(case, [accounts[8]] * 3)
        with reverts("NotDisputant", case, requester):
            data.tasks.openKey(case, (0, 0, 0, 0), [KEY] * 3, {"from": requester})
        with reverts("NotDispute", case + 1):
            data.tasks.openKey(case + 1, (0, 0, 0, 0), [KEY] * 3, {"from": workers[0]})


class TestResolve:
    """A ruling is taken over once, by anybody, at the court's call or later."""

    def test_who_wins_gains_reputation_and_the_requester_loses(self, data, workers, requester):
        task = data.judged(1, 0)
        data.resolved(task, workers[0], HONEST)
        assert data.state(task, workers[0]) == DeliveryState.VINDICATED
        assert data.ledger.scoreOf(workers[0]) == SCALE
        assert data.ledger.scoreOf(requester) == -SCALE

    def test_what_the_court_cost_comes_out_of_the_security(self, data, workers):
        task = data.judged(1, 0)
        before = data.token.balanceOf(workers[0])
        sent = data.resolved(task, workers[0], HONEST, FEE)
        assert data.token.balanceOf(workers[0]) == before  # it had paid the fee, and has it back
        assert data.tasks.taskOf(task)["security"] == 0
        assert sent.events["DisputeResolved"]["costs"] == FEE
        assert data.token.allowance(data.tasks, data.court) == 0

    def test_costs_beyond_the_security_are_not_taken_from_others(self, data, workers):
        task = data.judged(2, 0, 1)
        data.resolved(task, workers[0], HONEST, 10 * FEE)
        assert data.tasks.taskOf(task)["security"] == FEE

    def test_who_loses_loses_deposit_and_reputation(self, data, workers, requester):
        task = data.judged(1, 0)
        before = data.token.balanceOf(requester)
        data.resolved(task, workers[0], DISHONEST)
        assert data.token.balanceOf(requester) - before == DEPOSIT
        assert data.state(task, workers[0]) == DeliveryState.CONDEMNED
        assert data.ledger.scoreOf(workers[0]) == -SCALE
        assert data.ledger.scoreOf(requester) == 0

    def test_a_silent_panel_leaves_the_mark(self, data, workers):
        """The default was in the case from the start."""
        task = data.judged(1, 0)
        data.resolved(task, workers[0], 0)
        assert data.state(task, workers[0]) == DeliveryState.CONDEMNED

    def test_the_court_s_call_does_it_with_the_gas_it_has(self, data, workers, requester):
        task = data.judged(2, 0, 1)
        for worker, choice in zip(workers, (HONEST, DISHONEST), strict=False):
            case = data.disputed(task, worker)
            data.court.rule(case, choice, bytes(32), FEE if choice == HONEST else 0)
            data.court.tell(case, CALLBACK_GAS, {"from": requester})
        states = [data.state(task, worker) for worker in workers[:2]]
        assert states == [DeliveryState.VINDICATED, DeliveryState.CONDEMNED]

    def test_a_call_without_gas_leaves_it_to_be_pulled(self, data, workers, requester):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        data.court.rule(case, HONEST, bytes(32), 0)
        with reverts("ClientFailed", ...):
            data.court.tell(case, 30_000, {"from": requester})
        data.tasks.resolve(case, {"from": requester})
        assert data.state(task, workers[0]) == DeliveryState.VINDICATED

    def test_once(self, data, workers):
        task = data.judged(1, 0)
        data.resolved(task, workers[0], HONEST)
        with reverts("WrongState", task, 0, DeliveryState.VINDICATED):
            data.tasks.resolve(1, {"from": workers[0]})

    def test_not_before_the_ruling_nor_for_any_case(self, data, workers, requester):
        task = data.judged(1, 0)
        case = data.disputed(task, workers[0])
        with reverts("DisputeNotRuled", case):
            data.tasks.resolve(case, {"from": requester})
        with reverts("NotDispute", case + 1):
            data.tasks.resolve(case + 1, {"from": requester})


def test_the_winners_share_the_compensation(data, workers):
    task = data.judged(4, 0, 1, 2)
    data.resolved(task, workers[0], HONEST)
    data.resolved(task, workers[1], HONEST)
    data.at(task, "disputeEnd")
    data.settle(task)
    paid = [data.claim(task, worker) for worker in workers[:2]]
    assert paid == [DEPOSIT + COMPENSATION // 2] * 2
