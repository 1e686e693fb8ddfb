"""Plays a market from beginning to end, and checks that nobody could cheat anybody.

Four clients buy from four providers of different quality. One client vanishes with a fee locked,
and its provider leaves without it; the best provider comes back with a broken model, and loses its
custom; when the client returns nothing is lost; in the end everything is closed, claimed and
counted to the last unit.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from handfast.chain.channels import ChannelHub
from handfast.chain.reputation import ReputationRollup
from handfast.coordinator.client import CoordinatorClient
from handfast.errors import Unavailable
from handfast.protocol.constants import ChannelPhase
from handfast.registry.participants import Role
from handfast.reputation.encoding import ProviderLeaf
from handfast.town.audit import (
    channels_on,
    check_custom,
    check_money,
    check_products,
    gas_by_step,
    token_of,
)
from handfast.town.report import Check, Report, Round, Standing
from handfast.town.town import (
    BOND,
    CHALLENGE_PERIOD,
    COORDINATOR_FUNDS,
    TIMING,
    TOKEN,
    Citizen,
    Member,
    Town,
    found,
)

FEE = TOKEN // 100
# Rounds of a client: before the best provider breaks; after it at least, and at most; of these at
# least so many with its score fallen, to see where custom goes. The client that vanishes has few.
BEFORE, AFTER, MOST = 8, 9, 30
LATE = 8
FEW = 3
PAUSE = 1.0
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
MODELS = {
    "Ada": "digits:fine",
    "Ben": "digits:fast",
    "Cleo": "digits:undertrained",
    "Dov": "digits:noisy",
}
DEGRADES, BROKEN = "Ada", "digits:broken"
# Strictness of the judge; temperature of the draw among providers, or the best score first.
CLIENTS: dict[str, tuple[float, float | None]] = {
    "Eve": (0.4, None),
    "Finn": (0.5, 0.15),
    "Gil": (0.6, None),
    "Hana": (0.7, 0.15),
}
VANISHES = "Hana"
_LOOK_SECONDS = 0.5
_LEAVE_SECONDS = 90.0
_ROLL_UP_SECONDS = 30.0


def members(*, hurried: bool = True) -> list[Member]:
    """Everybody in the demo's town.

    hurried   wait as short as one machine allows; otherwise as usual, so that strangers who wait as
              usual can deal with them
    """
    selling: dict[str, Any] = {"fee": FEE}
    buying: dict[str, Any] = {"deposit": TOKEN, "max_fee": FEE}
    if hurried:
        challenge = [CHALLENGE_PERIOD, 86_400]
        selling |= {"challenge": challenge, "patience": 15, "timing": dict(TIMING)}
        buying |= {"challenge_period": CHALLENGE_PERIOD, "timing": dict(TIMING)}
    providers = [
        Member(name, Role.PROVIDER, {**selling, "model": model}, bond=BOND)
        for name, model in MODELS.items()
    ]
    clients = [
        Member(
            name,
            Role.CLIENT,
            {
                **buying,
                "judge": f"digits@{strictness}",
                **({} if temperature is None else {"temperature": temperature}),
            },
        )
        for name, (strictness, temperature) in CLIENTS.items()
    ]
    rolls_up = Member(
        "coordinator",
        Role.COORDINATOR,
        {"deposit": 10_000 * TOKEN, "batch": {"count": 200, "age": 0.5}},
        COORDINATOR_FUNDS,
    )
    return [rolls_up, *providers, *clients]


@dataclass(slots=True)
class Play:
    """A demo under way; `watch` is told of every change.

    late       rounds that were begun when the broken provider's score had fallen
    balances   MarketToken of each citizen before the first round
    turn       rounds that were paid when the best provider came back broken
    opened     set once everybody serves
    half_way   released by each client that has come so far, or comes no further
    broken     set once the best provider has come back broken
    fallen     set once its score has fallen, below another's
    """

    town: Town
    watch: Callable[[Play], None]
    started: float = field(default_factory=time.monotonic)
    rounds: list[Round] = field(default_factory=list)
    late: list[Round] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    turn: int = 0
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    half_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    fallen: asyncio.Event = field(default_factory=asyncio.Event)
    doing: str = ""

    def say(self, doing: str) -> None:
        """Tell what happens now."""
        self.doing = doing
        self.watch(self)

    def check(self, name: str, held: bool, detail: str) -> None:
        """Note whether something holds that must."""
        self.add(Check(name, held, detail))

    def add(self, *checks: Check) -> None:
        """Note what was checked."""
        self.checks.extend(checks)
        self.watch(self)


async def play(folder: Path, watch: Callable[[Play], None]) -> Report:
    """The whole demo, in a folder of its own.

    raises   Unavailable if a process does not start
    """
    async with found(folder, members()) as town:
        drama = Play(town, watch)
        for name, citizen in town.citizens.items():
            drama.balances[name] = await token_of(town).balance_of(citizen.identity.address)
        drama.say("everybody opens shop")
        async with _reading_scores(drama):
            await asyncio.gather(
                _open(drama),
                _degrade(drama),
                _shop_and_vanish(drama),
                *(_shop(drama, name) for name in CLIENTS if name != VANISHES),
            )
            drama.say("the roll-up catches up")
            await _until_rolled_up(drama)
        drama.say(f"{VANISHES} is back; channels close, products become tokens")
        await asyncio.gather(*(_close(drama, name) for name in CLIENTS))
        drama.say("counting to the last unit")
        await _check_all(drama)
        seconds = time.monotonic() - drama.started
        gas = await gas_by_step(town)
        return Report(seconds, drama.rounds, drama.turn, drama.standings, gas, drama.checks)


async def open_shops(town: Town) -> None:
    """Tell the clients of the coordinator, and start it and the providers."""
    (coordinator,) = town.find(Role.COORDINATOR)
    for client in town.find(Role.CLIENT):
        text = client.config.read_text()
        client.config.write_text(f"coordinators = [{json.dumps(coordinator.url)}]\n{text}")
    await asyncio.gather(
        town.start(coordinator, "coordinator", "run"),
        *(town.start(provider, "provider", "run") for provider in town.find(Role.PROVIDER)),
    )


async def _open(drama: Play) -> None:
    await open_shops(drama.town)
    drama.say("clients choose, pay and rate")
    drama.opened.set()


# ---------------------------------------------------------------- what clients do


@dataclass(slots=True)
class _Shopper:
    """A client at work.

    bought   rounds it asked for, paid or not
    late     of these, those that were begun when the broken provider's score had fallen
    gone     whether its process has ended by itself
    """

    drama: Play
    name: str
    process: asyncio.subprocess.Process
    bought: int = 0
    late: int = 0
    gone: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it has shopped enough to see where custom goes."""
        after = self.bought - BEFORE
        return self.gone or after >= MOST or (after >= AFTER and self.late >= LATE)

    async def buy(self) -> None:
        """One round, and a rest."""
        output, text = self.process.stdout, self.process.stdin
        if output is None or text is None:
            raise Unavailable(f"{self.name} can't be spoken to")
        digit = DIGITS[(list(CLIENTS).index(self.name) + 3 * self.bought) % 10]
        late = self.drama.fallen.is_set()
        text.write(f"a handwritten {digit}\n".encode())
        line = await output.readline()
        self.gone = not line
        self.bought += 1
        self.late += late
        if line:
            _take_down(self.drama, self.name, json.loads(line), late=late)
            await asyncio.sleep(PAUSE)

    async def leave(self) -> None:
        """End its process, and see that it ends well."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        if await self.process.wait():
            town = self.drama.town
            self.drama.failures.append(f"{self.name}: {town.last(town.citizens[self.name])}")


async def _enter(drama: Play, name: str) -> _Shopper:
    """Start a client, and have it wait for the shops to open."""
    town = drama.town
    process = await town.launch(
        town.citizens[name],
        *("client", "run", "-", "--output", str(town.folder / f"{name}-bought")),
        output=asyncio.subprocess.PIPE,
        text=asyncio.subprocess.PIPE,
    )
    await drama.opened.wait()
    return _Shopper(drama, name, process)


async def _shop(drama: Play, name: str) -> None:
    """Have a client buy until it is seen where custom goes, and take down what it says."""
    shopper = await _enter(drama, name)
    while shopper.bought < BEFORE and not shopper.gone:
        await shopper.buy()
    drama.half_way.release()
    await drama.broken.wait()
    while not shopper.is_done:
        await shopper.buy()
    await shopper.leave()


async def _shop_and_vanish(drama: Play) -> None:
    """Have a client buy a little, and vanish; its provider must do without it."""
    shopper = await _enter(drama, VANISHES)
    while shopper.bought < FEW and not shopper.gone:
        await shopper.buy()
    await shopper.leave()
    left = await _vanish(drama)
    drama.half_way.release()
    await _until_left(drama, left)


def _take_down(drama: Play, name: str, said: dict[str, Any], *, late: bool) -> None:
    if "error" in said:
        drama.failures.append(f"{name}: {said['error']}")
        return
    round_ = Round(
        len(drama.rounds) + 1,
        name,
        drama.town.named(said["provider"]),
        said["prompt"],
        int(said["fee"]),
        said["seconds"],
        said["satisfied"],
        said["confidence"] or 0.0,
        said["file"],
        said["product"],
    )
    drama.rounds.append(round_)
    if late:
        drama.late.append(round_)
    drama.watch(drama)


async def _degrade(drama: Play) -> None:
    """Half way, have the best provider restart with a model that is broken."""
    for _ in CLIENTS:
        await drama.half_way.acquire()
    drama.turn = len(drama.rounds)
    drama.say(f"{DEGRADES} comes back with a broken model")
    citizen = drama.town.citizens[DEGRADES]
    await drama.town.halt(citizen)
    await drama.town.start(citizen, "provider", "run", "--model", BROKEN)
    drama.broken.set()


async def _vanish(drama: Play) -> str:
    """Have a client lock a fee, look at the content, and die before it pays.

    returns   the provider that waits for the fee
    """
    town, citizen = drama.town, drama.town.citizens[VANISHES]
    drama.say(f"{VANISHES} locks a fee and vanishes")
    process = await town.launch(
        citizen,
        *("client", "buy", "a handwritten eight", "--ask"),
        output=asyncio.subprocess.PIPE,
        text=asyncio.subprocess.PIPE,
    )
    if process.stdout is None:
        raise Unavailable(f"{VANISHES} can't be heard")
    question = await asyncio.wait_for(process.stdout.read(4), _LEAVE_SECONDS)
    pending = {each.member.name: await _pending_at(each) for each in town.find(Role.PROVIDER)}
    process.kill()
    await process.wait()
    waiting = [name for name, locks in pending.items() if locks]
    drama.check(
        "a client vanished with a lock pending",
        question == b"Pay " and len(waiting) == 1,
        f"{VANISHES} was killed while {', '.join(waiting) or 'nobody'} waited for its fee",
    )
    return waiting[0] if waiting else DEGRADES


async def _pending_at(provider: Citizen) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{provider.url}/health") as answer:
        return int((await answer.json())["pending"])


async def _close(drama: Play, name: str) -> None:
    """Close a client's channels and claim what it bought."""
    citizen = drama.town.citizens[name]
    process = await drama.town.launch(citizen, "client", "close", "--claim")
    if await process.wait():
        drama.failures.append(f"{name}: {drama.town.last(citizen)}")


