"""Quality before a real court: a drawn panel opens the goods, votes, and moves the price.
(SPEC MK-5, OC-13)
"""

from __future__ import annotations

import pytest
from brownie import chain
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.bls import SecretKey
from handfast.crypto.keccak import keccak
from handfast.protocol.constants import ROLE_VOTER, SEAT_FEE, CasePeriod, PurchasePhase
from handfast.protocol.messages import Domain, PanelKey
from handfast.registry.possession import prove_possession
from tests.chain import plain, reverts
from tests.contracts.market.conftest import BOND, BUYER_BOND
from tests.courts import SETTINGS, STAKE, Courtroom
from tests.market import EPHEMERAL, ETHER, SEATS
from tests.points import g1
from tests.sealing import mask_of, masked

BUYER_WINS, SELLER_WINS = 1, 2
FEE = SEATS * SEAT_FEE
VOTER_SECRET = 13
CASE = 1


@pytest.fixture(scope="module")
def court(deployer, OracleCourt, token, registry):
    return deployer.deploy(OracleCourt, token, registry, SETTINGS)


@pytest.fixture(scope="module")
def room(court, market, token, registry, accounts, deployer, VoterPool):
    """Three voters who neither buy nor sell."""
    pool = VoterPool.at(court.VOTERS())
    voters = [accounts[i] for i in (6, 8, 9)]
    domain = Domain(chain.id, registry.address)
    for voter in voters:
        pair = SecretKey(11), SecretKey(VOTER_SECRET)
        keys = prove_possession(*pair, voter.address, 1, domain)
        registry.register((ROLE_VOTER, bytes(32), ""), keys.words(), 0, {"from": voter})
        token.transfer(voter, STAKE, {"from": deployer})
        token.approve(pool, STAKE, {"from": voter})
        pool.stake(STAKE, {"from": voter})
    token.approve(court, 2**256 - 1, {"from": deployer})
    return Courtroom(court, pool, token, None, voters, deployer)


@pytest.fixture
def disputed(room, delivered):
    delivered.dispute()
    return delivered


def rule(room, vote):
    room.draw(CASE)
    room.play(CASE, dict.fromkeys(room.panel(CASE), vote))
    room.pass_period(CASE)


def test_a_panel_for_the_buyer_gives_back_price_and_fee(
    disputed, room, market, registry, token, client, provider, stranger
):
    rule(room, BUYER_WINS)
    assert room.ruling(CASE) == (True, BUYER_WINS, bytes(32), FEE)
    disputed.resolve(stranger)
    assert disputed.phase == PurchasePhase.REFUNDED
    assert disputed.owed(client) == ETHER
    # The fee went to the panel; as much comes out of the seller's bond, through the court.
    assert registry.bondOf(1) == BOND - FEE
    assert room.court.creditOf(client) == FEE
    assert token.balanceOf(market) == 0
    room.court.withdraw({"from": client})


def test_a_panel_for_the_seller_pays_it(disputed, room, registry, client, provider, stranger):
    rule(room, SELLER_WINS)
    disputed.resolve(stranger)
    assert disputed.owed(provider) == ETHER
    assert (registry.bondOf(1), registry.bondOf(2)) == (BOND, BUYER_BOND)
    assert room.court.creditOf(client) == 0


def test_a_silent_panel_is_the_sellers(disputed, room, provider, stranger):
    """MK-5: who wins by silence stands in the case from the start."""
    room.draw(CASE)
    while room.period(CASE) != CasePeriod.RULED:
        if room.period(CASE) == CasePeriod.DRAW:
            room.draw(CASE)
        else:
            room.pass_period(CASE)
    disputed.resolve(stranger)
    assert disputed.owed(provider) == ETHER


def test_an_appeal_turns_the_ruling_and_its_costs(
    disputed, room, registry, token, deployer, client, provider
):
    """The seller's side pays a larger panel, wins, and has that made good by the buyer's bond."""
    room.draw(CASE)
    room.play(CASE, dict.fromkeys(room.panel(CASE), BUYER_WINS))
    room.court.appeal(CASE, SELLER_WINS, {"from": deployer})
    room.draw(CASE)
    room.play(CASE, dict.fromkeys(room.panel(CASE), SELLER_WINS))
    room.pass_period(CASE)
    is_final, choice, _, costs = room.ruling(CASE)
    assert (is_final, choice) == (True, SELLER_WINS)
    assert costs == (2 * SEATS + 1) * SEAT_FEE
    before = room.court.creditOf(deployer)
    disputed.resolve(provider)
    assert disputed.owed(provider) == ETHER
    assert registry.bondOf(2) == 0
    assert room.court.creditOf(deployer) == before + BUYER_BOND
    assert token.balanceOf(disputed.market) == 0


def test_nothing_is_resolved_before_the_ruling_is_final(disputed, room, client):
    with reverts("NotRuled", disputed.id, CASE):
        disputed.resolve(client)
    room.draw(CASE)
    room.play(CASE, dict.fromkeys(room.panel(CASE), BUYER_WINS))
    with reverts("NotRuled", disputed.id, CASE):
        disputed.resolve(client)


def test_whoever_pays_the_costs_first_blocks_nothing(disputed, room, registry, deployer, client):
    """The court takes costs from anybody; the bond makes good what is left of them."""
    rule(room, BUYER_WINS)
    room.court.payCosts(CASE, FEE - 1, {"from": deployer})
    disputed.resolve(client)
    assert registry.bondOf(1) == BOND - 1


def test_each_member_of_the_panel_opens_the_goods_with_its_own_key(disputed, room, market, client):
    """MK-5: one ephemeral point, a masked key a seat; nobody else can read one."""
    room.draw(CASE)
    key, domain = disputed.package.key, Domain(chain.id, market.address)
    receiver = G1Point() * Scalar(VOTER_SECRET)
    seats = plain(room.court.panelOf(CASE))
    contexts = [PanelKey(CASE, seat).digest(domain) for seat in seats]
    keys = [masked(context, key, receiver, EPHEMERAL)[1] for context in contexts]
    ephemeral = G1Point() * Scalar(EPHEMERAL)
    tx = market.openKey(disputed.terms, g1(ephemeral), keys, {"from": client})
    opened = list(map(bytes, tx.events["KeyOpened"]["masked"]))
    shared = ephemeral * Scalar(VOTER_SECRET)
    for context, word in zip(contexts, opened, strict=True):
        mask = mask_of(context, shared)
        assert keccak(bytes(a ^ b for a, b in zip(word, mask, strict=True))) == keccak(key)
