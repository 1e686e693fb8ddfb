"""Opinions are brought in the order of their payments. (SPEC PR-8, RP-9)"""

from __future__ import annotations

import asyncio
from pathlib import Path

from handfast.client.rounds import ClientRounds, Tools
from handfast.journal import Journal, Scribe
from handfast.reputation.evidence import Evidence
from handfast.rounds import client as rules
from handfast.rounds.client import Payment, Round, Stage
from handfast.rounds.messages import RequestId
from handfast.storage.local import LocalStore
from tests.core.rounds.parties import CLIENT, DOMAIN, FEE, PLAIN, PROMPT, ask


def test_a_verdict_that_comes_late_is_still_brought_first(tmp_path: Path) -> None:
    brought: list[int] = []

    async def submit(evidence: Evidence) -> bool:
        brought.append(evidence.receipt.nonce)
        return True

    async def nothing(*_: object) -> None:
        return None

    async def use(store: LocalStore, scribe: Scribe) -> None:
        lines = scribe.stream(b"rounds")
        rounds = ClientRounds(
            Tools(
                DOMAIN,
                CLIENT,
                store,
                lines,
                nothing,
                nothing,
                lambda _channel, _hash: False,
                lambda _channel, _nonce: None,
                submit,
            )
        )
        # The last one is on another provider.
        names = [await paid(rounds, number, min(number, 3) // 3) for number in (1, 2, 3)]
        for name in reversed(names[1:]):
            await rounds.take(rules.Judged(name, satisfied=True))
        await rounds.until(names[2], Stage.RATED)
        assert brought == [3]
        await rounds.take(rules.Judged(names[0], satisfied=False))
        await rounds.until(names[1], Stage.RATED)
        assert brought == [3, 1, 2]
        await rounds.close()

    async def run() -> None:
        with LocalStore(tmp_path / "blocks") as store:
            scribe = Scribe(Journal(tmp_path / "journal"))
            await use(store, scribe)
            await scribe.close()

    asyncio.run(run())


async def paid(rounds: ClientRounds, number: int, provider: int) -> RequestId:
    """A round that was paid under a number, without what follows from that."""
    name = RequestId(number.to_bytes(32, "big"))
    hash_ = number.to_bytes(32, "big")
    begun = Round(
        ask(), provider, "http://127.0.0.1:1", PROMPT, FEE, PLAIN, hash_, hash_, Stage.BEGUN
    )
    payment = Payment(number, number, b"\1" * 65, hash_, number)
    for input_ in (rules.Begun(name, begun), rules.FeeLocked(name), rules.Settled(name, payment)):
        await rounds._write(input_)
    return name
