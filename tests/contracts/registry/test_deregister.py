"""Who has nothing open may leave; the id stays. (SPEC RG-13)"""

from __future__ import annotations

from brownie import chain

from tests.chain import plain, reverts
from tests.contracts.registry.conftest import PROVIDER_PROFILE, UNBONDING_PERIOD, WEALTH


def test_clears_the_profile_and_unbonds_everything(bonded, provider):
    transaction = bonded.deregister({"from": provider})
    participant = plain(bonded.participantOf(1))
    assert participant[:2] == (1, provider.address)
    assert (participant[2], participant[8], participant[9]) == (0, bytes(32), "")
    assert participant[5:7] == (0, 1_000)
    assert participant[7] == transaction.timestamp + UNBONDING_PERIOD
    assert plain(transaction.events["Deregistered"].values()) == (1,)
    assert transaction.events["UnbondingStarted"]["amount"] == 1_000


def test_the_bond_comes_back_after_the_delay(bonded, provider, token):
    bonded.deregister({"from": provider})
    chain.sleep(UNBONDING_PERIOD)
    bonded.withdraw({"from": provider})
    assert token.balanceOf(provider) == WEALTH


def test_leaves_the_delay_alone_when_nothing_is_bonded(bonded, provider):
    bonded.unbond(1_000, {"from": provider})
    until = bonded.participantOf(1)[7]
    chain.sleep(100)
    transaction = bonded.deregister({"from": provider})
    assert bonded.participantOf(1)[7] == until
    assert "UnbondingStarted" not in transaction.events


def test_comes_back_with_the_same_id(bonded, provider):
    bonded.deregister({"from": provider})
    bonded.setProfile(PROVIDER_PROFILE, {"from": provider})
    assert bonded.idOf(provider) == 1
    assert bonded.rolesOf(1) == PROVIDER_PROFILE[0]


def test_reverts_while_something_is_held(bonded, provider, slasher):
    bonded.hold(1, {"from": slasher})
    with reverts("BondHeld", 1, 1):
        bonded.deregister({"from": provider})
    bonded.release(1, {"from": slasher})
    bonded.deregister({"from": provider})


def test_reverts_when_sender_is_no_participant(bonded, stranger):
    with reverts("NotParticipant", stranger):
        bonded.deregister({"from": stranger})
