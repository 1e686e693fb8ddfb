"""The client of an ended channel claims what it bought, once. (SPEC PV-4 to PV-6, PV-I2)"""

from __future__ import annotations

import pytest

from handfast.crypto.keccak import keccak
from handfast.protocol.constants import ProductOrigin
from tests.chain import plain, reverts
from tests.channels import Channel
from tests.contracts.provenance.conftest import (
    CHALLENGE_PERIOD,
    DAG_PB,
    RAW,
    product,
    sold,
)

ZERO = "0x" + "00" * 20
ONE, TWO, THREE = (product(name) for name in ("one", "two", "three"))


def token(index):
    return int.from_bytes(index, "big")


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_gives_the_client_the_providers_work(products, claim, client, provider, name):
    transaction = claim(name, client, DAG_PB)
    assert plain(products.productOf(product(name))) == (
        provider.address,
        transaction.block_number,
        transaction.block_number + CHALLENGE_PERIOD,
        DAG_PB,
        ProductOrigin.CLAIMED,
        client.address,
    )


def test_tells_what_happened(claim, closed, client):
    events = claim("two", client).events
    assert plain(events["ProductClaimed"].values()) == (TWO, closed.id)
    assert plain(events["Transfer"].values()) == (ZERO, client.address, token(TWO))


def test_each_product_is_claimed_on_its_own(products, claim, client):
    for name in ("three", "one", "two"):
        claim(name, client)
    assert products.balanceOf(client) == 3


def test_takes_over_what_the_provider_registered_first(products, claim, client, provider, closed):
    before = plain(products.productOf(TWO))
    products.register(TWO, DAG_PB, {"from": provider})
    registered = plain(products.productOf(TWO))
    transaction = claim("two", client, RAW)
    assert before[0] == ZERO
    assert plain(products.productOf(TWO)) == (
        *registered[:4],
        ProductOrigin.CLAIMED,
        client.address,
    )
    claimed, moved = (transaction.events[name] for name in ("ProductClaimed", "Transfer"))
    assert plain(claimed.values()) == (TWO, closed.id)
    assert plain(moved.values()) == (provider.address, client.address, token(TWO))


def test_takes_over_what_was_made_by_another_and_bought_by_the_provider(
    products, claim, client, provider, stranger
):
    products.register(TWO, RAW, {"from": stranger})
    products.transferFrom(stranger, provider, token(TWO), {"from": stranger})
    claim("two", client)
    creator, *_, holder = plain(products.productOf(TWO))
    assert (creator, holder) == (stranger.address, client.address)


def test_reverts_when_the_product_is_with_somebody_else(
    products, claim, client, provider, stranger
):
    """First come, first served. (PV-8)"""
    products.register(ONE, RAW, {"from": stranger})
    with reverts("ProductAlreadyRegistered", ONE, stranger):
        claim("one", client)
    products.register(TWO, RAW, {"from": provider})
    products.transferFrom(provider, stranger, token(TWO), {"from": provider})
    with reverts("ProductAlreadyRegistered", TWO, stranger):
        claim("two", client)


def test_reverts_when_it_was_claimed_even_if_it_went_back(products, claim, client, provider):
    claim("one", client)
    with reverts("ProductAlreadyRegistered", ONE, client):
        claim("one", client)
    products.transferFrom(client, provider, token(ONE), {"from": client})
    with reverts("ProductAlreadyRegistered", ONE, provider):
        claim("one", client)
    products.register(TWO, RAW, {"from": provider})
    claim("two", client)
    products.transferFrom(client, provider, token(TWO), {"from": client})
    with reverts("ProductAlreadyRegistered", TWO, provider):
        claim("two", client)


def test_reverts_when_another_channel_sold_it_again(
    products, claim, hub, client, provider, stranger
):
    claim("one", client)
    second = Channel(hub, stranger, provider)
    second.open()
    second.close(0, provider, sold("one").root)
    with reverts("ProductAlreadyRegistered", ONE, client):
        products.claim(second.parameters, ONE, RAW, 0, [], {"from": stranger})


def test_reverts_when_sender_is_not_the_client(claim, closed, provider, stranger):
    for sender in (provider, stranger):
        with reverts("NotClient", closed.id, sender):
            claim("one", sender)


def test_reverts_while_the_channel_is_open(products, channel, client):
    with reverts("NoProductsSold", channel.id):
        products.claim(channel.parameters, ONE, RAW, 0, [], {"from": client})


def test_reverts_when_the_channel_is_unknown(products, hub, client, provider):
    unknown = Channel(hub, client, provider)
    with reverts("NoProductsSold", unknown.id):
        products.claim(unknown.parameters, ONE, RAW, 0, [], {"from": client})


def test_reverts_while_a_state_can_be_replaced_and_not_once_it_stands(products, channel, client):
    state = channel.state(1, products_root=sold("one").root)
    channel.register(state, client)
    with reverts("NoProductsSold", channel.id):
        products.claim(channel.parameters, ONE, RAW, 0, [], {"from": client})
    channel.end_period()
    channel.settle(state, client)
    products.claim(channel.parameters, ONE, RAW, 0, [], {"from": client})
    assert plain(products.productOf(ONE))[5] == client.address


def test_reverts_when_the_proof_is_wrong(products, closed, client):
    path = sold("one", "two", "three").path(0)
    wrong = (
        (product("four"), 0, path),
        (ONE, 1, path),
        (ONE, 0, path[:1]),
        (ONE, 0, [*path, bytes(32)]),
        (ONE, 4, path),
        (ONE, 2**255, path),
    )
    for index, position, siblings in wrong:
        with reverts("InvalidProductProof", closed.id, index):
            call = (closed.parameters, index, RAW, position, siblings)
            products.claim(*call, {"from": client})


def test_reverts_when_an_inner_node_is_shown_for_a_product(products, closed, client):
    tree = sold("one", "two", "three")
    node = tree.path(2)[1]
    with reverts("InvalidProductProof", closed.id, node):
        products.claim(closed.parameters, node, RAW, 0, [tree.path(0)[1]], {"from": client})


def test_reverts_when_the_parameters_are_of_another_channel(products, closed, client, stranger):
    """The provider of a channel is what its id says, so nobody else can be made the creator."""
    forged = (closed.parameters[0], stranger.address, *closed.parameters[2:])
    with reverts("NoProductsSold", ...):
        products.claim(forged, ONE, RAW, 0, [], {"from": client})


def test_reverts_when_the_codec_is_unknown(claim, client):
    with reverts("UnknownCodec", 0x71):
        claim("one", client, 0x71)


def test_words_that_are_no_addresses_name_no_channel(products, closed, client, claim):
    """CH-1: the id is of the words as they came."""
    place = ONE, RAW, 0, sold("one", "two", "three").path(0)
    data = bytes.fromhex(products.claim.encode_input(closed.parameters, *place)[2:])
    for field in (0, 1, 2, 3):  # client, provider, token, challenge period
        soiled = bytearray(data)
        soiled[4 + 32 * field] = 1
        channel = keccak(bytes(soiled[4 : 4 + 160]))
        with reverts("NoProductsSold", channel):
            client.transfer(products, data="0x" + soiled.hex())
    claim("one", client)
