"""Faults of other channel contracts, replayed against the hub: each by name."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from brownie import chain, web3

from handfast.protocol.constants import LockOutcome
from handfast.protocol.messages import CooperativeClose
from tests.channels import (
    DAY,
    ETHER,
    NEVER,
    NOTHING,
    Channel,
    balance_of,
    key_of,
    next_block_at,
    proofs,
    secret,
    to_client,
    to_provider,
)


@pytest.fixture
def other_chain():
    """Let the chain's id be another, as after a fork, or on the chain that replays us."""
    home = chain.id
    web3.provider.make_request("anvil_setChainId", [home + 1])
    yield home + 1
    web3.provider.make_request("anvil_setChainId", [home])


def send(chain_id, hub, data, client):
    """Whether a transaction of that chain succeeds; Brownie holds on to the id it saw first."""
    fields = {
        "chainId": chain_id,
        "nonce": web3.eth.get_transaction_count(client.address),
        "to": hub.address,
        "data": data,
        "gas": 10**6,
        "gasPrice": 0,
    }
    signed = key_of(client).sign_transaction(fields)
    sent = web3.eth.send_raw_transaction(signed.raw_transaction)
    return web3.eth.wait_for_transaction_receipt(sent)["status"] == 1


def test_nitro__a_close_signed_on_one_chain_is_refused_on_another(opened, client, other_chain):
    """Nitro's `conclude` carries no chain id. GEN-2: ours is bound to the live one, forks too."""
    home = other_chain - 1
    message = CooperativeClose(opened.id, ETHER, NOTHING, NEVER)
    for chain_id, accepted in ((home, False), (other_chain, True)):
        signature = opened.sign(opened.provider, message, chain_id)
        data = opened.hub.closeCooperatively.encode_input(
            opened.parameters, ETHER, NOTHING, NEVER, b"", signature
        )
        assert send(other_chain, opened.hub, data, client) is accepted


def test_nitro__a_state_signed_on_one_chain_is_refused_on_another(opened, client, other_chain):
    state = opened.state(1, ETHER)
    for chain_id, accepted in ((other_chain - 1, False), (other_chain, True)):
        signature = opened.sign(opened.provider, state, chain_id)
        data = opened.hub.registerState.encode_input(
            opened.parameters, astuple(state), b"", signature
        )
        assert send(other_chain, opened.hub, data, client) is accepted


def test_nitro__a_deposit_counts_for_what_arrived(hub, deployer, client, provider, HostileTaxToken):
    """Nitro credits the amount of the call: the last to leave finds the adjudicator empty. CH-4."""
    token = deployer.deploy(HostileTaxToken)
    hub.allowToken(token, {"from": deployer})
    channels = [Channel(hub, party, deployer, token) for party in (client, provider)]
    for channel in channels:
        token.mint(channel.client, 100 * ETHER, {"from": deployer})
        token.approve(hub, 2**256 - 1, {"from": channel.client})
        channel.open(100 * ETHER, 0)
    for channel in channels:
        tx = channel.exit(channel.opening(), channel.client)
        assert "PaymentCredited" not in tx.events
    assert balance_of(token, hub) == 0


def test_raiden__an_unexpired_lock_cannot_be_unlocked_to_its_sender(
    opened, preimages, client, provider
):
    """Raiden's sender may unlock an unrevealed, unexpired lock after settle. CH-9: ours waits."""
    lock = to_provider(4 * ETHER, chain.time() + 9 * DAY)
    state = opened.state(1, 0, [lock])
    opened.exit(state, client, proofs([lock]))
    assert len(opened.resolve(state, client, proofs([lock])).events) == 0
    cancellation = {0: opened.cancellation(lock, client)}
    assert (
        len(opened.resolve(state, client, proofs([lock], cancellations=cancellation)).events) == 0
    )
    before = provider.balance()
    preimages.reveal(secret(1), {"from": provider})
    opened.resolve(state, provider, proofs([lock]))
    assert provider.balance() == before + 4 * ETHER


def test_raiden__a_timely_reveal_is_never_useless(opened, preimages, client, provider, stranger):
    """CH-9: revealed before the settlement, the sender itself resolves it: it pays all the same."""
    lock = to_provider(4 * ETHER, chain.time() + 9 * DAY)
    state = opened.state(1, 0, [lock])
    opened.register(state, client)
    preimages.reveal(secret(1), {"from": provider})
    opened.end_period()
    before = provider.balance()
    opened.settle(state, client, proofs([lock]))
    assert provider.balance() == before + (5 + 4) * ETHER


def test_vector__a_lock_that_expires_before_the_dispute_ends_pays_its_holder(
    opened, preimages, client, provider
):
    """In Vector its preimage is worthless by then. CH-9: what counts is when it was revealed."""
    lock = to_provider(4 * ETHER, chain.time() + DAY // 4)
    state = opened.state(1, 0, [lock])
    opened.register(state, client)
    preimages.reveal(secret(1), {"from": provider})
    opened.end_period()
    before = provider.balance()
    tx = opened.settle(state, client, proofs([lock]))
    assert tx.timestamp > lock.expiry
    assert tx.events["LockResolved"]["outcome"] == LockOutcome.PAID
    assert provider.balance() == before + 9 * ETHER


def test_vector__funds_never_need_the_counterparty_however_late(
    opened, preimages, client, provider
):
    """After Vector's defund window they do. CH-14: neither exit nor lock ever expires."""
    locks = [
        to_provider(ETHER, chain.time() + DAY // 2, "a", nonce=1),
        to_client(ETHER, chain.time() + DAY // 2, "b", nonce=2),
    ]
    state = opened.state(1, 0, locks)
    preimages.reveal(secret("a"), {"from": provider})
    opened.register(state, client)
    next_block_at(chain.time() + 10 * 365 * DAY)
    before = client.balance(), provider.balance()
    opened.settle(state, provider)
    next_block_at(chain.time() + 10 * 365 * DAY)
    opened.resolve(state, provider, proofs(locks))
    assert client.balance() == before[0] + 9 * ETHER
    assert provider.balance() == before[1] + 6 * ETHER


def test_chatch__a_refund_is_never_followed_by_a_withdrawal(opened, preimages, client, provider):
    """A widely forked hash-lock contract pays twice that way. CH-I4."""
    lock = to_provider(4 * ETHER, chain.time() + 2 * DAY)
    state = opened.state(1, 0, [lock])
    opened.exit(state, client)
    next_block_at(lock.expiry + 1)
    opened.resolve(state, client, proofs([lock]))
    preimages.reveal(secret(1), {"from": provider})
    held = opened.hub.balance()
    assert len(opened.resolve(state, provider, proofs([lock])).events) == 0
    assert opened.hub.balance() == held
