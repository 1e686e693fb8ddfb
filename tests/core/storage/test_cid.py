"""CIDs: one canonical text for each, and nothing but sha2-256 over raw or dag-pb."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.errors import InvalidInput
from handfast.storage.cid import Block, Cid, Codec

DIGEST = hashlib.sha256(b"block").digest()
TEXT = str(Cid(Codec.RAW, DIGEST))
cids = st.builds(Cid, st.sampled_from(Codec), st.binary(min_size=32, max_size=32))


def text_of(data: bytes) -> str:
    return "b" + base64.b32encode(data).decode().rstrip("=").lower()


@given(cids)
def test_text_and_bytes_lead_back_to_the_cid(cid: Cid) -> None:
    """ST-5"""
    assert Cid.parse(str(cid)) == cid
    assert Cid.from_bytes(bytes(cid)) == cid


def test_a_cid_is_codec_and_digest_of_the_block() -> None:
    """ST-5"""
    block = Block.of(Codec.DAG_PB, b"block")
    assert (block.cid.codec, block.cid.digest) == (0x70, DIGEST)
    assert bytes(block.cid) == b"\x01\x70\x12\x20" + DIGEST


def test_a_bare_multihash_in_a_link_means_dag_pb() -> None:
    """ST-5"""
    assert Cid.from_bytes(b"\x12\x20" + DIGEST) == Cid(Codec.DAG_PB, DIGEST)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "not a CID"),
        ("b", "not a CID"),
        (TEXT.upper(), "not a CID"),
        (TEXT + "=", "not a CID"),
        (" " + TEXT, "not a CID"),
        (TEXT + "\n", "not a CID"),
        (TEXT.replace("b", "z", 1), "not a CID"),
        ("b1", "not a CID"),
        ("baa", "version 1"),
        (TEXT[:-1], "padding"),
        (TEXT + "a", "padding"),
        (TEXT[:-1] + chr(ord(TEXT[-1]) + 1), "spare bits"),
        ("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG", "version 0"),
        (text_of(b"\x01\x55\x00\x05hello"), "identity"),
        (text_of(b"\x01\x55\x13\x40" + bytes(64)), "sha2-512"),
        (text_of(b"\x01\x55\xb2\x20" + DIGEST), "0xb2"),
        (text_of(b"\x01\x71\x12\x20" + DIGEST), "codec 0x71"),
        (text_of(b"\x02\x55\x12\x20" + DIGEST), "version 1"),
        (text_of(b"\x01\x55\x12\x1f" + DIGEST[:31]), "bytes"),
        (text_of(b"\x01\x55\x12\x20" + DIGEST + b"\0"), "bytes"),
        (text_of(b"\x01\xd5\x00\x12\x20" + DIGEST), "codec"),
        (text_of(b"\x12\x20" + DIGEST), "canonical"),
    ],
)
def test_any_other_text_is_refused(text: str, fact: str) -> None:
    """ST-5"""
    with pytest.raises(InvalidInput, match=fact):
        Cid.parse(text)


@given(st.text() | st.binary().map(text_of))
def test_what_is_accepted_is_canonical(text: str) -> None:
    """ST-5"""
    try:
        cid = Cid.parse(text)
    except InvalidInput:
        return
    assert str(cid) == text


def test_a_digest_has_32_bytes() -> None:
    with pytest.raises(InvalidInput, match="32"):
        Cid(Codec.RAW, DIGEST[:31])
