"""ChannelHub.resolve, and what becomes of a lock (SPEC CH-9, CH-14, CH-15, CH-I4)."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from brownie import chain

from handfast.protocol.constants import MAX_LOCKS, Direction, LockOutcome
from handfast.protocol.messages import Cancellation
from tests.chain import plain, reverts
from tests.channels import (
    DAY,
    ETHER,
    Channel,
    balance_of,
    next_block_at,
    proofs,
    secret,
    to_client,
    to_provider,
)


def settled(channel, locks, transferred=0):
    """The channel's end with these locks pending, none of them resolved."""
    state = channel.state(3, transferred, locks)
    channel.exit(state, channel.client)
    return state


def expiring(channel, make=to_provider, amount=ETHER, after=9 * DAY, **more):
    """A lock that expires long after the channel's end, and the settled state with it alone."""
    lock = make(amount, chain.time() + after, **more)
    return lock, settled(channel, [lock])


DIRECTIONS = {"client pays": to_provider, "provider pays": to_client}


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pays_what_was_revealed_in_time(opened_in, asset, preimages, stranger, direction):
    """CH-9: by anybody, revealed by anybody."""
    lock, state = expiring(opened_in, DIRECTIONS[direction])
    preimages.reveal(secret(1), {"from": stranger})
    payee = opened_in.provider if direction == "client pays" else opened_in.client
    before = balance_of(asset, payee)
    tx = opened_in.resolve(state, stranger, proofs([lock]))
    assert balance_of(asset, payee) == before + ETHER
    assert tx.events["LockResolved"] == {
        "channel": "0x" + opened_in.id.hex(),
        "position": 0,
        "hash": "0x" + lock.hash.hex(),
        "outcome": LockOutcome.PAID,
        "amount": ETHER,
    }
    assert opened_in.hub.outcomeOf(opened_in.id, 0) == LockOutcome.PAID


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_refunds_after_the_expiry(opened_in, asset, stranger, direction):
    """CH-9."""
    lock, state = expiring(opened_in, DIRECTIONS[direction])
    payer = opened_in.client if direction == "client pays" else opened_in.provider
    before = balance_of(asset, payer)
    next_block_at(lock.expiry + 1)
    tx = opened_in.resolve(state, stranger, proofs([lock]))
    assert balance_of(asset, payer) == before + ETHER
    assert tx.events["LockResolved"]["outcome"] == LockOutcome.REFUNDED
    assert opened_in.hub.outcomeOf(opened_in.id, 0) == LockOutcome.REFUNDED


def test_the_last_second_before_the_expiry_counts(opened, preimages, stranger):
    """CH-9: at or before."""
    lock, state = expiring(opened)
    next_block_at(lock.expiry)
    preimages.reveal(secret(1), {"from": stranger})
    assert opened.resolve(state, stranger, proofs([lock])).events["LockResolved"]["outcome"] == 1


def test_one_second_after_the_expiry_does_not(opened, preimages, stranger):
    lock, state = expiring(opened)
    next_block_at(lock.expiry + 1)
    preimages.reveal(secret(1), {"from": stranger})
    assert opened.resolve(state, stranger, proofs([lock])).events["LockResolved"]["outcome"] == 2


def test_what_was_revealed_in_time_pays_however_late_it_is_resolved(opened, preimages, stranger):
    """CH-14: an exit never expires, a timely reveal is never useless."""
    lock, state = expiring(opened)
    preimages.reveal(secret(1), {"from": stranger})
    next_block_at(lock.expiry + 20 * 365 * DAY)
    assert opened.resolve(state, stranger, proofs([lock])).events["LockResolved"]["outcome"] == 1


def test_a_preimage_that_was_known_before_the_lock_pays(opened, preimages, stranger):
    """The first time is kept for ever: nobody locks under a hash whose preimage is public."""
    preimages.reveal(secret(1), {"from": stranger})
    lock, state = expiring(opened)
    assert opened.resolve(state, stranger, proofs([lock])).events["LockResolved"]["outcome"] == 1


