"""`handfast voter`: judge disputes for a fee, with a stake."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from handfast import log
from handfast.chain.client import Chain
from handfast.chain.court import OracleCourt, VoterPool
from handfast.chain.deployment import load
from handfast.chain.token import MarketToken
from handfast.disputes.docket import read_docket
from handfast.disputes.process import run
from handfast.disputes.settings import VoterSettings
from handfast.disputes.spool import Spool
from handfast.disputes.voter import require_fitting
from handfast.disputes.voting import Docket
from handfast.errors import InvalidInput, Rejected
from handfast.process import World, identity_of, open_world, process_options
from handfast.protocol.constants import SEAT_STAKE, STAKE_UNIT, CasePeriod


@click.group("voter")
def voter() -> None:
    """Judge disputes for a fee, with a stake."""


@voter.command("run")
@process_options
@click.option("--source", "sources", multiple=True, help="URL that serves blocks of evidence.")
@click.option("--kubo", help="Address of a Kubo node, asked for evidence first.")
@click.option("--rule", help="python:module:function that judges what no evaluator does.")
@click.option("--by-hand", is_flag=True, default=None, help="Judge by `handfast voter vote` alone.")
@click.option("--port", type=int, help="Port for health and metrics; 0 takes a free one.")
def run_command(config: Path | None, sources: tuple[str, ...], **flags: Any) -> None:
    """Vote until stopped (Ctrl-C). The key alone is enough to go on elsewhere."""
    settings = VoterSettings.load(config, sources=sources or None, **flags)
    log.configure(settings.log_level, settings.log_format)
    asyncio.run(run(settings))


@voter.command()
@click.argument("amount", type=int)
@process_options
def stake(amount: int, **flags: Any) -> None:
    """Add AMOUNT whole tokens to the stake. More stake is drawn more often."""

    async def work(world: World) -> None:
        pool, units = await _pool(world.chain, world), _units(amount)
        token = MarketToken(world.chain, world.deployment.market_token.address)
        held = await token.balance_of(world.identity.address)
        if held < units:
            raise Rejected(f"{world.identity.address} holds {held} of {units}", "no_funds")
        deed = f"stake {amount} {time.time_ns()}"
        if await token.allowance(world.identity.address, pool.address) < units:
            await world.sender.send(f"allow {deed}", token.approve(pool.address, units))
        await world.sender.send(deed, pool.stake(units))
        now = await pool.voter(world.identity.address)
        click.echo(f"staked {now.stake // STAKE_UNIT}, {SEAT_STAKE // STAKE_UNIT} for each seat")

    _with_world(flags, work)


@voter.command()
@click.argument("amount", type=int)
@process_options
def unstake(amount: int, **flags: Any) -> None:
    """Take AMOUNT whole tokens out of the stake; a later `unstake 0` pays what is due."""

    async def work(world: World) -> None:
        pool = await _pool(world.chain, world)
        deed = f"unstake {amount} {time.time_ns()}"
        court = OracleCourt(world.chain, world.deployment.oracle_court.address)
        call = pool.unstake(_units(amount)) if amount else court.withdraw()
        await world.sender.send(deed, call)
        now = await pool.voter(world.identity.address)
        click.echo(
            f"staked {now.stake // STAKE_UNIT}, on its way out {now.unstaking // STAKE_UNIT}, "
            f"payable from second {now.withdrawable_at}"
        )

    _with_world(flags, work)


@voter.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@process_options
def status(as_json: bool, **flags: Any) -> None:
    """Show stake, credit, and the cases that are not over; also while the voter runs."""
    settings = _settings(flags)

    async def work() -> None:
        account = identity_of(settings).address
        async with Chain(settings.rpc) as chain:
            deployment = await load(chain, settings.deployments)
            court = OracleCourt(chain, deployment.oracle_court.address)
            pool = VoterPool(chain, await court.voters())
            held, credit = await pool.voter(account), await court.credit_of(account)
            dockets = await _open_cases(chain, court, account)
        spool = Spool(settings.data / "votes")
        rows = [_plain(docket, spool) for docket in dockets]
        if as_json:
            facts = {"account": account, "stake": str(held.stake), "locked": str(held.locked)}
            facts |= {"unstaking": str(held.unstaking), "credit": str(credit)}
            click.echo(json.dumps({**facts, "cases": rows}))
            return
        click.echo(
            f"{account}: staked {held.stake // STAKE_UNIT}, locked {held.locked // STAKE_UNIT}, "
            f"on its way out {held.unstaking // STAKE_UNIT}, credit {credit}"
        )
        table = Table("case", "client", "kind", "period", "round", "ends", "we")
        for row in rows:
            table.add_row(*(str(row[name]) for name in row))
        Console().print(table)

    asyncio.run(work())


@voter.command()
@click.argument("case", type=int)
@click.argument("option")
@process_options
def vote(case: int, option: str, **flags: Any) -> None:
    """Leave the running voter a vote in CASE: an OPTION, or scores like 5,7,9 (one: 5,)."""
    settings = _settings(flags)

    async def work() -> None:
        account = identity_of(settings).address
        async with Chain(settings.rpc) as chain:
            deployment = await load(chain, settings.deployments)
            court = OracleCourt(chain, deployment.oracle_court.address)
            head = await chain.head()
            docket = await read_docket(court, case, account, 0, head.number)
        if docket.period is not CasePeriod.COMMIT or docket.seat is None:
            raise Rejected(
                f"case {case} is in its period {docket.period.name.lower()}, and we have "
                f"{'a' if docket.seat is not None else 'no'} seat",
                "not_voting",
            )
        if docket.has_committed:
            raise Rejected(f"this voter has committed in case {case}", "committed")
        spool = Spool(settings.data / "votes")
        spool.leave(case, docket.round, option, lambda it: require_fitting(it, docket))
        click.echo(f"left for the voter: case {case}, round {docket.round}")

    asyncio.run(work())


async def _open_cases(chain: Chain, court: OracleCourt, account: str) -> list[Docket]:
    """Every case that is not ruled and settled for this voter, newest first."""
    head = await chain.head()
    next_draw, _ = await court.next_draw(at=head.number)
    found = []
    for case in range(await court.case_count(at=head.number), 0, -1):
        docket = await read_docket(court, case, account, next_draw, head.number)
        if docket.period is not CasePeriod.RULED or docket.unsettled:
            found.append(docket)
    return found


def _plain(docket: Docket, spool: Spool) -> dict[str, Any]:
    return {
        "case": docket.id,
        "client": docket.client,
        "kind": docket.kind.name.lower(),
        "period": docket.period.name.lower(),
        "round": docket.round,
        "ends": docket.ends_at,
        "we": _part(docket, spool),
    }


def _part(docket: Docket, spool: Spool) -> str:
    """What this voter has to do with a case."""
    if docket.period is CasePeriod.RULED:
        return "not settled"
    if docket.seat is None:
        return "no seat"
    if docket.has_revealed:
        return "revealed"
    if docket.has_committed:
        return "committed"
    if spool.find(docket.id, docket.round) is not None:
        return "decided by hand"
    return "to be decided" if docket.period is CasePeriod.COMMIT else "silent"


def _units(amount: int) -> int:
    if amount < 0:
        raise InvalidInput("an amount is not negative")
    return amount * STAKE_UNIT


async def _pool(chain: Chain, world: World) -> VoterPool:
    court = OracleCourt(chain, world.deployment.oracle_court.address)
    return VoterPool(chain, await court.voters())


def _settings(flags: dict[str, Any]) -> VoterSettings:
    config: Path | None = flags.pop("config")
    settings = VoterSettings.load(config, **flags)
    log.configure(settings.log_level, settings.log_format)
    return settings


def _with_world(flags: dict[str, Any], work: Callable[[World], Awaitable[None]]) -> None:
    settings = _settings(flags)

    async def run_() -> None:
        async with open_world(settings) as world:
            await work(world)

    asyncio.run(run_())
