"""A product for funds: both move, or neither. (SPEC MK-8, MK-I5) [aigc-lifecycle III-C-2]"""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest
from brownie import chain, web3
from eth_account import Account

from handfast.crypto.keccak import keccak
from handfast.protocol.constants import SalePhase
from handfast.protocol.messages import Domain, LockedOffer, ProductOffer
from tests.chain import plain, reverts, set_next_timestamp
from tests.market import ETHER, NATIVE

SELLER = Account.from_key("0x" + "5e" * 32)
PRODUCT = bytes(range(32))
SECRET = bytes(range(50, 82))
NOBODY = "0x" + "00" * 20
FOREVER = 2**64 - 1
RAW = 0x55


@pytest.fixture(scope="module")
def products(deployer, ProductRegistry, hub):
    return deployer.deploy(ProductRegistry, hub, 100)


@pytest.fixture(scope="module")
def sale(deployer, ProductSale, products, preimages, token, client):
    sale = deployer.deploy(ProductSale, products, preimages)
    token.approve(sale, 2**256 - 1, {"from": client})
    return sale


@pytest.fixture(scope="module")
def seller(accounts, deployer, products, sale):
    """Owns a product, and lets the sale move its tokens."""
    seller = accounts.at(SELLER.address, force=True)
    deployer.transfer(seller, ETHER)
    products.register(PRODUCT, RAW, {"from": seller})
    products.setApprovalForAll(sale, True, {"from": seller})
    return seller


def sign(sale, offer, key=SELLER):
    digest = offer.digest(Domain(chain.id, sale.address))
    return key.unsafe_sign_hash(digest).signature


def digest(sale, offer):
    return offer.digest(Domain(chain.id, sale.address))


def value_of(offer):
    return offer.price if offer.token == NATIVE else 0


def buy(sale, offer, buyer, signature=None, value=None):
    value = value_of(offer) if value is None else value
    signature = sign(sale, offer) if signature is None else signature
    return sale.buy(astuple(offer), signature, {"from": buyer, "value": value})


def lock(sale, offer, buyer):
    sent = {"from": buyer, "value": value_of(offer)}
    return sale.lock(astuple(offer), sign(sale, offer), sent)


@pytest.fixture
def offer(seller, client, asset):
    return ProductOffer(
        seller.address, client.address, PRODUCT, str(asset), ETHER, bytes(32), FOREVER
    )


@pytest.fixture
def locked_offer(seller, client, asset):
    now = web3.eth.get_block("latest")["timestamp"]
    ends = seller.address, client.address, PRODUCT, str(asset), ETHER
    return LockedOffer(*ends, keccak(SECRET), now + 1_000, bytes(32), FOREVER)


@pytest.fixture
def locked(sale, locked_offer, client):
    lock(sale, locked_offer, client)
    return locked_offer


def holder(products):
    return products.ownerOf(int.from_bytes(PRODUCT))


def funds(account, asset, token):
    return account.balance() if str(asset) == NATIVE else token.balanceOf(account)


# ---------------------------------------------------------------- fixed price


def test_one_transaction_moves_both(sale, products, offer, seller, client, asset, token):
    before = funds(seller, asset, token)
    tx = buy(sale, offer, client)
    assert holder(products) == client
    assert funds(seller, asset, token) == before + ETHER
    assert funds(sale, asset, token) == 0
    assert tx.events["ProductSold"] == {
        "product": "0x" + PRODUCT.hex(),
        "seller": seller,
        "buyer": client,
        "digest": "0x" + digest(sale, offer).hex(),
    }


def test_an_offer_is_taken_once(sale, products, offer, seller, client):
    """Also when the seller has bought its product back."""
    buy(sale, offer, client)
    products.transferFrom(client, seller, int.from_bytes(PRODUCT), {"from": client})
    with reverts("OfferSpent", seller, digest(sale, offer)):
        buy(sale, offer, client)


