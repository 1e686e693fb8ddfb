"""What a channel's operations do to its book, and what its end means in money; identical to
ChannelRules.sol where the contract decides. (SPEC CH-1 to CH-17)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    Book,
    ChannelId,
    FailLock,
    Holdings,
    Lock,
    Operation,
    Parameters,
    Pay,
    SettleLock,
)
from handfast.crypto.keccak import keccak
from handfast.crypto.merkle import MerkleTree, leaf_hash, root_of
from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    FEE_UNIT,
    MAX_FEE_UNITS,
    MAX_LOCKS_PER_DIRECTION,
    Direction,
    LockOutcome,
)
from handfast.protocol.messages import CooperativeClose, State


class InvalidOperation(InvalidInput):
    """An operation that does not apply to the book.

    index   which one, from 0
    """

    def __init__(self, index: int, fact: str) -> None:
        super().__init__(f"operation {index}: {fact}")
        self.index = index


# ---------------------------------------------------------------- identity


def _address_word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def _word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def id_of(parameters: Parameters) -> ChannelId:
    """The id of the channel with these parameters. (SPEC CH-1)"""
    return ChannelId(
        keccak(
            _address_word(parameters.client)
            + _address_word(parameters.provider)
            + _address_word(parameters.token)
            + _word(parameters.challenge_period)
            + parameters.salt
        )
    )


def leaf_of(lock: Lock) -> bytes:
    """The leaf of a lock in the tree of pending locks. (SPEC CH-7)"""
    return leaf_hash(
        _word(lock.direction)
        + _word(lock.amount)
        + lock.hash
        + _word(lock.expiry)
        + lock.product
        + _word(lock.nonce)
    )


def locks_root(book: Book) -> bytes:
    """Root of the pending locks. (SPEC CH-7)"""
    return root_of(leaf_of(lock) for lock in book.locks)


def paths_of(book: Book) -> tuple[tuple[bytes, ...], ...]:
    """The path of every pending lock, in their order."""
    tree = MerkleTree(leaf_of(lock) for lock in book.locks)
    return tuple(tree.path(position) for position in range(len(book.locks)))


def state_of(book: Book) -> State:
    """The state that both parties sign for this book."""
    return State(
        channel=book.channel,
        version=book.version,
        transferred=book.transferred,
        locked_by_client=book.locked_by_client,
        locked_by_provider=book.locked_by_provider,
        locks_root=locks_root(book),
        products_root=book.products.root,
    )


def close_of(book: Book, deadline: int) -> CooperativeClose:
    """The cooperative close that means the same as this book, which has no lock pending."""
    return CooperativeClose(book.channel, book.transferred, book.products.root, deadline)


# ---------------------------------------------------------------- operations


@dataclass(frozen=True, slots=True)
class Applied:
    """What operations led to.

    added     locks, in the order of the operations; likewise the others
    settled   locks with the preimage that paid them
    paid      sum of the unconditional payments
    """

    book: Book
    added: tuple[Lock, ...]
    settled: tuple[tuple[Lock, bytes], ...]
    failed: tuple[Lock, ...]
    paid: int


def apply(book: Book, operations: tuple[Operation, ...], version: int) -> Applied:
    """Apply operations to a book, under a new version.

    Says what they do, not whether a party should agree: amounts may be uncovered afterwards (see
    `shortfall`) and too many locks pending (see `is_full`).

    raises   InvalidOperation if one names a lock that was not pending before, or a wrong preimage
    """
    locks = {lock.nonce: lock for lock in book.locks}
    transferred, nonce, products, paid = book.transferred, book.last_nonce, book.products, 0
    added: list[Lock] = []
    settled: list[tuple[Lock, bytes]] = []
    failed: list[Lock] = []
    for index, operation in enumerate(operations):
        match operation:
            case AddLock(direction, amount, hash_, expiry, product):
                nonce += 1
                added.append(Lock(direction, amount, hash_, expiry, product, nonce))
            case SettleLock(settled_nonce, preimage):
                lock = _take(locks, settled_nonce, index)
                if keccak(preimage) != lock.hash:
                    raise InvalidOperation(index, f"not the preimage of lock {lock.nonce}")
                transferred += _signed_amount(lock)
                if lock.product != NO_PRODUCT:
                    products = products.append(leaf_hash(lock.product))
                settled.append((lock, preimage))
            case FailLock(failed_nonce):
                failed.append(_take(locks, failed_nonce, index))
            case Pay(amount):
                transferred += amount
                paid += amount
            case _:
                assert_never(operation)
    pending = (*locks.values(), *added)
    after = Book(book.channel, version, transferred, pending, nonce, products)
    return Applied(after, tuple(added), tuple(settled), tuple(failed), paid)


def _take(locks: dict[int, Lock], nonce: int, index: int) -> Lock:
    lock = locks.pop(nonce, None)
    if lock is None:
        raise InvalidOperation(index, f"no pending lock {nonce}")
    return lock


def _signed_amount(lock: Lock) -> int:
    return lock.amount if lock.direction is Direction.TO_PROVIDER else -lock.amount


def excess_locks(book: Book, direction: Direction) -> int:
    """Locks pending in a direction beyond what a state may hold; negative: places left."""
    pending = sum(lock.direction is direction for lock in book.locks)
    return pending - MAX_LOCKS_PER_DIRECTION


def is_full(book: Book) -> bool:
    """Whether more locks are pending in a direction than a state may hold."""
    ways = (Direction.TO_PROVIDER, Direction.TO_CLIENT)
    return any(excess_locks(book, direction) > 0 for direction in ways)


def missing_cover(book: Book, holdings: Holdings, direction: Direction) -> int:
    """What a payer's balance falls short of its locks; negative: what is free. (SPEC CH-8)"""
    if direction is Direction.TO_PROVIDER:
        return book.locked_by_client - holdings.client_balance(book)
    return book.locked_by_provider - holdings.provider_balance(book)


