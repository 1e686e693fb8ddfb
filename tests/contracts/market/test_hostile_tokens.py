"""What a token does, it does to those who use it. (SPEC MK-2, MK-7, MK-I1)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import PurchasePhase
from tests.chain import reverts
from tests.contracts.market.conftest import BUYER_SECRET, STRANGER_SECRET
from tests.market import ETHER, NATIVE, Deal


@pytest.fixture
def deal_in(deployer, hub, market, provider, client):
    """A listing for one of a hostile kind of token, which the hub's owner was talked into."""

    def deal_in(kind):
        token = deployer.deploy(kind)
        hub.allowToken(token, {"from": deployer})
        token.mint(client, 10 * ETHER, {"from": deployer})
        token.approve(market, 10 * ETHER, {"from": client})
        deal = Deal(market, provider, client, BUYER_SECRET, token)
        deal.publish()
        return deal

    return deal_in


def finish(deal):
    deal.buy()
    deal.deliver()
    deal.finalise(deal.buyer)


def test_a_tax_on_transfers_is_refused(deal_in, HostileTaxToken):
    """Nitro's fault: it credited the amount that was named."""
    deal = deal_in(HostileTaxToken)
    with reverts("AmountMismatch", deal.token, ETHER * 99 // 100, ETHER):
        deal.buy()


def test_a_token_that_says_no_is_believed(deal_in, HostileFalseToken, market, provider):
    deal = deal_in(HostileFalseToken)
    deal.token.refuse(True, {"from": provider})
    with reverts("SafeERC20FailedOperation", deal.token):
        deal.buy()
    deal.token.refuse(False, {"from": provider})
    finish(deal)
    deal.token.refuse(True, {"from": provider})
    with reverts("SafeERC20FailedOperation", deal.token):
        market.collect(deal.token, provider, {"from": provider})
    deal.token.refuse(False, {"from": provider})
    market.collect(deal.token, provider, {"from": provider})
    assert deal.token.balanceOf(provider) == ETHER


def test_a_token_that_answers_nothing_is_good(deal_in, HostileSilentToken, market, provider):
    deal = deal_in(HostileSilentToken)
    finish(deal)
    market.collect(deal.token, provider, {"from": provider})
    assert deal.token.balanceOf(provider) == ETHER


def test_a_hook_can_not_buy_in_between(
    deal_in, HostileHookToken, HostileWallet, deployer, market, beneficiary, provider
):
    """A token that calls on payment: who is called finds the door shut."""
    deal = deal_in(HostileHookToken)
    wallet = deployer.deploy(HostileWallet, beneficiary)
    finish(deal)
    wallet.plan(market, market.collect.encode_input(deal.token, wallet), {"from": beneficiary})
    wallet.behave(5, 0, {"from": beneficiary})
    deal.token.hook(wallet, {"from": beneficiary})
    market.collect(deal.token, wallet, {"from": provider})
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert deal.token.balanceOf(wallet) == ETHER


def test_who_is_on_a_blocklist_blocks_nobody_else(
    deal_in, HostileBlocklistToken, market, provider, stranger, client, beneficiary
):
    deal = deal_in(HostileBlocklistToken)
    finish(deal)
    deal.token.setBlocked(provider, True, {"from": stranger})
    deal.salt = 1
    finish(deal)
    assert deal.phase == PurchasePhase.PAID
    with reverts("Blocked", provider):
        market.collect(deal.token, provider, {"from": provider})
    market.collect(deal.token, beneficiary, {"from": provider})
    assert deal.token.balanceOf(beneficiary) == 2 * ETHER


def test_a_rebase_takes_from_its_own_escrow_alone(
    deal_in, HostileRebasingToken, market, provider, stranger, client
):
    deal = deal_in(HostileRebasingToken)
    other = Deal(market, provider, stranger, STRANGER_SECRET)
    other.publish()
    other.buy()
    finish(deal)
    deal.token.rebase(5 * 10**17, {"from": stranger})
    other.refund(provider)
    market.collect(NATIVE, stranger, {"from": stranger})
    assert market.balance() == 0
    with reverts("ERC20InsufficientBalance", ..., ..., ...):
        market.collect(deal.token, provider, {"from": provider})


@pytest.mark.parametrize("answer", [b"", b"\1", (2).to_bytes(32, "big"), bytes(32)])
def test_odd_answers_are_no_payment(
    deal_in, HostileAnswerToken, market, provider, answer, stranger
):
    deal = deal_in(HostileAnswerToken)
    finish(deal)
    deal.token.answer(answer, {"from": stranger})
    if answer == b"":  # as old tokens answer: indistinguishable, and its users' own loss
        market.collect(deal.token, provider, {"from": provider})
        return
    with reverts("SafeERC20FailedOperation", deal.token):
        market.collect(deal.token, provider, {"from": provider})
    assert deal.owed(provider) == ETHER


def test_a_token_taken_off_the_list_is_still_paid_out(
    market, hub, token, deployer, provider, client
):
    deal = Deal(market, provider, client, BUYER_SECRET, token)
    deal.publish()
    deal.buy()
    hub.disallowToken(token, {"from": deployer})
    deal.deliver()
    deal.finalise(client)
    before = token.balanceOf(provider)
    market.collect(token, provider, {"from": provider})
    assert token.balanceOf(provider) == before + ETHER
