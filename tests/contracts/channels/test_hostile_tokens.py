"""What a token can do to the channels in it, and to no other (SPEC CH-4, CH-16, CH-19, CH-I1)."""

from __future__ import annotations

import pytest

from tests.chain import reverts
from tests.channels import ETHER, Channel, balance_of

HONEST, REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB, REENTER, _ = range(7)
TENTH = ETHER // 10


@pytest.fixture
def make(hub, deployer, client, provider):
    """Deploy a token of some kind, allowed, with balances and allowances of both parties."""

    def make(kind):
        token = deployer.deploy(kind)
        hub.allowToken(token, {"from": deployer})
        for party in (client, provider):
            token.mint(party, 100 * ETHER, {"from": deployer})
            token.approve(hub, 2**256 - 1, {"from": party})
        return token

    return make


# ---------------------------------------------------------------- fee on transfer


@pytest.fixture
def taxed(make, hub, client, provider, HostileTaxToken):
    return Channel(hub, client, provider, make(HostileTaxToken))


def test_what_arrived_is_credited_when_a_token_taxes(taxed, hub, client, provider):
    """CH-4, and the fault of Nitro."""
    taxed.fund(provider, 10 * ETHER)
    assert hub.creditOf(taxed.token, provider) == 99 * TENTH
    taxed.open(10 * ETHER, 0)
    taxed.top_up(provider, 10 * ETHER)
    found = taxed.on_chain()
    assert (found["clientDeposit"], found["providerDeposit"]) == (99 * TENTH, 99 * TENTH)
    assert taxed.token.balanceOf(hub) == 297 * TENTH


def test_a_taxed_deposit_is_refused_where_the_other_was_promised_it_in_full(taxed, provider):
    """CH-3."""
    taxed.fund(provider, 2 * ETHER)
    with reverts("DepositFellShort", 99 * TENTH, 10 * ETHER):
        taxed.open(10 * ETHER, ETHER, funded=False)


def test_a_taxed_channel_ends_with_everything_paid_out(taxed, hub, client):
    taxed.open(10 * ETHER, 0)
    taxed.exit(taxed.opening(), client)
    assert taxed.token.balanceOf(hub) == 0


# ---------------------------------------------------------------- answers


def test_a_deposit_that_says_false_reverts(make, hub, client, provider, HostileFalseToken):
    channel = Channel(hub, client, provider, make(HostileFalseToken))
    channel.token.refuse(True, {"from": client})
    with reverts("SafeERC20FailedOperation", channel.token):
        channel.open(ETHER, 0)


