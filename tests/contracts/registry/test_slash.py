"""A slash takes from the bond, then from what is unbonding, and never more. (SPEC RG-12, RG-I4)"""

from __future__ import annotations

from brownie import chain
from brownie.test import given, strategy
from hypothesis import settings

from handfast.protocol.constants import SCALE, TOKEN_SUPPLY
from tests.chain import plain, reverts
from tests.contracts.registry.conftest import UNBONDING_PERIOD

ZERO = "0x" + "00" * 20
HALF = SCALE // 2


def test_burns_a_share_and_pays_the_rest(bonded, token, slasher, beneficiary):
    transaction = bonded.slash(1, 101, HALF, beneficiary, {"from": slasher})
    assert transaction.return_value == 101
    assert bonded.bondOf(1) == token.balanceOf(bonded) == 899
    assert token.balanceOf(beneficiary) == 50
    assert token.totalSupply() == TOKEN_SUPPLY - 51  # the odd unit burns
    assert plain(transaction.events["BondSlashed"].values()) == (
        *(1, slasher.address, beneficiary.address, 101, 51),
    )


def test_burns_everything_without_a_beneficiary(bonded, token, slasher):
    bonded.slash(1, 100, SCALE, ZERO, {"from": slasher})
    assert token.totalSupply() == TOKEN_SUPPLY - 100


def test_pays_everything_where_nothing_is_to_burn(bonded, token, slasher, beneficiary):
    bonded.slash(1, 100, 0, beneficiary, {"from": slasher})
    assert token.balanceOf(beneficiary) == 100


def test_takes_the_rest_from_what_is_unbonding(bonded, provider, slasher, beneficiary):
    bonded.unbond(400, {"from": provider})
    bonded.slash(1, 700, HALF, beneficiary, {"from": slasher})
    assert plain(bonded.participantOf(1))[5:7] == (0, 300)


def test_takes_what_is_there_and_says_how_much(bonded, provider, slasher, beneficiary):
    bonded.unbond(400, {"from": provider})
    transaction = bonded.slash(1, 5_000, HALF, beneficiary, {"from": slasher})
    assert transaction.return_value == 1_000
    assert plain(bonded.participantOf(1))[5:7] == (0, 0)
    again = bonded.slash(1, 1, HALF, beneficiary, {"from": slasher})
    assert again.return_value == 0


def test_reaches_what_was_not_withdrawn_after_the_delay(
    bonded, token, provider, slasher, beneficiary
):
    bonded.unbond(1_000, {"from": provider})
    chain.sleep(UNBONDING_PERIOD + 1)
    bonded.slash(1, 600, 0, beneficiary, {"from": slasher})
    bonded.withdraw({"from": provider})
    assert token.balanceOf(bonded) == 0
    assert token.balanceOf(beneficiary) == 600


def test_leaves_other_bonds_alone(bonded, token, client, prove, slasher, beneficiary):
    bonded.register((2, bytes(32), ""), prove(client).words(), 500, {"from": client})
    bonded.slash(1, 5_000, HALF, beneficiary, {"from": slasher})
    assert bonded.bondOf(2) == token.balanceOf(bonded) == 500


def test_reverts_when_sender_is_no_slasher(bonded, deployer, beneficiary):
    with reverts("NotSlasher", deployer):
        bonded.slash(1, 1, HALF, beneficiary, {"from": deployer})


def test_reverts_when_nobody_has_the_id(bonded, slasher, beneficiary):
    with reverts("UnknownParticipant", 2):
        bonded.slash(2, 1, HALF, beneficiary, {"from": slasher})


def test_reverts_when_the_share_is_beyond_the_whole(bonded, slasher, beneficiary):
    with reverts("InvalidShare", SCALE + 1, SCALE):
        bonded.slash(1, 1, SCALE + 1, beneficiary, {"from": slasher})


def test_reverts_when_the_rest_is_for_nobody(bonded, slasher):
    with reverts("BeneficiaryMissing"):
        bonded.slash(1, 1, SCALE - 1, ZERO, {"from": slasher})


@settings(max_examples=12)
@given(
    unbonding=strategy("uint256", max_value=1_000),
    amount=strategy("uint256", max_value=2_000),
    share=strategy("uint256", max_value=SCALE),
)
def test_loses_no_unit(
    registry, token, provider, slasher, beneficiary, prove, unbonding, amount, share
):
    if registry.idOf(provider) == 0:
        registry.register((1, bytes(32), ""), prove(provider).words(), 1_000, {"from": provider})
    registry.unbond(unbonding, {"from": provider})
    registry.slash(1, amount, share, beneficiary, {"from": slasher})
    taken = min(amount, 1_000)
    burnt = -(-taken * share // SCALE)
    assert token.balanceOf(registry) == 1_000 - taken
    assert token.totalSupply() == TOKEN_SUPPLY - burnt
    assert token.balanceOf(beneficiary) == taken - burnt
    _, _, _, _, _, bond, aside, *_ = plain(registry.participantOf(1))
    assert bond == max(1_000 - unbonding - amount, 0)
    assert bond + aside == 1_000 - taken
