"""Registering with a bond that a signature allows. (SPEC RG-8)"""

from __future__ import annotations

import pytest
from brownie import chain

from tests.chain import reverts
from tests.contracts.registry.conftest import PROVIDER_PROFILE
from tests.permits import SIGNER, sign_permit


@pytest.fixture
def signer(accounts, token, provider):
    account = accounts.at(SIGNER.address, force=True)
    token.transfer(account, 1_000, {"from": provider})
    return account


@pytest.fixture
def deadline():
    return chain.time() + 1_000


def test_registers_and_bonds(registry, token, signer, prove, deadline):
    permit = deadline, *sign_permit(token, registry, 1_000, deadline)
    keys = prove(signer).words()
    registry.registerWithPermit(PROVIDER_PROFILE, keys, 1_000, *permit, {"from": signer})
    assert registry.bondOf(registry.idOf(signer)) == 1_000
    assert token.allowance(signer, registry) == 0


def test_registers_when_somebody_used_the_permit_first(
    registry, token, signer, prove, deadline, stranger
):
    permit = deadline, *sign_permit(token, registry, 1_000, deadline)
    token.permit(signer, registry, 1_000, *permit, {"from": stranger})
    keys = prove(signer).words()
    registry.registerWithPermit(PROVIDER_PROFILE, keys, 1_000, *permit, {"from": signer})
    assert registry.bondOf(1) == 1_000


def test_reverts_when_the_permit_is_of_another_amount(registry, token, signer, prove, deadline):
    permit = deadline, *sign_permit(token, registry, 999, deadline)
    keys = prove(signer).words()
    with reverts("ERC20InsufficientAllowance", registry, 0, 1_000):
        registry.registerWithPermit(PROVIDER_PROFILE, keys, 1_000, *permit, {"from": signer})