def test_skips_what_cannot_be_resolved_yet(opened, stranger):
    """CH-14: skipped, never a revert; not even at the expiry's last second."""
    lock, state = expiring(opened)
    next_block_at(lock.expiry)
    tx = opened.resolve(state, stranger, proofs([lock]))
    assert len(tx.events) == 0
    assert opened.hub.outcomeOf(opened.id, 0) == LockOutcome.ABSENT
    assert opened.on_chain()["lockedByClient"] == ETHER


def test_resolves_once(opened_in, asset, stranger, client):
    """CH-I4: shown twice in one call, and again later."""
    lock, state = expiring(opened_in)
    next_block_at(lock.expiry + 1)
    before = balance_of(asset, client)
    tx = opened_in.resolve(state, stranger, proofs([lock], [0, 0, 0]))
    assert len(tx.events["LockResolved"]) == 1
    assert len(opened_in.resolve(state, stranger, proofs([lock])).events) == 0
    assert balance_of(asset, client) == before + ETHER


def test_a_refund_is_never_followed_by_a_payment(opened, preimages, provider, stranger):
    """CH-I4: not by a late reveal either."""
    lock, state = expiring(opened)
    cancellation = opened.cancellation(lock, provider)
    opened.resolve(state, stranger, proofs([lock], cancellations={0: cancellation}))
    preimages.reveal(secret(1), {"from": stranger})
    assert len(opened.resolve(state, stranger, proofs([lock])).events) == 0
    assert opened.hub.outcomeOf(opened.id, 0) == LockOutcome.REFUNDED
    assert not opened.is_paid(state, [lock])


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_many_in_any_order(opened, preimages, client, provider, stranger, order):
    """CH-14: one by one, each at its time."""
    now = chain.time()
    locks = [
        to_provider(1 * ETHER, now + 9 * DAY, "a", nonce=1),
        to_client(2 * ETHER, now + 9 * DAY, "b", nonce=2),
        to_provider(3 * ETHER, now + 2 * DAY, "c", nonce=3),
        to_client(1 * ETHER, now + 2 * DAY, "d", nonce=4),
    ]
    state = settled(opened, locks)
    for name in "ab":
        preimages.reveal(secret(name), {"from": stranger})
    next_block_at(now + 3 * DAY)
    before = balance_of(opened.token, client), balance_of(opened.token, provider)
    for position in order:
        opened.resolve(state, stranger, proofs(locks, [position]))
    assert balance_of(opened.token, client) == before[0] + (2 + 3) * ETHER
    assert balance_of(opened.token, provider) == before[1] + (1 + 1) * ETHER
    found = opened.on_chain()
    assert (found["lockedByClient"], found["lockedByProvider"]) == (0, 0)


def test_all_128_in_one_call(opened, preimages, stranger, client, provider):
    """CH-7: as many as a state may hold; every second one pays."""
    now = chain.time()
    locks = []
    for nonce in range(1, MAX_LOCKS + 1):
        make = to_provider if nonce % 4 < 2 else to_client
        locks.append(make(nonce, now + 3 * DAY, f"many {nonce}", nonce=nonce))
    state = settled(opened, locks)
    for nonce in range(2, MAX_LOCKS + 1, 2):
        preimages.reveal(secret(f"many {nonce}"), {"from": stranger})
    next_block_at(now + 4 * DAY)
    before = balance_of(opened.token, client), balance_of(opened.token, provider)
    opened.resolve(state, stranger, proofs(locks))
    paid = [lock for lock in locks if lock.nonce % 2 == 0]
    to_client_sum = sum(lock.amount for lock in locks if (lock.direction == 2) == (lock in paid))
    to_provider_sum = sum(lock.amount for lock in locks if (lock.direction == 1) == (lock in paid))
    assert balance_of(opened.token, client) == before[0] + to_client_sum
    assert balance_of(opened.token, provider) == before[1] + to_provider_sum
    for position in (0, 1, 19, 20, 21, 63, 126, 127):
        expected = LockOutcome.PAID if position % 2 else LockOutcome.REFUNDED
        assert opened.hub.outcomeOf(opened.id, position) == expected
    assert opened.on_chain()["lockedByClient"] == 0


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_cancellation_by_the_payee_refunds_at_once(opened_in, asset, stranger, direction):
    """CH-9."""
    lock, state = expiring(opened_in, DIRECTIONS[direction])
    payer, payee = opened_in.client, opened_in.provider
    if direction == "provider pays":
        payer, payee = payee, payer
    before = balance_of(asset, payer)
    cancellation = opened_in.cancellation(lock, payee)
    opened_in.resolve(state, stranger, proofs([lock], cancellations={0: cancellation}))
    assert balance_of(asset, payer) == before + ETHER


