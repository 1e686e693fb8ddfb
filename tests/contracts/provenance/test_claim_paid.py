"""A lock that paid after the channel ended gives its product to the client. (SPEC PV-4, CH-17)"""

from __future__ import annotations

from dataclasses import astuple

import pytest
from brownie import chain

from handfast.protocol.constants import ProductOrigin
from tests.chain import plain, reverts
from tests.channels import HOUR, proofs, secret, to_provider
from tests.contracts.provenance.conftest import RAW, product

ONE = product("one")


@pytest.fixture
def locks():
    expiry = chain.time() + 1_000 * HOUR
    return [
        to_provider(5, expiry, "other", nonce=1),
        to_provider(7, expiry, "paid", product=ONE, nonce=2),
        to_provider(9, expiry, "money alone", nonce=3),
    ]


@pytest.fixture
def state(channel, locks):
    return channel.state(1, locks=locks)


@pytest.fixture
def claim_paid(products, channel, state, locks, client):
    def claim_paid(position=1, by=client, codec=RAW, parameters=channel.parameters):
        lock, at, path, _ = proofs(locks, [position])[0]
        call = (parameters, astuple(state), lock, codec, at, path)
        return products.claimPaid(*call, {"from": by})

    return claim_paid


@pytest.fixture
def ended(channel, state, client):
    channel.exit(state, client)
    return channel


def test_gives_the_client_the_product_of_a_lock_that_paid(
    products, ended, claim_paid, preimages, client, provider
):
    preimages.reveal(secret("paid"), {"from": provider})
    transaction = claim_paid()
    creator, _, _, codec, origin, holder = plain(products.productOf(ONE))
    assert (creator, holder) == (provider.address, client.address)
    assert (codec, origin) == (RAW, ProductOrigin.CLAIMED)
    claimed = transaction.events["ProductClaimed"]
    assert plain(claimed.values()) == (ONE, ended.id)


def test_reverts_when_the_lock_has_not_paid(ended, claim_paid):
    with reverts("LockNotPaid", ended.id, 1):
        claim_paid()


def test_reverts_before_the_channel_has_ended(channel, state, claim_paid, preimages, client):
    preimages.reveal(secret("paid"), {"from": client})
    with reverts("LockNotPaid", channel.id, 1):
        claim_paid()
    channel.register(state, client)
    with reverts("LockNotPaid", channel.id, 1):
        claim_paid()


def test_reverts_when_the_lock_was_refunded(ended, state, locks, claim_paid, preimages, client):
    chain.sleep(1_001 * HOUR)
    chain.mine()
    ended.resolve(state, client, proofs(locks, [1]))
    preimages.reveal(secret("paid"), {"from": client})
    with reverts("LockNotPaid", ended.id, 1):
        claim_paid()


def test_reverts_when_the_lock_moves_money_alone(ended, claim_paid, preimages, provider):
    preimages.reveal(secret("money alone"), {"from": provider})
    with reverts("InvalidProduct", bytes(32)):
        claim_paid(2)


def test_reverts_when_sender_is_not_the_client(ended, claim_paid, preimages, provider):
    preimages.reveal(secret("paid"), {"from": provider})
    with reverts("NotClient", ended.id, provider):
        claim_paid(by=provider)


def test_reverts_the_second_time(ended, claim_paid, preimages, client, provider):
    preimages.reveal(secret("paid"), {"from": provider})
    claim_paid()
    with reverts("ProductAlreadyRegistered", ONE, client):
        claim_paid()


def test_reverts_when_the_codec_is_unknown(ended, claim_paid, preimages, provider):
    preimages.reveal(secret("paid"), {"from": provider})
    with reverts("UnknownCodec", 0):
        claim_paid(codec=0)
