"""The document in which a participant says what it offers; its digest is on chain. (SPEC RG-3)"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)

from handfast.errors import InvalidInput
from handfast.storage.cid import Cid, Codec

MAX_BYTES: Final = 64 * 1024
"""A document is one raw block, far below the size at which files are split."""


def _from_text(value: Any, info: ValidationInfo) -> Any:
    if info.mode != "json":
        return value
    if not isinstance(value, str) or len(value) > 39 or not value.isascii() or not value.isdigit():
        raise ValueError("an amount is decimal digits in quotes")
    return int(value)


Amount = Annotated[int, Field(ge=0, lt=1 << 128), BeforeValidator(_from_text), PlainSerializer(str)]
"""Smallest units of a token: text in JSON, whose numbers lose digits on their way."""
Name = Annotated[str, Field(min_length=1, max_length=100)]


class _Document(BaseModel):
    # What later versions add is skipped, so that today's readers go on reading.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)


class Offer(_Document):
    """One service.

    modality   such as "image" or "text"
    model      which model generates
    fee        smallest units of MarketToken a round
    """

    modality: Name
    model: Name
    fee: Amount


class Metadata(_Document):
    """What a participant says about itself. Nobody vouches for it."""

    handfast: Literal[1] = 1
    name: Name
    description: Annotated[str, Field(max_length=2_000)] = ""
    offers: Annotated[tuple[Offer, ...], Field(max_length=100)] = ()

    def encode(self) -> bytes:
        """The document, the same bytes for the same content."""
        return self.model_dump_json().encode()

    @classmethod
    def parse(cls, document: bytes, digest: bytes) -> Metadata:
        """Read a document that was fetched from anywhere.

        digest   what the participant registered
        raises   InvalidInput if the document is another one, too long, or malformed
        """
        if len(document) > MAX_BYTES:
            raise InvalidInput(f"a metadata document has at most {MAX_BYTES} bytes")
        if hashlib.sha256(document).digest() != digest:
            raise InvalidInput("the metadata document is not the one that was registered")
        try:
            return cls.model_validate_json(document)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "document"
            raise InvalidInput(f"metadata, {place}: {first['msg']}") from None


def metadata_cid(digest: bytes) -> Cid:
    """Where the document with this registered digest is found."""
    return Cid(Codec.RAW, digest)
