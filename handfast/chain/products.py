"""ProductRegistry, called from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handfast.chain.channels import ChannelHub
from handfast.chain.client import Call, Contract
from handfast.channels.state import Book, Parameters
from handfast.protocol.constants import ProductOrigin


@dataclass(frozen=True, slots=True)
class Product:
    """What the registry knows about a product.

    registration_block     0 if it is not registered
    challenge_expiration   block until which a challenge needs no deposit
    """

    creator: str
    registration_block: int
    challenge_expiration: int
    codec: int
    origin: ProductOrigin
    holder: str

    @classmethod
    def decode(cls, struct: Sequence[Any]) -> Product:
        """Read the registry's struct, its fields in order."""
        creator, registered, expiration, codec, origin, holder = struct
        return cls(creator, registered, expiration, codec, ProductOrigin(origin), holder)


class ProductRegistry(Contract):
    """One token, one product. (SPEC PV)"""

    async def product(self, product: bytes) -> Product:
        """What is registered under a product index."""
        return Product.decode(await self._read("productOf", product))

    async def balance_of(self, account: str) -> int:
        """How many products an account holds."""
        return int(await self._read("balanceOf", account))

    def register(self, product: bytes, codec: int) -> Call:
        """Register a product of the sender's own."""
        return self._call("register", product, codec)

    def approve(self, spender: str, product: bytes) -> Call:
        """Let another account move one of the sender's products."""
        return self._call("approve", spender, int.from_bytes(product, "big"))

    def claim(
        self,
        parameters: Parameters,
        product: bytes,
        codec: int,
        position: int,
        path: Sequence[bytes],
    ) -> Call:
        """Claim a product that was sold in a closed channel, as its client."""
        words = ChannelHub.parameters(parameters)
        return self._call("claim", words, product, codec, position, tuple(path))

    def claim_paid(self, parameters: Parameters, book: Book, position: int, codec: int) -> Call:
        """Claim a product whose lock was pending when the channel ended, and paid, as its client.

        book       by which the channel was settled
        position   of the lock in it
        """
        words = ChannelHub.parameters(parameters)
        state, lock, path = ChannelHub.pending(book, position)
        return self._call("claimPaid", words, state, lock, codec, position, path)
