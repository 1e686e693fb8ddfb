"""Voters against a real court. (SPEC OC-7 to OC-11, EV-8, PR-10, PR-12)"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy.engine.default import DefaultDialect

from handfast.chain.client import Chain
from handfast.chain.court import Case, CaseTerms, OracleCourt, VoterPool
from handfast.chain.token import MarketToken
from handfast.crypto.keys import Identity
from handfast.disputes.ballots import Ballot, Choice, Scoring, ballot_word
from handfast.disputes.judging import ByHand
from handfast.disputes.spool import Spool
from handfast.disputes.voter import Voter
from handfast.disputes.voting import Docket
from handfast.journal import Batch, Journal
from handfast.protocol.constants import SCALE, SEAT_FEE, SEAT_LOSS, SEAT_STAKE, CasePeriod
from tests.services.disputes.courtroom import (
    SCORES,
    STAKE,
    TERMS,
    Courtroom,
    draw,
    open_case,
    ticking,
    voting,
)

LOSS = SEAT_STAKE * SEAT_LOSS // SCALE


class Opinion:
    """Votes the same in every case; without a ballot it leaves that to a person."""

    def __init__(self, ballot: Ballot | None) -> None:
        self.ballot = ballot

    async def judge(self, docket: Docket, until: int) -> Ballot:
        if self.ballot is None:
            raise ByHand(str(docket.id))
        return self.ballot

    def forget(self, case: int) -> None:
        pass


class Sitting:
    """A test's view of a court in session."""

    def __init__(self, room: Courtroom, chain: Chain, stack: AsyncExitStack) -> None:
        self.room = room
        self.chain = chain
        self.court: OracleCourt = room.contract(chain)
        self._stack = stack

    async def seat(self, *identities: Identity, ballot: Ballot | None) -> list[Voter]:
        """Run these voters until the end."""
        enter = self._stack.enter_async_context
        return [await enter(voting(self.room, each, Opinion(ballot))) for each in identities]

    def of(self, addresses: Any) -> list[Identity]:
        return [each for each in self.room.voters if each.address in addresses]

    async def period(self, case: int, period: CasePeriod) -> Case:
        """Wait for a period."""
        while True:
            found = await self.court.case(case)
            if found.period is period:
                return found
            await asyncio.sleep(0.05)

    async def settled(self, case: int, round_: int = 0) -> None:
        while not (await self.court.round_of(case, round_)).settled:
            await asyncio.sleep(0.05)

    async def collected(self, identity: Identity) -> int:
        """What the court has paid a voter, once it owes it nothing more."""
        while await self.court.credit_of(identity.address):
            await asyncio.sleep(0.05)
        token = MarketToken(self.chain, self.room.deployment.market_token.address)
        return await token.balance_of(identity.address)

    async def stake(self, identity: Identity) -> int:
        pool = VoterPool(self.chain, await self.court.voters())
        return (await pool.voter(identity.address)).stake

    async def has_committed(self, case: int, identity: Identity) -> None:
        round_ = (await self.court.case(case)).round
        while not await self.court.ballot_of(case, round_, identity.address):
            await asyncio.sleep(0.05)


@asynccontextmanager
async def sitting(room: Courtroom) -> AsyncIterator[Sitting]:
    async with Chain(room.anvil.url) as chain, ticking(chain), AsyncExitStack() as stack:
        yield Sitting(room, chain, stack)


def test_honest_voters_rule_a_case_are_paid_and_collect(room: Courtroom, run: Any) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            voters = await here.seat(*room.voters, ballot=Choice(1))
            case = await open_case(room, here.chain)
            await here.period(case, CasePeriod.COMMIT)
            panel = await here.court.panel_at(case, 0)
            await here.settled(case)
            assert (await here.court.ruling(case)).choice == 1
            for each in here.of(panel):
                seats = panel.count(each.address)
                assert await here.collected(each) == seats * SEAT_FEE
                assert await here.stake(each) == STAKE
            while any(voter.standing.cases for voter in voters):
                await asyncio.sleep(0.05)
            assert all(not voter.book.ballots for voter in voters)

    run(scenario())