# ---------------------------------------------------------------- what the chain says


def _rollup(town: Town) -> ReputationRollup:
    return ReputationRollup(town.chain, town.deployment.reputation_rollup.address)


@asynccontextmanager
async def _reading_scores(drama: Play) -> AsyncIterator[None]:
    """Follow the scores that are final while something else happens."""
    (coordinator,) = drama.town.find(Role.COORDINATOR)
    async with CoordinatorClient(_rollup(drama.town), 1, [coordinator.url]) as client:
        task = asyncio.create_task(_read_scores(drama, client))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _read_scores(drama: Play, client: CoordinatorClient) -> None:
    while True:
        leaves = await _leaves(drama, client)
        scores = {name: leaf.score.score for name, leaf in leaves.items() if leaf.score_epoch}
        epoch = max((leaf.score_epoch for leaf in leaves.values()), default=0)
        if scores and (not drama.standings or drama.standings[-1].scores != scores):
            drama.standings.append(Standing(len(drama.rounds), epoch, scores))
            if drama.broken.is_set() and _has_fallen(drama.standings):
                drama.fallen.set()
            drama.watch(drama)
        await asyncio.sleep(_LOOK_SECONDS)


def _has_fallen(standings: Sequence[Standing]) -> bool:
    """Whether the broken provider's score is lower than it was, and than another's."""
    scores = [each.scores.get(DEGRADES, 0) for each in standings]
    return scores[-1] < min(max(scores), max(standings[-1].scores.values()))