def test_a_payment_that_says_false_becomes_credit(make, hub, client, provider, HostileFalseToken):
    """CH-16."""
    channel = Channel(hub, client, provider, make(HostileFalseToken))
    channel.open(ETHER, 0)
    channel.token.refuse(True, {"from": client})
    channel.exit(channel.state(1, ETHER // 4), client)
    assert hub.creditOf(channel.token, client) == ETHER * 3 // 4
    assert hub.creditOf(channel.token, provider) == ETHER // 4
    with reverts("SafeERC20FailedOperation", channel.token):
        hub.collect(channel.token, client, 1, {"from": client})
    channel.token.refuse(False, {"from": client})
    hub.collect(channel.token, client, ETHER * 3 // 4, {"from": client})
    assert channel.token.balanceOf(hub) == ETHER // 4


def test_a_token_that_returns_nothing_works(make, hub, client, provider, HostileSilentToken):
    channel = Channel(hub, client, provider, make(HostileSilentToken))
    channel.open(3 * ETHER, ETHER)
    channel.withdraw(client, ETHER, client)
    channel.exit(channel.state(1, ETHER), client)
    assert balance_of(channel.token, client) == 98 * ETHER + ETHER
    assert balance_of(channel.token, provider) == 101 * ETHER
    assert balance_of(channel.token, hub) == 0


ODD = {
    "two": (2).to_bytes(32, "big"),
    "all ones": b"\xff" * 32,
    "a short word": b"\x01",
    "31 bytes": bytes(30) + b"\x01",
    "zero": bytes(32),
    "a flood of zeros": bytes(20_000),
}


@pytest.mark.parametrize("answer", ODD)
def test_an_odd_answer_is_no_payment_and_no_revert(
    make, hub, client, provider, HostileAnswerToken, answer
):
    """CH-16: only nothing at all, or the word one, says that it was paid."""
    channel = Channel(hub, client, provider, make(HostileAnswerToken))
    channel.open(ETHER, 0)
    channel.token.answer(ODD[answer], {"from": client})
    channel.close(0, client)
    assert hub.creditOf(channel.token, client) == ETHER


def test_a_token_that_burns_all_gas_turns_payments_into_credit(
    make, hub, client, provider, HostileAnswerToken
):
    channel = Channel(hub, client, provider, make(HostileAnswerToken))
    channel.open(ETHER, ETHER)
    channel.token.burnGas({"from": client})
    tx = channel.close(0, client)
    assert hub.creditOf(channel.token, client) == ETHER
    assert hub.creditOf(channel.token, provider) == ETHER
    assert tx.gas_used < 400_000


def test_a_token_that_is_gone_turns_payments_into_credit(
    make, hub, client, provider, HostileFalseToken, web3
):
    """An account without code answers nothing and moves nothing."""
    channel = Channel(hub, client, provider, make(HostileFalseToken))
    channel.open(ETHER, 0)
    web3.provider.make_request("anvil_setCode", [channel.token.address, "0x"])
    channel.close(0, client)
    assert hub.creditOf(channel.token, client) == ETHER


# ---------------------------------------------------------------- hooks


@pytest.fixture
def hooked(make, hub, client, wallet, beneficiary, accounts, deployer, HostileHookToken):
    """A channel in a token that calls the provider, a wallet, whenever it pays or is paid."""
    token = make(HostileHookToken)
    party = accounts.at(wallet.address, force=True)
    token.mint(party, 100 * ETHER, {"from": deployer})
    token.approve(hub, 2**256 - 1, {"from": party})
    token.hook(party, {"from": deployer})
    return Channel(hub, client, party, token, keys={party.address: beneficiary})


@pytest.mark.parametrize("mood", [REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB])
def test_a_receiver_with_a_hook_stops_nobodys_exit(hooked, hub, client, wallet, beneficiary, mood):
    """CH-16, CH-I5."""
    hooked.open(10 * ETHER, 5 * ETHER)
    wallet.behave(mood, HONEST, {"from": beneficiary})
    before = balance_of(hooked.token, client)
    hooked.exit(hooked.state(1, ETHER), client)
    assert balance_of(hooked.token, client) == before + 9 * ETHER
    assert hub.creditOf(hooked.token, wallet) == 6 * ETHER


def test_a_deposit_made_from_within_a_deposit_is_not_counted_twice(
    hooked, hub, wallet, beneficiary
):
    """CH-4, CH-I1: no action runs inside another, so what is measured is one deposit."""
    inner = hub.fund.encode_input(hooked.token, wallet, 7 * ETHER)
    wallet.plan(hub, inner, {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    hooked.fund(hooked.provider, 5 * ETHER)
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert hub.creditOf(hooked.token, wallet) == 5 * ETHER == hooked.token.balanceOf(hub)


def test_a_receiver_that_calls_back_from_its_hook_is_turned_away(
    hooked, hub, client, wallet, beneficiary
):
    hooked.open(10 * ETHER, 5 * ETHER)
    hooked.fund(hooked.client, ETHER)
    inner = hub.settle.encode_input(hooked.parameters, (hooked.id, *[0] * 4, *[bytes(32)] * 2), [])
    wallet.plan(hub, inner, {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    hooked.exit(hooked.opening(), client)
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert hooked.token.balanceOf(hub) == ETHER


# ---------------------------------------------------------------- lists, rebases


def test_a_blocked_party_gets_credit_and_takes_it_elsewhere(
    make, hub, client, provider, stranger, HostileBlocklistToken
):
    """CH-2, CH-16."""
    channel = Channel(hub, client, provider, make(HostileBlocklistToken))
    channel.open(10 * ETHER, 5 * ETHER)
    channel.token.setBlocked(provider, True, {"from": client})
    before = balance_of(channel.token, client)
    channel.exit(channel.state(1, ETHER), client)
    assert balance_of(channel.token, client) == before + 9 * ETHER
    assert hub.creditOf(channel.token, provider) == 6 * ETHER
    with reverts("Blocked", provider):
        hub.collect(channel.token, provider, 6 * ETHER, {"from": provider})
    hub.collect(channel.token, stranger, 6 * ETHER, {"from": provider})
    assert balance_of(channel.token, stranger) == 6 * ETHER


def test_a_blocked_hub_pays_everything_as_credit_until_it_is_free(
    make, hub, client, provider, HostileBlocklistToken
):
    channel = Channel(hub, client, provider, make(HostileBlocklistToken))
    channel.open(10 * ETHER, 5 * ETHER)
    channel.token.setBlocked(hub, True, {"from": client})
    channel.exit(channel.opening(), client)
    channel.token.setBlocked(hub, False, {"from": client})
    hub.collect(channel.token, client, 10 * ETHER, {"from": client})
    hub.collect(channel.token, provider, 5 * ETHER, {"from": provider})
    assert channel.token.balanceOf(hub) == 0


@pytest.mark.parametrize("share", [2 * 10**18, 10**18 * 7 // 10])
def test_a_rebase_touches_that_token_alone_and_blocks_no_exit(
    make, hub, client, provider, HostileRebasingToken, share
):
    """CH-19, CH-I1: growth stays in the hub; what shrank away is credit that waits."""
    native = Channel(hub, client, provider)
    native.open(ETHER, ETHER)
    channel = Channel(hub, client, provider, make(HostileRebasingToken))
    channel.open(10 * ETHER, 10 * ETHER)
    channel.token.rebase(share, {"from": client})
    before = balance_of(channel.token, client)
    channel.exit(channel.opening(), client)
    assert balance_of(channel.token, client) == before + 10 * ETHER
    left = 20 * share // 10**18 * ETHER - 20 * ETHER
    if left < 0:
        assert hub.creditOf(channel.token, provider) == 10 * ETHER
    else:
        assert balance_of(channel.token, hub) == left
    held = hub.balance()
    native.close(0, client)
    assert hub.balance() == held - 2 * ETHER
