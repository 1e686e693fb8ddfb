"""Stage one: the buyer shows what key it got. (SPEC MK-4, SL-6, SL-7, SL-8)"""

from __future__ import annotations

import pytest
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.keccak import keccak
from handfast.protocol.constants import SCALE, SELLER_PENALTY, PurchasePhase
from tests.chain import plain, reverts, set_next_timestamp
from tests.contracts.market.conftest import BOND, STRANGER_SECRET
from tests.market import EPHEMERAL, ETHER, Deal, package_of
from tests.sealing import shown

GARBAGE = bytes(range(1, 33))


@pytest.fixture
def cheated(bought):
    """A purchase for which the seller handed over garbage."""
    bought.deliver(bought.masked(GARBAGE))
    return bought


def test_a_wrong_key_refunds_and_punishes(dealt_in, registry, ledger, token, client, provider):
    supply, before = token.totalSupply(), client.balance()
    handed = dealt_in.masked(GARBAGE)
    dealt_in.deliver(handed)
    tx = dealt_in.claim_wrong_key(handed)
    assert dealt_in.phase == PurchasePhase.REFUNDED
    # The native coin comes back in the same transaction; a token is collected.
    back = client.balance() - before
    assert (back, dealt_in.owed(client)) in ((ETHER, 0), (0, ETHER))
    assert dealt_in.owed(provider) == 0
    assert tx.events["WrongKeyProven"]["key"] == "0x" + GARBAGE.hex()
    assert registry.bondOf(1) == BOND - SELLER_PENALTY
    assert token.totalSupply() == supply - SELLER_PENALTY
    assert plain(ledger.participationOf(provider)) == (-SCALE, 0, 0)


def test_an_honest_dispute_wins(cheated, client):
    """MetaAICM's fault: it re-encrypts with fresh padding and compares, so that whoever is in the
    right always loses. Here the key that was delivered is computed, and compared with its hash.
    """
    cheated.claim_wrong_key(cheated.masked(GARBAGE))
    assert cheated.phase == PurchasePhase.REFUNDED


def test_a_false_claim_pays_the_seller_at_once(delivered, ledger, registry, client, provider):
    tx = delivered.claim_wrong_key()
    assert delivered.phase == PurchasePhase.PAID
    assert delivered.owed(provider) == ETHER
    assert tx.events["FalseClaimMade"]["key"] == "0x" + delivered.package.key.hex()
    assert registry.bondOf(1) == BOND
    assert (ledger.scoreOf(client), ledger.scoreOf(provider)) == (-SCALE, 0)
    assert plain(ledger.participationOf(client)) == (-SCALE, 1, 1)
    assert plain(ledger.participationOf(provider)) == (0, 1, 1)


def test_a_key_masked_for_another_listing_is_wrong(market, provider, client, published, bought):
    """The seller saves itself the work and repeats what it sent for something else."""
    other = Deal(market, provider, client, bought.secret, package=package_of(seed=9))
    other.publish()
    other.buy()
    handed = other.masked()
    bought.deliver(handed)
    bought.claim_wrong_key(handed)
    assert bought.phase == PurchasePhase.REFUNDED


def test_a_key_masked_for_another_purchase_is_wrong(market, provider, client, delivered):
    again = Deal(market, provider, client, delivered.secret, salt=7)
    again.buy()
    again.deliver(delivered.masked())
    again.claim_wrong_key(delivered.masked())
    assert again.phase == PurchasePhase.REFUNDED


def test_a_proof_of_another_purchase_proves_nothing(market, provider, client, cheated):
    """A replayed proof: the context is hashed into the challenge."""
    again = Deal(market, provider, client, cheated.secret, salt=7)
    again.buy()
    again.deliver(again.masked())
    with reverts("InvalidSharedPoint", again.context):
        again.claim_wrong_key(point=cheated.shown())


@pytest.mark.parametrize("part", ["chain", "contract"])
def test_a_proof_of_another_chain_or_market_proves_nothing(cheated, part):
    context = keccak(part.encode())
    with reverts("InvalidSharedPoint", cheated.context):
        cheated.claim_wrong_key(cheated.masked(GARBAGE), cheated.shown(context))


