"""What stands for a receipt that the provider refuses: a payment that the chain shows. (SPEC RP-5)

A proof says what the chain has to confirm, and what a provider's signature has to; it is complete
in itself, so that anybody can check it at any later time.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from handfast.channels.rules import leaf_of, paths_of, state_of
from handfast.channels.state import NO_PRODUCT, Book, ChannelId, Lock
from handfast.crypto.ecdsa import SIGNATURE_BYTES, is_signed_by
from handfast.crypto.merkle import (
    EMPTY_ROOT,
    MAX_HEIGHT,
    WORD,
    ZEROS,
    MerkleTree,
    height,
    leaf_hash,
    root_from,
)
from handfast.errors import Rejected
from handfast.protocol.constants import Direction
from handfast.protocol.messages import Domain, Receipt, State
from handfast.reputation.encoding import Malformed

_PLEDGE = struct.Struct(">16s32sQ32sQQ16s16s16sB")
_COUNTED = struct.Struct(f">{SIGNATURE_BYTES}sQ{WORD}s")

Path = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Pledge:
    """A lock for the provider in a state: everything of the state but its products root.

    position, path   of the lock under the state's locks root
    """

    lock: Lock
    version: int
    transferred: int
    locked_by_client: int
    locked_by_provider: int
    position: int
    path: Path

    def state(self, channel: ChannelId, products_root: bytes) -> State:
        """The state that has this lock pending."""
        return State(
            channel,
            self.version,
            self.transferred,
            self.locked_by_client,
            self.locked_by_provider,
            root_from(leaf_of(self.lock), self.position, self.path),
            products_root,
        )

    def receipt(self, channel: ChannelId) -> Receipt:
        """The receipt that the provider would have signed, but for its round."""
        lock = self.lock
        return Receipt(channel, 0, lock.product, lock.amount, lock.nonce)

    def check(self) -> None:
        """Check that there is something to rate.

        raises   Rejected("product") if the lock moves money alone
        """
        if self.lock.product == NO_PRODUCT:
            raise Rejected("the lock pays for no product", "product")

    def encode(self) -> bytes:
        """`amount 16 ‖ hash 32 ‖ expiry 8 ‖ product 32 ‖ nonce 8 ‖ version 8 ‖ transferred 16 ‖
        locked by client 16 ‖ by provider 16 ‖ position 1 ‖ path`."""
        lock = self.lock
        return _PLEDGE.pack(
            lock.amount.to_bytes(16, "big"),
            lock.hash,
            lock.expiry,
            lock.product,
            lock.nonce,
            self.version,
            self.transferred.to_bytes(16, "big", signed=True),
            self.locked_by_client.to_bytes(16, "big"),
            self.locked_by_provider.to_bytes(16, "big"),
            self.position,
        ) + _encode_path(self.path)


@dataclass(frozen=True, slots=True)
class PaidLock:
    """A lock that was pending at the channel's end and paid: `ChannelHub.isPaid`."""

    pledge: Pledge
    products_root: bytes

    def state(self, channel: ChannelId) -> State:
        """The state by which the channel ended."""
        return self.pledge.state(channel, self.products_root)

    def check(self, channel: ChannelId, provider: str, hub: Domain) -> None:
        """Check all that needs no chain: that both agreed to the state is the hub's word.

        raises   Rejected with a code: product
        """
        self.pledge.check()

    def encode(self) -> bytes:
        """`pledge ‖ products root 32`."""
        return self.pledge.encode() + self.products_root

    @classmethod
    def decode(cls, data: bytes) -> PaidLock:
        """Read it, to the last byte.

        raises   Malformed if it is none
        """
        reader = _Reader(data)
        proof = cls(_read_pledge(reader), reader.take(WORD))
        reader.finish()
        return proof


