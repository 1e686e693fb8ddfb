"""A seller's signed offer of one product, as a file that it hands to whomever it likes. (SPEC MK-8)

Signing costs nothing and moves nothing: who holds the file can take the offer until its deadline.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from handfast.crypto.ecdsa import SIGNATURE_BYTES, Signer, is_signed_by
from handfast.errors import InvalidInput
from handfast.protocol.messages import Domain, ProductOffer

MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SignedOffer:
    """An offer, and that it is its seller's."""

    offer: ProductOffer
    signature: bytes

    @staticmethod
    def sign(offer: ProductOffer, signer: Signer, domain: Domain) -> SignedOffer:
        """Make an offer of one's own."""
        return SignedOffer(offer, signer.sign(offer.digest(domain)))

    def check(self, domain: Domain) -> None:
        """Refuse what the contract would refuse; a seller that is a contract is asked by it alone.

        raises   InvalidInput if the seller's account has not signed this
        """
        if not is_signed_by(self.offer.seller, self.offer.digest(domain), self.signature):
            raise InvalidInput(f"the offer is not signed by {self.offer.seller}, or for this chain")

    def text(self) -> str:
        """The file."""
        offer = self.offer
        return json.dumps(
            {
                "seller": offer.seller,
                "buyer": offer.buyer,
                "product": "0x" + offer.product.hex(),
                "token": offer.token,
                "price": str(offer.price),
                "salt": "0x" + offer.salt.hex(),
                "deadline": offer.deadline,
                "signature": "0x" + self.signature.hex(),
            },
            indent=1,
        )

    @staticmethod
    def parse(text: str) -> SignedOffer:
        """Read a file.

        raises   InvalidInput if it is none
        """
        if len(text) > MAX_BYTES:
            raise InvalidInput(f"an offer has at most {MAX_BYTES} bytes")
        try:
            read = _File.model_validate_json(text)
        except ValidationError as fault:
            first = fault.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])) or "file"
            raise InvalidInput(f"offer, {place}: {first['msg']}") from None
        offer = ProductOffer(
            read.seller, read.buyer, read.product, read.token, read.price, read.salt, read.deadline
        )
        return SignedOffer(offer, read.signature)


def _bytes(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise ValueError("bytes are hexadecimal digits behind 0x")
    return bytes.fromhex(value[2:])


def _amount(value: Any) -> Any:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise ValueError("an amount is decimal digits in quotes")
    return int(value)


_Word = Annotated[bytes, Field(min_length=32, max_length=32), BeforeValidator(_bytes)]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    seller: str
    buyer: str
    product: _Word
    token: str
    price: Annotated[int, BeforeValidator(_amount)]
    salt: _Word
    deadline: int
    signature: Annotated[
        bytes,
        Field(min_length=SIGNATURE_BYTES, max_length=1024),
        BeforeValidator(_bytes),
    ]
