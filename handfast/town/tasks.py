"""Plays a model task from beginning to end, and checks that cheating did not pay.

A requester asks for a reader of handwritten digits. Six workers answer: three trained one, with
more and with less, one hands in untrained weights, one a model that kills whoever runs it, and one
copies another's commitment. Five voters measure: one is bribed by the worker with the garbage, one
dies for good once it has committed, one loses its folder and goes on from its key alone.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from handfast.chain.model_tasks import ModelTerms, PanelTerms
from handfast.crypto.keccak import keccak
from handfast.disputes.models import ModelDescription
from handfast.disputes.rules import fee_of, words_of
from handfast.errors import InvariantBroken, Rejected
from handfast.process import ProcessSettings, World, open_world
from handfast.protocol.constants import SCALE, SUBMISSION_DEPOSIT, CasePeriod, Metric
from handfast.protocol.messages import Domain, Submission
from handfast.serving import Server
from handfast.storage.cid import Cid
from handfast.storage.serving import block_routes
from handfast.tasks.rules import validation_hash
from handfast.town import learning
from handfast.town.audit import gas_by_step
from handfast.town.task_audit import (
    check_scores,
    check_supply,
    check_voters,
    check_workers,
    medians_found,
    panel_drawn,
)
from handfast.town.task_cast import (
    BRIBED,
    COPIES,
    CRASHES,
    DIES,
    FORGETS,
    GARBAGE,
    HASTY,
    LOOK_SECONDS,
    PERIOD,
    PLAIN,
    REQUESTER,
    REWARD,
    SEATS,
    SKILLED,
    STAKES,
    THRESHOLD,
    TOLERANCE,
    VOTERS,
    WORKERS,
    TaskPlay,
    members,
)
from handfast.town.task_report import TaskReport
from handfast.town.town import Citizen, Town, found

_COUNTED = (CasePeriod.APPEAL, CasePeriod.RULED)
"""Periods of a case whose votes were counted."""


async def play(folder: Path, watch: Callable[[str], None]) -> TaskReport:
    """Play it all.

    folder   made anew
    raises   InvalidInput if something that it takes is not installed
    """
    learning.digits()
    watch("a chain starts, contracts are deployed, everybody registers …")
    async with found(folder, members()) as town, AsyncExitStack() as stack:
        drama = TaskPlay(town, watch)
        for name in (REQUESTER, *WORKERS):
            drama.worlds[name] = await _serve(stack, town, town.citizens[name])
        await _seat_voters(drama)
        drama.before = await drama.balances()
        await _submit(drama)
        await _judge(drama)
        return await _settle(drama)


async def _serve(stack: AsyncExitStack, town: Town, citizen: Citizen) -> World:
    """Open what somebody needs to act, and serve its content where the registry says."""
    name = citizen.member.name
    settings = ProcessSettings.load(
        None,
        rpc=town.anvil.url,
        deployments=town.folder / "deployments",
        keystore=town.folder / f"{name}.json",
        password_file=town.folder / "password",
        data=town.folder / name,
        poll=LOOK_SECONDS,
    )
    world = await stack.enter_async_context(open_world(settings))

    async def health() -> dict[str, Any]:
        return {"account": world.identity.address}

    server = Server(block_routes(world.store), health, CollectorRegistry())
    await stack.enter_async_context(server)
    await server.start("127.0.0.1", citizen.port)
    return world


async def _run(drama: TaskPlay, name: str, *command: str) -> None:
    """Run a command of somebody's to its end.

    raises   InvariantBroken if it fails
    """
    town = drama.town
    process = await town.launch(town.citizens[name], *command)
    if await process.wait():
        raise InvariantBroken(f"{name}: {town.last(town.citizens[name])}")


async def _seat_voters(drama: TaskPlay) -> None:
    drama.watch("voters stake, and start")
    await asyncio.gather(
        *(_run(drama, name, "voter", "stake", str(STAKES[name])) for name in VOTERS)
    )
    town = drama.town
    await asyncio.gather(*(town.start(town.citizens[each], "voter", "run") for each in VOTERS))


# ---------------------------------------------------------------- the task


async def _submit(drama: TaskPlay) -> None:
    """From the task's creation to the validation data."""
    digits = await asyncio.to_thread(learning.digits)
    requester = drama.worlds[REQUESTER]
    description = ModelDescription(text="read handwritten digits", target=learning.TARGET)
    text = await _publish(requester, description.model_dump_json().encode())
    unseen = learning.table(digits.unseen_pixels, digits.unseen_labels)
    validation, salt = await _publish(requester, unseen), keccak(b"validation")
    deadline = (await drama.town.chain.head()).timestamp + PERIOD
    terms = ModelTerms(
        reward=REWARD,
        description=text,
        validation=validation_hash(validation.digest, int(validation.codec), salt),
        metric=Metric.ACCURACY,
        threshold=THRESHOLD,
        tolerance=TOLERANCE,
        deadline=deadline,
        reveal_period=PERIOD,
        publish_period=PERIOD,
        minimum_reputation=0,
        max_submissions=8,
        panel=PanelTerms(SEATS, PERIOD, PERIOD, PERIOD),
    )
    escrow = drama.token.approve(drama.tasks.address, REWARD + fee_of(SEATS))
    await drama.send(REQUESTER, "allow", escrow)
    await drama.send(REQUESTER, "create", drama.tasks.create(terms))
    drama.task = await drama.tasks.count()
    await _commit(drama, digits)
    await drama.pass_time(PERIOD)
    await _reveal(drama)
    await drama.pass_time(PERIOD)
    await drama.send(REQUESTER, "publish", drama.tasks.publish(drama.task, validation, salt))
    drama.case = await drama.court.case_count()


