"""ChannelHub.closeCooperatively (SPEC CH-12, CH-15)."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.protocol.constants import ChannelPhase
from handfast.protocol.messages import CooperativeClose
from tests.chain import plain, reverts
from tests.channels import ETHER, HOUR, NEVER, NOTHING, Channel, balance_of, next_block_at

PRODUCTS = b"\x07" * 32


@pytest.mark.parametrize("transferred", [0, 4 * ETHER, 10 * ETHER, -ETHER, -5 * ETHER])
def test_pays_both_at_once(opened_in, asset, client, provider, stranger, transferred):
    """CH-12."""
    before = (
        balance_of(asset, client),
        balance_of(asset, provider),
        balance_of(asset, opened_in.hub),
    )
    tx = opened_in.close(transferred, stranger, PRODUCTS)
    assert balance_of(asset, client) == before[0] + 10 * ETHER - transferred
    assert balance_of(asset, provider) == before[1] + 5 * ETHER + transferred
    assert balance_of(asset, opened_in.hub) == before[2] - 15 * ETHER
    assert tx.events["ChannelClosed"] == {
        "channel": "0x" + opened_in.id.hex(),
        "toClient": 10 * ETHER - transferred,
        "toProvider": 5 * ETHER + transferred,
        "productsRoot": "0x" + PRODUCTS.hex(),
    }


def test_stores_the_products_root_and_nothing_else(opened, client, provider):
    opened.close(ETHER, client, PRODUCTS)
    assert plain(opened.hub.productsRootOf(opened.id)) == PRODUCTS
    found = opened.on_chain()
    assert found.pop("phase") == ChannelPhase.CLOSED
    assert plain(found.pop("productsRoot")) == PRODUCTS
    assert plain(found.pop("stateHash")) == NOTHING
    assert set(found.values()) == {0}


def test_without_products_there_is_no_root(opened, client):
    opened.close(0, client)
    assert plain(opened.hub.productsRootOf(opened.id)) == NOTHING


@pytest.mark.parametrize(
    ("transferred", "to_client"), [(2**127 - 1, 0), (15 * ETHER, 0), (-(2**127), 15 * ETHER)]
)
def test_clamps_what_no_honest_pair_signs(
    opened_in, asset, client, provider, transferred, to_client
):
    """CH-15: never more than the channel holds, never a revert."""
    other = Channel(opened_in.hub, client, provider, asset)
    other.open(50 * ETHER, 50 * ETHER)
    before = balance_of(asset, client), balance_of(asset, provider)
    opened_in.close(transferred, client)
    assert balance_of(asset, client) == before[0] + to_client
    assert balance_of(asset, provider) == before[1] + 15 * ETHER - to_client


@pytest.mark.parametrize("wait", [0, 1])
def test_allowed_while_closing_even_after_the_period(opened, client, provider, wait):
    """CH-12: forgets what was registered."""
    opened.register(opened.state(3, transferred=ETHER), client)
    if wait:
        opened.end_period()
    tx = opened.close(2 * ETHER, client)
    assert tx.events["ChannelClosed"]["toProvider"] == 7 * ETHER
    found = opened.on_chain()
    assert (found["phase"], found["challengeEnd"], found["version"]) == (3, 0, 0)
    assert plain(found["stateHash"]) == NOTHING


def test_the_caller_needs_no_signature_of_its_own(opened, client, provider):
    """CH-18."""
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    opened.close(0, provider, signatures=(opened.sign(client, message), b""))


def test_deadline_counts_to_its_last_second(hub, client, provider):
    deadline = chain.time() + HOUR
    early, late = Channel(hub, client, provider), Channel(hub, client, provider)
    for channel in (early, late):
        channel.open(1, 0)
    next_block_at(deadline)
    early.close(0, client, deadline=deadline)
    next_block_at(deadline + 1)
    with reverts("DeadlinePassed", deadline, deadline + 1):
        late.close(0, client, deadline=deadline)


@pytest.mark.parametrize("missing", ["client", "provider"])
def test_reverts_without_either_signature(opened, stranger, missing):
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    pair = list(opened.signatures(message))
    pair[missing == "provider"] = b""
    with reverts("InvalidSignature", opened.id, getattr(opened, missing)):
        opened.close(0, stranger, signatures=tuple(pair))


def test_reverts_for_other_terms_than_were_signed(opened, client, stranger):
    pair = opened.signatures(CooperativeClose(opened.id, 0, NOTHING, NEVER))
    for terms in ({"transferred": 1}, {"transferred": 0, "products_root": PRODUCTS}):
        with reverts("InvalidSignature", opened.id, client):
            opened.close(by=stranger, signatures=pair, **terms)


def test_reverts_unless_live(channel, client):
    with reverts("ChannelNotLive", channel.id, 0):
        channel.close(0, client)
    channel.open(ETHER, 0)
    channel.close(0, client)
    with reverts("ChannelNotLive", channel.id, 3):
        channel.close(0, client)