@dataclass(frozen=True, slots=True)
class MovedProduct:
    """A product that was not among the products of a state with its lock pending, and is among
    those of the channel's end: `ChannelHub.productsRootOf`.

    signature        the provider's, of the state
    count            products of the state; `last`: the newest of them, zeros if there is none
    last_path        of the last one, under the state's products root
    position, path   of the lock's product under the products root of the end
    """

    pledge: Pledge
    signature: bytes
    count: int
    last: bytes
    last_path: Path
    position: int
    path: Path

    def state(self, channel: ChannelId) -> State:
        """The state that the provider signed."""
        root = EMPTY_ROOT
        if self.count:
            root = root_from(leaf_hash(self.last), self.count - 1, self.last_path)
        return self.pledge.state(channel, root)

    @property
    def final_root(self) -> bytes:
        """The products root that the channel must have ended with."""
        return root_from(leaf_hash(self.pledge.lock.product), self.position, self.path)

    def check(self, channel: ChannelId, provider: str, hub: Domain) -> None:
        """Check all that needs no chain.

        raises   Rejected with a code: product, not_moved, state_signature
        """
        self.pledge.check()
        if not self._is_counted() or self.position < self.count:
            raise Rejected("the product may have stood there before the lock", "not_moved")
        if not is_signed_by(provider, self.state(channel).digest(hub), self.signature):
            raise Rejected("the provider did not sign this state", "state_signature")

    def _is_counted(self) -> bool:
        """Whether the path shows that nothing stands behind the last product."""
        if self.count == 0:
            return not any(self.last) and not self.last_path
        place = self.count - 1
        return len(self.last_path) == height(self.count) and all(
            place >> level & 1 or sibling == ZEROS[level]
            for level, sibling in enumerate(self.last_path)
        )

    def encode(self) -> bytes:
        """`pledge ‖ signature 65 ‖ count 8 ‖ last 32 ‖ its path ‖ position 8 ‖ path`."""
        return b"".join(
            (
                self.pledge.encode(),
                _COUNTED.pack(self.signature, self.count, self.last),
                _encode_path(self.last_path),
                self.position.to_bytes(8, "big"),
                _encode_path(self.path),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> MovedProduct:
        """Read it, to the last byte.

        raises   Malformed if it is none
        """
        reader = _Reader(data)
        pledge = _read_pledge(reader)
        signature, count, last = _COUNTED.unpack(reader.take(_COUNTED.size))
        last_path = reader.path()
        if count > 1 << len(last_path):
            raise Malformed("the path is too short for its position")
        position, path = int.from_bytes(reader.take(8), "big"), reader.path()
        _require_place(position, path)
        reader.finish()
        return cls(pledge, signature, count, last, last_path, position, path)


Payment = PaidLock | MovedProduct

# ---------------------------------------------------------------- proving


class Signed(NamedTuple):
    """A book, and the provider's signature of its state."""

    book: Book
    signature: bytes


def prove_payment(
    agreed: Signed, ended: Book, nonce: int, products: Sequence[bytes]
) -> Payment | None:
    """What proves the payment of a lock in a channel that has ended; None if nothing does.

    agreed     newest book that both signed
    ended      by which the channel ended
    products   whose ownership moved, in the order of settlement
    """
    pledge = _pledge(ended, nonce)
    if pledge is not None:
        return PaidLock(pledge, ended.products.root)
    pledge = _pledge(agreed.book, nonce)
    if pledge is None or len(agreed.signature) != SIGNATURE_BYTES:
        return None
    count = agreed.book.products.count
    before = MerkleTree(map(leaf_hash, products[:count]))
    after = MerkleTree(map(leaf_hash, products[: ended.products.count]))
    moved = products[count : ended.products.count]
    if pledge.lock.product not in moved or after.root != ended.products.root:
        return None
    position = count + moved.index(pledge.lock.product)
    return MovedProduct(
        pledge,
        agreed.signature,
        count,
        products[count - 1] if count else bytes(WORD),
        before.path(count - 1) if count else (),
        position,
        after.path(position),
    )


def _pledge(book: Book, nonce: int) -> Pledge | None:
    for position, lock in enumerate(book.locks):
        if lock.nonce == nonce and lock.direction is Direction.TO_PROVIDER:
            state = state_of(book)
            return Pledge(
                lock,
                state.version,
                state.transferred,
                state.locked_by_client,
                state.locked_by_provider,
                position,
                paths_of(book)[position],
            )
    return None


# ---------------------------------------------------------------- bytes


class _Reader:
    """Takes bytes from the front.

    raises   Malformed where there are too few
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise Malformed("a proof of payment is cut short")
        return self._data[start : self._at]

    def path(self) -> Path:
        (siblings,) = self.take(1)
        if siblings > MAX_HEIGHT:
            raise Malformed(f"a path has at most {MAX_HEIGHT} siblings")
        return tuple(self.take(WORD) for _ in range(siblings))

    def finish(self) -> None:
        if self._at != len(self._data):
            raise Malformed("a proof of payment is too long")


def _encode_path(path: Path) -> bytes:
    return bytes((len(path),)) + b"".join(path)


def _require_place(position: int, path: Path) -> None:
    if position >= 1 << len(path):
        raise Malformed("the path is too short for its position")


def _read_pledge(reader: _Reader) -> Pledge:
    amount, hash_, expiry, product, nonce, version, moved, by_client, by_provider, position = (
        _PLEDGE.unpack(reader.take(_PLEDGE.size))
    )
    path = reader.path()
    _require_place(position, path)
    lock = Lock(Direction.TO_PROVIDER, int.from_bytes(amount, "big"), hash_, expiry, product, nonce)
    return Pledge(
        lock,
        version,
        int.from_bytes(moved, "big", signed=True),
        int.from_bytes(by_client, "big"),
        int.from_bytes(by_provider, "big"),
        position,
        path,
    )
