"""PreimageRegistry.reveal (SPEC CH-7, CH-11)."""

from __future__ import annotations

from eth_utils import keccak

from tests.chain import plain
from tests.channels import NOTHING, secret


def test_keeps_the_first_time_for_ever(preimages, stranger, chain):
    """CH-11."""
    preimage = secret("reveal")
    digest = keccak(preimage)
    assert preimages.revealedAt(digest) == 0
    tx = preimages.reveal(preimage, {"from": stranger})
    assert plain(tx.return_value) == digest
    assert preimages.revealedAt(digest) == tx.timestamp
    assert tx.events["PreimageRevealed"] == {
        "hash": "0x" + digest.hex(),
        "preimage": "0x" + preimage.hex(),
    }
    chain.sleep(100)
    again = preimages.reveal(preimage, {"from": stranger})
    assert plain(again.return_value) == digest
    assert len(again.events) == 0
    assert preimages.revealedAt(digest) == tx.timestamp < again.timestamp


def test_zero_is_a_preimage_like_any_other(preimages, stranger):
    preimages.reveal(NOTHING, {"from": stranger})
    assert preimages.revealedAt(keccak(NOTHING)) != 0
    assert preimages.revealedAt(NOTHING) == 0
