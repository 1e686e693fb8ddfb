"""ChannelHub.open (SPEC CH-1 to CH-4)."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.protocol.constants import MAX_FUNDS, ChannelPhase
from handfast.protocol.messages import Opening
from tests.chain import reverts
from tests.channels import (
    DAY,
    ETHER,
    HOUR,
    NATIVE,
    NEVER,
    Channel,
    balance_of,
    next_block_at,
)


@pytest.fixture
def draft(hub, client, provider, asset):
    return Channel(hub, client, provider, asset)


@pytest.mark.parametrize("opener", ["client", "provider"])
def test_takes_one_deposit_from_the_opener_and_the_other_from_credit(draft, hub, asset, opener):
    """CH-3: one transaction, both deposits."""
    by = getattr(draft, opener)
    other = draft.provider if opener == "client" else draft.client
    draft.fund(other, 20 * ETHER)
    before = [balance_of(asset, account) for account in (by, other, hub)]
    draft.open(10 * ETHER, 5 * ETHER, by=by, funded=False)

    own, drawn = (10, 5) if opener == "client" else (5, 10)
    after = [balance_of(asset, account) for account in (by, other, hub)]
    assert [b - a for b, a in zip(before, after, strict=True)] == [own * ETHER, 0, -own * ETHER]
    assert hub.creditOf(draft.token_address, other) == (20 - drawn) * ETHER
    found = draft.on_chain()
    assert found["phase"] == ChannelPhase.OPEN
    assert (found["clientDeposit"], found["providerDeposit"]) == (10 * ETHER, 5 * ETHER)


def test_emits_what_was_opened_with_the_parameters(draft):
    tx = draft.open(10 * ETHER, 5 * ETHER)
    client, provider, token, period, salt = draft.parameters
    assert tx.events["ChannelOpened"] == {
        "channel": "0x" + draft.id.hex(),
        "client": client,
        "provider": provider,
        "token": token,
        "challengePeriod": period,
        "salt": "0x" + salt.hex(),
        "opener": client,
        "clientDeposit": 10 * ETHER,
        "providerDeposit": 5 * ETHER,
    }
    assert tx.return_value == "0x" + draft.id.hex()


def test_needs_no_signature_without_a_deposit_of_the_other_side(draft):
    """CH-3."""
    draft.open(3 * ETHER, 0, signature=b"", deadline=0)
    assert draft.on_chain()["clientDeposit"] == 3 * ETHER


def test_opens_with_nothing_at_all(draft):
    draft.open(0, 0, by=draft.provider)
    assert draft.on_chain()["phase"] == ChannelPhase.OPEN


def test_reverts_when_opened_before(opened, client):
    """CH-1: an id is opened once, for ever."""
    with reverts("ChannelExists", opened.id):
        opened.open(1, 0)
    opened.close(0, client)
    with reverts("ChannelExists", opened.id):
        opened.open(1, 0)


def test_reverts_when_caller_is_no_party(channel, stranger):
    with reverts("NotParty", channel.id, stranger):
        channel.open(1, 0, by=stranger)


@pytest.mark.parametrize("case", ["alike", "client zero", "provider zero"])
def test_reverts_for_invalid_parties(hub, client, accounts, case):
    """CH-1."""
    zero = accounts.at(NATIVE, force=True)
    pair = {
        "alike": (client, client),
        "client zero": (zero, client),
        "provider zero": (client, zero),
    }
    channel = Channel(hub, *pair[case])
    with reverts("InvalidParties", *pair[case]):
        channel.open(0, 0, by=client)


@pytest.mark.parametrize("period", [0, HOUR - 1, 30 * DAY + 1, 2**64 - 1])
def test_reverts_for_a_challenge_period_out_of_bounds(hub, client, provider, period):
    channel = Channel(hub, client, provider, period=period)
    with reverts("ChallengePeriodOutOfBounds", period, HOUR, 30 * DAY):
        channel.open(0, 0)


@pytest.mark.parametrize("period", [HOUR, 30 * DAY])
def test_accepts_the_bounds_of_the_challenge_period(hub, client, provider, period):
    Channel(hub, client, provider, period=period).open(0, 0)


@pytest.mark.parametrize("value", [0, ETHER - 1, ETHER + 1])
def test_reverts_unless_exactly_the_deposit_is_sent(channel, value):
    with reverts("WrongValue", value, ETHER):
        channel.open(ETHER, 0, value=value)


def test_reverts_when_native_coin_comes_with_a_token(hub, client, provider, token):
    with reverts("WrongValue", 1, 0):
        Channel(hub, client, provider, token).open(ETHER, 0, value=1)


def test_reverts_for_a_token_that_is_not_allowed(hub, client, provider, stranger):
    """CH-19."""
    for deposit in (0, ETHER):
        with reverts("TokenNotAllowed", stranger):
            Channel(hub, client, provider, stranger).open(deposit, 0)


def test_reverts_for_a_token_that_was_disallowed_even_out_of_credit(
    hub, client, provider, token, deployer
):
    """CH-19: openings stop, exits do not."""
    channel = Channel(hub, client, provider, token)
    channel.fund(provider, ETHER)
    hub.disallowToken(token, {"from": deployer})
    with reverts("TokenNotAllowed", token):
        channel.open(0, ETHER, funded=False)


def test_reverts_without_allowance(hub, client, provider, token):
    token.approve(hub, ETHER - 1, {"from": client})
    with reverts("ERC20InsufficientAllowance", hub, ETHER - 1, ETHER):
        Channel(hub, client, provider, token).open(ETHER, 0)


def test_reverts_when_the_credit_is_short(channel, provider):
    channel.fund(provider, ETHER - 1)
    with reverts("InsufficientCredit", NATIVE, provider, ETHER - 1, ETHER):
        channel.open(0, ETHER, funded=False)


def test_credit_in_one_asset_pays_for_no_other(hub, client, provider, token):
    Channel(hub, client, provider, token).fund(provider, ETHER)
    with reverts("InsufficientCredit", NATIVE, provider, 0, ETHER):
        Channel(hub, client, provider).open(0, ETHER, funded=False)


@pytest.mark.parametrize("client_deposit", [ETHER - 1, ETHER + 1])
def test_reverts_when_the_other_signed_other_deposits(channel, provider, client_deposit):
    """CH-3: the Opening names both deposits."""
    signature = channel.sign(provider, Opening(channel.id, ETHER, ETHER, NEVER))
    with reverts("InvalidSignature", channel.id, provider):
        channel.open(client_deposit, ETHER, signature=signature)


def test_reverts_when_the_other_signed_another_channel(hub, client, provider):
    one, other = Channel(hub, client, provider), Channel(hub, client, provider)
    signature = one.sign(provider, Opening(one.id, 0, ETHER, NEVER))
    with reverts("InvalidSignature", other.id, provider):
        other.open(0, ETHER, signature=signature)


def test_reverts_when_somebody_else_signed(channel, client, provider, stranger):
    for signer in (client, stranger):
        signature = channel.sign(signer, Opening(channel.id, 0, ETHER, NEVER))
        with reverts("InvalidSignature", channel.id, provider):
            channel.open(0, ETHER, signature=signature)


def test_deadline_counts_to_its_last_second(hub, client, provider):
    deadline = chain.time() + HOUR
    early, late = Channel(hub, client, provider), Channel(hub, client, provider)
    early.fund(provider, 2 * ETHER)
    next_block_at(deadline)
    early.open(0, ETHER, deadline=deadline, funded=False)
    next_block_at(deadline + 1)
    with reverts("DeadlinePassed", deadline, deadline + 1):
        late.open(0, ETHER, deadline=deadline, funded=False)


def test_reverts_when_a_deposit_is_too_large(hub, client, provider, token, deployer):
    """CH-4: MAX_FUNDS a side, for both sides."""
    for party in (client, provider):
        token.transfer(party, MAX_FUNDS + 1, {"from": deployer})
        channel = Channel(hub, client, provider, token)
        sides = [0, 0]
        sides[party == provider] = MAX_FUNDS + 1
        with reverts("AmountTooLarge", MAX_FUNDS + 1, MAX_FUNDS):
            channel.open(*sides, by=party)
    Channel(hub, client, provider, token).open(MAX_FUNDS, 0)


@pytest.mark.parametrize("field", [0, 1, 2, 3], ids=["client", "provider", "token", "period"])
def test_no_channel_is_opened_with_words_that_do_not_fit_their_types(hub, draft, field):
    """CH-1: a channel's id is of the words as they came, so that these must be the only ones."""
    data = bytearray.fromhex(hub.open.encode_input(draft.parameters, 0, 0, NEVER, b"")[2:])
    data[4 + 32 * field] = 1
    with reverts(None):
        draft.client.transfer(hub, data="0x" + data.hex())
