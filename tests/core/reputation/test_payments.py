"""A payment on chain stands for the receipt that the provider refused. (RP-5, RP-6, CO-1)"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.channels.rules import apply, id_of, state_of
from handfast.channels.state import (
    NO_PRODUCT,
    AddLock,
    Book,
    Operation,
    Parameters,
    SettleLock,
)
from handfast.crypto.ecdsa import Signer
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Rejected
from handfast.protocol.constants import FEE_UNIT, Direction
from handfast.protocol.messages import Domain
from handfast.reputation.evidence import Evidence, give_evidence, same_content
from handfast.reputation.payments import (
    MovedProduct,
    PaidLock,
    Payment,
    Signed,
    prove_payment,
)

PROVIDER, CLIENT = Signer(b"\1" * 32), Signer(b"\2" * 32)
TOKEN = "0x" + "aa" * 20
HUB = Domain(31337, "0x" + "bb" * 20)
PARAMETERS = Parameters(CLIENT.address, PROVIDER.address, TOKEN, 3600, bytes(32))
CHANNEL = id_of(PARAMETERS)
FEE = 5 * FEE_UNIT


def product(number: int) -> bytes:
    return bytes([number]) * 32


def preimage(number: int) -> bytes:
    return bytes([100 + number]) * 32


def book(*operations: Operation, base: Book | None = None) -> Book:
    before = base or Book(CHANNEL)
    return apply(before, operations, before.version + 1).book


def lock(number: int, direction: Direction = Direction.TO_PROVIDER, sold: bool = True) -> AddLock:
    goods = product(number) if sold else NO_PRODUCT
    return AddLock(direction, FEE, keccak(preimage(number)), 1_000, goods)


def signed(agreed: Book) -> Signed:
    return Signed(agreed, PROVIDER.sign(state_of(agreed).digest(HUB)))


def opinion(proof: Payment, satisfied: bool = False) -> Evidence:
    receipt = proof.pledge.receipt(CHANNEL)
    return give_evidence(PARAMETERS, receipt, proof, satisfied, HUB, CLIENT.sign)


def after_sales(count: int, pending: int = 1) -> Book:
    """A book with products 1 to `count` sold, and locks for the next ones pending."""
    found = Book(CHANNEL)
    for number in range(1, count + 1):
        found = book(lock(number), base=found)
        found = book(SettleLock(number, preimage(number)), base=found)
    return book(*(lock(number) for number in range(count + 1, count + 1 + pending)), base=found)


def moved(count: int, pending: int = 1, pick: int = 0) -> MovedProduct:
    """Proof of a lock that the end settled, behind `count` products."""
    agreed = after_sales(count, pending)
    numbers = range(count + 1, count + 1 + pending)
    ended = book(*(SettleLock(each, preimage(each)) for each in numbers), base=agreed)
    products = [product(each) for each in range(1, count + 1 + pending)]
    proof = prove_payment(signed(agreed), ended, count + 1 + pick, products)
    assert isinstance(proof, MovedProduct)
    assert proof.final_root == ended.products.root
    return proof


def paid(count: int = 0, pending: int = 3, pick: int = 1) -> PaidLock:
    ended = after_sales(count, pending)
    proof = prove_payment(Signed(ended, b""), ended, count + 1 + pick, ())
    assert isinstance(proof, PaidLock)
    assert proof.state(CHANNEL) == state_of(ended)
    return proof


def refusal(evidence: Evidence) -> str:
    with pytest.raises(Rejected) as refused:
        evidence.check(HUB, TOKEN)
    return refused.value.reason


@given(st.integers(0, 6), st.integers(1, 5), st.data())
def test_a_lock_that_was_pending_at_the_end_proves_its_payment(
    count: int, pending: int, data: st.DataObject
) -> None:
    proof = paid(count, pending, data.draw(st.integers(0, pending - 1)))
    evidence = opinion(proof)
    evidence.check(HUB, TOKEN)
    assert evidence.receipt.fee == FEE
    assert evidence.receipt.round == 0
    assert Evidence.decode(evidence.encode()) == evidence


@given(st.integers(0, 9), st.integers(1, 5), st.data())
def test_a_product_behind_those_of_the_signed_state_proves_its_payment(
    count: int, pending: int, data: st.DataObject
) -> None:
    pick = data.draw(st.integers(0, pending - 1))
    evidence = opinion(moved(count, pending, pick))
    evidence.check(HUB, TOKEN)
    assert evidence.receipt.product == product(count + 1 + pick)
    assert evidence.receipt.nonce == count + 1 + pick
    assert Evidence.decode(evidence.encode()) == evidence


@pytest.mark.parametrize("proof", [paid(), paid(4, 1, 0), moved(0), moved(5, 3, 1)])
def test_no_byte_can_be_changed_without_another_claim_or_a_refusal(proof: Payment) -> None:
    """What the hub vouches for is named by hash and root, all else is signed."""
    whole = opinion(proof)
    data = whole.encode()

    def claims(evidence: Evidence) -> tuple[object, ...]:
        match evidence.proof:
            case PaidLock() as lock:
                return (lock.state(CHANNEL),)
            case MovedProduct() as product:
                return (product.final_root,)
            case _:
                raise AssertionError("a receipt")

    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1
        try:
            evidence = Evidence.decode(bytes(changed))
            evidence.check(HUB, TOKEN)
        except (InvalidInput, Rejected):
            continue
        assert claims(evidence) != claims(whole), position


@given(st.sampled_from((paid(), moved(2, 2))), st.data())
def test_what_is_cut_short_or_too_long_is_no_evidence(proof: Payment, data: st.DataObject) -> None:
    whole = opinion(proof).encode()
    with pytest.raises(InvalidInput):
        Evidence.decode(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(InvalidInput):
        Evidence.decode(whole + b"\0")
    size = len(whole) - 3
    with pytest.raises(InvalidInput):
        Evidence.decode(whole[:1] + (size + 1).to_bytes(2, "big") + whole[3:] + b"\0")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8])
def test_products_of_the_signed_state_cannot_be_hidden(count: int) -> None:
    """A product that was sold before would else pay for a lock that was rolled back."""
    honest = moved(count, 1)
    for fewer in range(count):
        shorter = moved(fewer, 1)
        forged = replace(
            honest,
            count=fewer,
            last=shorter.last,
            last_path=shorter.last_path,
            position=fewer,
        )
        assert refusal(opinion(forged)) in {"not_moved", "state_signature"}
    # The true leaf at a lower place, with its true path: something stands to its right.
    agreed = after_sales(count)
    products = [product(each) for each in range(1, count + 2)]
    for fewer in range(1, count):
        cut = replace(honest, count=fewer, last=products[fewer - 1], last_path=honest.last_path)
        assert refusal(opinion(cut)) in {"not_moved", "state_signature"}
    assert agreed.products.count == count


def test_a_position_that_was_taken_proves_nothing() -> None:
    honest = moved(3, 2, 1)
    assert refusal(opinion(replace(honest, position=2))) == "not_moved"


def test_a_state_that_the_provider_did_not_sign_proves_nothing() -> None:
    honest = moved(1)
    by_client = CLIENT.sign(honest.state(CHANNEL).digest(HUB))
    assert refusal(opinion(replace(honest, signature=by_client))) == "state_signature"
    dearer = replace(honest.pledge, lock=replace(honest.pledge.lock, amount=2 * FEE))
    assert refusal(opinion(replace(honest, pledge=dearer))) == "state_signature"


def test_a_lock_for_money_alone_is_not_rated() -> None:
    ended = book(lock(1, sold=False))
    proof = prove_payment(Signed(ended, b""), ended, 1, ())
    assert proof is not None
    assert refusal(opinion(proof)) == "product"


def test_a_lock_that_pays_the_client_proves_nothing() -> None:
    ended = book(lock(1, Direction.TO_CLIENT))
    assert prove_payment(Signed(ended, b""), ended, 1, ()) is None


def test_a_lock_that_was_rolled_back_proves_nothing() -> None:
    agreed = after_sales(2)
    without = replace(agreed, version=agreed.version + 1, locks=())
    assert prove_payment(signed(agreed), without, 3, [product(1), product(2)]) is None


def test_a_wallets_word_is_no_signature_that_counts() -> None:
    """RP-6: whoever deals with a contract wallet is left with what the hub says."""
    agreed = after_sales(0)
    ended = book(SettleLock(1, preimage(1)), base=agreed)
    assert prove_payment(Signed(agreed, b"\1" * 80), ended, 1, [product(1)]) is None


def test_the_same_opinion_by_receipt_and_by_payment_has_the_same_content() -> None:
    lock_, product_ = opinion(paid(2, 1, 0)).encode(), opinion(moved(2)).encode()
    assert same_content(lock_, product_)
    assert not same_content(lock_, opinion(moved(2), satisfied=True).encode())
