"""The document in which a seller says what it sells; its CID is in the listing. (SPEC MK-1)"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handfast.errors import InvalidInput

MAX_BYTES: Final = 64 * 1024
"""A document is one raw block, far below the size at which files are split."""


class Description(BaseModel):
    """What a listing offers, in its seller's words. Nobody vouches for it.

    file_name    what the content was called; a plain name without folders
    media_type   of the content
    """

    # What later versions add is skipped, so that today's readers go on reading.
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, hide_input_in_errors=True)

    handfast: Literal[1] = 1
    text: Annotated[str, Field(min_length=1, max_length=10_000)]
    file_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. +-]{0,99}$")]
    media_type: Annotated[str, Field(max_length=100)] = "application/octet-stream"

    def encode(self) -> bytes:
        """The document, the same bytes for the same content."""
        return self.model_dump_json().encode()

    @classmethod
    def parse(cls, document: bytes) -> Description:
        """Read a document that was fetched, and checked against its CID.

        raises   InvalidInput if it is malformed
        """
        try:
            return cls.model_validate_json(document)
        except ValidationError as fault:
            raise InvalidInput(_line(fault)) from None

    @classmethod
    def make(cls, text: str, file_name: str, media_type: str) -> Description:
        """A new document.

        raises   InvalidInput if something in it is too long, or no plain file name
        """
        try:
            return cls(text=text, file_name=file_name, media_type=media_type)
        except ValidationError as fault:
            raise InvalidInput(_line(fault)) from None


def _line(fault: ValidationError) -> str:
    first = fault.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, first["loc"])) or "document"
    return f"description, {place}: {first['msg']}"
