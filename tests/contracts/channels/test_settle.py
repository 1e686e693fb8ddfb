"""ChannelHub.settle (SPEC CH-5, CH-8, CH-14, CH-15)."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.protocol.constants import ChannelPhase, LockOutcome
from tests.chain import plain, reverts
from tests.channels import (
    DAY,
    ETHER,
    NOTHING,
    Channel,
    balance_of,
    next_block_at,
    proofs,
    secret,
    to_client,
    to_provider,
)

PRODUCTS = b"\x09" * 32


def closing(channel, state):
    """Registered, and the period over."""
    channel.register(state, channel.client)
    channel.end_period()


@pytest.mark.parametrize("transferred", [0, 4 * ETHER, 10 * ETHER, -5 * ETHER])
def test_pays_what_is_in_no_lock(opened_in, asset, client, provider, stranger, transferred):
    """CH-14: by anybody."""
    state = opened_in.state(3, transferred, products_root=PRODUCTS)
    before = (
        balance_of(asset, client),
        balance_of(asset, provider),
        balance_of(asset, opened_in.hub),
    )
    closing(opened_in, state)
    tx = opened_in.settle(state, stranger)
    assert balance_of(asset, client) == before[0] + 10 * ETHER - transferred
    assert balance_of(asset, provider) == before[1] + 5 * ETHER + transferred
    assert balance_of(asset, opened_in.hub) == before[2] - 15 * ETHER
    assert tx.events["ChannelSettled"] == {
        "channel": "0x" + opened_in.id.hex(),
        "toClient": 10 * ETHER - transferred,
        "toProvider": 5 * ETHER + transferred,
        "lockedByClient": 0,
        "lockedByProvider": 0,
        "productsRoot": "0x" + PRODUCTS.hex(),
    }


def test_stores_the_products_root_and_forgets_a_state_without_locks(opened, client):
    state = opened.state(3, products_root=PRODUCTS)
    closing(opened, state)
    end = opened.on_chain()["challengeEnd"]
    opened.settle(state, client)
    found = opened.on_chain()
    assert found["phase"] == ChannelPhase.CLOSED
    assert found["challengeEnd"] == end
    assert plain(found["productsRoot"]) == PRODUCTS
    assert plain(found["stateHash"]) == NOTHING
    assert plain(opened.hub.productsRootOf(opened.id)) == PRODUCTS


def test_from_the_opening_everybody_gets_their_deposit(opened_in, asset, client, provider):
    """CH-13, CH-I5."""
    before = balance_of(asset, client), balance_of(asset, provider)
    opened_in.exit(opened_in.opening(), provider)
    assert balance_of(asset, client) == before[0] + 10 * ETHER
    assert balance_of(asset, provider) == before[1] + 5 * ETHER
    assert opened_in.on_chain()["phase"] == ChannelPhase.CLOSED


def test_holds_back_what_is_in_locks_and_no_more(opened, client, provider):
    """CH-8, CH-14."""
    locks = [
        to_provider(2 * ETHER, chain.time() + 9 * DAY),
        to_client(ETHER, chain.time() + 9 * DAY),
    ]
    state = opened.state(3, 4 * ETHER, locks)
    tx = opened.exit(state, client)
    event = tx.events["ChannelSettled"]
    assert (event["toClient"], event["toProvider"]) == (4 * ETHER, 8 * ETHER)
    assert (event["lockedByClient"], event["lockedByProvider"]) == (2 * ETHER, ETHER)
    found = opened.on_chain()
    assert (found["lockedByClient"], found["lockedByProvider"]) == (2 * ETHER, ETHER)
    assert plain(found["stateHash"]) == state.hash_struct()


def test_resolves_the_locks_handed_to_it_with_one_payment_each(
    opened_in, asset, client, provider, preimages, stranger
):
    """CH-14: paid, refunded, and one that must wait."""
    now = chain.time()
    locks = [
        to_provider(ETHER, now + 2 * DAY, "paid", nonce=1),
        to_provider(2 * ETHER, now + DAY // 2, "refunded", nonce=2),
        to_provider(4 * ETHER, now + 9 * DAY, "waiting", nonce=3),
    ]
    state = opened_in.state(3, 0, locks)
    opened_in.register(state, client)
    preimages.reveal(secret("paid"), {"from": stranger})
    opened_in.end_period()
    before = balance_of(asset, client), balance_of(asset, provider)
    tx = opened_in.settle(state, stranger, proofs(locks))
    assert balance_of(asset, client) == before[0] + 3 * ETHER + 2 * ETHER
    assert balance_of(asset, provider) == before[1] + 5 * ETHER + ETHER
    assert [plain(event["outcome"]) for event in tx.events["LockResolved"]] == [
        LockOutcome.PAID,
        LockOutcome.REFUNDED,
    ]
    assert opened_in.on_chain()["lockedByClient"] == 4 * ETHER


def test_needs_no_lock_to_be_shown(opened, client, provider):
    """CH-14, CH-I5: a lock never blocks the rest of the money."""
    locks = [to_provider(ETHER, 2**63, nonce=nonce) for nonce in range(1, 65)]
    opened.top_up(client, 54 * ETHER)
    opened.exit(opened.state(3, 0, locks), provider)
    assert opened.on_chain()["lockedByClient"] == 64 * ETHER


def test_reverts_until_the_last_second_of_the_period_has_passed(opened, client):
    state = opened.state(1)
    opened.register(state, client)
    end = opened.on_chain()["challengeEnd"]
    next_block_at(end)
    with reverts("ChallengePeriodRunning", opened.id, end, end):
        opened.settle(state, client)
    next_block_at(end + 1)
    opened.settle(state, client)


def test_an_exit_never_expires(opened, client, stranger):
    """CH-14."""
    state = opened.state(1)
    opened.register(state, client)
    next_block_at(opened.on_chain()["challengeEnd"] + 50 * 365 * DAY)
    opened.settle(state, stranger)
    assert opened.on_chain()["phase"] == ChannelPhase.CLOSED


def test_reverts_for_another_state_than_the_registered_one(opened, client):
    replaced, registered = opened.state(1), opened.state(2, transferred=1)
    opened.register(replaced, client)
    opened.register(registered, client)
    opened.end_period()
    for state in (replaced, opened.state(2, transferred=2), opened.state(3, transferred=1)):
        with reverts("WrongState", opened.id, state.hash_struct(), registered.hash_struct()):
            opened.settle(state, client)
    with reverts("WrongState", opened.id, NOTHING, registered.hash_struct()):
        opened.settle(opened.opening(), client)


def test_the_opening_is_settled_by_the_opening_alone(opened, client):
    opened.register(opened.opening(), client)
    opened.end_period()
    with reverts("NotTheOpening", opened.id):
        opened.settle(opened.state(0, transferred=1), client)
    state = opened.state(1)
    with reverts("WrongState", opened.id, state.hash_struct(), NOTHING):
        opened.settle(state, client)


def test_reverts_for_a_state_of_another_channel(opened, hub, client, provider):
    other = Channel(hub, client, provider)
    opened.register(opened.state(1), client)
    opened.end_period()
    with reverts("WrongChannel", opened.id, other.id):
        opened.settle(other.state(1), client)


def test_reverts_unless_closing(channel, client):
    with reverts("ChannelNotClosing", channel.id, 0):
        channel.settle(channel.opening(), client)
    channel.open(1, 0)
    with reverts("ChannelNotClosing", channel.id, 1):
        channel.settle(channel.opening(), client)
    channel.exit(channel.opening(), client)
    with reverts("ChannelNotClosing", channel.id, 3):
        channel.settle(channel.opening(), client)


NONSENSE = {
    "moved more than there is": ({"transferred": 2**127 - 1}, (0, 15, 0, 0)),
    "moved more than there is, back": ({"transferred": -(2**127)}, (15, 0, 0, 0)),
    "locked more than there is": (
        {"locked_by_client": 2**128 - 1, "locked_by_provider": 2**128 - 1, "locks_root": PRODUCTS},
        (0, 0, 10, 5),
    ),
    "locked what the other has": (
        {"transferred": 10 * ETHER, "locked_by_client": ETHER, "locks_root": PRODUCTS},
        (0, 15, 0, 0),
    ),
    "locked in no tree": ({"locked_by_client": ETHER, "locked_by_provider": ETHER}, (10, 5, 0, 0)),
}


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_that_both_signed_never_reverts_and_costs_nobody_else(
    opened_in, asset, client, provider, case
):
    """CH-15, CH-I2: clamped to what the channel holds."""
    changes, shares = NONSENSE[case]
    other = Channel(opened_in.hub, client, provider, asset)
    other.open(50 * ETHER, 50 * ETHER)
    held = balance_of(asset, opened_in.hub)
    tx = opened_in.exit(opened_in.state(1, **changes), client)
    event = tx.events["ChannelSettled"]
    names = ("toClient", "toProvider", "lockedByClient", "lockedByProvider")
    assert tuple(event[name] for name in names) == tuple(share * ETHER for share in shares)
    assert balance_of(asset, opened_in.hub) == held - (shares[0] + shares[1]) * ETHER
