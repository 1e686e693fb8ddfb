"""Participation reputation: r + A/P on reward, r - 1 on penalty. (SPEC LG-1 to LG-4)"""

from __future__ import annotations

import pytest
from brownie.test import given, strategy
from hypothesis import settings

from handfast.protocol.constants import REPUTATION_FLOOR, SCALE
from tests.chain import plain, reverts


@pytest.fixture(scope="module")
def ledger(deployer, ReputationLedger):
    return deployer.deploy(ReputationLedger, deployer)


@pytest.fixture(scope="module")
def recorder(deployer, accounts, RevertProbe, ledger):
    """The address of some contract, unlocked and authorised."""
    made = accounts.at(deployer.deploy(RevertProbe).address, force=True)
    ledger.authoriseRecorder(made, {"from": deployer})
    return made


def test_newcomers_have_nothing(ledger, client):
    assert ledger.scoreOf(client) == 0
    assert plain(ledger.participationOf(client)) == (0, 0, 0)


def test_counts_each_partner_once_on_both_sides(ledger, recorder, client, provider, watcher):
    transaction = ledger.participate(client, provider, {"from": recorder})
    assert plain(transaction.events["ParticipationRecorded"].values()) == (
        *(client.address, provider.address, recorder.address),
    )
    ledger.participate(provider, client, {"from": recorder})
    ledger.participate(client, watcher, {"from": recorder})
    assert plain(ledger.participationOf(client)) == (0, 2, 3)
    assert plain(ledger.participationOf(provider)) == (0, 1, 2)
    assert plain(ledger.participationOf(watcher)) == (0, 1, 1)


def test_nobody_is_a_partner_of_itself(ledger, recorder, client):
    ledger.participate(client, client, {"from": recorder})
    assert plain(ledger.participationOf(client)) == (0, 0, 1)


def test_rewards_by_the_share_of_partners(ledger, recorder, client, provider, watcher):
    for partner in (provider, provider, watcher):
        ledger.participate(client, partner, {"from": recorder})
    transaction = ledger.reward(client, {"from": recorder})
    score = 2 * SCALE // 3
    assert plain(transaction.events["ScoreChanged"].values()) == (
        *(client.address, recorder.address, score),
    )
    ledger.reward(client, {"from": recorder})
    assert ledger.scoreOf(client) == 2 * score


def test_a_reward_without_participation_adds_nothing(ledger, recorder, client):
    """No settlement waits for what the ledger holds."""
    ledger.reward(client, {"from": recorder})
    assert ledger.scoreOf(client) == 0


def test_penalises_down_to_the_floor(ledger, recorder, client):
    for step in range(1, 13):
        ledger.penalise(client, {"from": recorder})
        assert ledger.scoreOf(client) == max(-step * SCALE, REPUTATION_FLOOR)


def test_only_recorders_write(ledger, client, provider, deployer):
    for account in (client, deployer):
        for call in (ledger.reward, ledger.penalise):
            with reverts("NotRecorder", account):
                call(client, {"from": account})
        with reverts("NotRecorder", account):
            ledger.participate(client, provider, {"from": account})


def test_the_owner_names_contracts_until_it_seals(ledger, deployer, client, recorder):
    with reverts("NotLedgerOwner", client):
        ledger.authoriseRecorder(ledger, {"from": client})
    with reverts("RecorderWithoutCode", client):
        ledger.authoriseRecorder(client, {"from": deployer})
    assert ledger.isRecorder(recorder)
    assert not ledger.isRecorder(client)
    with reverts("NotLedgerOwner", client):
        ledger.seal({"from": client})
    assert "LedgerSealed" in ledger.seal({"from": deployer}).events
    assert ledger.isSealed()
    with reverts("LedgerIsSealed"):
        ledger.authoriseRecorder(ledger, {"from": deployer})
    with reverts("LedgerIsSealed"):
        ledger.seal({"from": deployer})


@settings(max_examples=6)
@given(
    partners=strategy("uint8[12]", max_value=5),
    deeds=strategy("uint8[12]", max_value=2),
)
def test_follows_the_formula_in_any_order(ledger, recorder, accounts, partners, deeds):
    """A model beside the contract: each account's own r, A and P."""
    me = accounts.add()
    score, met, count = 0, set(), 0
    for partner, deed in zip(partners, deeds, strict=True):
        other = accounts[int(partner)]
        if deed == 0:
            ledger.participate(me, other, {"from": recorder})
            met.add(other.address)
            count += 1
        elif deed == 1:
            ledger.reward(me, {"from": recorder})
            score += len(met) * SCALE // count if count else 0
        else:
            ledger.penalise(me, {"from": recorder})
            score = max(score - SCALE, REPUTATION_FLOOR)
    assert plain(ledger.participationOf(me)) == (score, len(met), count)
