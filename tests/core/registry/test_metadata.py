"""Metadata documents are bound to their digest and strict about what they mean. (SPEC RG-3)"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from handfast.errors import InvalidInput
from handfast.registry.metadata import MAX_BYTES, Metadata, Offer, metadata_cid
from handfast.storage.cid import Cid, Codec

OFFER = {"modality": "image", "model": "digits", "fee": "1000000000000"}
names = st.text(min_size=1, max_size=100)
offers = st.builds(Offer, modality=names, model=names, fee=st.integers(0, 2**128 - 1))


def digest_of(document: bytes) -> bytes:
    return hashlib.sha256(document).digest()


def parse(content: Any) -> Metadata:
    document = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Metadata.parse(document, digest_of(document))


@given(
    st.builds(
        Metadata,
        name=names,
        description=st.text(max_size=200),
        offers=st.lists(offers, max_size=3).map(tuple),
    )
)
def test_survives_its_encoding(metadata: Metadata) -> None:
    document = metadata.encode()
    assert Metadata.parse(document, digest_of(document)) == metadata
    assert metadata.encode() == document


def test_reads_amounts_from_text_and_writes_them_as_text() -> None:
    metadata = parse({"handfast": 1, "name": "a provider", "offers": [OFFER]})
    assert metadata.offers == (Offer(modality="image", model="digits", fee=10**12),)
    assert json.loads(metadata.encode())["offers"] == [OFFER]


def test_skips_what_it_does_not_know() -> None:
    assert parse({"name": "a", "later": True}) == Metadata(name="a")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"", "document"),
        (b"[]", "document"),
        (b'{"name": "a"', "document"),
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"handfast": 2, "name": "a"}, "handfast"),
        ({"name": "a", "description": "x" * 2_001}, "description"),
        ({"name": "a", "offers": {}}, "offers"),
        ({"name": "a", "offers": [OFFER] * 101}, "offers"),
        ({"name": "a", "offers": [OFFER | {"fee": 10**12}]}, "offers.0.fee"),
        ({"name": "a", "offers": [OFFER | {"fee": "-1"}]}, "offers.0.fee"),
        ({"name": "a", "offers": [OFFER | {"fee": "1e12"}]}, "offers.0.fee"),
        ({"name": "a", "offers": [OFFER | {"fee": "²"}]}, "offers.0.fee"),
        ({"name": "a", "offers": [OFFER | {"fee": "9" * 39}]}, "offers.0.fee"),
        ({"name": "a", "offers": [OFFER | {"fee": "9" * 5_000}]}, "offers.0.fee"),
    ],
)
def test_names_the_place_of_a_fault(content: Any, place: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^metadata, {place}: "):
        parse(content)


def test_refuses_another_document() -> None:
    document = Metadata(name="a").encode()
    with pytest.raises(InvalidInput, match="not the one that was registered"):
        Metadata.parse(document, digest_of(document + b" "))


def test_refuses_a_long_document_before_reading_it() -> None:
    document = b" " * (MAX_BYTES + 1)
    with pytest.raises(InvalidInput, match="at most 65536 bytes"):
        Metadata.parse(document, digest_of(document))


def test_the_address_is_the_digest_as_a_raw_block() -> None:
    document = Metadata(name="a").encode()
    assert metadata_cid(digest_of(document)) == Cid.of(Codec.RAW, document)


def test_refuses_an_amount_that_no_token_has() -> None:
    with pytest.raises(ValidationError):
        Offer(modality="image", model="digits", fee=-1)
