"""Long-lived clients and providers restart from a snapshot and a few lines. (SPEC PR-10)"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from handfast.channels.state import Lock
from handfast.client import rounds as client_desks
from handfast.client.rounds import ClientRounds
from handfast.client.rounds import Tools as ClientTools
from handfast.errors import InvalidInput
from handfast.inference.adapters import CallableGenerator
from handfast.journal import Journal, Scribe
from handfast.protocol.constants import Direction
from handfast.provider import desk as desks
from handfast.provider.desk import ProviderDesk
from handfast.provider.desk import Tools as DeskTools
from handfast.rounds import client as client_rules
from handfast.rounds import provider as provider_rules
from handfast.rounds.client import Round, Stage
from handfast.rounds.messages import RequestId
from handfast.rounds.provider import Standing, Terms
from handfast.storage.local import LocalStore
from tests.core.rounds.parties import (
    CLIENT,
    DOMAIN,
    FEE,
    NOW,
    PLAIN,
    PROMPT,
    PROVIDER,
    TOKEN,
    ask,
)

ROUNDS = 42
LINES = 100


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots ten times as often as usual."""
    for module in (desks, client_desks):
        monkeypatch.setattr(module, "SNAPSHOT_LINES", LINES)


def name(number: int) -> RequestId:
    return RequestId(number.to_bytes(32, "big"))


@contextmanager
def store_in(folder: Path) -> Iterator[LocalStore]:
    with LocalStore(folder / "blocks") as store:
        yield store


def test_a_client_files_rounds_that_ended_and_forgets_none(tmp_path: Path) -> None:
    async def use() -> None:
        with store_in(tmp_path) as store:
            scribe = Scribe(Journal(tmp_path / "journal"))
            rounds = ClientRounds(client_tools(store, scribe))
            for number in range(ROUNDS):
                hash_ = number.to_bytes(32, "big")
                begun = Round(
                    ask(), 1, "http://127.0.0.1:1", PROMPT, FEE, PLAIN, hash_, hash_, Stage.BEGUN
                )
                await rounds._write(client_rules.Begun(name(number), begun))
                await rounds._write(client_rules.FeeLocked(name(number)))
                if number:
                    await rounds._write(client_rules.RolledBack(name(number)))
            assert len(rounds.ledger.rounds) < ROUNDS
            await rounds.close()
            await scribe.close()

            scribe = Scribe(Journal(tmp_path / "journal"))
            assert len(scribe.stream(b"rounds").load().lines) < LINES
            again = ClientRounds(client_tools(store, scribe))
            assert again.ledger.rounds[name(0)].stage is Stage.LOCKED
            assert len(list(again.ended())) == ROUNDS - 1
            assert again.find(name(1)).stage is Stage.LOST
            assert (await again.until(name(1), Stage.PAID)).stage is Stage.LOST
            with pytest.raises(InvalidInput):
                again.find(name(ROUNDS))
            await again.close()
            await scribe.close()

    asyncio.run(use())


def client_tools(store: LocalStore, scribe: Scribe) -> ClientTools:
    async def judge(_content: bytes, _prompt: str) -> None:
        return None

    async def command(_channel: object, _command: object) -> None:
        return None

    return ClientTools(
        DOMAIN,
        CLIENT,
        store,
        scribe.stream(b"rounds"),
        judge,
        command,
        lambda _channel, _hash: False,
        lambda _channel, _nonce: None,
        None,
    )


def test_a_desk_comes_back_from_its_snapshot_and_the_lines_behind_it(tmp_path: Path) -> None:
    terms = Terms(
        PROVIDER.address,
        TOKEN,
        "image",
        FEE,
        frozenset((ask().details.mode,)),
        open_rounds=2 * ROUNDS,
    )

    async def use() -> None:
        with store_in(tmp_path) as store:
            scribe = Scribe(Journal(tmp_path / "journal"))
            desk = ProviderDesk(desk_tools(terms, store, scribe))
            desk._crew._closed = True  # decisions alone: no model runs, nothing is offered
            for number in range(ROUNDS):
                product = replace(PLAIN, digest=(number + 1).to_bytes(32, "big"))
                request = ask(salt=number.to_bytes(32, "big"))
                lock = Lock(
                    Direction.TO_PROVIDER, FEE, b"\x0c" * 32, NOW + 600, product.digest, number + 1
                )
                channel = provider_rules.Round(
                    request, FEE, NOW, provider_rules.Stage.AGREED
                ).channel
                await desk.take(provider_rules.Asked(name(number), request, Standing.FUNDED))
                await desk.take(provider_rules.Prompted(name(number), PROMPT))
                await desk.take(provider_rules.Made(name(number), product, bytes(32)))
                await desk.fee_locked(channel, lock)
                await desk.fee_concluded(channel, lock, paid=bool(number))
            await scribe.close()

        with Journal(tmp_path / "journal") as journal:
            stored = journal.load(b"desk")
        assert stored.snapshot is not None
        assert len(stored.lines) < LINES
        assert desks.replay(stored, terms) == desk.desk
        stages = [each.stage for each in desk.desk.rounds.values()]
        assert stages.count(provider_rules.Stage.PAID) == ROUNDS - 1

    asyncio.run(use())


def desk_tools(terms: Terms, store: LocalStore, scribe: Scribe) -> DeskTools:
    async def nothing(*_given: object) -> None:
        return None

    async def funded(*_given: object) -> Standing:
        return Standing.FUNDED

    return DeskTools(
        terms,
        DOMAIN,
        PROVIDER,
        (),
        CallableGenerator(lambda _prompt, _seed: b""),
        store,
        scribe.stream(b"desk"),
        nothing,
        funded,
        nothing,
        lambda: NOW,
    )