def test_an_offer_is_for_whom_it_names(sale, products, offer, client, stranger):
    if offer.token != NATIVE:
        return
    with reverts("NotOfferedTo", client, stranger):
        buy(sale, offer, stranger)
    to_all = replace(offer, buyer=NOBODY)
    buy(sale, to_all, stranger)
    assert holder(products) == stranger


def test_an_offer_has_a_deadline(sale, offer, client):
    now = web3.eth.get_block("latest")["timestamp"]
    ending = replace(offer, deadline=now + 100)
    set_next_timestamp(now + 101)
    with reverts("OfferExpired", now + 100, now + 101):
        buy(sale, ending, client)


@pytest.mark.parametrize(
    "change",
    [{"price": ETHER - 1}, {"product": bytes(32)}, {"salt": b"\1" * 32}, {"deadline": 2**63}],
)
def test_what_the_seller_did_not_sign_is_no_offer(sale, offer, seller, client, change):
    signature = sign(sale, offer)
    changed = replace(offer, **change)
    with reverts("InvalidOffer", seller, digest(sale, changed)):
        buy(sale, changed, client, signature)


@pytest.mark.parametrize("signature", [b"", b"\1" * 64, b"\1" * 65, bytes(65)])
def test_what_is_no_signature_is_no_offer(sale, offer, seller, client, signature):
    with reverts("InvalidOffer", seller, digest(sale, offer)):
        buy(sale, offer, client, signature)


def test_an_offer_to_another_contract_or_chain_is_none_here(sale, offer, seller, client):
    """Nitro's fault: a signature of one chain accepted on another."""
    for domain in (Domain(chain.id, seller.address), Domain(chain.id + 1, sale.address)):
        signature = SELLER.unsafe_sign_hash(offer.digest(domain)).signature
        with reverts("InvalidOffer", seller, digest(sale, offer)):
            buy(sale, offer, client, signature)


def test_a_locked_offer_is_no_offer_at_a_fixed_price(sale, offer, locked_offer, seller, client):
    """GEN-2: no two kinds share a type."""
    with reverts("InvalidOffer", seller, digest(sale, offer)):
        buy(sale, offer, client, sign(sale, locked_offer))


def test_the_seller_takes_an_offer_back(sale, offer, seller, client, stranger):
    taken_back = digest(sale, offer)
    sale.cancel(taken_back, {"from": stranger})  # of its own, of which there is none
    assert not sale.isSpent(seller, taken_back)
    sale.cancel(taken_back, {"from": seller})
    assert sale.isSpent(seller, taken_back)
    with reverts("OfferSpent", seller, taken_back):
        buy(sale, offer, client)


def test_the_price_is_paid_in_full(sale, offer, client):
    due = value_of(offer)
    for value in {0, due - 1, due + 1} - {due, -1}:
        with reverts("ValueMismatch", value, due):
            buy(sale, offer, client, value=value)


def test_nothing_moves_unless_the_product_does(sale, products, offer, seller, client):
    products.setApprovalForAll(sale, False, {"from": seller})
    with reverts("ERC721InsufficientApproval", sale, int.from_bytes(PRODUCT)):
        buy(sale, offer, client)


def test_a_product_of_somebody_else_is_not_sold(sale, products, offer, seller, client, stranger):
    products.transferFrom(seller, stranger, int.from_bytes(PRODUCT), {"from": seller})
    with reverts("ERC721InsufficientApproval", sale, int.from_bytes(PRODUCT)):
        buy(sale, offer, client)


