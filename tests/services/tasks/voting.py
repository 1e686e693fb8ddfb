"""A panel that votes as one, without a voter process: what tests of tasks need of the court."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from handfast.chain.client import Chain
from handfast.chain.court import OracleCourt
from handfast.crypto.keys import Identity
from handfast.disputes.rules import hash_of, words_of
from handfast.protocol.messages import Domain, Vote
from tests.services.disputes.courtroom import send
from tests.services.tasks.conftest import Town

SALT = bytes(range(32))


def draw(town: Town, case: int) -> None:
    """Draw the panel of a case."""

    async def work(chain: Chain, court: OracleCourt) -> None:
        await chain.request("anvil_mine", hex(6))
        header = await court.header((await court.case(case)).draw_height)
        assert header is not None
        await send(chain, town.voters[0].account(), court.draw(case, header))

    _run(town, work)


def rule(town: Town, case: int, scores: Sequence[int]) -> None:
    """The drawn panel gives these scores, and nobody appeals."""

    async def work(chain: Chain, court: OracleCourt) -> None:
        panel = await court.panel_of(case)
        sitting = [voter for voter in town.voters if voter.address in panel]
        words, domain = words_of(scores), Domain(await chain.id(), court.address)
        for voter in sitting:
            vote = Vote(case, 0, voter.address, hash_of(words), SALT).digest(domain)
            seat = panel.index(voter.address)
            await send(chain, voter.account(), court.commit(case, seat, vote, b""))
        for voter in sitting:
            seat = panel.index(voter.address)
            await send(chain, voter.account(), court.reveal_scores(case, seat, words, SALT))
        tally = court.tally(case, [words] * len(sitting))
        await send(chain, sitting[0].account(), tally)
        await _pass_period(chain, court, case, sitting[0])
        assert (await court.ruling(case)).is_final

    _run(town, work)


def stay_silent(town: Town, case: int) -> None:
    """Nobody votes, in whatever round, until the default stands."""

    async def work(chain: Chain, court: OracleCourt) -> None:
        for _ in range(6):
            if (await court.ruling(case)).is_final:
                return
            if not await court.panel_of(case):
                await chain.request("anvil_mine", hex(6))
                header = await court.header((await court.case(case)).draw_height)
                assert header is not None
                await send(chain, town.voters[0].account(), court.draw(case, header))
            await _pass_period(chain, court, case, town.voters[0])
        raise AssertionError("the case does not end")

    _run(town, work)


async def _pass_period(chain: Chain, court: OracleCourt, case: int, by: Identity) -> None:
    ends = (await court.case(case)).ends_at
    now = (await chain.head()).timestamp
    await chain.request("evm_setNextBlockTimestamp", max(ends, now) + 1)
    await chain.request("evm_mine")
    await send(chain, by.account(), court.advance(case))


def _run(town: Town, work: object) -> None:
    async def run() -> None:
        async with Chain(town.anvil.url) as chain:
            court = OracleCourt(chain, town.deployment.oracle_court.address)
            await work(chain, court)  # type: ignore[operator]

    asyncio.run(run())
