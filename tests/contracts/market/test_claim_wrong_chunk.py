"""Stage two: the key is right, a chunk is not. (SPEC MK-4, SL-7)"""

from __future__ import annotations

from dataclasses import replace

import pytest

from handfast.protocol.constants import CHUNK_BYTES, SCALE, SELLER_PENALTY, PurchasePhase
from tests.chain import reverts, set_next_timestamp
from tests.contracts.market.conftest import BOND, BUYER_SECRET
from tests.market import ETHER, Deal, package_of


@pytest.fixture
def sold(market, provider, client):
    """Buys a package from the seller, which hands the right key over."""

    def sold(package):
        deal = Deal(market, provider, client, BUYER_SECRET, package=package)
        deal.publish()
        deal.buy()
        deal.deliver()
        return deal

    return sold


def test_a_garbage_chunk_refunds_and_punishes(sold, registry, ledger, client, provider):
    honest = package_of(3 * CHUNK_BYTES)
    deal = sold(honest.with_chunk(1, bytes(CHUNK_BYTES)))
    tx = deal.claim_wrong_chunk(1)
    assert tx.events["WrongChunkProven"]["position"] == 1
    assert deal.phase == PurchasePhase.REFUNDED
    assert deal.phase == PurchasePhase.REFUNDED
    assert registry.bondOf(1) == BOND - SELLER_PENALTY
    assert ledger.scoreOf(provider) == -SCALE


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_false_claim_pays_the_seller(sold, ledger, client, provider, position):
    deal = sold(package_of(2 * CHUNK_BYTES + 77))
    tx = deal.claim_wrong_chunk(position)
    assert tx.events["FalseClaimMade"]["key"] == "0x" + deal.package.key.hex()
    assert deal.phase == PurchasePhase.PAID
    assert deal.owed(provider) == ETHER
    assert ledger.scoreOf(client) == -SCALE


def test_a_digest_that_fits_nothing_is_the_sellers_fault(sold, client):
    honest = package_of(2 * CHUNK_BYTES)
    liar = replace(honest, digests=(honest.digests[0], bytes(32)), trees=[])
    deal = sold(liar)
    deal.claim_wrong_chunk(1)
    assert deal.phase == PurchasePhase.REFUNDED


@pytest.mark.parametrize("length", [CHUNK_BYTES - 1, CHUNK_BYTES + 1])
def test_a_chunk_of_the_wrong_length_is_the_sellers_fault(sold, client, length):
    deal = sold(package_of(2 * CHUNK_BYTES).with_chunk(0, bytes(length)))
    deal.claim_wrong_chunk(0)
    assert deal.phase == PurchasePhase.REFUNDED


def test_a_chunk_beyond_the_size_proves_nothing(sold, market, client):
    deal = sold(package_of(2 * CHUNK_BYTES))
    _, *rest = deal.package.proof(1)
    for beyond in (2, 3, 2**64, 2**256 - 1):
        proof = deal.listing, deal.terms, deal.masked(), deal.shown(), (beyond, *rest)
        with reverts("NoSuchChunk", beyond, 2):
            market.claimWrongChunk(*proof, {"from": client})
    assert deal.phase == PurchasePhase.DELIVERED


def test_a_chunk_that_was_never_published_proves_nothing(sold, market, client):
    deal = sold(package_of(2 * CHUNK_BYTES))
    position, _, *rest = deal.package.proof(1)
    spoilt = (position, bytes(CHUNK_BYTES), *rest)
    proof = deal.listing, deal.terms, deal.masked(), deal.shown(), spoilt
    with reverts("InvalidChunkProof", 1):
        market.claimWrongChunk(*proof, {"from": client})


def test_a_wrong_key_is_found_here_too(market, provider, client):
    deal = Deal(market, provider, client, BUYER_SECRET)
    deal.publish()
    deal.buy()
    handed = deal.masked(bytes(32))
    deal.deliver(handed)
    tx = deal.claim_wrong_chunk(0, handed)
    assert "WrongKeyProven" in tx.events
    assert deal.phase == PurchasePhase.REFUNDED


def test_once_and_in_time(sold, client):
    deal = sold(package_of(CHUNK_BYTES).with_chunk(0, bytes(CHUNK_BYTES)))
    deadline = deal.deadline
    set_next_timestamp(deadline + 1)
    with reverts("DeadlinePassed", deal.id, deadline, deadline + 1):
        deal.claim_wrong_chunk(0)


def test_once(sold, client):
    deal = sold(package_of(CHUNK_BYTES).with_chunk(0, bytes(CHUNK_BYTES)))
    deal.claim_wrong_chunk(0)
    with reverts("WrongPhase", deal.id, PurchasePhase.REFUNDED, PurchasePhase.DELIVERED):
        deal.claim_wrong_chunk(0)
    assert deal.phase == PurchasePhase.REFUNDED