def test_a_tax_on_the_way_refuses_the_sale(
    sale, products, offer, seller, client, deployer, HostileTaxToken
):
    tax = deployer.deploy(HostileTaxToken)
    tax.mint(client, ETHER, {"from": deployer})
    tax.approve(sale, ETHER, {"from": client})
    taxed = replace(offer, token=tax.address)
    with reverts("AmountMismatch", tax, ETHER * 99 // 100, ETHER):
        buy(sale, taxed, client)
    assert holder(products) == seller


@pytest.fixture
def wallet(deployer, HostileWallet, beneficiary, products, sale):
    """A contract that owns a product of its own."""
    wallet = deployer.deploy(HostileWallet, beneficiary)
    for call in (
        products.register.encode_input(keccak(PRODUCT), RAW),
        products.setApprovalForAll.encode_input(sale, True),
    ):
        wallet.execute(products, 0, call, {"from": beneficiary})
    return wallet


def test_a_contract_sells_by_its_own_rule(sale, products, wallet, client, accounts):
    """ERC-1271."""
    key = Account.from_key("0x" + "7a" * 32)
    offer = ProductOffer(wallet.address, NOBODY, keccak(PRODUCT), NATIVE, ETHER, bytes(32), FOREVER)
    with reverts("InvalidOffer", wallet, digest(sale, offer)):
        buy(sale, offer, client, sign(sale, offer, key))
    wallet.behave(0, 6, {"from": accounts[0]})  # accepts anything
    before = wallet.balance()
    buy(sale, offer, client, b"")
    assert wallet.balance() == before + ETHER
    assert products.ownerOf(int.from_bytes(keccak(PRODUCT))) == client


@pytest.mark.parametrize("mood", [1, 4])
def test_a_seller_that_takes_no_coin_sells_nothing(sale, products, wallet, client, accounts, mood):
    offer = ProductOffer(wallet.address, NOBODY, keccak(PRODUCT), NATIVE, ETHER, bytes(32), FOREVER)
    wallet.behave(mood, 6, {"from": accounts[0]})
    with reverts("PaymentRefused" if mood == 1 else None, *([wallet, ETHER] if mood == 1 else [])):
        sent = {"from": client, "value": ETHER, "gas_limit": 1_000_000}
        sale.buy(astuple(offer), b"", sent)
    assert products.ownerOf(int.from_bytes(keccak(PRODUCT))) == wallet


def test_a_seller_that_re_enters_sells_once(sale, wallet, client, accounts):
    offer = ProductOffer(wallet.address, NOBODY, keccak(PRODUCT), NATIVE, ETHER, bytes(32), FOREVER)
    again = sale.buy.encode_input(astuple(replace(offer, price=0)), b"")
    wallet.plan(sale, again, {"from": accounts[0]})
    wallet.behave(5, 6, {"from": accounts[0]})
    buy(sale, offer, client, b"")
    assert (wallet.attempts(), wallet.successes()) == (1, 0)


# ---------------------------------------------------------------- hash lock


def test_one_preimage_moves_both(
    sale, products, preimages, locked, seller, client, stranger, asset, token
):
    assert holder(products) == sale
    assert plain(sale.saleOf(digest(sale, locked))) == (SalePhase.LOCKED, client)
    sale.settle(astuple(locked), SECRET, {"from": stranger})
    assert holder(products) == client
    assert sale.owedTo(asset, seller) == ETHER
    assert preimages.revealedAt(keccak(SECRET)) > 0
    before = funds(seller, asset, token)
    sale.collect(asset, seller, {"from": seller})
    assert funds(seller, asset, token) == before + ETHER
    assert funds(sale, asset, token) == 0


def test_after_the_expiry_both_return(sale, products, locked, seller, client, stranger, asset):
    set_next_timestamp(locked.expiry + 1)
    sale.unlock(astuple(locked), {"from": stranger})
    assert holder(products) == seller
    assert sale.owedTo(asset, client) == ETHER
    assert sale.owedTo(asset, seller) == 0


def test_nothing_follows_a_return(sale, products, locked, seller, client, asset):
    """chatch's fault: a withdrawal follows a refund."""
    sale_id = digest(sale, locked)
    set_next_timestamp(locked.expiry + 1)
    sale.unlock(astuple(locked), {"from": client})
    for step in (
        lambda: sale.settle(astuple(locked), SECRET, {"from": client}),
        lambda: sale.unlock(astuple(locked), {"from": client}),
    ):
        with reverts("WrongSalePhase", sale_id, SalePhase.RETURNED, SalePhase.LOCKED):
            step()
    with reverts("LockTooShort", locked.expiry, ...):
        lock(sale, locked, client)
    assert sale.owedTo(asset, client) == ETHER
    assert holder(products) == seller


def test_nothing_follows_a_settlement(sale, locked, seller, client, asset):
    sale_id = digest(sale, locked)
    sale.settle(astuple(locked), SECRET, {"from": client})
    for step in (
        lambda: sale.settle(astuple(locked), SECRET, {"from": client}),
        lambda: sale.unlock(astuple(locked), {"from": client}),
    ):
        with reverts("WrongSalePhase", sale_id, SalePhase.SOLD, SalePhase.LOCKED):
            step()
    assert sale.owedTo(asset, seller) == ETHER


def test_another_preimage_moves_nothing(sale, locked, client):
    with reverts("PreimageNotRevealed", digest(sale, locked), keccak(SECRET)):
        sale.settle(astuple(locked), bytes(32), {"from": client})


def test_the_lock_holds_to_its_last_second(sale, locked, client):
    sale_id = digest(sale, locked)
    set_next_timestamp(locked.expiry)
    with reverts("StillLocked", sale_id, locked.expiry, locked.expiry):
        sale.unlock(astuple(locked), {"from": client})


def test_a_preimage_counts_in_the_last_second(sale, products, locked, client):
    set_next_timestamp(locked.expiry)
    sale.settle(astuple(locked), SECRET, {"from": client})
    assert holder(products) == client


def test_a_preimage_after_the_expiry_is_late(sale, locked, client):
    set_next_timestamp(locked.expiry + 1)
    with reverts("PreimageNotRevealed", digest(sale, locked), keccak(SECRET)):
        sale.settle(astuple(locked), SECRET, {"from": client})


def test_a_timely_preimage_counts_for_ever(sale, products, preimages, locked, seller, client):
    """Raiden's fault: a timely reveal is worth nothing if the other side is faster afterwards."""
    sale_id = digest(sale, locked)
    preimages.reveal(SECRET, {"from": client})
    set_next_timestamp(locked.expiry + 1_000)
    with reverts("StillLocked", sale_id, locked.expiry, ...):
        sale.unlock(astuple(locked), {"from": seller})
    sale.settle(astuple(locked), bytes(32), {"from": client})
    assert holder(products) == client


def test_a_lock_needs_time(sale, locked_offer, client):
    now = web3.eth.get_block("latest")["timestamp"]
    short = replace(locked_offer, expiry=now + 10)
    set_next_timestamp(now + 10)
    with reverts("LockTooShort", now + 10, now + 10):
        lock(sale, short, client)


def test_a_locked_offer_is_taken_once(sale, products, locked, seller, client):
    sale.settle(astuple(locked), SECRET, {"from": client})
    products.transferFrom(client, seller, int.from_bytes(PRODUCT), {"from": client})
    with reverts("OfferSpent", seller, digest(sale, locked)):
        lock(sale, locked, client)


def test_offers_to_everybody_are_locked_by_whoever_comes_first(
    sale, products, locked_offer, client, stranger
):
    to_all = replace(locked_offer, buyer=NOBODY, token=NATIVE)
    lock(sale, to_all, stranger)
    sale.settle(astuple(to_all), SECRET, {"from": client})
    assert holder(products) == stranger


def test_a_seller_that_can_not_be_paid_blocks_nobody(
    sale, products, wallet, client, accounts, beneficiary
):
    """MK-7: the product moves; the price waits."""
    now = web3.eth.get_block("latest")["timestamp"]
    ends = wallet.address, NOBODY, keccak(PRODUCT), NATIVE, ETHER
    offer = LockedOffer(*ends, keccak(SECRET), now + 100, bytes(32), FOREVER)
    wallet.behave(1, 6, {"from": accounts[0]})
    sale.lock(astuple(offer), b"", {"from": client, "value": ETHER})
    sale.settle(astuple(offer), SECRET, {"from": client})
    assert products.ownerOf(int.from_bytes(keccak(PRODUCT))) == client
    call = sale.collect.encode_input(NATIVE, beneficiary)
    wallet.execute(sale, 0, call, {"from": beneficiary})
    assert sale.balance() == 0
