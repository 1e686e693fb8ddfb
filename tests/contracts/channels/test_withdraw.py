"""ChannelHub.withdraw (SPEC CH-5, CH-6)."""

from __future__ import annotations

import pytest
from brownie import chain

from handfast.protocol.messages import Withdrawal
from tests.chain import reverts
from tests.channels import ETHER, HOUR, NEVER, Channel, balance_of, next_block_at


@pytest.mark.parametrize("side", ["client", "provider"])
def test_pays_up_to_the_total_that_both_signed(opened_in, asset, stranger, side):
    """CH-6: cumulative, so that each signature raises the total."""
    account = getattr(opened_in, side)
    before = balance_of(asset, account)
    opened_in.withdraw(account, 2 * ETHER, stranger)
    tx = opened_in.withdraw(account, 3 * ETHER, stranger)
    assert balance_of(asset, account) == before + 3 * ETHER
    assert opened_in.on_chain()[side + "Withdrawn"] == 3 * ETHER
    assert tx.events["ChannelWithdrawn"] == {
        "channel": "0x" + opened_in.id.hex(),
        "account": account,
        "amount": ETHER,
        "total": 3 * ETHER,
    }


def test_leaves_deposits_as_they_are(opened, client):
    opened.withdraw(client, ETHER, client)
    found = opened.on_chain()
    assert (found["clientDeposit"], found["clientWithdrawn"]) == (10 * ETHER, ETHER)
    assert (found["providerDeposit"], found["providerWithdrawn"]) == (5 * ETHER, 0)


def test_what_was_earned_can_be_withdrawn_beyond_the_deposit(opened_in, asset, client, provider):
    """CH-5: what the provider takes out exceeds what it put in; the end accounts for it."""
    before = balance_of(asset, client), balance_of(asset, provider)
    opened_in.withdraw(provider, 12 * ETHER, provider)
    opened_in.exit(opened_in.state(1, transferred=8 * ETHER), client)
    assert balance_of(asset, client) == before[0] + 2 * ETHER
    assert balance_of(asset, provider) == before[1] + 13 * ETHER


def test_the_caller_needs_no_signature_of_its_own(opened, client, provider):
    """CH-18."""
    message = Withdrawal(opened.id, client.address, ETHER, NEVER)
    _, for_provider = opened.signatures(message)
    opened.withdraw(client, ETHER, client, signatures=(b"", for_provider))
    message = Withdrawal(opened.id, provider.address, ETHER, NEVER)
    for_client, _ = opened.signatures(message)
    opened.withdraw(provider, ETHER, provider, signatures=(for_client, b""))


def test_a_replay_reverts(opened, client, stranger):
    """CH-6."""
    opened.withdraw(client, 2 * ETHER, stranger)
    for total in (2 * ETHER, ETHER, 0):
        with reverts("AlreadyWithdrawn", opened.id, 2 * ETHER, total):
            opened.withdraw(client, total, stranger)


def test_reverts_beyond_what_the_channel_holds(opened, client, provider):
    """CH-6: both sides' money, not another channel's."""
    other = Channel(opened.hub, client, provider)
    other.open(50 * ETHER, 0)
    opened.withdraw(provider, ETHER, client)
    with reverts("WithdrawalTooLarge", opened.id, 14 * ETHER + 1, 14 * ETHER):
        opened.withdraw(client, 14 * ETHER + 1, client)
    opened.withdraw(client, 14 * ETHER, client)


def test_deadline_counts_to_its_last_second(opened, client):
    deadline = chain.time() + HOUR
    next_block_at(deadline)
    opened.withdraw(client, 1, client, deadline)
    next_block_at(deadline + 1)
    with reverts("DeadlinePassed", deadline, deadline + 1):
        opened.withdraw(client, 2, client, deadline)


def test_reverts_for_who_is_no_party(opened, client, stranger):
    with reverts("NotParty", opened.id, stranger):
        opened.withdraw(stranger, 1, client)


@pytest.mark.parametrize("missing", ["client", "provider"])
def test_reverts_without_either_signature(opened, client, provider, stranger, missing):
    message = Withdrawal(opened.id, client.address, 1, NEVER)
    pair = list(opened.signatures(message))
    pair[missing == "provider"] = opened.sign(stranger, message)
    with reverts("InvalidSignature", opened.id, getattr(opened, missing)):
        opened.withdraw(client, 1, stranger, signatures=tuple(pair))


def test_reverts_when_another_account_or_total_was_signed(opened, client, provider, stranger):
    for message in (
        Withdrawal(opened.id, provider.address, 1, NEVER),
        Withdrawal(opened.id, client.address, 2, NEVER),
        Withdrawal(opened.id, client.address, 1, NEVER - 1),
    ):
        with reverts("InvalidSignature", opened.id, client):
            opened.withdraw(client, 1, stranger, signatures=opened.signatures(message))


def test_reverts_unless_open(channel, client):
    with reverts("ChannelNotOpen", channel.id, 0):
        channel.withdraw(client, 1, client)
    channel.open(ETHER, 0)
    channel.register(channel.opening(), client)
    with reverts("ChannelNotOpen", channel.id, 2):
        channel.withdraw(client, 1, client)
    channel.close(0, client)
    with reverts("ChannelNotOpen", channel.id, 3):
        channel.withdraw(client, 1, client)
