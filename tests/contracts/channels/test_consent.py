"""Whose word counts: ECDSA, ERC-1271, EIP-7702, and the caller's own (SPEC CH-18, GEN-2)."""

from __future__ import annotations

import pytest
from brownie import web3

from handfast.protocol.messages import CooperativeClose, Opening, Withdrawal
from tests.chain import reverts
from tests.channels import (
    ETHER,
    NEVER,
    NOTHING,
    Channel,
    balance_of,
    delegate,
    proofs,
    to_provider,
)

HONEST, REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB, _, ACCEPT_ANYTHING = range(7)
HALF_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def of_wallet(hub, wallet, provider, beneficiary, accounts):
    """A channel whose client is a contract wallet that the beneficiary owns."""
    party = accounts.at(wallet.address, force=True)
    beneficiary.transfer(party, 20 * ETHER)
    channel = Channel(hub, party, provider, keys={party.address: beneficiary})
    channel.open(10 * ETHER, 0)
    return channel


def test_a_contract_wallet_lives_a_whole_channel(of_wallet, wallet, provider, preimages, stranger):
    """CH-18: opens, withdraws, registers by signature, is paid, cancels."""
    channel = of_wallet
    channel.withdraw(channel.client, ETHER, stranger)
    lock = to_provider(ETHER, 2**60)
    channel.register(channel.opening(), provider)
    state = channel.state(1, 2 * ETHER, [lock])
    channel.register(state, stranger)
    channel.end_period()
    before = wallet.balance()
    channel.settle(state, stranger)
    assert wallet.balance() == before + 6 * ETHER
    lock = to_provider(ETHER, 2**60)
    shown = proofs([lock], cancellations={0: channel.cancellation(lock, provider)})
    channel.resolve(state, stranger, shown)
    assert wallet.balance() == before + 7 * ETHER


def test_a_contract_wallet_signs_an_opening(hub, wallet, beneficiary, client, accounts):
    party = accounts.at(wallet.address, force=True)
    beneficiary.transfer(party, ETHER)
    channel = Channel(hub, client, party, keys={party.address: beneficiary})
    channel.open(0, ETHER)
    assert channel.on_chain()["providerDeposit"] == ETHER


def test_a_contract_wallet_cancels_a_lock_that_would_pay_it(
    hub, wallet, beneficiary, client, stranger, accounts
):
    party = accounts.at(wallet.address, force=True)
    channel = Channel(hub, client, party, keys={party.address: beneficiary})
    channel.open(ETHER, 0)
    lock = to_provider(ETHER, 2**60)
    state = channel.state(1, 0, [lock])
    channel.exit(state, client)
    shown = proofs([lock], cancellations={0: channel.cancellation(lock, party)})
    assert channel.resolve(state, stranger, shown).events["LockResolved"]["outcome"] == 2


def test_a_wallet_of_another_owner_does_not_consent(of_wallet, stranger, provider):
    message = CooperativeClose(of_wallet.id, 0, NOTHING, NEVER)
    signatures = of_wallet.sign(stranger, message), of_wallet.sign(provider, message)
    with reverts("InvalidSignature", of_wallet.id, of_wallet.client):
        of_wallet.close(0, stranger, signatures=signatures)


@pytest.mark.parametrize("mood", [REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB])
def test_a_wallet_that_makes_trouble_does_not_consent_and_blocks_nobody(
    of_wallet, wallet, provider, beneficiary, stranger, mood
):
    """CH-18, CH-I5: who deals with a wallet trusts it to keep its word; leaving needs none."""
    wallet.behave(HONEST, mood, {"from": beneficiary})
    with reverts("InvalidSignature", of_wallet.id, of_wallet.client):
        of_wallet.close(0, stranger)
    before = balance_of(of_wallet.token, of_wallet.client)
    of_wallet.exit(of_wallet.opening(), provider)
    assert balance_of(of_wallet.token, of_wallet.client) == before + 10 * ETHER


def test_a_wallet_that_accepts_anything_gives_away_its_own_money_only(
    of_wallet, wallet, provider, beneficiary, client
):
    """CH-15: the other channel of the same hub keeps what it has."""
    other = Channel(of_wallet.hub, client, provider)
    other.open(10 * ETHER, 0)
    wallet.behave(HONEST, ACCEPT_ANYTHING, {"from": beneficiary})
    before, held = provider.balance(), of_wallet.hub.balance()
    of_wallet.close(2**127 - 1, provider, signatures=(b"", b""))
    assert provider.balance() == before + 10 * ETHER
    assert of_wallet.hub.balance() == held - 10 * ETHER


def test_an_account_without_code_needs_ecdsa(opened, stranger, provider):
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    for signature in (b"", b"\x01", bytes(64), bytes(65), bytes(66)):
        with reverts("InvalidSignature", opened.id, opened.client):
            opened.close(0, stranger, signatures=(signature, opened.sign(provider, message)))


@pytest.mark.parametrize("mood", [HONEST, REFUSE, BURN_GAS])
def test_the_key_of_an_account_that_delegates_to_code_still_counts(
    opened, wallet, client, beneficiary, stranger, provider, mood
):
    """CH-18, EIP-7702: ECDSA first, whatever the code says."""
    delegate(client, wallet)
    web3.provider.make_request(
        "anvil_setStorageAt", [client.address, hex(0), "0x" + (mood << 8).to_bytes(32, "big").hex()]
    )
    before = client.balance()
    opened.close(ETHER, stranger)
    assert client.balance() == before + 9 * ETHER


def test_the_code_of_an_account_that_delegates_may_speak_for_it(
    opened, wallet, client, beneficiary, stranger, provider
):
    """EIP-7702: it is a contract wallet as well, whose code here listens to the beneficiary."""
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    signatures = opened.sign(beneficiary, message), opened.sign(provider, message)
    with reverts("InvalidSignature", opened.id, client):
        opened.close(0, stranger, signatures=signatures)
    delegate(client, wallet)
    opened.close(0, stranger, signatures=signatures)


def test_the_malleable_twin_of_a_signature_does_not_count(opened, client, provider, stranger):
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    signature = opened.sign(client, message)
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    twin = r + (HALF_ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    with reverts("InvalidSignature", opened.id, client):
        opened.close(0, stranger, signatures=(twin, opened.sign(provider, message)))


def test_no_kind_of_message_passes_for_another(opened, client, provider, stranger):
    """GEN-2: each has its own type, even where the fields look alike."""
    close = CooperativeClose(opened.id, 1, NOTHING, NEVER)
    opening = Opening(opened.id, 1, 0, NEVER)
    withdrawal = Withdrawal(opened.id, client.address, 1, NEVER)
    for other in (opening, withdrawal, opened.state(1, 1)):
        with reverts("InvalidSignature", opened.id, client):
            opened.close(1, stranger, signatures=opened.signatures(other))
    for other in (opening, close, opened.state(1, 1)):
        with reverts("InvalidSignature", opened.id, client):
            opened.withdraw(client, 1, stranger, signatures=opened.signatures(other))


def test_a_signature_for_one_hub_counts_at_no_other(
    opened, deployer, ChannelHub, preimages, client, stranger
):
    """GEN-2: the verifying contract is part of the domain."""
    hub = deployer.deploy(ChannelHub, deployer, preimages, 3_600, 10**6)
    twin = Channel(hub, opened.client, opened.provider, salt=opened.salt)
    twin.open(ETHER, 0)
    assert twin.id == opened.id
    message = CooperativeClose(opened.id, 0, NOTHING, NEVER)
    with reverts("InvalidSignature", twin.id, client):
        twin.close(0, stranger, signatures=opened.signatures(message))