def test_the_payee_cancels_without_a_signature_when_it_calls(opened, provider):
    """CH-18: it must still say so; calling alone cancels nothing."""
    lock, state = expiring(opened)
    assert len(opened.resolve(state, provider, proofs([lock])).events) == 0
    tx = opened.resolve(state, provider, proofs([lock], cancellations={0: b"\x01"}))
    assert tx.events["LockResolved"]["outcome"] == LockOutcome.REFUNDED


def test_a_cancellation_by_anybody_else_or_of_something_else_counts_for_nothing(
    opened, hub, client, provider, stranger
):
    lock, state = expiring(opened)
    other = Channel(hub, client, provider)
    wrong = [
        opened.cancellation(lock, client),
        opened.cancellation(lock, stranger),
        opened.cancellation(to_provider(ETHER, lock.expiry, nonce=2), provider),
        other.cancellation(lock, provider),
        opened.sign(provider, Cancellation(opened.id, lock.hash)),
        b"\x01",
    ]
    for cancellation in wrong:
        shown = proofs([lock], cancellations={0: cancellation})
        assert len(opened.resolve(state, stranger, shown).events) == 0


def test_a_timely_preimage_outweighs_a_cancellation(opened, preimages, provider, stranger):
    """CH-9: so that the outcome does not depend on who is first to show what."""
    lock, state = expiring(opened)
    preimages.reveal(secret(1), {"from": stranger})
    shown = proofs([lock], cancellations={0: opened.cancellation(lock, provider)})
    tx = opened.resolve(state, stranger, shown)
    assert tx.events["LockResolved"]["outcome"] == LockOutcome.PAID


def test_locks_that_exceed_what_is_locked_get_what_is_left(opened, preimages, stranger, provider):
    """CH-15, CH-I2: the pair signed nonsense; the channel pays out what it holds, no more."""
    locks = [to_provider(8 * ETHER, 2**60, name, nonce=name) for name in (1, 2)]
    state = settled(opened, locks)
    assert opened.on_chain()["lockedByClient"] == 10 * ETHER
    for name in (1, 2):
        preimages.reveal(secret(name), {"from": stranger})
    tx = opened.resolve(state, stranger, proofs(locks))
    assert [event["amount"] for event in tx.events["LockResolved"]] == [8 * ETHER, 2 * ETHER]
    assert opened.on_chain()["lockedByClient"] == 0


def test_a_lock_without_an_amount_resolves_too(opened, preimages, stranger):
    """A product may be free."""
    lock, state = expiring(opened, amount=0)
    preimages.reveal(secret(1), {"from": stranger})
    assert opened.resolve(state, stranger, proofs([lock])).events["LockResolved"]["amount"] == 0
    assert opened.hub.outcomeOf(opened.id, 0) == LockOutcome.PAID


