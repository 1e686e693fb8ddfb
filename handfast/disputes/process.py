"""Opens a voter: its court, its evaluators, its part of the journal. (SPEC EV-1, PR-10)"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

from prometheus_client import CollectorRegistry, Gauge

from handfast import log
from handfast.chain.court import OracleCourt, VoterPool
from handfast.chain.data_tasks import DataTasks
from handfast.chain.follower import Follower
from handfast.chain.model_tasks import ModelTasks
from handfast.chain.registry import ParticipantRegistry
from handfast.crypto.bls import SecretKey
from handfast.disputes.ballots import BallotBox
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.evidence import Tools as EvidenceTools
from handfast.disputes.judging import Judges, Rule
from handfast.disputes.sandbox import Protections, Sandbox
from handfast.disputes.settings import VoterSettings
from handfast.disputes.sources import Sources
from handfast.disputes.spool import Spool
from handfast.disputes.voter import Tools, Voter
from handfast.errors import InvalidInput
from handfast.inference.adapters import load
from handfast.process import World, open_world, run_until_stopped
from handfast.protocol.constants import SEAT_STAKE
from handfast.protocol.messages import Domain
from handfast.registry.participants import Participant
from handfast.serving import Server

_log = log.get(__name__)

_STREAM = b"voter"


async def run(settings: VoterSettings) -> None:
    """Vote until asked to stop.

    raises   InvalidInput if this machine can't keep what it evaluates from doing harm; Unavailable
             if the node is away at the start, or evaluations do not run here
    """
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(settings))
        voter = await open_voter(world, settings)
        works = [voter.run()]
        if settings.port is not None:
            server = Server([], voter.health, _metrics(voter))
            await stack.enter_async_context(server)
            await server.start(settings.host, settings.port)
            works.append(server.watch())
            _log.info("showing health", port=server.port)
        await _announce(world)
        await run_until_stopped(*works)


async def _announce(world: World) -> None:
    court = OracleCourt(world.chain, world.deployment.oracle_court.address)
    held = await VoterPool(world.chain, await court.voters()).voter(world.identity.address)
    if held.stake < SEAT_STAKE:
        _log.warning("too little stake to be drawn: handfast voter stake", stake=held.stake)
    _log.info("voting", account=world.identity.address, stake=held.stake)


async def open_voter(world: World, settings: VoterSettings) -> Voter:
    """Make the voter of an open world.

    raises   InvalidInput if this machine can't keep what it evaluates from doing harm
    """
    deployment, chain = world.deployment, world.chain
    court = OracleCourt(chain, deployment.oracle_court.address)
    models = ModelTasks(chain, deployment.model_tasks.address)
    data = DataTasks(chain, deployment.data_tasks.address)
    dossiers = Dossiers(court.address)
    clock = _Clock()
    judges: Judges | None = None
    if not settings.by_hand:
        tools = await _evidence_tools(world, settings, dossiers, clock)
        judges = Judges(tools, models.address, data.address, _rule(settings.rule))
    voter = Voter(
        Tools(
            chain=chain,
            court=court,
            domain=Domain(world.chain_id, court.address),
            sender=world.sender,
            follower=Follower(
                chain,
                [court, models, data],
                confirmations=world.confirmations,
                first_block=deployment.block,
            ),
            dossiers=dossiers,
            judge=judges,
            spool=Spool(settings.data / "votes"),
            box=BallotBox(world.identity),
            lines=world.scribe.stream(_STREAM),
            confirmations=world.confirmations,
            poll=settings.poll,
            patience=settings.patience,
            collect=settings.collect,
        )
    )
    clock.voter = voter
    return voter


def _rule(target: str) -> Rule | None:
    if not target:
        return None
    return cast("Rule", load(target.removeprefix("python:")))


class _Clock:
    """The voter's time, for evaluators that are made before it."""

    voter: Voter | None = None

    def now(self) -> int:
        return self.voter.now() if self.voter is not None else 0


async def _evidence_tools(
    world: World, settings: VoterSettings, dossiers: Dossiers, clock: _Clock
) -> EvidenceTools:
    sandbox = Sandbox(settings.limits.limits(), settings.beside)
    _require(await sandbox.protections(), settings.unprotected)
    folder = settings.data / "evidence"
    await asyncio.to_thread(_make_empty, folder)
    registry = ParticipantRegistry(world.chain, world.deployment.participant_registry.address)

    async def participant(account: str) -> Participant | None:
        id_ = await registry.id_of(account)
        return None if id_ is None else await registry.participant(id_)

    async def endpoint(account: str) -> str:
        found = await participant(account)
        return "" if found is None else found.endpoint

    async def secrets() -> Sequence[SecretKey]:
        found = await participant(world.identity.address)
        newest = 1 if found is None else found.key_epoch
        epochs = range(newest, max(newest - 2, 0), -1)
        return [world.identity.decryption_key(epoch) for epoch in epochs]

    return EvidenceTools(
        voter=world.identity.address,
        chain_id=world.chain_id,
        sandbox=sandbox,
        sources=Sources(world.store, settings.sources, settings.kubo),
        dossiers=dossiers,
        endpoint=endpoint,
        secrets=secrets,
        now=clock.now,
        folder=folder,
    )


def _require(protections: Protections, waived: Sequence[str]) -> None:
    _log.info(
        "evaluations are confined",
        by=list(protections.mechanisms),
        reach=list(protections.missing()),
    )
    missing = [name for name in protections.missing() if name not in waived]
    if missing:
        raise InvalidInput(
            f"this machine can't keep an evaluation from {', '.join(missing)}: install libseccomp, "
            'or name them in the setting "unprotected"'
        )


def _make_empty(folder: Path) -> None:
    """What a killed process left is nobody's."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _metrics(voter: Voter) -> CollectorRegistry:
    metrics = CollectorRegistry()
    readings: dict[str, tuple[str, Any]] = {
        "cases": ("Cases that are not over", lambda: voter.standing.cases),
        "waiting": ("Rounds that a person has to decide", lambda: len(voter.standing.waiting)),
        "block": ("Newest block seen", lambda: voter.standing.head),
    }
    for name, (what, read) in readings.items():
        Gauge(f"handfast_voter_{name}", what, registry=metrics).set_function(read)
    return metrics
