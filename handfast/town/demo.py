"""Plays a market from beginning to end, and checks that nobody could cheat anybody.

Four clients buy from four providers of different quality; half way the best one comes back with a
broken model and loses its custom; one client vanishes with a fee locked, and its provider leaves
without it; when the client returns nothing is lost; in the end everything is closed, claimed and
counted to the last unit.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from handfast.chain.abi import shipped
from handfast.chain.channels import ChannelHub
from handfast.chain.products import ProductRegistry
from handfast.chain.reputation import ReputationRollup
from handfast.chain.token import MarketToken
from handfast.channels.state import ChannelId
from handfast.coordinator.client import CoordinatorClient
from handfast.errors import Unavailable
from handfast.protocol.constants import ChannelPhase
from handfast.registry.participants import Role
from handfast.reputation.encoding import ProviderLeaf
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
ROUNDS = 16
PAUSE = 1.5
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


def members() -> list[Member]:
    """Everybody in the demo's town."""
    serving = {
        "challenge": [CHALLENGE_PERIOD, 86_400],
        "fee": FEE,
        "patience": 15,
        "timing": dict(TIMING),
    }
    providers = [
        Member(name, Role.PROVIDER, {**serving, "model": model}, bond=BOND)
        for name, model in MODELS.items()
    ]
    clients = [
        Member(
            name,
            Role.CLIENT,
            {
                "challenge_period": CHALLENGE_PERIOD,
                "deposit": TOKEN,
                "max_fee": FEE,
                "judge": f"digits@{strictness}",
                **({} if temperature is None else {"temperature": temperature}),
                "timing": dict(TIMING),
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

    balances   MarketToken of each citizen before the first round
    turn       rounds that were paid when the best provider came back broken
    half_way   released by each client that has come so far, or comes no further
    broken     set once it has
    """

    town: Town
    watch: Callable[[Play], None]
    started: float = field(default_factory=time.monotonic)
    rounds: list[Round] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)
    turn: int = 0
    half_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    doing: str = ""

    def say(self, doing: str) -> None:
        """Tell what happens now."""
        self.doing = doing
        self.watch(self)

    def check(self, name: str, held: bool, detail: str) -> None:
        """Note whether something holds that must."""
        self.checks.append(Check(name, held, detail))
        self.watch(self)


async def play(folder: Path, watch: Callable[[Play], None]) -> Report:
    """The whole demo, in a folder of its own.

    raises   Unavailable if a process does not start
    """
    async with found(folder, members()) as town:
        drama = Play(town, watch)
        drama.say("everybody opens shop")
        await open_shops(town)
        for name, citizen in town.citizens.items():
            drama.balances[name] = await _token(town).balance_of(citizen.identity.address)
        async with _reading_scores(drama):
            drama.say("clients choose, pay and rate")
            await asyncio.gather(*(_shop(drama, name) for name in CLIENTS), _degrade(drama))
            drama.say(f"{VANISHES} locks a fee and vanishes")
            left = await _vanish(drama)
            drama.say(f"the roll-up catches up, {left} leaves without {VANISHES}")
            await asyncio.gather(_until_rolled_up(drama), _until_left(drama, left))
        drama.say(f"{VANISHES} is back; channels close, products become tokens")
        await asyncio.gather(*(_close(drama, name) for name in CLIENTS))
        drama.say("counting to the last unit")
        await _check_all(drama)
        seconds = time.monotonic() - drama.started
        gas = await gas_by_step(town)
        return Report(seconds, drama.rounds, drama.turn, drama.standings, gas, drama.checks)


async def open_shops(town: Town) -> None:
    """Start the coordinator, tell the clients of it, and start the providers."""
    (coordinator,) = town.find(Role.COORDINATOR)
    await town.start(coordinator, "coordinator", "run")
    for client in town.find(Role.CLIENT):
        text = client.config.read_text()
        client.config.write_text(f"coordinators = [{json.dumps(coordinator.url)}]\n{text}")
    await asyncio.gather(
        *(town.start(provider, "provider", "run") for provider in town.find(Role.PROVIDER))
    )


# ---------------------------------------------------------------- what clients do


async def _shop(drama: Play, name: str) -> None:
    """Have a client buy its rounds, and take down what it says."""
    town, citizen = drama.town, drama.town.citizens[name]
    process = await town.launch(
        citizen,
        *("client", "run", "-", "--output", str(town.folder / f"{name}-bought")),
        output=asyncio.subprocess.PIPE,
        text=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise Unavailable(f"{name} can't be spoken to")
    first = list(CLIENTS).index(name)
    for number in range(ROUNDS):
        if number == ROUNDS // 2:
            drama.half_way.release()
            await drama.broken.wait()
        wish = f"a handwritten {DIGITS[(first + 3 * number) % 10]}\n"
        process.stdin.write(wish.encode())
        line = await process.stdout.readline()
        if not line:
            drama.half_way.release()
            break
        _take_down(drama, name, json.loads(line))
        await asyncio.sleep(PAUSE)
    process.stdin.close()
    if await process.wait():
        drama.failures.append(f"{name}: {town.last(citizen)}")


def _take_down(drama: Play, name: str, said: dict[str, Any]) -> None:
    if "error" in said:
        drama.failures.append(f"{name}: {said['error']}")
        return
    drama.rounds.append(
        Round(
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
    )
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


def _token(town: Town) -> MarketToken:
    return MarketToken(town.chain, town.deployment.market_token.address)


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
            drama.watch(drama)
        await asyncio.sleep(_LOOK_SECONDS)


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


async def channels_on(town: Town) -> list[tuple[ChannelId, str, str]]:
    """Every channel that was opened, with the names of its client and provider."""
    hub = ChannelHub(town.chain, town.deployment.channel_hub.address)
    names = {each.identity.address.lower(): name for name, each in town.citizens.items()}
    head = await town.chain.head()
    found_: list[tuple[ChannelId, str, str]] = []
    for log_ in await town.chain.logs([hub.address], town.deployment.block, head.number):
        event = hub.abi.event(log_)
        if event is not None and event.name == "ChannelOpened":
            client, provider = event.arguments["client"], event.arguments["provider"]
            both = names.get(client.lower(), "?"), names.get(provider.lower(), "?")
            found_.append((ChannelId(event.arguments["channel"]), *both))
    return found_


async def gas_by_step(town: Town) -> dict[str, list[int]]:
    """Gas of every transaction since the deployment, by what it called."""
    names = {each.address.lower(): name for name, each in town.deployment.contracts()}
    selectors = {
        (name, selector): function
        for name in set(names.values())
        for selector, function in shipped(name).selectors().items()
    }
    used: dict[str, list[int]] = defaultdict(list)
    head = await town.chain.head()
    for number in range(town.deployment.block, head.number + 1):
        block = await town.chain.request("eth_getBlockByNumber", hex(number), True)
        receipts = await town.chain.request("eth_getBlockReceipts", hex(number))
        for transaction, receipt in zip(block["transactions"], receipts, strict=True):
            contract = names.get((transaction["to"] or "").lower())
            if contract is not None:
                selector = bytes.fromhex(transaction["input"][2:10])
                function = selectors.get((contract, selector), "?")
                used[f"{contract}.{function}"].append(int(receipt["gasUsed"], 16))
    return used


# ---------------------------------------------------------------- what must hold


async def _check_all(drama: Play) -> None:
    drama.check("nothing failed", not drama.failures, "; ".join(drama.failures) or "no errors")
    drama.check("at least 50 paid rounds", len(drama.rounds) >= 50, f"{len(drama.rounds)} rounds")
    _check_custom(drama)
    await _check_money(drama)
    await _check_products(drama)


def _check_custom(drama: Play) -> None:
    """The best provider's score fell after it degraded, and clients went elsewhere."""
    scores = [each.scores[DEGRADES] for each in drama.standings if DEGRADES in each.scores]
    best, last = max(scores, default=0), scores[-1] if scores else 0
    drama.check("the degraded provider's score fell", last < best, f"{best} to {last} of 10^9")
    mine = [each.provider == DEGRADES for each in drama.rounds]
    before, late = mine[: drama.turn], mine[-(len(mine) // 4) :]
    shares = [sum(each) / len(each) if each else 0.0 for each in (before, late)]
    drama.check(
        "clients moved away from it",
        shares[1] < shares[0],
        f"{shares[0]:.0%} of the rounds before, {shares[1]:.0%} of the last quarter",
    )


async def _check_money(drama: Play) -> None:
    town, token = drama.town, _token(drama.town)
    hub = await token.balance_of(town.deployment.channel_hub.address)
    open_ = await _still_open(town)
    drama.check("the hub holds nothing of a closed channel", open_ > 0 or hub == 0, f"{hub} left")
    wrong = []
    for name, citizen in town.citizens.items():
        fees = sum(each.fee for each in drama.rounds if each.provider == name)
        spent = sum(each.fee for each in drama.rounds if each.client == name)
        if citizen.member.role & (Role.PROVIDER | Role.CLIENT):
            now = await token.balance_of(citizen.identity.address)
            difference = now - (drama.balances[name] + fees - spent)
            if difference:
                wrong.append(f"{name} {difference:+}")
    drama.check(
        "everybody has what was agreed, to the last unit",
        not wrong,
        ", ".join(wrong) or f"{sum(each.fee for each in drama.rounds)} units of fees moved",
    )
    holders = (
        town.deployment.participant_registry.address,
        town.deployment.reputation_rollup.address,
        town.deployment.deployer,
        *(each.identity.address for each in town.citizens.values()),
    )
    held = [hub, *[await token.balance_of(address) for address in holders]]
    supply = await token.total_supply()
    drama.check("the supply is all accounted for", sum(held) == supply, f"{supply} units")


async def _still_open(town: Town) -> int:
    hub = ChannelHub(town.chain, town.deployment.channel_hub.address)
    records = [await hub.channel(channel) for channel, *_ in await channels_on(town)]
    return sum(each.phase is not ChannelPhase.CLOSED for each in records)


async def _check_products(drama: Play) -> None:
    town = drama.town
    registry = ProductRegistry(town.chain, town.deployment.product_registry.address)
    held = 0
    for name in CLIENTS:
        held += await registry.balance_of(town.citizens[name].identity.address)
    wanted = len({each.product for each in drama.rounds})
    drama.check(
        "bought products are tokens of their buyers",
        held == wanted,
        f"{held} tokens of {wanted} products",
    )


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