def test_reverts_for_a_lock_that_does_not_stand_there(opened, stranger):
    locks = [to_provider(ETHER, 2**60, name, nonce=name) for name in (1, 2, 3)]
    state = settled(opened, locks)
    shown = proofs(locks)
    larger = (1, 2 * ETHER, *shown[0][0][2:])
    for wrong, position in (
        ((shown[0][0], 1, shown[0][2], b""), 1),
        ((shown[0][0], 0, shown[1][2], b""), 0),
        ((shown[0][0], 4, shown[0][2], b""), 4),
        ((shown[0][0], 0, shown[0][2][:1], b""), 0),
        ((shown[0][0], 0, [*shown[0][2], bytes(32)], b""), 0),
        ((larger, 0, shown[0][2], b""), 0),
        ((shown[0][0], 2**255, shown[0][2], b""), 2**255),
    ):
        with reverts("InvalidLockProof", opened.id, position):
            opened.resolve(state, stranger, [shown[1], wrong])


def test_reverts_for_a_position_beyond_the_most_that_may_be_pending(opened, stranger):
    """CH-7: the tree may be larger if a pair signs that, its first 128 locks count."""
    locks = [to_provider(1, 2**60, nonce=nonce) for nonce in range(1, MAX_LOCKS + 2)]
    state = settled(opened, locks)
    next_block_at(chain.time() + 1)
    opened.resolve(state, stranger, proofs(locks, [MAX_LOCKS - 1]))
    with reverts("InvalidLockProof", opened.id, MAX_LOCKS):
        opened.resolve(state, stranger, proofs(locks, [MAX_LOCKS]))


def test_reverts_for_a_lock_without_a_direction(opened, stranger):
    lock = replace(to_provider(ETHER, 2**60), direction=Direction.ABSENT)
    state = opened.state(3, locks_root=lock.leaf, locked_by_client=ETHER)
    opened.exit(state, opened.client)
    with reverts("InvalidLockProof", opened.id, 0):
        opened.resolve(state, stranger, proofs([lock]))


def test_reverts_for_another_state(opened, stranger):
    lock, state = expiring(opened)
    wrong = opened.state(4, 0, [lock])
    with reverts("WrongState", opened.id, wrong.hash_struct(), state.hash_struct()):
        opened.resolve(wrong, stranger, proofs([lock]))


def test_reverts_after_an_end_without_locks(opened, client, stranger):
    lock = to_provider(ETHER, 2**60)
    state = opened.state(3, 0, [lock])
    opened.close(0, client)
    with reverts("WrongState", opened.id, state.hash_struct(), bytes(32)):
        opened.resolve(state, stranger, proofs([lock]))
    with reverts("InvalidLockProof", opened.id, 0):
        opened.resolve(opened.opening(), stranger, proofs([lock]))


def test_reverts_unless_closed(channel, client):
    lock = to_provider(ETHER, 2**60)
    with reverts("ChannelNotClosed", channel.id, 0):
        channel.resolve(channel.opening(), client, [])
    channel.open(ETHER, 0)
    with reverts("ChannelNotClosed", channel.id, 1):
        channel.resolve(channel.opening(), client, [])
    state = channel.state(1, 0, [lock])
    channel.register(state, client)
    with reverts("ChannelNotClosed", channel.id, 2):
        channel.resolve(state, client, proofs([lock]))


def test_an_outcome_is_noted_for_its_position_alone(opened, stranger, provider):
    locks = [to_provider(1, 2**60, name, nonce=name) for name in range(1, 31)]
    state = settled(opened, locks)
    for position in (3, 19, 20, 29):
        cancellation = opened.cancellation(locks[position], provider)
        opened.resolve(state, stranger, proofs(locks, [position], {position: cancellation}))
    outcomes = [plain(opened.hub.outcomeOf(opened.id, at)) for at in range(30)]
    assert {at for at, outcome in enumerate(outcomes) if outcome == 2} == {3, 19, 20, 29}
    assert set(outcomes) == {0, 2}