def test_scores_are_tallied_and_who_is_far_off_loses_stake(room: Courtroom, run: Any) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            case, panel = await _case_with_a_lone_seat(here, SCORES)
            bribed = next(each for each in here.of(panel) if panel.count(each.address) == 1)
            honest = [each for each in room.voters if each != bribed]
            truth = (100, 2**32 - 1, 7)
            await here.seat(*honest, ballot=Scoring(truth))
            await here.seat(bribed, ballot=Scoring((100, 0, 7)))
            await here.settled(case)
            assert (await here.court.ruling(case)).scores == ballot_word(Scoring(truth))
            assert await here.stake(bribed) == STAKE - LOSS
            paid = [await here.collected(each) for each in honest]
            assert sum(paid) == TERMS.seats * SEAT_FEE + LOSS

    run(scenario())


def test_a_voter_left_with_its_key_alone_reveals_what_it_committed(
    room: Courtroom, run: Any
) -> None:
    """What UMA's voters, who keep a drawn salt, could not (UMAprotocol/protocol issue 1476)."""

    async def scenario() -> None:
        async with sitting(room) as here:
            case = await open_case(room, here.chain)
            panel = await draw(room, here.chain, case)
            first, *others = here.of(panel)
            async with voting(room, first, Opinion(Choice(1))):
                await here.has_committed(case, first)
            shutil.rmtree(room.folder / first.address)
            await here.seat(*others, ballot=Choice(1))
            # It would decide otherwise now; what it committed to is above that.
            await here.seat(first, ballot=Choice(2))
            await here.settled(case)
            assert (await here.court.ruling(case)).choice == 1
            assert await here.collected(first) == panel.count(first.address) * SEAT_FEE
            assert await here.stake(first) == STAKE

    run(scenario())


def test_a_voter_that_died_loses_and_the_others_go_on_without_it(room: Courtroom, run: Any) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            case, panel = await _case_with_a_lone_seat(here)
            dead = next(each for each in here.of(panel) if panel.count(each.address) == 1)
            async with voting(room, dead, Opinion(Choice(1))):
                await here.has_committed(case, dead)
            others = [each for each in room.voters if each != dead]
            await here.seat(*others, ballot=Choice(1))
            seated = sum(each.address in panel for each in others)
            while (await here.court.case(case)).revealed < seated:
                await asyncio.sleep(0.05)
            await here.chain.request("evm_increaseTime", TERMS.reveal_period)
            await here.settled(case)
            assert (await here.court.ruling(case)).choice == 1
            assert await here.stake(dead) == STAKE - LOSS
            paid = [await here.collected(each) for each in others]
            assert sum(paid) == TERMS.seats * SEAT_FEE + LOSS

    run(scenario())


async def _case_with_a_lone_seat(
    here: Sitting, terms: CaseTerms = TERMS
) -> tuple[int, tuple[str, ...]]:
    """A case of whose three seats two or three voters sit, one of them on one."""
    while True:
        snapshot = await here.chain.request("evm_snapshot")
        case = await open_case(here.room, here.chain, terms)
        panel = await draw(here.room, here.chain, case)
        if len(set(panel)) > 1:
            return case, panel
        await here.chain.request("evm_revert", snapshot)


def test_what_no_evaluator_judges_waits_for_a_person(room: Courtroom, run: Any) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            case = await open_case(room, here.chain)
            panel = await draw(room, here.chain, case)
            people = here.of(panel)
            voters = await here.seat(*people, ballot=None)
            while any((case, 0) not in voter.standing.waiting for voter in voters):
                await asyncio.sleep(0.05)
            health = await voters[0].health()
            assert health["waiting"] == [f"{case}.0"]
            for each in people:
                spool = Spool(room.folder / each.address / "votes")
                spool.leave(case, 0, "3")  # no option of the case: it goes on waiting
            await asyncio.sleep(1)
            for each, voter in zip(people, voters, strict=True):
                assert (case, 0) in voter.standing.waiting
                Spool(room.folder / each.address / "votes").leave(case, 0, "2")
            await here.settled(case)
            assert (await here.court.ruling(case)).choice == 2
            assert all(not voter.standing.waiting for voter in voters)

    run(scenario())


