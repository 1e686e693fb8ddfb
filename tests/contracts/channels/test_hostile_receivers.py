"""No receiver stops an exit, re-enters, or takes what is another's (SPEC CH-16, CH-I1, CH-I5)."""

from __future__ import annotations

from dataclasses import astuple

import pytest
from brownie import chain, web3

from tests.chain import reverts
from tests.channels import DAY, ETHER, NATIVE, Channel, next_block_at, proofs, secret, to_provider

HONEST, REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB, REENTER, _ = range(7)
TROUBLE = [REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB]


@pytest.fixture
def channel(hub, wallet, client, beneficiary, accounts):
    """A channel whose provider is a wallet; both deposited."""
    party = accounts.at(wallet.address, force=True)
    beneficiary.transfer(party, 30 * ETHER)
    channel = Channel(hub, client, party, keys={party.address: beneficiary})
    channel.open(10 * ETHER, 5 * ETHER)
    return channel


ENDS = {
    "close": lambda channel, by: channel.close(ETHER, by),
    "settle": lambda channel, by: channel.exit(channel.state(1, ETHER), by),
}


@pytest.mark.parametrize("mood", TROUBLE)
@pytest.mark.parametrize("end", ENDS)
def test_a_payment_that_fails_becomes_credit(channel, hub, wallet, beneficiary, client, mood, end):
    """CH-16, CH-I5: the other side is paid at once, the receiver collects when it is reasonable."""
    wallet.behave(mood, HONEST, {"from": beneficiary})
    before = client.balance()
    tx = ENDS[end](channel, client)
    assert client.balance() == before + 9 * ETHER
    assert hub.creditOf(NATIVE, wallet) == 6 * ETHER
    assert tx.events["PaymentCredited"] == {
        "token": NATIVE,
        "account": wallet,
        "amount": 6 * ETHER,
    }
    assert tx.gas_used < 700_000
    call = hub.collect.encode_input(NATIVE, beneficiary, 6 * ETHER)
    held = hub.balance()
    wallet.execute(hub, 0, call, {"from": beneficiary})
    assert hub.balance() == held - 6 * ETHER


def test_a_withdrawal_that_fails_becomes_credit(channel, hub, wallet, beneficiary, client):
    wallet.behave(REFUSE, HONEST, {"from": beneficiary})
    channel.withdraw(channel.provider, ETHER, client)
    assert hub.creditOf(NATIVE, wallet) == ETHER


def test_a_lock_that_pays_a_refusing_receiver_becomes_credit(
    channel, hub, wallet, beneficiary, client, preimages
):
    lock = to_provider(ETHER, chain.time() + 9 * DAY)
    state = channel.state(1, 0, [lock])
    wallet.behave(REFUSE, HONEST, {"from": beneficiary})
    channel.exit(state, client)
    preimages.reveal(secret(1), {"from": client})
    channel.resolve(state, client, proofs([lock]))
    assert hub.creditOf(NATIVE, wallet) == 6 * ETHER


def test_a_receiver_that_wants_little_gas_is_paid(channel, wallet, hub, client):
    """A contract that accepts is paid at once, like anybody."""
    before = wallet.balance()
    channel.close(0, client)
    assert wallet.balance() == before + 5 * ETHER
    assert hub.creditOf(NATIVE, wallet) == 0


def test_a_caller_cannot_make_a_payment_fail_by_sending_little_gas(
    channel, hub, wallet, client, beneficiary
):
    """CH-16: with any gas, the call reverts or pays a receiver who uses much of it."""
    wallet.plan(wallet, wallet.attempts.encode_input(), {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    state = channel.state(1, ETHER)
    channel.register(state, client)
    end, paid = channel.on_chain()["challengeEnd"], wallet.balance() + 6 * ETHER
    data = hub.settle.encode_input(channel.parameters, astuple(state), [])
    call = {"from": client.address, "to": hub.address, "data": data, "gasPrice": 0}
    seen = set()
    for gas in range(60_000, 380_000, 8_000):
        snapshot = web3.provider.make_request("evm_snapshot", [])["result"]
        next_block_at(end + 1)
        sent = web3.eth.send_transaction({**call, "gas": gas})
        success = web3.eth.wait_for_transaction_receipt(sent)["status"] == 1
        seen.add(success)
        if success:
            assert web3.eth.get_balance(wallet.address) == paid
            assert hub.creditOf(NATIVE, wallet) == 0
        web3.provider.make_request("evm_revert", [snapshot])
    assert seen == {True, False}


REENTRIES = {
    "collect": lambda hub, channel, state: hub.collect.encode_input(
        NATIVE, channel.provider, ETHER
    ),
    "fund": lambda hub, channel, state: hub.fund.encode_input(NATIVE, channel.provider, 0),
    "open": lambda hub, channel, state: hub.open.encode_input(
        (*channel.parameters[:4], b"\x77" * 32), 0, 0, 0, b""
    ),
    "topUp": lambda hub, channel, state: hub.topUp.encode_input(
        channel.parameters, channel.provider, 0
    ),
    "registerState": lambda hub, channel, state: hub.registerState.encode_input(
        channel.parameters, state, b"", b""
    ),
    "settle": lambda hub, channel, state: hub.settle.encode_input(channel.parameters, state, []),
    "resolve": lambda hub, channel, state: hub.resolve.encode_input(channel.parameters, state, []),
}


@pytest.mark.parametrize("action", REENTRIES)
def test_a_receiver_that_calls_back_is_turned_away(
    channel, hub, wallet, beneficiary, client, action
):
    """CH-16, CH-I1: it is paid once; no action runs inside another."""
    channel.fund(channel.provider, 5 * ETHER)
    state = astuple(channel.state(1, ETHER))
    callback = REENTRIES[action](hub, channel, state)
    wallet.plan(hub, callback, {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    before, held = wallet.balance(), hub.balance()
    channel.exit(channel.state(1, ETHER), client)
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert wallet.balance() == before + 6 * ETHER
    assert hub.balance() == held - 15 * ETHER
    assert hub.creditOf(NATIVE, wallet) == 5 * ETHER


def test_a_collecting_receiver_that_calls_back_is_turned_away(channel, hub, wallet, beneficiary):
    channel.fund(channel.provider, 5 * ETHER)
    wallet.plan(hub, hub.collect.encode_input(NATIVE, wallet, ETHER), {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    call = hub.collect.encode_input(NATIVE, wallet, ETHER)
    wallet.execute(hub, 0, call, {"from": beneficiary})
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert hub.creditOf(NATIVE, wallet) == 4 * ETHER


def test_who_calls_back_with_something_harmless_is_free_to(
    channel, hub, wallet, beneficiary, client
):
    """The guard is the hub's: what a receiver does elsewhere is its own affair."""
    wallet.plan(wallet, wallet.attempts.encode_input(), {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    channel.close(0, client)
    assert (wallet.attempts(), wallet.successes()) == (1, 1)


def test_a_payment_to_an_account_that_does_not_exist_yet_arrives(hub, client, accounts):
    nobody = accounts.at("0x00000000000000000000000000000000000A11ce", force=True)
    channel = Channel(hub, client, nobody)
    channel.open(ETHER, 0)
    channel.top_up(nobody, ETHER, by=client)
    channel.exit(channel.opening(), client)
    assert nobody.balance() == ETHER


def test_reverts_with_too_little_gas_to_pay(channel, hub, client):
    state = channel.opening()
    channel.register(state, client)
    channel.end_period()
    little = {"from": client, "gas_limit": 170_000}
    with reverts("NotEnoughGas", ..., 141_587):
        hub.settle(channel.parameters, astuple(state), [], little)