async def _leaves(drama: Play, client: CoordinatorClient) -> dict[str, ProviderLeaf]:
    """Proven leaves of those that have one, by name; none while none can be proven."""
    ids = [each.id for each in drama.town.find(Role.PROVIDER)]
    try:
        found_ = await client.leaves(ids)
    except Unavailable:
        return {}
    return {drama.town.named(id_): leaf for id_, leaf in found_.items() if leaf is not None}


async def _until_rolled_up(drama: Play) -> None:
    """Wait until every opinion is in a final batch, and scored."""
    (coordinator,) = drama.town.find(Role.COORDINATOR)
    wanted = sum(each.satisfied is not None for each in drama.rounds)
    deadline = time.monotonic() + _ROLL_UP_SECONDS
    counted = 0
    async with CoordinatorClient(_rollup(drama.town), 1, [coordinator.url]) as client:
        while time.monotonic() < deadline:
            leaves = (await _leaves(drama, client)).values()
            counted = sum(leaf.interactions for leaf in leaves)
            if counted == wanted and not any(leaf.is_due for leaf in leaves):
                await asyncio.sleep(2 * _LOOK_SECONDS)  # for who reads the scores
                break
            await asyncio.sleep(_LOOK_SECONDS)
    drama.check(
        "every opinion is in a final batch and scored",
        counted == wanted,
        f"{counted} of {wanted} opinions",
    )