def test_a_proof_is_used_once(cheated, client):
    cheated.claim_wrong_key(cheated.masked(GARBAGE))
    with reverts("WrongPhase", cheated.id, PurchasePhase.REFUNDED, PurchasePhase.DELIVERED):
        cheated.claim_wrong_key(cheated.masked(GARBAGE))
    assert cheated.phase == PurchasePhase.REFUNDED


def test_only_what_was_delivered_can_be_objected_to(delivered):
    """A lying buyer shows a masked key of its own making."""
    with reverts("NotDelivered", delivered.id):
        delivered.claim_wrong_key(delivered.masked(GARBAGE))


def test_only_with_the_key_that_it_was_masked_for(delivered):
    """A lying buyer unmasks with another secret, which gives garbage."""
    ephemeral = G1Point() * Scalar(EPHEMERAL)
    with reverts("NotReceiver", delivered.terms[5], ...):
        delivered.claim_wrong_key(point=shown(delivered.context, STRANGER_SECRET, ephemeral))


def test_only_with_the_shared_point_that_it_has(delivered):
    key, shared, proof = delivered.shown()
    with reverts("InvalidSharedPoint", delivered.context):
        delivered.claim_wrong_key(point=(key, key, proof))
    with reverts("InvalidSharedPoint", delivered.context):
        delivered.claim_wrong_key(point=(key, shared, (proof[0], proof[1] ^ 1)))


def test_only_by_the_buyer(delivered, market, stranger, client):
    proof = delivered.listing, delivered.terms, delivered.masked(), delivered.shown()
    with reverts("NotBuyer", client, stranger):
        market.claimWrongKey(*proof, {"from": stranger})


def test_only_with_the_listing_that_was_bought(delivered, market, provider, client):
    """A lying buyer shows a listing with another key's hash."""
    other = Deal(market, provider, client, 1, package=package_of(seed=5))
    other.publish()
    proof = other.listing, delivered.terms, delivered.masked(), delivered.shown()
    with reverts("WrongListing", delivered.id, delivered.listing_id, other.listing_id):
        market.claimWrongKey(*proof, {"from": client})


def test_in_the_last_second(cheated, client):
    set_next_timestamp(cheated.deadline)
    cheated.claim_wrong_key(cheated.masked(GARBAGE))
    assert cheated.phase == PurchasePhase.REFUNDED


def test_not_after_the_challenge_period(cheated):
    deadline = cheated.deadline
    set_next_timestamp(deadline + 1)
    with reverts("DeadlinePassed", cheated.id, deadline, deadline + 1):
        cheated.claim_wrong_key(cheated.masked(GARBAGE))


def test_not_before_delivery(bought):
    with reverts("WrongPhase", bought.id, PurchasePhase.BOUGHT, PurchasePhase.DELIVERED):
        bought.claim_wrong_key()


def test_a_seller_that_unbonds_does_not_escape(cheated, registry, provider):
    """MK-9: unbonding takes longer than any purchase is open."""
    registry.unbond(BOND, {"from": provider})
    set_next_timestamp(cheated.deadline)
    tx = cheated.claim_wrong_key(cheated.masked(GARBAGE))
    assert tx.events["BondSlashed"]["amount"] == SELLER_PENALTY
    assert registry.participantOf(1)[6] == BOND - SELLER_PENALTY


def test_who_unbonds_as_it_is_bought_from_has_not_got_it_back_by_the_end(
    published, registry, provider, client
):
    """MK-9: the latest delivery, the latest objection."""
    published.buy()
    registry.unbond(BOND, {"from": provider})
    set_next_timestamp(published.deadline)
    handed = published.masked(GARBAGE)
    published.deliver(handed)
    set_next_timestamp(published.deadline)
    tx = published.claim_wrong_key(handed)
    assert tx.events["BondSlashed"]["amount"] == SELLER_PENALTY


def test_the_buyer_is_refunded_though_no_bond_is_left(market, registry, provider, client):
    """Four purchases, a bond for three penalties: the price never depends on the bond."""
    deals = [Deal(market, provider, client, 1_002, salt=n) for n in range(4)]
    deals[0].publish()
    for deal in deals:
        deal.buy()
        deal.deliver(deal.masked(GARBAGE))
    for deal in deals:
        deal.claim_wrong_key(deal.masked(GARBAGE))
        assert deal.phase == PurchasePhase.REFUNDED
    assert market.balance() == 0
    assert registry.bondOf(1) == 0
