"""A court on a real chain, voters with stakes, and cases that a plain account opens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from handfast.chain.anvil import Anvil
from handfast.chain.client import Call, Chain, Mined
from handfast.chain.court import Case, CaseTerms, OracleCourt, VoterPool
from handfast.chain.deployment import Deployment, DeploymentParameters, deploy, save
from handfast.chain.follower import Follower
from handfast.chain.outbox import Outbox
from handfast.chain.registry import ParticipantRegistry
from handfast.chain.rules import GWEI, Policy
from handfast.chain.sender import Sender
from handfast.chain.token import MarketToken
from handfast.crypto.keys import Identity
from handfast.database import open_database
from handfast.disputes.ballots import BallotBox
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.spool import Spool
from handfast.disputes.voter import Judge, Tools, Voter
from handfast.journal import Journal, Scribe
from handfast.protocol.constants import CaseKind
from handfast.protocol.messages import Domain
from handfast.registry.participants import Role
from tests.services.coordinator.town import register

TOKENS = 10**18
STAKE = 1_000 * TOKENS


@dataclass(frozen=True)
class Courtroom:
    """Account 0 owns all tokens and opens cases as their client; `folder` is a test's own."""

    anvil: Anvil
    home: Path
    folder: Path
    deployment: Deployment
    court: str
    voters: tuple[Identity, ...]

    @property
    def deployments(self) -> Path:
        return self.home / "deployments"

    @property
    def client(self) -> LocalAccount:
        return Account.from_key(self.anvil.keys[0])

    def contract(self, chain: Chain) -> OracleCourt:
        return OracleCourt(chain, self.court)


async def send(chain: Chain, account: LocalAccount, call: Call) -> Mined:
    """Send a call without care, and wait until it is mined."""
    fields: dict[str, Any] = {
        "chainId": await chain.id(),
        "nonce": await chain.transaction_count(account.address),
        "gas": 12_000_000,
        "gasPrice": 20 * GWEI,
        "data": call.data,
        "to": call.to,
        "value": call.value,
    }
    signed = account.sign_transaction(fields)
    await chain.broadcast(bytes(signed.raw_transaction))
    while True:
        mined = await chain.mined(bytes(signed.hash))
        if mined is not None:
            assert mined.status, call.label
            return mined


async def build(anvil: Anvil, folder: Path, voters: int = 3) -> Courtroom:
    owner = Account.from_key(anvil.keys[0])
    async with Chain(anvil.url) as chain:
        deployment = await deploy(chain, owner, DeploymentParameters.local(owner.address))
        save(deployment, folder / "deployments")
        token = MarketToken(chain, deployment.market_token.address)
        registry = ParticipantRegistry(chain, deployment.participant_registry.address)
        court = OracleCourt(chain, deployment.oracle_court.address)
        pool = VoterPool(chain, await court.voters())
        people = tuple(Identity(bytes([9, number + 1]) * 16) for number in range(voters))
        for each in people:
            await register(chain, registry, each, Role.VOTER)
            await send(chain, owner, token.transfer(each.address, STAKE))
            await send(chain, each.account(), token.approve(pool.address, STAKE))
            await send(chain, each.account(), pool.stake(STAKE))
        await send(chain, owner, token.approve(court.address, 10**6 * TOKENS))
    return Courtroom(anvil, folder, folder, deployment, court.address, people)


TERMS = CaseTerms(
    kind=CaseKind.CHOICE,
    seats=3,
    size=2,
    standard=2,
    tolerance=0,
    side=1,
    evidence_period=0,
    commit_period=600,
    reveal_period=600,
    appeal_period=1,
    evidence=bytes([1]) * 32,
)
SCORES = replace(TERMS, kind=CaseKind.SCORES, size=3, standard=0, tolerance=10, side=0)


async def open_case(room: Courtroom, chain: Chain, terms: CaseTerms = TERMS) -> int:
    """Open a case, and mine until its panel can be drawn."""
    court = room.contract(chain)
    await send(chain, room.client, court.open(terms, room.client.address))
    case = await court.case_count()
    await chain.request("anvil_mine", hex(6))
    return case


async def draw(room: Courtroom, chain: Chain, case: int) -> tuple[str, ...]:
    """Draw the panel of a case by somebody who is no voter."""
    court = room.contract(chain)
    header = await court.header((await court.case(case)).draw_height)
    assert header is not None
    await send(chain, room.client, court.draw(case, header))
    return await court.panel_of(case)


@asynccontextmanager
async def ticking(chain: Chain, pause: float = 0.1) -> AsyncIterator[None]:
    """Mine a block again and again: each is at least a second later, so time runs faster."""

    async def tick() -> None:
        while True:
            await chain.request("evm_mine")
            await asyncio.sleep(pause)

    task = asyncio.create_task(tick())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def voting(
    room: Courtroom,
    identity: Identity,
    judge: Judge | None,
    *,
    confirmations: int = 1,
) -> AsyncIterator[Voter]:
    """Run a voter in this process; leaving stops it."""
    data = room.folder / identity.address
    data.mkdir(parents=True, exist_ok=True)
    scribe = Scribe(Journal(data / "journal.db"))
    database = open_database(data / "outbox.db")
    async with Chain(room.anvil.url) as chain:
        outbox = Outbox(database, identity.address)
        policy = Policy(confirmations=confirmations, interval=0.05, idle_interval=0.2)
        async with Sender(chain, identity.account(), outbox, policy) as sender:
            court = room.contract(chain)
            dossiers = Dossiers(court.address)
            voter = Voter(
                Tools(
                    chain=chain,
                    court=court,
                    domain=Domain(room.deployment.chain_id, court.address),
                    sender=sender,
                    follower=Follower(
                        chain,
                        [court],
                        first_block=room.deployment.block,
                        confirmations=confirmations,
                    ),
                    dossiers=dossiers,
                    judge=judge,
                    spool=Spool(data / "votes"),
                    box=BallotBox(identity),
                    lines=scribe.stream(b"voter"),
                    confirmations=confirmations,
                    poll=0.05,
                    patience=0.2,
                    collect=0,
                )
            )
            running = asyncio.create_task(voter.run())
            try:
                yield voter
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await scribe.close()
                database.dispose()


async def reached(court: OracleCourt, case: int, check: Callable[[Case], bool]) -> Case:
    """Wait until a case is so."""
    while True:
        found = await court.case(case)
        if check(found):
            return found
        await asyncio.sleep(0.05)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    while not await check():
        await asyncio.sleep(0.05)
