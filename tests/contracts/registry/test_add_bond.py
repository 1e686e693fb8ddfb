"""Anybody adds to anybody's bond. (SPEC RG-8, RG-I1)"""

from __future__ import annotations

from handfast.protocol.constants import TOKEN_SUPPLY
from tests.chain import plain, reverts
from tests.contracts.registry.conftest import WEALTH


def test_adds_what_is_pulled_from_the_sender(bonded, token, provider, stranger):
    bonded.addBond(1, 5, {"from": provider})
    transaction = bonded.addBond(1, 7, {"from": stranger})
    assert bonded.bondOf(1) == token.balanceOf(bonded) == 1_012
    assert token.balanceOf(stranger) == WEALTH - 7
    assert plain(transaction.events["BondAdded"].values()) == (1, stranger.address, 7)


def test_reverts_when_nobody_has_the_id(bonded, stranger):
    for absent in (0, 2):
        with reverts("UnknownParticipant", absent):
            bonded.addBond(absent, 1, {"from": stranger})


def test_reverts_when_the_sender_has_less(bonded, token, stranger):
    token.approve(bonded, TOKEN_SUPPLY, {"from": stranger})
    with reverts("ERC20InsufficientBalance", stranger, WEALTH, WEALTH + 1):
        bonded.addBond(1, WEALTH + 1, {"from": stranger})


def test_reverts_when_the_amount_fits_no_bond(bonded, stranger):
    with reverts("SafeCastOverflowedUintDowncast", 104, 2**104):
        bonded.addBond(1, 2**104 - 1_000, {"from": stranger})
