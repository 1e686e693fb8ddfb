"""A Python model of bonds beside the contract: no unit is lost, none leaves but by withdrawal or
slash. (SPEC RG-8 to RG-13, RG-I1, RG-I3, RG-I4)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from brownie import chain
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from handfast.crypto.bls import SecretKey
from handfast.protocol.constants import ROLE_PROVIDER, SCALE, TOKEN_SUPPLY
from handfast.protocol.messages import Domain
from handfast.registry.possession import prove_possession
from tests.campaign import examples
from tests.chain import mine_at, plain, reverts, set_next_timestamp

PERIOD = 1_000
WEALTH = 10**6
START = 1_000
PROFILE = (ROLE_PROVIDER, bytes(32), "")


@dataclass
class Bond:
    """What the rules say of one participant."""

    bond: int = START
    unbonding: int = 0
    withdrawable_at: int = 0
    holds: int = 0
    registered: bool = True


ids = st.integers(1, 2)
amounts = st.integers(0, 1_500)


class Bonds(RuleBasedStateMachine):
    """Two participants, one slasher; each rule does the same to contract and model."""

    registry: Any
    token: Any
    slasher: Any
    accounts: dict[int, Any]

    def __init__(self) -> None:
        super().__init__()
        chain.snapshot()
        self.bonds = {id_: Bond() for id_ in self.accounts}
        self.burnt = self.paid = 0
        self.now = chain[-1].timestamp

    def teardown(self):
        self.check_that_no_unit_is_lost()
        chain.revert()

    def tick(self):
        """Fix the second of the next block, and return it."""
        self.now += 1
        set_next_timestamp(self.now)
        return self.now

    @rule(who=ids, amount=amounts)
    def add(self, who, amount):
        self.tick()
        self.registry.addBond(who, amount, {"from": self.accounts[who]})
        self.bonds[who].bond += amount

    @rule(who=ids, amount=amounts)
    def unbond(self, who, amount):
        bond, now = self.bonds[who], self.tick()
        sender = {"from": self.accounts[who]}
        if amount > bond.bond:
            with reverts("InsufficientBond", who, bond.bond, amount):
                self.registry.unbond(amount, sender)
            return
        self.registry.unbond(amount, sender)
        bond.bond -= amount
        bond.unbonding += amount
        bond.withdrawable_at = now + PERIOD

    @rule(who=ids)
    def withdraw(self, who):
        bond, now = self.bonds[who], self.tick()
        account = self.accounts[who]
        before = self.token.balanceOf(account)
        if bond.holds:
            with reverts("BondHeld", who, bond.holds):
                self.registry.withdraw({"from": account})
        elif now < bond.withdrawable_at:
            with reverts("StillUnbonding", who, bond.withdrawable_at, now):
                self.registry.withdraw({"from": account})
        else:
            self.registry.withdraw({"from": account})
            assert self.token.balanceOf(account) == before + bond.unbonding
            bond.unbonding = 0

    @rule(who=ids)
    def deregister(self, who):
        bond, now = self.bonds[who], self.tick()
        sender = {"from": self.accounts[who]}
        if bond.holds:
            with reverts("BondHeld", who, bond.holds):
                self.registry.deregister(sender)
            return
        self.registry.deregister(sender)
        bond.registered = False
        if bond.bond:
            bond.unbonding, bond.bond = bond.unbonding + bond.bond, 0
            bond.withdrawable_at = now + PERIOD

    @rule(who=ids)
    def come_back(self, who):
        self.tick()
        self.registry.setProfile(PROFILE, {"from": self.accounts[who]})
        self.bonds[who].registered = True

    @rule(who=ids)
    def hold(self, who):
        self.tick()
        self.registry.hold(who, {"from": self.slasher})
        self.bonds[who].holds += 1

    @rule(who=ids)
    def release(self, who):
        self.tick()
        if not self.bonds[who].holds:
            with reverts("NotHeld", who):
                self.registry.release(who, {"from": self.slasher})
            return
        self.registry.release(who, {"from": self.slasher})
        self.bonds[who].holds -= 1

    @rule(who=ids, amount=amounts, share=st.integers(0, SCALE))
    def slash(self, who, amount, share):
        self.tick()
        bond = self.bonds[who]
        self.registry.slash(who, amount, share, self.slasher, {"from": self.slasher})
        from_bond = min(amount, bond.bond)
        from_unbonding = min(amount - from_bond, bond.unbonding)
        bond.bond -= from_bond
        bond.unbonding -= from_unbonding
        taken = from_bond + from_unbonding
        burnt = -(-taken * share // SCALE)
        self.burnt += burnt
        self.paid += taken - burnt

    @rule(seconds=st.integers(1, PERIOD))
    def wait(self, seconds):
        self.now += seconds
        mine_at(self.now)

    @invariant()
    def the_contract_agrees(self):
        everybody = plain(self.registry.participantsFrom(1, 2))
        for (id_, bond), there in zip(self.bonds.items(), everybody, strict=True):
            id_there, account, roles, _, holds, *numbers = there
            assert (id_there, account) == (id_, self.accounts[id_].address)
            assert bool(roles) == bond.registered
            assert holds == bond.holds
            assert numbers[:3] == [bond.bond, bond.unbonding, bond.withdrawable_at]

    def check_that_no_unit_is_lost(self):
        inside = sum(bond.bond + bond.unbonding for bond in self.bonds.values())
        assert self.token.balanceOf(self.registry) == inside
        assert self.token.balanceOf(self.slasher) == self.paid
        assert self.token.totalSupply() == TOKEN_SUPPLY - self.burnt


@pytest.fixture(scope="module")
def participants(client, provider):
    return client, provider


@pytest.fixture(scope="module")
def token(deployer, MarketToken, participants):
    shares = [(each, WEALTH) for each in participants]
    rest = TOKEN_SUPPLY - 2 * WEALTH
    parts = [*shares, (deployer, rest - 1), (deployer, 1)]
    return deployer.deploy(MarketToken, deployer, parts)


@pytest.fixture(scope="module")
def slasher(deployer, accounts, RevertProbe):
    return accounts.at(deployer.deploy(RevertProbe).address, force=True)


@pytest.fixture(scope="module")
def registry(deployer, ParticipantRegistry, token, participants, slasher):
    registry = deployer.deploy(ParticipantRegistry, token, deployer, PERIOD)
    registry.authoriseSlasher(slasher, {"from": deployer})
    domain = Domain(chain.id, registry.address)
    for each in participants:
        token.approve(registry, WEALTH, {"from": each})
        keys = prove_possession(SecretKey(11), SecretKey(13), each.address, 1, domain)
        registry.register(PROFILE, keys.words(), START, {"from": each})
    return registry


def test_bonds_are_conserved(registry, token, participants, slasher):
    Bonds.registry, Bonds.token, Bonds.slasher = registry, token, slasher
    Bonds.accounts = dict(enumerate(participants, 1))
    # Hypothesis begins with some ten examples of hardly any steps, and would spend most of its
    # time on reducing examples that pass.
    few = settings(
        max_examples=examples(22),
        stateful_step_count=30,
        phases=(Phase.generate, Phase.shrink),
        deadline=None,
    )
    run_state_machine_as_test(Bonds, settings=few)
