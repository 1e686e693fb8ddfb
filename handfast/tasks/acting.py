"""What a party does in tasks of both kinds: allow money, do deeds once, read events."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handfast.chain.abi import Event
from handfast.chain.client import Call, Chain, Contract, Mined
from handfast.chain.follower import Advanced, Follower
from handfast.chain.rules import default_confirmations
from handfast.chain.token import MarketToken
from handfast.crypto.keccak import keccak
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.journal import Stream
from handfast.market.deeds import do
from handfast.process import World

STREAM = b"tasks"
_NUMBER_BYTES = 8


class Actor:
    """One account that takes part in the tasks of one contract.

    Everything it does can be repeated after an interruption: what was sent is not sent again.
    """

    def __init__(self, world: World, tasks: Contract) -> None:
        self.world = world
        self.tasks = tasks
        self.token = MarketToken(world.chain, world.deployment.market_token.address)
        self._lines: Stream = world.scribe.stream(STREAM)

    @property
    def account(self) -> str:
        """Whose transactions these are."""
        return self.world.identity.address

    async def now(self) -> int:
        """Seconds, as the chain counts them."""
        return (await self.world.chain.head()).timestamp

    async def act(self, deed: str, call: Call, pays: int = 0) -> Mined:
        """Do a call once.

        deed   names it among this contract's, for ever
        pays   smallest units of MarketToken that the contract takes by it
        """
        if pays and not self.began(deed):
            await self._allow(pays)
        return await do(self.world.sender, self._name(deed), call)

    def began(self, deed: str) -> bool:
        """Whether a deed was signed: then it may have been done, and only it can be."""
        return self.world.sender.knows(f"{self._name(deed)} 0")

    def _name(self, deed: str) -> str:
        return f"{self.tasks.abi.name} {self.tasks.address} {deed}"

    async def _allow(self, amount: int) -> None:
        # What a killed process left open allows, or spends what is allowed.
        await self.world.sender.drain()
        held = await self.token.balance_of(self.account)
        if held < amount:
            raise Rejected(
                f"{self.account} holds {held} of the {amount} units of MarketToken that it takes",
                "no_funds",
            )
        if await self.token.allowance(self.account, self.tasks.address) < amount:
            # A name of its own each time: what one deed allowed another may have used.
            deed = f"allow {self.tasks.address} {amount} {time.time_ns()}"
            await do(self.world.sender, deed, self.token.approve(self.tasks.address, amount))

    # ------------------------------------------------------------ what is kept

    async def keep(self, kind: str, key: bytes, body: bytes) -> None:
        """Have something on disk before acting on it."""
        self._lines.note(self._kind(kind), key, body)
        await self._lines.sync()

    def kept(self, kind: str, key: bytes) -> bytes | None:
        """What was kept, or None."""
        return self._lines.find(self._kind(kind), key)

    def _kind(self, kind: str) -> str:
        return f"{self.tasks.address} {kind}"

    async def deadline(self, wish: bytes, duration: int, deed: str) -> int:
        """The second of a deadline that was asked for as a duration: the same one again once the
        deed that names it was signed, and from now on until then.
        """
        kept = self.kept("deadline", wish)
        if kept is not None and self.began(deed):
            return int.from_bytes(kept, "big")
        second = await self.now() + duration
        await self.keep("deadline", wish, second.to_bytes(_NUMBER_BYTES, "big"))
        return second

    # ------------------------------------------------------------ what is read

    async def events(self, *others: Contract) -> tuple[Event, ...]:
        """Everything that this contract, and others, ever said."""
        world = self.world
        contracts = (self.tasks, *others)
        first = world.deployment.block
        return await read_events(world.chain, contracts, first, world.confirmations)


def number_key(task: int) -> bytes:
    """A task's number as the key of what is kept."""
    return task.to_bytes(_NUMBER_BYTES, "big")


def wish_key(*parts: object) -> bytes:
    """Names what was asked for, by all of its parts."""
    return keccak(repr(parts).encode())


def require_file(path: Path) -> None:
    """Refuse a path that is no file, before anything is paid."""
    if not path.is_file():
        raise InvalidInput(f"{path} is no file")


def told(mined: Mined, contract: Contract, name: str) -> Any:
    """Arguments of the event of that name in a transaction's logs.

    raises   Unavailable if the node has not got it
    """
    for log in mined.logs:
        event = contract.abi.event(log) if log.address == contract.address else None
        if event is not None and event.name == name:
            return event.arguments
    raise Unavailable(f"the node does not show {name} of 0x{mined.transaction.hex()}")


async def read_events(
    chain: Chain, contracts: Sequence[Contract], first_block: int, confirmations: int | None
) -> tuple[Event, ...]:
    """Everything that contracts ever said, as far as it is certain."""
    certain = confirmations or default_confirmations(await chain.id())
    follower = Follower(chain, contracts, confirmations=certain, first_block=first_block)
    cursor, found = await follower.origin(), list[Event]()
    while (step := await follower.next(cursor)) is not None:
        cursor = step.cursor
        if isinstance(step, Advanced):
            found += (event for block in step.blocks for event in block.events)
        else:
            found.clear()
            cursor = await follower.origin()
    return tuple(found)
