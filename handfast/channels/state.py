"""What the two ends of a channel agree on: its parameters, locks, operations, and the book they
lead to. (SPEC CH-1 to CH-10)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, NewType

from handfast.codec import Bytes32, Int128, Size, Uint64, Uint128
from handfast.crypto.merkle import Frontier
from handfast.errors import InvalidInput
from handfast.protocol.constants import MAX_LOCKS, Direction
from handfast.protocol.messages import is_address

ChannelId = NewType("ChannelId", bytes)
"""keccak256 of the channel's parameters."""

Address = Annotated[str, Size(42, 42)]
"""0x and 40 hexadecimal digits; two spellings of one address compare by `same_account`."""

NATIVE = "0x" + 40 * "0"
"""The token that stands for the native coin."""

NO_PRODUCT = bytes(32)
"""The product of a lock that moves money alone."""

MAX_OPERATIONS = 2 * MAX_LOCKS + 1
"""An update can resolve every pending lock, fill the state again, and pay."""


def same_account(left: str, right: str) -> bool:
    """Whether two spellings mean one address."""
    return left.lower() == right.lower()


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a channel is, fixed for ever: `ChannelParameters` of the hub.

    token              address; NATIVE for the native coin
    challenge_period   seconds
    salt               tells channels apart that are otherwise alike
    """

    client: Address
    provider: Address
    token: Address
    challenge_period: Uint64
    salt: Bytes32

    def __post_init__(self) -> None:
        for name in ("client", "provider", "token"):
            if not is_address(getattr(self, name)):
                raise InvalidInput(f"{name} must be an address, got {getattr(self, name)!r}")
        if same_account(self.client, self.provider) or NATIVE in (self.client, self.provider):
            raise InvalidInput("the parties of a channel are two different accounts, none zero")


@dataclass(frozen=True, slots=True)
class Lock:
    """A payment that waits for a preimage.

    amount    smallest units of the token
    hash      keccak256 of the 32-byte preimage
    expiry    last second, absolute, at which revealing the preimage makes the lock pay
    product   digest of the product whose ownership moves with it; NO_PRODUCT for none
    nonce     counts a channel's locks from 1; also the number of the round that the lock pays
    """

    direction: Direction
    amount: Uint128
    hash: Bytes32
    expiry: Uint64
    product: Bytes32
    nonce: Uint64


@dataclass(frozen=True, slots=True)
class AddLock:
    """Lock an amount; the nonce is the channel's next."""

    direction: Direction
    amount: Uint128
    hash: Bytes32
    expiry: Uint64
    product: Bytes32


@dataclass(frozen=True, slots=True)
class SettleLock:
    """Pay a lock off chain, and move its product."""

    nonce: Uint64
    preimage: Bytes32


@dataclass(frozen=True, slots=True)
class FailLock:
    """Roll a lock back off chain."""

    nonce: Uint64


@dataclass(frozen=True, slots=True)
class Pay:
    """Move an amount from client to provider, unconditionally."""

    amount: Uint128


Operation = AddLock | SettleLock | FailLock | Pay
Operations = Annotated[tuple[Operation, ...], Size(0, MAX_OPERATIONS)]


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that a signed state stands for.

    transferred   what has moved from client to provider, net
    locks         pending, in the order they were added
    last_nonce    of the locks added so far
    products      tree of the products whose ownership moved, in the order of settlement
    """

    channel: ChannelId
    version: Uint64 = 0
    transferred: Int128 = 0
    locks: Annotated[tuple[Lock, ...], Size(0, MAX_LOCKS)] = ()
    last_nonce: Uint64 = 0
    products: Frontier = field(default_factory=Frontier)

    def locked(self, direction: Direction) -> int:
        """Sum of the pending amounts in a direction."""
        return sum(lock.amount for lock in self.locks if lock.direction is direction)

    @property
    def locked_by_client(self) -> int:
        """What the client pays if every lock does."""
        return self.locked(Direction.TO_PROVIDER)

    @property
    def locked_by_provider(self) -> int:
        """What the provider pays if every lock does."""
        return self.locked(Direction.TO_CLIENT)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the hub holds in a channel: all that was ever deposited and withdrawn, by party."""

    client_deposit: Uint128 = 0
    provider_deposit: Uint128 = 0
    client_withdrawn: Uint128 = 0
    provider_withdrawn: Uint128 = 0

    @property
    def held(self) -> int:
        """What the channel holds in all."""
        deposits = self.client_deposit + self.provider_deposit
        return deposits - self.client_withdrawn - self.provider_withdrawn

    def client_balance(self, book: Book) -> int:
        """The client's money in the channel, locked amounts included. (SPEC CH-5)"""
        return self.client_deposit - self.client_withdrawn - book.transferred

    def provider_balance(self, book: Book) -> int:
        """The provider's money in the channel, locked amounts included. (SPEC CH-5)"""
        return self.provider_deposit - self.provider_withdrawn + book.transferred
