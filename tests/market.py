"""One sale of the market, played by its two parties step by step, honest unless told otherwise."""

from __future__ import annotations

import random
from typing import Any

from brownie import chain
from eth_abi import encode
from py_arkworks_bls12381 import G1Point, Scalar

from handfast.crypto.keccak import keccak
from handfast.protocol.messages import Domain, PurchaseKey
from tests.sealing import MaskedKeyWords, Package, SharedPointWords, masked, shown

NATIVE = "0x" + "00" * 20
ETHER = 10**18
DESCRIPTION = bytes(range(32))

DELIVERY_PERIOD = 1_000
CHALLENGE_PERIOD = 2_000
SEATS = 5
PANEL = (SEATS, 200, 300, 400)
SETTINGS = (DELIVERY_PERIOD, CHALLENGE_PERIOD, PANEL)

SEALED = "(bytes32,bytes32,bytes32,bytes32,uint8,uint64)"
LISTING = f"(address,address,{SEALED},bytes32)"
PURCHASE = "(bytes32,address,address,address,uint256,bytes32,uint64)"

EPHEMERAL = 31_415_926
"""Secret of the sellers' ephemeral point."""


def package_of(size: int = 10_000, seed: int = 1) -> Package:
    source = random.Random(seed)
    return Package.seal(source.randbytes(size), source.randbytes(32))


class Deal:
    """A listing, and one buyer's purchase of it.

    secret   the buyer's decryption secret, registered
    """

    def __init__(
        self,
        market: Any,
        seller: Any,
        buyer: Any,
        secret: int,
        token: Any = NATIVE,
        price: int = ETHER,
        package: Package | None = None,
        salt: int = 0,
    ) -> None:
        self.market, self.seller, self.buyer = market, seller, buyer
        self.secret, self.token, self.price, self.salt = secret, token, price, salt
        self.package = package or package_of()

    # ---------------------------------------------------------------- what the chain is told

    @property
    def listing(self) -> Any:
        return (self.seller.address, str(self.token), self.package.words(), DESCRIPTION)

    @property
    def listing_id(self) -> bytes:
        return keccak(encode([LISTING], [self.listing]))

    @property
    def receiver(self) -> G1Point:
        return G1Point() * Scalar(self.secret)

    @property
    def terms(self) -> Any:
        parties = self.seller.address, self.buyer.address, str(self.token)
        receiver = keccak(self.receiver.to_compressed_bytes())
        return (self.listing_id, *parties, self.price, receiver, self.salt)

    @property
    def id(self) -> bytes:
        return keccak(encode([PURCHASE], [self.terms]))

    @property
    def context(self) -> bytes:
        return PurchaseKey(self.id).digest(Domain(chain.id, self.market.address))

    def masked(self, key: bytes | None = None, context: bytes | None = None) -> MaskedKeyWords:
        return masked(context or self.context, key or self.package.key, self.receiver, EPHEMERAL)

    def shown(self, context: bytes | None = None) -> SharedPointWords:
        return shown(context or self.context, self.secret, G1Point() * Scalar(EPHEMERAL))

    # ---------------------------------------------------------------- steps

    def publish(self, price: int | None = None) -> Any:
        price = self.price if price is None else price
        return self.market.publish(self.listing, price, {"from": self.seller})

    def buy(self, price: int | None = None, value: int | None = None) -> Any:
        price = self.price if price is None else price
        if value is None:
            value = price if str(self.token) == NATIVE else 0
        who = {"from": self.buyer, "value": value}
        return self.market.buy(self.listing_id, price, self.salt, who)

    def deliver(self, key: MaskedKeyWords | None = None) -> Any:
        return self.market.deliver(self.terms, key or self.masked(), {"from": self.seller})

    def refund(self, by: Any) -> Any:
        return self.market.refund(self.terms, {"from": by})

    def finalise(self, by: Any) -> Any:
        return self.market.finalise(self.terms, {"from": by})

    def claim_wrong_key(
        self, key: MaskedKeyWords | None = None, point: SharedPointWords | None = None
    ) -> Any:
        proof = self.listing, self.terms, key or self.masked(), point or self.shown()
        return self.market.claimWrongKey(*proof, {"from": self.buyer})

    def claim_wrong_chunk(self, position: int, key: MaskedKeyWords | None = None) -> Any:
        proof = self.listing, self.terms, key or self.masked(), self.shown()
        chunk = self.package.proof(position)
        return self.market.claimWrongChunk(*proof, chunk, {"from": self.buyer})

    def dispute(self) -> Any:
        return self.market.dispute(self.terms, {"from": self.buyer})

    def resolve(self, by: Any) -> Any:
        return self.market.resolve(self.terms, {"from": by})

    def rate(self, rating: int) -> Any:
        return self.market.rate(self.terms, rating, {"from": self.buyer})

    # ---------------------------------------------------------------- where it stands

    @property
    def phase(self) -> int:
        return int(self.market.purchaseOf(self.id)[0])

    @property
    def deadline(self) -> int:
        return int(self.market.purchaseOf(self.id)[1])

    def owed(self, account: Any) -> int:
        return int(self.market.owedTo(self.token, account))
