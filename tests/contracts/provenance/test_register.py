"""Whoever registers a product first is its creator and owns it. (SPEC PV-2, PV-3, PV-5, PV-I1)"""

from __future__ import annotations

import pytest

from handfast.protocol.constants import ProductOrigin
from tests.chain import plain, reverts
from tests.contracts.provenance.conftest import CHALLENGE_PERIOD, DAG_PB, RAW, product

ZERO = "0x" + "00" * 20
ONE = product("one")


@pytest.mark.parametrize("codec", [RAW, DAG_PB])
def test_records_the_product_and_mints_its_token(products, provider, codec):
    transaction = products.register(ONE, codec, {"from": provider})
    assert plain(products.productOf(ONE)) == (
        provider.address,
        transaction.block_number,
        transaction.block_number + CHALLENGE_PERIOD,
        codec,
        ProductOrigin.REGISTERED,
        provider.address,
    )
    assert products.ownerOf(int.from_bytes(ONE, "big")) == provider
    assert products.balanceOf(provider) == 1


def test_tells_what_happened(products, provider):
    transaction = products.register(ONE, RAW, {"from": provider})
    until = transaction.block_number + CHALLENGE_PERIOD
    registered, minted = (transaction.events[name] for name in ("ProductRegistered", "Transfer"))
    assert plain(registered.values()) == (ONE, provider.address, RAW, until)
    assert plain(minted.values()) == (ZERO, provider.address, int.from_bytes(ONE, "big"))


def test_registers_for_contracts_that_do_not_know_tokens(products, accounts, hub):
    """No receiver is called, so none can refuse. (PV-7)"""
    contract = accounts.at(hub.address, force=True)
    products.register(ONE, RAW, {"from": contract})
    assert plain(products.productOf(ONE))[5] == contract.address


def test_reverts_when_the_product_is_registered(products, provider, stranger):
    products.register(ONE, RAW, {"from": provider})
    for again, codec in ((provider, RAW), (stranger, DAG_PB)):
        with reverts("ProductAlreadyRegistered", ONE, provider):
            products.register(ONE, codec, {"from": again})


def test_names_who_holds_it_now(products, provider, stranger, beneficiary):
    products.register(ONE, RAW, {"from": provider})
    token = int.from_bytes(ONE, "big")
    products.transferFrom(provider, beneficiary, token, {"from": provider})
    with reverts("ProductAlreadyRegistered", ONE, beneficiary):
        products.register(ONE, RAW, {"from": stranger})
    assert plain(products.productOf(ONE))[0] == provider.address


def test_reverts_when_the_codec_is_unknown(products, provider):
    with reverts("UnknownCodec", 0x71):
        products.register(ONE, 0x71, {"from": provider})


def test_reverts_when_it_is_no_product(products, provider):
    with reverts("InvalidProduct", bytes(32)):
        products.register(bytes(32), RAW, {"from": provider})


def test_there_is_nothing_to_know_of_an_unknown_product(products):
    assert plain(products.productOf(ONE)) == (ZERO, 0, 0, 0, ProductOrigin.ABSENT, ZERO)
