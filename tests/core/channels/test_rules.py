"""The arithmetic of books, locks and ends. (SPEC CH-1, CH-5, CH-7 to CH-10, CH-15)"""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from handfast.channels.rules import (
    InvalidOperation,
    apply,
    divide,
    id_of,
    is_fee,
    is_full,
    is_timely,
    leaf_of,
    outcome,
    paths_of,
    shortfall,
    state_of,
)
from handfast.channels.state import (
    NATIVE,
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
from handfast.crypto.merkle import EMPTY_ROOT, leaf_hash, root_of, verify
from handfast.errors import InvalidInput
from handfast.protocol.constants import (
    FEE_UNIT,
    MAX_FEE_UNITS,
    MAX_LOCKS_PER_DIRECTION,
    Direction,
    LockOutcome,
)

CHANNEL = ChannelId(b"\7" * 32)
PREIMAGES = [bytes([number]) * 32 for number in range(1, 5)]
PRODUCT = b"\5" * 32
PARTIES = ("0x" + 40 * "a", "0x" + 40 * "b", NATIVE)
amounts = st.integers(0, 2**96)


def add(index: int, amount: int = 10, direction: Direction = Direction.TO_PROVIDER) -> AddLock:
    return AddLock(direction, amount, keccak(PREIMAGES[index]), 1_000, PRODUCT)


def book(*operations: Operation) -> Book:
    return apply(Book(CHANNEL), operations, 1).book


def test_a_channels_id_is_the_hash_of_its_parameters() -> None:
    """(SPEC CH-1)"""
    parameters = Parameters(*PARTIES, 3_600, b"\1" * 32)
    types = ["address", "address", "address", "uint64", "bytes32"]
    assert id_of(parameters) == keccak(encode(types, [*PARTIES, 3_600, b"\1" * 32]))


@pytest.mark.parametrize(
    ("client", "provider"),
    [(PARTIES[0], PARTIES[0]), (PARTIES[0], PARTIES[0].upper().replace("X", "x")),
     (PARTIES[0], NATIVE), (NATIVE, PARTIES[0]), ("0x12", PARTIES[0])],
)  # fmt: skip
def test_parties_are_two_accounts(client: str, provider: str) -> None:
    """(SPEC CH-1)"""
    with pytest.raises(InvalidInput):
        Parameters(client, provider, NATIVE, 3_600, bytes(32))


def test_a_locks_leaf_is_the_hash_of_its_abi_encoding() -> None:
    """(SPEC CH-7)"""
    lock = Lock(Direction.TO_CLIENT, 2**100, b"\1" * 32, 2**40, PRODUCT, 7)
    types = ["uint8", "uint128", "bytes32", "uint64", "bytes32", "uint64"]
    values = [2, 2**100, b"\1" * 32, 2**40, PRODUCT, 7]
    assert leaf_of(lock) == leaf_hash(encode(types, values))


def test_the_opening_is_all_zero() -> None:
    """(SPEC CH-13)"""
    state = state_of(Book(CHANNEL))
    assert (state.version, state.transferred) == (0, 0)
    assert (state.locked_by_client, state.locked_by_provider) == (0, 0)
    assert state.locks_root == state.products_root == EMPTY_ROOT


def test_locks_stand_in_the_order_of_their_adding_and_are_counted() -> None:
    """(SPEC CH-7, CH-8)"""
    after = apply(book(add(0), add(1), add(2, 30, Direction.TO_CLIENT)), (FailLock(1), add(3)), 2)
    assert [lock.nonce for lock in after.book.locks] == [2, 3, 4]
    assert after.book.last_nonce == 4
    state = state_of(after.book)
    assert (state.locked_by_client, state.locked_by_provider) == (20, 30)
    assert state.locks_root == root_of(leaf_of(lock) for lock in after.book.locks)
    for position, path in enumerate(paths_of(after.book)):
        leaf = leaf_of(after.book.locks[position])
        assert verify(state.locks_root, leaf, position, 3, path)


def test_a_settled_lock_moves_the_fee_and_the_product_together() -> None:
    """(SPEC CH-5, CH-10)"""
    after = apply(book(add(0)), (SettleLock(1, PREIMAGES[0]),), 2).book
    assert after.transferred == 10
    assert after.products.root == root_of([leaf_hash(PRODUCT)])
    assert not after.locks


def test_a_failed_lock_moves_neither() -> None:
    """(SPEC CH-9)"""
    after = apply(book(add(0)), (FailLock(1),), 2).book
    assert (after.transferred, after.products.root, after.locks) == (0, EMPTY_ROOT, ())


def test_a_lock_to_the_client_moves_money_back() -> None:
    before = book(AddLock(Direction.TO_CLIENT, 10, keccak(PREIMAGES[0]), 1_000, NO_PRODUCT))
    after = apply(before, (SettleLock(1, PREIMAGES[0]), Pay(3)), 2)
    assert after.book.transferred == -7
    assert after.paid == 3
    assert after.book.products.root == EMPTY_ROOT


@pytest.mark.parametrize(
    ("operations", "index"),
    [
        ((SettleLock(2, PREIMAGES[0]),), 0),
        ((FailLock(0),), 0),
        ((SettleLock(1, PREIMAGES[1]),), 0),
        ((Pay(1), FailLock(1), SettleLock(1, PREIMAGES[0])), 2),
        ((add(1), SettleLock(2, PREIMAGES[1])), 1),
    ],
)
def test_an_operation_that_does_not_apply_is_named(
    operations: tuple[Operation, ...], index: int
) -> None:
    with pytest.raises(InvalidOperation) as caught:
        apply(book(add(0)), operations, 2)
    assert caught.value.index == index


def test_locks_are_covered_by_their_payers_balance() -> None:
    """(SPEC CH-5, CH-8)"""
    locked = book(add(0, 60), add(1, 5, Direction.TO_CLIENT), Pay(40))
    assert shortfall(locked, Holdings(100, 0)) == 0
    assert shortfall(locked, Holdings(99, 0)) == 1
    assert shortfall(locked, Holdings(100, 0, client_withdrawn=3)) == 3
    assert shortfall(locked, Holdings(100, 0, provider_withdrawn=36)) == 1


def test_a_direction_holds_so_many_locks() -> None:
    """(SPEC CH-7)"""
    many = tuple(add(0) for _ in range(MAX_LOCKS_PER_DIRECTION))
    back = tuple(add(0, 1, Direction.TO_CLIENT) for _ in range(MAX_LOCKS_PER_DIRECTION))
    assert not is_full(book(*many, *back))
    assert is_full(book(*many, add(1)))
    assert is_full(book(*back, add(1, 1, Direction.TO_CLIENT)))


@pytest.mark.parametrize(
    ("amount", "fits"),
    [
        (0, False),
        (1, False),
        (FEE_UNIT, True),
        (FEE_UNIT + 1, False),
        (MAX_FEE_UNITS * FEE_UNIT, True),
        ((MAX_FEE_UNITS + 1) * FEE_UNIT, False),
    ],
)
def test_a_fee_fits_a_receipt(amount: int, fits: bool) -> None:
    assert is_fee(amount) is fits


@given(amounts, amounts, st.integers(-(2**127), 2**127 - 1), amounts, amounts)
def test_a_division_gives_out_what_is_held_whatever_was_signed(
    client: int, provider: int, transferred: int, by_client: int, by_provider: int
) -> None:
    """(SPEC CH-15, CH-I2)"""
    division = divide(client, provider, transferred, by_client, by_provider)
    shares = (
        division.to_client,
        division.to_provider,
        division.locked_by_client,
        division.locked_by_provider,
    )
    assert min(shares) >= 0
    assert sum(shares) == client + provider


def test_a_division_of_what_is_covered_is_exact() -> None:
    """(SPEC CH-14)"""
    division = divide(100, 50, -20, 30, 10)
    assert (division.to_client, division.to_provider) == (90, 20)
    assert (division.locked_by_client, division.locked_by_provider) == (30, 10)


@pytest.mark.parametrize(
    ("revealed", "cancelled", "time", "expected"),
    [
        (0, False, 100, LockOutcome.ABSENT),
        (0, False, 101, LockOutcome.REFUNDED),
        (0, True, 1, LockOutcome.REFUNDED),
        (100, True, 200, LockOutcome.PAID),
        (100, False, 100, LockOutcome.PAID),
        (101, False, 101, LockOutcome.REFUNDED),
    ],
)
def test_a_lock_pays_if_its_preimage_is_timely(
    revealed: int, cancelled: bool, time: int, expected: LockOutcome
) -> None:
    """(SPEC CH-9)"""
    assert outcome(100, revealed, cancelled, time) is expected
    assert is_timely(revealed, 100) is (expected is LockOutcome.PAID)
