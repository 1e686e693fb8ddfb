"""A token's address is the CID of its content, as Kubo writes it. (SPEC PV-1)"""

from __future__ import annotations

from brownie.test import given, strategy

from handfast.storage.cid import Cid, Codec
from tests.chain import plain, reverts

KUBO = "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"  # of "hello world"


def test_is_the_cid_that_kubo_gives(products, client):
    digest = Cid.parse(KUBO).digest
    products.register(digest, Codec.RAW, {"from": client})
    assert products.tokenURI(int.from_bytes(digest, "big")) == f"ipfs://{KUBO}"


@given(digest=strategy("bytes32"), codec=strategy("uint8", max_value=1))
def test_is_the_cid_that_python_writes(products, client, digest, codec):
    cid = Cid((Codec.RAW, Codec.DAG_PB)[codec], bytes(digest))
    if any(cid.digest) and plain(products.productOf(cid.digest))[1] == 0:
        products.register(cid.digest, cid.codec, {"from": client})
        assert products.tokenURI(int.from_bytes(cid.digest, "big")) == f"ipfs://{cid}"


def test_reverts_when_there_is_no_such_token(products):
    with reverts("ERC721NonexistentToken", 7):
        products.tokenURI(7)


def test_is_an_erc_721_with_metadata(products):
    assert (products.name(), products.symbol()) == ("Handfast Product", "PRODUCT")
    for interface in ("0x01ffc9a7", "0x80ac58cd", "0x5b5e139f"):
        assert products.supportsInterface(interface)
