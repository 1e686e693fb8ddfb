"""What is accepted is durable and will be included; all else gets its code. (CO-2, CO-3, CO-9)"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from handfast.chain.follower import Cursor
from handfast.chain.rules import Point
from handfast.channels.rules import apply, id_of
from handfast.channels.state import AddLock, Book, Parameters
from handfast.coordinator.allowance import Allowance
from handfast.coordinator.intake import Answer, Intake, Room
from handfast.coordinator.memory import Memory, recall
from handfast.coordinator.store import Observation, Store
from handfast.crypto.ecdsa import Signer
from handfast.database import open_database
from handfast.errors import InvalidInput, Unavailable
from handfast.protocol.constants import FEE_UNIT, MAX_NONCE_STEP, Direction
from handfast.protocol.messages import Domain, Opinion, Receipt
from handfast.reputation.evidence import Evidence, Receipted, give_evidence
from handfast.reputation.payments import Signed, prove_payment
from tests.services.kills import survives

HUB = Domain(31337, "0x" + "11" * 20)
TOKEN = "0x" + "22" * 20
PROVIDER, OTHER, CLIENT, STRANGER = (Signer(bytes([number]) * 32) for number in range(1, 5))
LEVY = 10**6


def evidence(
    nonce: int,
    *,
    provider: Signer = PROVIDER,
    client: Signer = CLIENT,
    satisfied: bool = True,
    units: int = 5,
) -> Evidence:
    parameters = Parameters(client.address, provider.address, TOKEN, 60, bytes(32))
    receipt = Receipt(id_of(parameters), 1, b"\7" * 32, units * FEE_UNIT, nonce)
    digest = receipt.digest(HUB)
    opinion = Opinion(digest, satisfied).digest(HUB)
    proof = Receipted(provider.sign(digest))
    return Evidence(parameters, receipt, satisfied, proof, client.sign(opinion))


def claim(number: int) -> Evidence:
    """An opinion whose receipt a payment on chain stands for."""
    parameters = Parameters(CLIENT.address, PROVIDER.address, TOKEN, 60, bytes(32))
    channel = id_of(parameters)
    hash_, product = bytes([number]) * 32, bytes([number + 100]) * 32
    wish = AddLock(Direction.TO_PROVIDER, 5 * FEE_UNIT, hash_, 9, product)
    book = apply(Book(channel, last_nonce=number - 1), (wish,), 1).book
    proof = prove_payment(Signed(book, b""), book, number, ())
    assert proof is not None
    receipt = proof.pledge.receipt(channel)
    return give_evidence(parameters, receipt, proof, False, HUB, CLIENT.sign)


async def nobody_asks(_: Evidence) -> bool:
    raise AssertionError("a receipt needs no chain")


class Desk:
    """An intake over a database in a folder, as one process holds it."""

    def __init__(self, folder: Path, room: Room | None = None) -> None:
        self.engine = open_database(folder / "coordinator.db")
        self.store = Store(self.engine)
        self.store.prepare("test")
        if self.store.cursor() is None:
            joined = [(who.address, 1) for who in (PROVIDER, OTHER, CLIENT)]
            cursor = Cursor((Point(1, bytes(32)),))
            self.store.keep(Observation(cursor, 0, joined))
        self.room = room or Room()
        self.confirm = nobody_asks

    def submit(self, *batches: list[Evidence]) -> list[list[Answer]]:
        """Bring batches at the same moment."""

        async def scenario() -> list[list[Answer]]:
            with ThreadPoolExecutor(1) as writer:
                self.memory: Memory = recall(self.store, writer, 1)
                allowance = Allowance(LEVY, 2 * LEVY, 3 * LEVY, 3600.0, lambda: 0.0)
                intake = Intake(
                    HUB, TOKEN, self.memory, allowance, self.confirm, lambda: None, self.room
                )
                task = asyncio.create_task(intake.run())
                bodies = [b"".join(each.encode() for each in batch) for batch in batches]
                try:
                    return await asyncio.gather(*map(intake.submit, bodies))
                finally:
                    task.cancel()

        return asyncio.run(scenario())

    def codes(self, *found: Evidence) -> list[str]:
        (answers,) = self.submit(list(found))
        return [answer.code for answer in answers]

    def kept(self) -> list[int]:
        return [row.nonce for row in self.store.opinions_from(1)]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_an_accepted_opinion_is_kept_as_it_was_sent(desk: Desk) -> None:
    sent = evidence(1)
    assert desk.codes(sent) == ["accepted"]
    (row,) = desk.store.opinions_from(1)
    provider, client = (bytes.fromhex(who.address[2:]) for who in (PROVIDER, CLIENT))
    assert row == (1, provider, client, 1, sent.encode())


def test_each_fault_has_its_code_and_harms_no_other(desk: Desk) -> None:
    good = evidence(1)
    assert desk.codes(
        replace(good, satisfied=False),
        replace(good, proof=Receipted(bytes(65))),
        evidence(1, client=STRANGER),
        evidence(1, provider=STRANGER),
        evidence(MAX_NONCE_STEP + 1),
        evidence(1, units=200 * LEVY),
        good,
    ) == [
        "opinion_signature",
        "receipt_signature",
        "client",
        "provider",
        "nonce_gap",
        "levy",
        "accepted",
    ]
    assert desk.kept() == [1]


def test_a_repeat_gets_the_same_answer_and_is_kept_once(desk: Desk) -> None:
    assert desk.codes(evidence(1), evidence(1)) == ["accepted", "accepted"]
    assert desk.codes(evidence(1)) == ["accepted"]
    assert desk.kept() == [1]


def test_a_second_opinion_under_one_nonce_is_a_contradiction(desk: Desk) -> None:
    assert desk.codes(evidence(1), evidence(1, satisfied=False)) == ["accepted", "contradiction"]
    assert desk.codes(evidence(1, satisfied=False)) == ["contradiction"]


def test_two_who_bring_contradictions_at_one_moment_get_one_through(desk: Desk) -> None:
    answers = desk.submit([evidence(1)], [evidence(1, satisfied=False)])
    assert sorted(answer.code for (answer,) in answers) == ["accepted", "contradiction"]
    assert desk.kept() == [1]


def test_many_at_one_moment_are_all_kept(desk: Desk) -> None:
    batches = [[evidence(10 * each + inner) for inner in range(1, 11)] for each in range(10)]
    assert all(answer.code == "accepted" for found in desk.submit(*batches) for answer in found)
    assert desk.kept() == list(range(1, 101))


def test_a_payment_is_asked_for_once_everything_else_is_right(desk: Desk) -> None:
    """CO-10"""
    asked: list[int] = []

    async def confirm(evidence: Evidence) -> bool:
        asked.append(evidence.receipt.nonce)
        return evidence.receipt.nonce != 2

    desk.confirm = confirm
    forged = replace(claim(3), client_signature=bytes(65))
    assert desk.codes(claim(1), claim(2), forged) == ["accepted", "unpaid", "opinion_signature"]
    assert asked == [1, 2]
    many = [claim(number) for number in range(2, 30)]
    codes = desk.codes(*many)
    assert codes.count("unpaid") == 1
    assert (codes.count("accepted"), codes.count("again")) == (15, 12)


def test_what_was_looked_up_before_a_reorganisation_is_not_accepted_after_it(desk: Desk) -> None:
    """CO-10"""

    async def confirm(_: Evidence) -> bool:
        desk.memory.falls += 1
        return True

    desk.confirm = confirm
    assert desk.codes(claim(1)) == ["again"]
    assert desk.kept() == []


def test_the_levy_of_one_client_is_limited(desk: Desk) -> None:
    dear = [evidence(nonce, units=90 * LEVY) for nonce in (1, 2, 3)]
    assert desk.codes(*dear) == ["accepted", "accepted", "levy"]


def test_nothing_of_a_body_that_is_cut_short_is_accepted(desk: Desk) -> None:
    class Short(Evidence):
        def encode(self) -> bytes:
            return super().encode()[:-1]

    whole = evidence(2)
    short = Short(
        whole.parameters,
        whole.receipt,
        True,
        whole.proof,
        whole.client_signature,
    )
    with pytest.raises(InvalidInput, match="cut short"):
        desk.submit([evidence(1), short])
    assert desk.kept() == []


def test_more_than_fit_are_refused_before_anything_is_checked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, Room(batch=2, waiting=3))
    with pytest.raises(InvalidInput, match="at most 2"):
        desk.submit([evidence(1), evidence(2), evidence(3)])
    assert desk.codes(evidence(1), evidence(2)) == ["accepted", "accepted"]
    with pytest.raises(Unavailable, match="too many opinions wait"):
        desk.submit([evidence(3), evidence(4)])


@contextmanager
def full_disk(desk: Desk) -> Iterator[None]:
    """Let SQLite find no room for another page."""

    def limit(connection: Any) -> None:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    event.listen(desk.engine, "begin", limit)
    try:
        yield
    finally:
        event.remove(desk.engine, "begin", limit)
        desk.engine.dispose()


def test_a_full_disk_accepts_nothing_and_later_everything(desk: Desk) -> None:
    many = [evidence(nonce) for nonce in range(1, 101)]
    with full_disk(desk), pytest.raises(Unavailable, match=r"the database failed: .*full"):
        desk.submit(many)
    assert desk.kept() == []
    assert set(desk.codes(*many)) == {"accepted"}


def test_a_forgery_does_not_slip_in_where_the_true_opinion_was_not_durable(desk: Desk) -> None:
    """Under a known nonce nobody looks at signatures: here it is free again at the commit."""
    good, forged = evidence(1), replace(evidence(1), client_signature=bytes(65))
    filler = [evidence(nonce) for nonce in range(2, 101)]

    async def scenario() -> list[Any]:
        with ThreadPoolExecutor(1) as writer:
            memory = recall(desk.store, writer, 1)
            allowance = Allowance(LEVY, 2 * LEVY, 3 * LEVY, 3600.0, lambda: 0.0)
            intake = Intake(HUB, TOKEN, memory, allowance, desk.confirm, lambda: None)
            task = asyncio.create_task(intake.run())
            with full_disk(desk):
                first = asyncio.create_task(
                    intake.submit(b"".join(each.encode() for each in [good, *filler]))
                )
                while not len(memory.shards[0].ledger):
                    await asyncio.sleep(0)
                second = asyncio.create_task(intake.submit(forged.encode()))
                await asyncio.gather(first, return_exceptions=True)
            found = await asyncio.gather(first, second, return_exceptions=True)
            task.cancel()
            return found

    first, second = asyncio.run(scenario())
    assert isinstance(first, Unavailable)
    assert isinstance(second, Unavailable) or second[0].code == "opinion_signature"
    assert desk.kept() == []


@pytest.mark.parametrize("after", [False, True])
def test_a_process_killed_at_any_commit_keeps_what_it_answered_for(
    tmp_path: Path, after: bool
) -> None:
    answered = tmp_path / "answered"
    answered.touch()

    def scenario() -> None:
        desk = Desk(tmp_path)
        for nonce in (1, 2, 3):
            assert desk.codes(evidence(nonce)) == ["accepted"]
            with answered.open("a") as log:
                log.write(f"{nonce}\n")

    commits = 0
    while not survives(scenario, commits, after=after):
        kept = {row.nonce for row in Desk(tmp_path).store.opinions_from(1)}
        assert {int(line) for line in answered.read_text().split()} <= kept
        commits += 1
    assert Desk(tmp_path).kept() == [1, 2, 3]
    assert commits >= 3
