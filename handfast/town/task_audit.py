"""What must hold of a played task in the end, by the chain and by the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handfast.chain.court import VoterPool
from handfast.disputes.rules import fee_of, reward_of, scores_of
from handfast.protocol.constants import SCALE, STAKE_UNIT, SUBMISSION_DEPOSIT
from handfast.tasks.rules import rank, split
from handfast.town.task_cast import (
    BRIBED,
    COPIES,
    CRASHES,
    DIES,
    FORGETS,
    GARBAGE,
    HASTY,
    HONEST,
    PLAIN,
    REQUESTER,
    REWARD,
    SEATS,
    SKILLED,
    STAKES,
    THRESHOLD,
    VOTERS,
    WORKERS,
    TaskPlay,
)
from handfast.town.task_report import VoterRow, WorkerRow


async def medians_found(drama: TaskPlay) -> tuple[int, ...]:
    """What the panel found, by position."""
    events = await _events(drama, "MediansFound")
    return scores_of(events[-1]["medians"][0], len(WORKERS))


async def panel_drawn(drama: TaskPlay) -> tuple[str, ...]:
    return tuple((await _events(drama, "PanelDrawn"))[0]["voters"])


async def _events(drama: TaskPlay, name: str) -> list[Mapping[str, Any]]:
    chain, court = drama.town.chain, drama.court
    head = await chain.head()
    logs = await chain.logs([court.address], drama.town.deployment.block, head.number)
    events = (court.abi.event(each) for each in logs)
    return [each.arguments for each in events if each is not None and each.name == name]


def check_workers(
    drama: TaskPlay, scores: Sequence[int], after: Mapping[str, int]
) -> list[WorkerRow]:
    """Shares by the rules of the task, deposits, and the requester's rest."""
    revealed = sum(1 << place for place, name in enumerate(WORKERS) if name != COPIES)
    passed, best = rank(scores, revealed, THRESHOLD)
    first, other = split(REWARD, passed.bit_count()) if passed else (0, 0)
    made = {
        SKILLED: "a perceptron, from 1,200 digits",
        PLAIN: "a regression, from 400 digits",
        HASTY: "a regression, from 30 digits",
        COPIES: f"{SKILLED}'s commitment",
        GARBAGE: "weights that were never trained",
        CRASHES: "a model that kills whoever runs it",
    }
    rows, wrong, shared = [], [], 0
    for place, name in enumerate(WORKERS):
        share = (first if place == best else other) if passed >> place & 1 else 0
        expected = -SUBMISSION_DEPOSIT if name == COPIES else share
        gained = after[name] - drama.before[name]
        shared += share
        if gained != expected:
            wrong.append(f"{name} {gained - expected:+}")
        score = None if name == COPIES else scores[place]
        rows.append(WorkerRow(name, made[name], score, share, gained))
    rest = -shared - fee_of(SEATS) + SUBMISSION_DEPOSIT
    if difference := after[REQUESTER] - drama.before[REQUESTER] - rest:
        wrong.append(f"{REQUESTER} {difference:+}")
    drama.check(
        "requester and workers have what the rules say, to the last unit",
        not wrong,
        ", ".join(wrong) or f"{shared} units shared, {SUBMISSION_DEPOSIT} forfeited",
    )
    return rows


async def check_voters(
    drama: TaskPlay, panel: Sequence[str], after: Mapping[str, int]
) -> list[VoterRow]:
    """Fees and losses by the rules of the court."""
    pool = VoterPool(drama.town.chain, await drama.court.voters())
    seats = {name: panel.count(drama.address(name)) for name in VOTERS}
    coherent = sum(seats[name] for name in HONEST)
    others = seats[BRIBED] + seats[DIES]
    reward, odd, _ = reward_of(fee_of(SEATS), coherent, others)
    penalty = _losses(others)
    did = dict.fromkeys(HONEST, "measured") | {BRIBED: "voted as bribed", DIES: "died"}
    did[FORGETS] = "lost all but its key"
    rows, wrong, paid = [], [], 0
    for name in VOTERS:
        held = await pool.voter(drama.address(name))
        lost = STAKES[name] * STAKE_UNIT - held.stake
        gained = after[name] - drama.before[name]
        expected_loss = penalty * seats[name] // others if name in (BRIBED, DIES) and others else 0
        expected = seats[name] * reward if name in HONEST else 0
        if lost != expected_loss or gained not in (expected, expected + odd):
            wrong.append(name)
        paid += gained
        rows.append(VoterRow(name, did[name], seats[name], lost, gained))
    drama.check(
        "the honest voters earn the fee and what the others lose, to the last unit",
        not wrong and paid == fee_of(SEATS) + penalty,
        ", ".join(wrong) or f"{paid} units for {coherent} seats",
    )
    for name in (BRIBED, DIES):
        row = next(each for each in rows if each.name == name)
        drama.check(
            f"who {row.did} lost stake and earned nothing",
            row.paid == 0 and (row.stake_lost > 0) == (row.seats > 0),
            f"{name}, {row.seats} seat, {row.stake_lost} units",
        )
    return rows


def _losses(seats: int) -> int:
    """What so many seats lose together."""
    return reward_of(0, 1, seats)[0]


async def check_supply(drama: TaskPlay) -> None:
    """Every unit of the token is somewhere, and the contracts hold what they owe alone."""
    deployment, token = drama.town.deployment, drama.token
    pool = VoterPool(drama.town.chain, await drama.court.voters())
    tasks = await token.balance_of(deployment.model_tasks.address)
    held = sum(
        [await token.balance_of(each) for each in (pool.address, deployment.oracle_court.address)]
    )
    staked = [await pool.voter(drama.address(name)) for name in VOTERS]
    owed = sum(each.stake + each.unstaking for each in staked)
    addresses = [each.identity.address for each in drama.town.citizens.values()]
    rest = [await token.balance_of(each) for each in (*addresses, deployment.deployer)]
    supply = await token.total_supply()
    drama.check(
        "contracts hold nothing but stakes",
        tasks == 0 and held == owed,
        f"{owed} staked, the court holds {held}, the tasks {tasks}",
    )
    drama.check(
        "the supply is all accounted for",
        sum(rest) + held + tasks == supply,
        f"{supply} units",
    )


def check_scores(drama: TaskPlay, scores: Sequence[int]) -> None:
    by = dict(zip(WORKERS, scores, strict=True))
    drama.check(
        "the better trained wins",
        by[SKILLED] > by[PLAIN] > by[HASTY] > by[GARBAGE] and by[SKILLED] >= THRESHOLD,
        ", ".join(f"{name} {by[name] / SCALE:.3f}" for name in (SKILLED, PLAIN, HASTY, GARBAGE)),
    )
    drama.check(
        "a model that crashes scores nothing and harms nothing",
        by[CRASHES] == 0,
        f"{by[CRASHES]}; the voters that ran it went on",
    )
    drama.check(
        "garbage is not paid, whoever was bribed", by[GARBAGE] < THRESHOLD, f"{by[GARBAGE]}"
    )
