"""Adding to a bond by signature. (SPEC RG-8)"""

from __future__ import annotations

from brownie import chain

from tests.chain import reverts
from tests.permits import SIGNER, sign_permit


def test_adds_what_the_signature_allows(bonded, token, accounts, provider):
    signer = accounts.at(SIGNER.address, force=True)
    token.transfer(signer, 50, {"from": provider})
    deadline = chain.time() + 1_000
    permit = deadline, *sign_permit(token, bonded, 50, deadline)
    bonded.addBondWithPermit(1, 50, *permit, {"from": signer})
    assert bonded.bondOf(1) == 1_050


def test_reverts_when_the_signature_is_of_another(bonded, token, client, provider):
    token.approve(bonded, 0, {"from": client})
    deadline = chain.time() + 1_000
    permit = deadline, *sign_permit(token, bonded, 50, deadline)
    with reverts("ERC20InsufficientAllowance", bonded, 0, 50):
        bonded.addBondWithPermit(1, 50, *permit, {"from": client})
