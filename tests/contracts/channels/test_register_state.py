"""ChannelHub.registerState (SPEC CH-13)."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from handfast.protocol.constants import MAX_VERSION, ChannelPhase
from tests.chain import plain, reverts
from tests.channels import DAY, ETHER, NOTHING, Channel, next_block_at, to_provider

SIDES = ["client", "provider"]


@pytest.mark.parametrize("side", SIDES)
def test_a_party_starts_the_challenge_period(opened, side):
    """CH-13."""
    state = opened.state(7, transferred=ETHER, products_root=b"\x01" * 32)
    tx = opened.register(state, getattr(opened, side))
    found = opened.on_chain()
    assert found["phase"] == ChannelPhase.CLOSING
    assert found["challengeEnd"] == tx.timestamp + opened.period
    assert found["version"] == 7
    assert plain(found["stateHash"]) == state.hash_struct()


def test_emits_the_state_in_full_for_who_holds_a_newer_one(opened, client):
    lock = to_provider(ETHER, 2**40)
    state = opened.state(7, -5, [lock], b"\x01" * 32)
    tx = opened.register(state, client)
    event = tx.events["StateRegistered"]
    assert event["channel"] == "0x" + opened.id.hex()
    assert plain(event["state"]) == astuple(state)
    assert event["challengeEnd"] == opened.on_chain()["challengeEnd"]


@pytest.mark.parametrize("side", SIDES)
def test_a_party_starts_from_the_opening_alone(opened, side):
    """CH-13, CH-I5: no signature of anybody is needed to leave."""
    opened.register(opened.opening(), getattr(opened, side), signatures=(b"", b""))
    found = opened.on_chain()
    assert (found["phase"], found["version"]) == (ChannelPhase.CLOSING, 0)
    assert plain(found["stateHash"]) == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        {"transferred": 1},
        {"locked_by_client": 1},
        {"locked_by_provider": 1},
        {"locks_root": b"\x01" * 32},
        {"products_root": b"\x01" * 32},
    ],
)
def test_the_opening_says_nothing_else_even_if_both_sign_it(opened, client, change):
    state = opened.state(0, **change)
    with reverts("NotTheOpening", opened.id):
        opened.register(state, client, signatures=opened.signatures(state))


def test_reverts_when_a_stranger_would_start_it(opened, stranger):
    with reverts("NotParty", opened.id, stranger):
        opened.register(opened.state(1), stranger)


@pytest.mark.parametrize("replacer", ["client", "provider", "stranger"])
def test_anybody_replaces_with_a_strictly_newer_version(opened, client, stranger, replacer):
    """CH-13: so that a watcher can answer for the absent."""
    opened.register(opened.state(3), client)
    newer = opened.state(4, transferred=ETHER)
    by = stranger if replacer == "stranger" else getattr(opened, replacer)
    opened.register(newer, by)
    found = opened.on_chain()
    assert found["version"] == 4
    assert plain(found["stateHash"]) == newer.hash_struct()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_reverts_for_a_lower_or_equal_version(opened, client, provider, version):
    """CH-I3, and a forbidden transition."""
    opened.register(opened.state(3), client)
    with reverts("StaleVersion", opened.id, version, 3):
        opened.register(opened.state(version, transferred=1), provider)


def test_the_opening_replaces_nothing(opened, client, provider):
    opened.register(opened.opening(), client)
    with reverts("StaleVersion", opened.id, 0, 0):
        opened.register(opened.opening(), provider)


def test_the_end_is_never_moved(opened, client, provider):
    """CH-13, CH-I3."""
    opened.register(opened.opening(), client)
    end = opened.on_chain()["challengeEnd"]
    for version in (1, 2, 500):
        next_block_at(end - 1_000 + version)
        opened.register(opened.state(version), provider)
        assert opened.on_chain()["challengeEnd"] == end


def test_the_last_second_of_the_period_counts(hub, client, provider):
    """CH-13."""
    one, other = Channel(hub, client, provider), Channel(hub, client, provider)
    for channel in (one, other):
        channel.open(ETHER, 0)
        channel.register(channel.state(1), client)
    end = one.on_chain()["challengeEnd"]
    next_block_at(end)
    one.register(one.state(2), provider)
    end = other.on_chain()["challengeEnd"]
    next_block_at(end + 1)
    with reverts("ChallengePeriodOver", other.id, end, end + 1):
        other.register(other.state(2), provider)


@pytest.mark.parametrize("signer", SIDES)
def test_the_caller_needs_no_signature_of_its_own(opened, signer):
    """CH-18."""
    state = opened.state(1)
    pair = list(opened.signatures(state))
    pair[signer == "provider"] = b""
    opened.register(state, getattr(opened, signer), signatures=tuple(pair))
    assert opened.on_chain()["version"] == 1


@pytest.mark.parametrize("missing", SIDES)
def test_reverts_without_the_other_signature(opened, missing):
    state = opened.state(1)
    pair = list(opened.signatures(state))
    pair[missing == "provider"] = b""
    caller = opened.provider if missing == "client" else opened.client
    with reverts("InvalidSignature", opened.id, getattr(opened, missing)):
        opened.register(state, caller, signatures=tuple(pair))


def test_reverts_when_a_watcher_lacks_either_signature(opened, client, stranger):
    opened.register(opened.opening(), client)
    state = opened.state(1)
    pair = opened.signatures(state)
    for party, signatures in (("client", (pair[1], pair[1])), ("provider", (pair[0], pair[0]))):
        with reverts("InvalidSignature", opened.id, getattr(opened, party)):
            opened.register(state, stranger, signatures=signatures)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"transferred": 1},
        {"locked_by_client": 1},
        {"locked_by_provider": 1},
        {"locks_root": b"\x01" * 32},
        {"products_root": b"\x01" * 32},
    ],
)
def test_a_signature_covers_every_field(opened, client, change):
    signatures = opened.signatures(opened.state())
    with reverts("InvalidSignature", opened.id, opened.provider):
        opened.register(opened.state(**change), client, signatures=signatures)


def test_reverts_for_a_state_of_another_channel(hub, client, provider):
    one, other = Channel(hub, client, provider), Channel(hub, client, provider)
    one.open(ETHER, 0)
    state = other.state(1)
    with reverts("WrongChannel", one.id, other.id):
        one.register(state, client, signatures=other.signatures(state))


def test_versions_go_up_to_the_largest_that_fits(opened, client, provider):
    """CH-13."""
    with reverts("VersionTooLarge", opened.id, MAX_VERSION + 1, MAX_VERSION):
        opened.register(opened.state(MAX_VERSION + 1), client)
    opened.register(opened.state(MAX_VERSION), client)
    assert opened.on_chain()["version"] == MAX_VERSION
    with reverts("VersionTooLarge", opened.id, 2**64 - 1, MAX_VERSION):
        opened.register(opened.state(2**64 - 1), provider)


def test_reverts_unless_live(channel, client):
    with reverts("ChannelNotLive", channel.id, 0):
        channel.register(channel.opening(), client)
    channel.open(ETHER, 0)
    channel.close(0, client)
    with reverts("ChannelNotLive", channel.id, 3):
        channel.register(channel.state(1), client)


def test_parameters_that_were_not_opened_are_no_channel(opened, client, provider):
    """CH-1: whoever changes a parameter names another channel."""
    other = Channel(opened.hub, client, provider, period=2 * DAY, salt=opened.salt)
    with reverts("ChannelNotLive", other.id, 0):
        other.register(other.opening(), client)
