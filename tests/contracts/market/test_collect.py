"""What is owed is collected; who refuses blocks itself alone. (SPEC MK-7, MK-I1)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import PurchasePhase
from tests.chain import reverts
from tests.contracts.market.conftest import BUYER_SECRET, STRANGER_SECRET, enroll
from tests.market import ETHER, NATIVE, Deal

HONEST, REFUSE, BURN_GAS, RETURN_BOMB, REVERT_BOMB, REENTER, _ = range(7)


@pytest.fixture(scope="module")
def wallet(deployer, HostileWallet, beneficiary):
    return deployer.deploy(HostileWallet, beneficiary)


@pytest.fixture
def wallets_deal(market, provider, wallet, registry, accounts, beneficiary):
    """A purchase by a contract wallet, delivered."""
    buyer = accounts.at(wallet.address, force=True)
    beneficiary.transfer(buyer, 10 * ETHER)
    enroll(registry, buyer, BUYER_SECRET)
    deal = Deal(market, provider, buyer, BUYER_SECRET)
    deal.publish()
    deal.buy()
    return deal


def test_pays_to_whom_the_account_says(dealt_in, market, provider, client, beneficiary, token):
    dealt_in.deliver()
    dealt_in.finalise(client)

    def balance():
        native = str(dealt_in.token) == NATIVE
        return beneficiary.balance() if native else token.balanceOf(beneficiary)

    before = balance()
    tx = market.collect(dealt_in.token, beneficiary, {"from": provider})
    assert tx.return_value == ETHER
    assert balance() == before + ETHER
    assert tx.events["Collected"] == {
        "token": dealt_in.token,
        "account": provider,
        "to": beneficiary,
        "amount": ETHER,
    }
    with reverts("NothingOwed", dealt_in.token, provider):
        market.collect(dealt_in.token, provider, {"from": provider})


def test_nobody_collects_what_is_anothers(bought, market, provider, client):
    bought.refund(provider)
    with reverts("NothingOwed", NATIVE, provider):
        market.collect(NATIVE, provider, {"from": provider})


@pytest.mark.parametrize(
    ("mood", "error"),
    [(REFUSE, "PaymentRefused"), (BURN_GAS, "PaymentRefused"), (REVERT_BOMB, None)],
)
def test_a_receiver_that_fails_blocks_itself_alone(
    wallets_deal, wallet, market, provider, client, stranger, beneficiary, mood, error
):
    other = Deal(market, provider, stranger, STRANGER_SECRET)
    other.buy()
    wallet.behave(mood, HONEST, {"from": beneficiary})
    wallets_deal.refund(provider)
    other.refund(provider)
    with reverts(error, *([wallet, ETHER] if error else [])):  # no gas is left behind a bomb
        market.collect(NATIVE, wallet, {"from": wallets_deal.buyer, "gas_limit": 2_000_000})
    market.collect(NATIVE, stranger, {"from": stranger})
    assert market.balance() == wallets_deal.owed(wallet) == ETHER
    market.collect(NATIVE, beneficiary, {"from": wallets_deal.buyer})
    assert market.balance() == 0


def test_a_flood_of_returned_data_is_the_receivers_own(
    wallets_deal, wallet, market, provider, beneficiary
):
    wallet.behave(RETURN_BOMB, HONEST, {"from": beneficiary})
    wallets_deal.refund(provider)
    assert wallets_deal.phase == PurchasePhase.REFUNDED
    market.collect(NATIVE, beneficiary, {"from": wallets_deal.buyer})


def test_a_receiver_that_re_enters_is_paid_once(
    wallets_deal, wallet, market, provider, stranger, beneficiary
):
    Deal(market, provider, stranger, STRANGER_SECRET).buy()
    wallets_deal.refund(provider)
    wallet.plan(market, market.collect.encode_input(NATIVE, wallet), {"from": beneficiary})
    wallet.behave(REENTER, HONEST, {"from": beneficiary})
    market.collect(NATIVE, wallet, {"from": wallets_deal.buyer})
    assert (wallet.attempts(), wallet.successes()) == (1, 0)
    assert market.balance() == ETHER


def test_a_contract_wallet_buys_as_an_account_does(wallets_deal, wallet):
    wallets_deal.deliver()
    wallets_deal.claim_wrong_key()
    assert wallets_deal.phase == PurchasePhase.PAID


@pytest.mark.parametrize("mood", [REFUSE, BURN_GAS, REENTER])
def test_a_claimant_that_takes_no_coin_is_owed_it(
    wallets_deal, wallet, market, registry, provider, beneficiary, mood
):
    """MK-7: a claim that is right is never lost by how its claimant is paid."""
    wallet.plan(market, market.collect.encode_input(NATIVE, wallet), {"from": beneficiary})
    wallet.behave(mood, HONEST, {"from": beneficiary})
    handed = wallets_deal.masked(bytes(32))
    wallets_deal.deliver(handed)
    before = wallet.balance()
    wallets_deal.claim_wrong_key(handed)
    assert wallets_deal.phase == PurchasePhase.REFUNDED
    assert wallet.balance() - before + wallets_deal.owed(wallet) == ETHER
    assert market.balance() == wallets_deal.owed(wallet)
    assert wallet.successes() == 0
