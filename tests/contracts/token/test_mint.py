"""The reward pool mints within a tenth of the supply a year. (SPEC TK-4, TK-I1, TK-I2)"""

from __future__ import annotations

from brownie import chain
from brownie.test import given, strategy
from hypothesis import settings

from handfast.protocol.constants import EMISSION_CAP, EMISSION_YEAR, SCALE, TOKEN_SUPPLY
from tests.chain import mine_at, plain, reverts

FIRST_CAP = TOKEN_SUPPLY * EMISSION_CAP // SCALE


def next_year():
    chain.sleep(EMISSION_YEAR)
    chain.mine()


def test_mints_up_to_the_cap_of_the_year(minting, pool, stranger):
    minting.mint(stranger, 1, {"from": pool})
    assert plain(minting.emission()) == (0, FIRST_CAP, 1)
    minting.mint(stranger, FIRST_CAP - 1, {"from": pool})
    assert minting.balanceOf(stranger) == FIRST_CAP
    assert minting.totalSupply() == TOKEN_SUPPLY + FIRST_CAP
    with reverts("EmissionCapExceeded", 0, 1, 0):
        minting.mint(stranger, 1, {"from": pool})


def test_reverts_when_more_than_what_is_left_is_asked_for(minting, pool, stranger):
    minting.mint(stranger, 7, {"from": pool})
    with reverts("EmissionCapExceeded", 0, FIRST_CAP, FIRST_CAP - 7):
        minting.mint(stranger, FIRST_CAP, {"from": pool})


def test_reverts_when_sender_is_not_the_pool(minting, deployer, stranger):
    for sender in (deployer, stranger):
        with reverts("NotRewardPool", sender):
            minting.mint(sender, 1, {"from": sender})


def test_reverts_for_everybody_before_a_pool_is_named(token, deployer):
    with reverts("NotRewardPool", deployer):
        token.mint(deployer, 1, {"from": deployer})


def test_a_new_year_has_a_cap_of_its_own_supply(minting, pool, stranger):
    minting.mint(stranger, FIRST_CAP, {"from": pool})
    next_year()
    cap = (TOKEN_SUPPLY + FIRST_CAP) * EMISSION_CAP // SCALE
    assert plain(minting.emission()) == (1, cap, 0)
    minting.mint(stranger, cap, {"from": pool})
    with reverts("EmissionCapExceeded", 1, 1, 0):
        minting.mint(stranger, 1, {"from": pool})


def test_what_was_not_minted_lapses(minting, pool, stranger):
    next_year()
    next_year()
    assert plain(minting.emission()) == (2, FIRST_CAP, 0)
    with reverts("EmissionCapExceeded", 2, FIRST_CAP + 1, FIRST_CAP):
        minting.mint(stranger, FIRST_CAP + 1, {"from": pool})


def test_the_last_second_of_a_year_belongs_to_it(minting, pool, stranger):
    deployed_at = minting.tx.timestamp
    mine_at(deployed_at + EMISSION_YEAR - 1)
    assert minting.emission()[0] == 0
    mine_at(deployed_at + EMISSION_YEAR)
    assert minting.emission()[0] == 1


def test_burning_leaves_the_cap_of_its_year(minting, pool, beneficiaries, stranger):
    holder = beneficiaries[0]
    minting.burn(TOKEN_SUPPLY // 10, {"from": holder})
    assert plain(minting.emission()) == (0, FIRST_CAP, 0)
    next_year()
    # The year began with the supply as it is now; burning at its first moment does not lower that.
    cap = (TOKEN_SUPPLY - TOKEN_SUPPLY // 10) * EMISSION_CAP // SCALE
    minting.burn(TOKEN_SUPPLY // 10, {"from": holder})
    assert plain(minting.emission()) == (1, cap, 0)
    minting.mint(stranger, cap, {"from": pool})
    assert minting.totalSupply() == TOKEN_SUPPLY - 2 * (TOKEN_SUPPLY // 10) + cap


@settings(max_examples=12)
@given(seed=strategy("bytes", min_size=18, max_size=18))
def test_never_exceeds_a_tenth_a_year_whatever_happens(minting, pool, beneficiaries, seed):
    """A model of TK-4 beside the contract: mints, burns and years in any order."""
    supply, year, cap, minted = TOKEN_SUPPLY, 0, FIRST_CAP, 0
    holder = beneficiaries[0]
    for what, size, jump in (seed[at : at + 3] for at in range(0, len(seed), 3)):
        if jump % 4 == 0:
            next_year()
            year, cap, minted = year + 1, supply * EMISSION_CAP // SCALE, 0
        amount = FIRST_CAP * size // 200
        if what % 3 == 0:
            amount = min(amount, minting.balanceOf(holder))
            minting.burn(amount, {"from": holder})
            supply -= amount
        elif amount <= cap - minted:
            minting.mint(holder, amount, {"from": pool})
            supply, minted = supply + amount, minted + amount
        else:
            with reverts("EmissionCapExceeded", year, amount, cap - minted):
                minting.mint(holder, amount, {"from": pool})
        assert plain(minting.emission()) == (year, cap, minted)
        assert minting.totalSupply() == supply