def test_a_voter_acts_on_what_is_certain_alone(room: Courtroom, run: Any) -> None:
    async def scenario() -> None:
        async with sitting(room) as here, AsyncExitStack() as stack:
            for each in room.voters:
                enter = stack.enter_async_context
                await enter(voting(room, each, Opinion(Choice(1)), confirmations=4))
            case = await open_case(room, here.chain)
            panel = await draw(room, here.chain, case)
            drawn = (await here.chain.head()).number
            await here.settled(case)
            committed = await _blocks_of(here, "VoteCommitted")
            revealed = await _blocks_of(here, "VoteRevealed")
            assert len(committed) == len(revealed) == len(set(panel))
            assert min(committed) >= drawn + 4
            assert min(revealed) >= max(committed) + 4

    run(scenario())


async def _blocks_of(here: Sitting, name: str) -> list[int]:
    """Blocks of the court's events of one kind."""
    head = await here.chain.head()
    logs = await here.chain.logs([here.court.address], here.room.deployment.block, head.number)
    events = [here.court.abi.event(each) for each in logs]
    return [each.log.block_number for each in events if each is not None and each.name == name]


# ---------------------------------------------------------------- kills


def _dying_voter(room: Courtroom, identity: Identity, number: int, *, after: bool) -> int:
    """A voter in a process of its own that is killed at its n-th durable write, from 1, of the
    journal or of the outbox, before it or after it.
    """
    child = os.fork()
    if child:
        return child
    try:
        left = number
        write, commit = Journal.write, DefaultDialect.do_commit

        def counted(done: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = done()
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        def write_counted(self: Journal, batch: Batch) -> None:
            counted(lambda: write(self, batch))

        def commit_counted(self: DefaultDialect, connection: Any) -> None:
            counted(lambda: commit(self, connection))

        # The fork ends with the scenario: nobody restores this.
        patch = pytest.MonkeyPatch()

        async def live() -> None:
            async with voting(room, identity, Opinion(Choice(1))):
                patch.setattr(Journal, "write", write_counted)
                patch.setattr(DefaultDialect, "do_commit", commit_counted)
                await asyncio.sleep(60)

        asyncio.run(live())
    finally:
        os._exit(1)


@pytest.mark.parametrize(
    ("number", "after"), [(1, False), *((number, True) for number in range(1, 7))]
)
def test_a_voter_killed_at_any_write_votes_once_and_is_paid(
    number: int, after: bool, room: Courtroom, run: Any
) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            case = await open_case(room, here.chain)
            panel = await draw(room, here.chain, case)
            victim, *others = here.of(panel)
            await here.seat(*others, ballot=Choice(1))
            child = _dying_voter(room, victim, number, after=after)
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.WIFSIGNALED(status)
            assert os.WTERMSIG(status) == signal.SIGKILL
            await here.seat(victim, ballot=Choice(2))
            await here.settled(case)
            # Before its decision was written it may decide anew; after that nothing changes it.
            decided = number > 1 or after
            seats = panel.count(victim.address)
            if decided:
                assert (await here.court.ruling(case)).choice == 1
                assert await here.collected(victim) == seats * SEAT_FEE
            votes = await here.court.round_of(case, 0)
            assert votes.settled

    run(scenario())


# ---------------------------------------------------------------- re-organisations


@pytest.mark.parametrize("depth", [2, 5])
def test_votes_that_a_reorganisation_drops_are_given_again(
    depth: int, room: Courtroom, run: Any
) -> None:
    async def scenario() -> None:
        async with sitting(room) as here:
            await here.seat(*room.voters, ballot=Choice(1))
            case = await open_case(room, here.chain)
            await here.period(case, CasePeriod.REVEAL)
            await here.chain.request("anvil_reorg", depth, [])
            ruled = await here.period(case, CasePeriod.RULED)
            await here.settled(case, ruled.round)
            assert (await here.court.ruling(case)).choice == 1
            for each in room.voters:
                assert await here.stake(each) == STAKE

    run(scenario())
