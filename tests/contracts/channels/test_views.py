"""What the hub answers: isPaid, channelOf, productsRootOf, outcomeOf, idOf (SPEC CH-1, CH-17)."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from brownie import chain

from handfast.protocol.constants import LockOutcome
from tests.chain import plain
from tests.channels import DAY, ETHER, Channel, next_block_at, proofs, secret, to_provider


@pytest.fixture
def lock():
    return to_provider(ETHER, chain.time() + 9 * DAY, product=b"\x05" * 32)


@pytest.fixture
def ended(opened, lock):
    """A channel that ended with the lock pending, and its last state."""
    state = opened.state(3, 0, [lock])
    opened.exit(state, opened.client)
    return opened, state


def test_an_id_is_the_hash_of_its_parameters(hub, client, provider, token):
    """CH-1."""
    for channel in (Channel(hub, client, provider), Channel(hub, provider, client, token, 77)):
        assert plain(hub.idOf(channel.parameters)) == channel.id


def test_a_channel_that_was_never_opened_is_all_zero(channel):
    found = {name: plain(value) for name, value in channel.on_chain().items()}
    assert set(found.values()) == {0, bytes(32)}


def test_a_lock_is_not_paid_before_the_end(opened, lock, preimages, client):
    """CH-17: a registered state may still be replaced."""
    state = opened.state(3, 0, [lock])
    preimages.reveal(secret(1), {"from": client})
    assert not opened.is_paid(state, [lock])
    opened.register(state, client)
    assert not opened.is_paid(state, [lock])
    opened.end_period()
    opened.settle(state, client)
    assert opened.is_paid(state, [lock])


def test_an_unresolved_lock_is_paid_once_its_preimage_was_revealed_in_time(
    ended, lock, preimages, client
):
    """CH-17: it can do nothing else any more."""
    channel, state = ended
    assert not channel.is_paid(state, [lock])
    preimages.reveal(secret(1), {"from": client})
    assert channel.is_paid(state, [lock])
    next_block_at(lock.expiry + 1)
    cancellation = channel.cancellation(lock, channel.provider)
    channel.resolve(state, client, proofs([lock], cancellations={0: cancellation}))
    assert channel.is_paid(state, [lock])
    assert channel.hub.outcomeOf(channel.id, 0) == LockOutcome.PAID


def test_a_lock_revealed_late_is_not_paid(ended, lock, preimages, client):
    channel, state = ended
    next_block_at(lock.expiry + 1)
    preimages.reveal(secret(1), {"from": client})
    assert not channel.is_paid(state, [lock])
    channel.resolve(state, client, proofs([lock]))
    assert not channel.is_paid(state, [lock])


def test_is_paid_answers_no_to_whatever_was_not_pending(ended, lock, preimages, client):
    """CH-17: never a revert."""
    channel, state = ended
    preimages.reveal(secret(1), {"from": client})
    shown, position, path, _ = proofs([lock])[0]
    is_paid, words = channel.hub.isPaid, astuple(state)
    assert is_paid(channel.id, words, shown, position, path)
    other_state = astuple(channel.state(4, 0, [lock]))
    other_lock = astuple(to_provider(ETHER, lock.expiry, nonce=2))
    other = Channel(channel.hub, channel.client, channel.provider)
    for wrong in (
        (other.id, words, shown, position, path),
        (channel.id, other_state, shown, position, path),
        (channel.id, words, other_lock, position, path),
        (channel.id, words, shown, 1, path),
        (channel.id, words, shown, 2**256 - 1, path),
        (channel.id, words, shown, position, [bytes(32)]),
        (channel.id, words, shown, position, [bytes(32)] * 300),
    ):
        assert not is_paid(*wrong)


def test_is_paid_answers_no_where_no_lock_was_pending(opened, lock, preimages, client):
    preimages.reveal(secret(1), {"from": client})
    opened.close(0, client)
    assert not opened.is_paid(opened.state(3, 0, [lock]), [lock])
    assert not opened.is_paid(opened.opening(), [lock])


def test_outcomes_are_absent_before_the_end_and_beyond_the_last_position(opened, client, hub):
    opened.register(opened.state(2**40 - 1), client)
    assert {plain(hub.outcomeOf(opened.id, at)) for at in (0, 1, 19)} == {0}
    opened.end_period()
    opened.settle(opened.state(2**40 - 1), client)
    assert {plain(hub.outcomeOf(opened.id, at)) for at in (0, 19, 127, 128, 2**256 - 1)} == {0}


def test_there_is_no_products_root_before_the_end(opened, client, hub):
    """CH-17."""
    state = opened.state(1, products_root=b"\x01" * 32)
    opened.register(state, client)
    assert plain(hub.productsRootOf(opened.id)) == bytes(32)
