"""A `ChainPort` to a ModelHub: what whole peers run on where a node would only be in the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from handfast.channels.chain import Signatures, Told
from handfast.channels.inputs import ChainFact
from handfast.channels.model import ModelHub
from handfast.channels.rules import close_of, state_of
from handfast.channels.state import Book, Holdings, Parameters
from handfast.channels.wire import Party
from handfast.protocol.constants import ChannelPhase
from handfast.protocol.messages import Withdrawal

_LOOK_SECONDS = 0.05


class ModelChain:
    """One channel's hub, as `party` reaches it.

    clock    seconds of the chain
    """

    def __init__(self, hub: ModelHub, party: Party, clock: Callable[[], float]) -> None:
        self._hub = hub
        self._party = party
        self._clock = clock

    def _time(self) -> int:
        return int(self._clock())

    async def reveal(self, preimage: bytes) -> None:
        self._hub.reveal(preimage, self._time())

    async def register_state(
        self, parameters: Parameters, book: Book, signatures: Signatures
    ) -> None:
        self._hub.register_state(state_of(book), *signatures, self._time(), self._party)

    async def settle(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        self._hub.settle(book, positions, cancelled, self._time())

    async def resolve(
        self,
        parameters: Parameters,
        book: Book,
        positions: Sequence[int],
        cancelled: Mapping[int, bytes],
    ) -> None:
        self._hub.resolve(book, positions, cancelled, self._time())

    async def close_cooperatively(
        self, parameters: Parameters, book: Book, deadline: int, signatures: Signatures
    ) -> None:
        self._hub.close_cooperatively(close_of(book, deadline), *signatures, self._time())

    async def withdraw(
        self,
        parameters: Parameters,
        account: str,
        total: int,
        deadline: int,
        signatures: Signatures,
    ) -> None:
        message = Withdrawal(self._hub.channel, account, total, deadline)
        self._hub.withdraw(message, *signatures, self._time())

    async def holdings(self, parameters: Parameters, phase: ChannelPhase) -> Holdings | None:
        known = parameters == self._hub.parameters
        return self._hub.holdings if known and self._hub.phase is phase else None

    async def follow(self, parameters: Parameters, told: Told) -> AsyncIterator[ChainFact]:
        seen: list[ChainFact] = []
        while True:
            facts = self._hub.facts()
            for fact in facts:
                if fact not in seen:
                    yield fact
            seen = facts
            await asyncio.sleep(_LOOK_SECONDS)

    async def has_code(self, account: str) -> bool:
        return False

    async def vouches(self, account: str, digest: bytes, signature: bytes) -> bool:
        return False