async def _until_left(drama: Play, left: str) -> None:
    """Wait until a provider has ended its channel with the vanished client alone."""
    town = drama.town
    hub = ChannelHub(town.chain, town.deployment.channel_hub.address)
    parties = (VANISHES, left)
    (channel,) = [each for each, *both in await channels_on(town) if tuple(both) == parties]
    deadline = time.monotonic() + _LEAVE_SECONDS
    phase = ChannelPhase.OPEN
    while phase is not ChannelPhase.CLOSED and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        phase = (await hub.channel(channel)).phase
    drama.check(
        "the provider of the vanished client left alone",
        phase is ChannelPhase.CLOSED,
        f"the channel between {VANISHES} and {left} is {phase.name.lower()}",
    )


# ---------------------------------------------------------------- what must hold


async def _check_all(drama: Play) -> None:
    town, rounds = drama.town, drama.rounds
    drama.check("nothing failed", not drama.failures, "; ".join(drama.failures) or "no errors")
    drama.check("at least 50 paid rounds", len(rounds) >= 50, f"{len(rounds)} rounds")
    drama.add(*check_custom(DEGRADES, drama.standings, rounds[: drama.turn], drama.late))
    drama.add(*await check_money(town, rounds, drama.balances))
    drama.add(await check_products(town, rounds))


def table_rows(report: Report) -> Sequence[Sequence[str]]:
    """The table that a person reads at the end."""
    return [
        (
            row.name,
            f"{row.before}",
            f"{row.after}",
            f"{row.earned / TOKEN:.2f}",
            "" if row.satisfied is None else f"{row.satisfied:.0%}",
            f"{row.best / 10**9:.3f}",
            "" if row.score is None else f"{row.score / 10**9:.3f}",
        )
        for row in report.rows()
    ]