async def _publish(world: World, data: bytes) -> Cid:
    return await asyncio.to_thread(world.store.put_bytes, data)


async def _commit(drama: TaskPlay, digits: learning.Digits) -> None:
    drama.watch("workers train, and commit")
    few = slice(30)
    makers: dict[str, Callable[[], bytes]] = {
        SKILLED: lambda: learning.perceptron(digits.pixels, digits.labels),
        PLAIN: lambda: learning.regression(digits.pixels[:400], digits.labels[:400]),
        HASTY: lambda: learning.regression(digits.pixels[few], digits.labels[few]),
        GARBAGE: learning.garbage,
        CRASHES: learning.crashing,
    }
    for name in WORKERS:
        if name != COPIES:
            made = await asyncio.to_thread(makers[name])
            drama.models[name] = await _publish(drama.worlds[name], made)
        allow = drama.token.approve(drama.tasks.address, SUBMISSION_DEPOSIT)
        await drama.send(name, "allow", allow)
        # The copier has seen the best worker's commitment on chain, and sends the same.
        commitment = _commitment(drama, SKILLED if name == COPIES else name)
        await drama.send(name, "commit", drama.tasks.commit(drama.task, commitment))


def _commitment(drama: TaskPlay, name: str) -> bytes:
    worker = drama.town.citizens[name].identity.address
    submission = Submission(drama.task, worker, drama.models[name].digest, _salt(name))
    return submission.digest(Domain(drama.town.deployment.chain_id, drama.tasks.address))


def _salt(name: str) -> bytes:
    return keccak(name.encode())


async def _reveal(drama: TaskPlay) -> None:
    drama.watch("workers reveal")
    for name in WORKERS:
        if name != COPIES:
            call = drama.tasks.reveal(drama.task, drama.models[name], _salt(name))
            await drama.send(name, "reveal", call)
    refusal = "nothing"
    try:
        stolen = drama.tasks.reveal(drama.task, drama.models[SKILLED], _salt(SKILLED))
        await drama.send(COPIES, "reveal", stolen)
    except Rejected as error:
        refusal = error.reason
    drama.check("a copied commitment cannot be revealed", "WrongReveal" in refusal, refusal)


# ---------------------------------------------------------------- the case


async def _judge(drama: TaskPlay) -> None:
    """From the draw to the settled round, with what befalls three of the voters."""
    court, case = drama.court, drama.case

    async def is_drawn() -> bool:
        return (await court.case(case)).period is CasePeriod.COMMIT

    await drama.until("a panel is drawn", is_drawn)
    panel = await court.panel_of(case)
    seated = [each for each in VOTERS if drama.address(each) in panel]
    if BRIBED in seated:
        bought = [SCALE if each == GARBAGE else 0 for each in WORKERS]
        await _run(drama, BRIBED, "voter", "vote", str(case), ",".join(map(str, bought)))
    for name in (FORGETS, DIES):
        if name in seated:
            await _has_committed(drama, name)
        await _kill(drama, name)
    citizen = drama.town.citizens[FORGETS]
    shutil.rmtree(drama.town.folder / FORGETS)
    await drama.town.start(citizen, "voter", "run")
    alive = [each for each in seated if each != DIES]

    async def are_revealed() -> bool:
        now = await court.case(case)
        everybody = now.period is CasePeriod.REVEAL and now.revealed == len(alive)
        return everybody or now.period in _COUNTED

    await drama.until("voters measure every model, commit, and reveal", are_revealed)
    drama.check(
        "a voter that lost its folder revealed from its key alone",
        FORGETS not in seated or await _has_revealed(drama, FORGETS),
        f"{FORGETS} was killed and its folder removed",
    )
    await drama.pass_time(PERIOD)  # the dead reveals nothing

    async def is_appealable() -> bool:
        return (await court.case(case)).period in _COUNTED

    await drama.until("the medians are found", is_appealable)
    await drama.pass_time(PERIOD)  # nobody appeals

    async def is_settled() -> bool:
        return (await court.round_of(case, 0)).settled

    await drama.until("the case is ruled, its seats are paid", is_settled)

    async def is_collected() -> bool:
        owed = [await court.credit_of(drama.address(each)) for each in alive]
        return not any(owed)

    await drama.until("voters collect", is_collected)


async def _has_committed(drama: TaskPlay, name: str) -> None:
    async def has_committed() -> bool:
        return await drama.court.ballot_of(drama.case, 0, drama.address(name)) != 0

    await drama.until(f"{name} measures every model, and commits", has_committed)


async def _kill(drama: TaskPlay, name: str) -> None:
    process = drama.town.citizens[name].process
    if process is None:
        raise InvariantBroken(f"{name} does not run")
    process.kill()
    await process.wait()


async def _has_revealed(drama: TaskPlay, name: str) -> bool:
    word = await drama.court.ballot_of(drama.case, 0, drama.address(name))
    return word & 1 == 1


# ---------------------------------------------------------------- the end


async def _settle(drama: TaskPlay) -> TaskReport:
    """Pay everybody, and hold it against the rules."""
    scores = await medians_found(drama)
    panel = await panel_drawn(drama)
    await drama.send(REQUESTER, "settle", drama.tasks.settle(drama.task, words_of(scores)))
    for name in WORKERS:
        # The copier's account is settled by another: nobody skips a penalty.
        claim = drama.tasks.claim(drama.task, drama.address(name))
        await drama.send(REQUESTER, f"claim for {name}", claim)
    after = await drama.balances()
    workers = check_workers(drama, scores, after)
    voters = await check_voters(drama, panel, after)
    await check_supply(drama)
    check_scores(drama, scores)
    return TaskReport(
        time.monotonic() - drama.started,
        THRESHOLD,
        workers,
        voters,
        dict(await gas_by_step(drama.town)),
        tuple(drama.checks),
    )
