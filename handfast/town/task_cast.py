"""Who plays in a model task, with what, and what the play remembers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from handfast.chain.client import Call
from handfast.chain.court import OracleCourt
from handfast.chain.model_tasks import ModelTasks
from handfast.chain.token import MarketToken
from handfast.errors import InvariantBroken
from handfast.process import World
from handfast.protocol.constants import SCALE, SEAT_STAKE, STAKE_UNIT
from handfast.registry.participants import Role
from handfast.storage.cid import Cid
from handfast.town.report import Check
from handfast.town.town import TOKEN, Member, Town

REWARD: Final = 100 * TOKEN
THRESHOLD: Final = SCALE * 85 // 100
TOLERANCE: Final = SCALE // 1_000
REQUESTER: Final = "Rhea"
SKILLED, PLAIN, HASTY = "Wren", "Yara", "Milo"
COPIES, GARBAGE, CRASHES = "Cody", "Gale", "Kash"
WORKERS: Final = (SKILLED, PLAIN, HASTY, COPIES, GARBAGE, CRASHES)
HONEST: Final = ("Vera", "Vito", "Vida")
FORGETS: Final = "Vito"
BRIBED, DIES = "Vlad", "Vox"
VOTERS: Final = (*HONEST, BRIBED, DIES)
SEATS: Final = 5
# Each has stake for one seat and no more, so that nobody has two; the two that fail weigh more, so
# that they are hardly ever passed over.
STAKES: Final = dict.fromkeys(HONEST, SEAT_STAKE // STAKE_UNIT) | {
    BRIBED: 2 * SEAT_STAKE // STAKE_UNIT - 1,
    DIES: 2 * SEAT_STAKE // STAKE_UNIT - 1,
}
PERIOD: Final = 3_600
LOOK_SECONDS: Final = 0.25
_PATIENCE_SECONDS: Final = 240.0


@dataclass(slots=True)
class TaskPlay:
    """A play under way; `watch` is told what it does."""

    town: Town
    watch: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    worlds: dict[str, World] = field(default_factory=dict)
    models: dict[str, Cid] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    task: int = 0
    case: int = 0

    # ------------------------------------------------------------ what it works with

    @property
    def tasks(self) -> ModelTasks:
        """The contract of the task."""
        return ModelTasks(self.town.chain, self.town.deployment.model_tasks.address)

    @property
    def court(self) -> OracleCourt:
        """The court."""
        return OracleCourt(self.town.chain, self.town.deployment.oracle_court.address)

    @property
    def token(self) -> MarketToken:
        """What everybody is paid in."""
        return MarketToken(self.town.chain, self.town.deployment.market_token.address)

    async def send(self, name: str, deed: str, call: Call) -> None:
        """Do something as somebody, once."""
        await self.worlds[name].sender.send(deed, call)

    async def until(self, what: str, check: Callable[[], Awaitable[bool]]) -> None:
        """Wait for something that the processes bring about.

        raises   InvariantBroken if it does not come
        """
        self.watch(what)
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not await check():
                    await asyncio.sleep(LOOK_SECONDS)
                return
        raise InvariantBroken(f"this did not happen: {what}")

    async def pass_time(self, seconds: int) -> None:
        """Let the chain's time run ahead, where the play would only wait."""
        await self.town.chain.request("evm_increaseTime", seconds)
        await self.town.chain.request("evm_mine")

    def check(self, name: str, held: bool, detail: str) -> None:
        """Note whether something holds."""
        self.checks.append(Check(name, held, detail))

    def address(self, name: str) -> str:
        """Somebody's account."""
        return self.town.citizens[name].identity.address

    async def balances(self) -> dict[str, int]:
        """What everybody holds, in smallest units."""
        return {
            name: await self.token.balance_of(self.address(name)) for name in self.town.citizens
        }


def members() -> list[Member]:
    """Everybody in the play."""
    voting = {"patience": 1.0, "limits": {"seconds": 20}}
    return [
        Member(REQUESTER, Role.CLIENT, listens=True),
        *(Member(name, Role.COMPUTE, listens=True) for name in WORKERS),
        *(
            Member(name, Role.VOTER, {**voting, "by_hand": name == BRIBED}, listens=True)
            for name in VOTERS
        ),
    ]
