"""A client opens a case within the court's bounds and pays for its panel. (SPEC OC-6)"""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from brownie import chain

from handfast.protocol.constants import SEAT_FEE, CaseKind, CasePeriod
from tests.chain import plain, reverts
from tests.courts import CHOICE, DRAW_DELAY, MAX_PERIOD, MIN_PERIOD, SCORES, SETTINGS

ZERO = "0x" + "00" * 20
FIELDS = (
    "kind", "seats", "size", "standard", "tolerance", "side", "evidence_period", "commit_period",
    "reveal_period", "appeal_period",
)  # fmt: skip


def test_takes_the_fee_and_fixes_the_evidence_at_once(room, token, client_contract):
    before = token.balanceOf(room.court)
    case = room.open()
    assert token.balanceOf(room.court) == before + 5 * SEAT_FEE == before + room.court.feeOf(5)
    found = room.case(case)
    assert (found["client"], found["seats"], found["round"]) == (client_contract.address, 5, 0)
    height = found["drawHeight"]
    assert height % (2 * DRAW_DELAY) == 0
    assert DRAW_DELAY <= height - (len(chain) - 1) < 3 * DRAW_DELAY
    assert room.period(case) is CasePeriod.DRAW
    assert plain(room.court.nextDraw()) == (case, height)
    assert plain(room.court.panelOf(case)) == ()
    assert room.ruling(case) == (False, 2, bytes(32), 0)


def test_waits_for_evidence_if_there_is_time_for_it(room, client_contract, stranger):
    case = room.open(replace(CHOICE, evidence_period=MIN_PERIOD))
    assert room.period(case) is CasePeriod.EVIDENCE
    said = room.court.submitEvidence(case, b"e" * 32, "ipfs://somewhere", {"from": stranger})
    assert said.events["EvidenceSubmitted"]["uri"] == "ipfs://somewhere"
    with reverts("PeriodNotOver", case, CasePeriod.EVIDENCE, ..., ...):
        room.court.advance(case, {"from": stranger})
    room.pass_period(case)
    assert room.period(case) is CasePeriod.DRAW


def test_its_client_ends_the_evidence_early(room, client_contract, stranger):
    case = room.open(replace(CHOICE, evidence_period=MIN_PERIOD))
    client_contract.advance(case, {"from": stranger})
    assert room.period(case) is CasePeriod.DRAW


BAD = [
    (CHOICE, "kind", CaseKind.ABSENT),
    (CHOICE, "seats", 4),
    (CHOICE, "seats", 17),
    (CHOICE, "size", 1),
    (CHOICE, "size", 256),
    (SCORES, "size", 0),
    (SCORES, "size", 65),
    (CHOICE, "standard", 0),
    (CHOICE, "standard", 3),
    (SCORES, "standard", 1),
    (CHOICE, "tolerance", 1),
    (CHOICE, "side", 3),
    (SCORES, "side", 1),
    (CHOICE, "evidence_period", MIN_PERIOD - 1),
    (CHOICE, "commit_period", MAX_PERIOD + 1),
    (CHOICE, "reveal_period", 0),
    (CHOICE, "appeal_period", MIN_PERIOD - 1),
]


@pytest.mark.parametrize(("terms", "name", "value"), BAD)
def test_reverts_for_terms_out_of_bounds(room, client_contract, terms, name, value):
    with reverts("InvalidTerms", FIELDS.index(name)):
        client_contract.open(astuple(replace(terms, **{name: value})), room.payer)


def test_reverts_without_a_payer(room, client_contract):
    with reverts("PayerMissing"):
        client_contract.open(astuple(CHOICE), ZERO)


def test_unknown_cases_are_said_to_be_unknown(room):
    for call in (room.court.advance, room.court.rulingOf, room.court.caseOf):
        with reverts("UnknownCase", 9):
            call(9)
    assert room.period(9) is CasePeriod.ABSENT


@pytest.mark.parametrize(("at", "value"), [(1, 0), (2, 0), (2, MAX_PERIOD + 1), (3, 2**24)])
def test_a_court_refuses_settings_that_do_not_fit(
    deployer, OracleCourt, token, registry, at, value
):
    settings = list(SETTINGS)
    settings[at] = value
    with reverts("InvalidSettings"):
        deployer.deploy(OracleCourt, token, registry, settings)