def shortfall(book: Book, holdings: Holdings) -> int:
    """What is missing to cover both parties' locks with their balances, 0 if none. (SPEC CH-8)"""
    ways = (Direction.TO_PROVIDER, Direction.TO_CLIENT)
    return max(0, *(missing_cover(book, holdings, direction) for direction in ways))


def is_fee(amount: int) -> bool:
    """Whether a fee in MarketToken can be in a receipt."""
    return amount % FEE_UNIT == 0 and 0 < amount <= MAX_FEE_UNITS * FEE_UNIT


# ---------------------------------------------------------------- ends, as ChannelRules.sol


@dataclass(frozen=True, slots=True)
class Division:
    """How the money of a channel is divided at its end; the four add up to what it holds."""

    to_client: int
    to_provider: int
    locked_by_client: int
    locked_by_provider: int


def divide(
    client_funds: int,
    provider_funds: int,
    transferred: int,
    locked_by_client: int,
    locked_by_provider: int,
) -> Division:
    """Divide what a channel holds after `transferred` has moved. (SPEC CH-5, CH-15)

    client_funds   deposits less withdrawals of the client, perhaps negative; likewise the
                   provider's. Their sum, which is what the channel holds, never is.
    """
    held = client_funds + provider_funds
    of_client = min(max(client_funds - transferred, 0), held)
    of_provider = held - of_client
    client_locks = min(locked_by_client, of_client)
    provider_locks = min(locked_by_provider, of_provider)
    return Division(
        of_client - client_locks, of_provider - provider_locks, client_locks, provider_locks
    )


def division_of(book: Book, holdings: Holdings) -> Division:
    """How the channel is divided if it ends by this book."""
    return divide(
        holdings.client_deposit - holdings.client_withdrawn,
        holdings.provider_deposit - holdings.provider_withdrawn,
        book.transferred,
        book.locked_by_client,
        book.locked_by_provider,
    )


def outcome(expiry: int, revealed_at: int, cancelled: bool, time: int) -> LockOutcome:
    """What becomes of a lock at `time`; ABSENT: nothing yet. (SPEC CH-9)

    revealed_at   second of its preimage's reveal, 0 if there was none
    cancelled     whether its payee gave it up
    """
    if is_timely(revealed_at, expiry):
        return LockOutcome.PAID
    if cancelled or time > expiry:
        return LockOutcome.REFUNDED
    return LockOutcome.ABSENT


def is_timely(revealed_at: int, expiry: int) -> bool:
    """Whether a preimage was revealed soon enough for a lock."""
    return revealed_at != 0 and revealed_at <= expiry
