"""What a provider knows of whoever asks it, told at little cost. (SPEC PR-15)"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict

from handfast.chain.registry import ParticipantRegistry
from handfast.channels.channel import spendable
from handfast.channels.live import Live
from handfast.channels.peer import Peer
from handfast.channels.rules import id_of
from handfast.channels.state import Parameters
from handfast.errors import InvalidInput, Unavailable
from handfast.rounds.provider import Standing

_REMEMBERED = 10_000
_UNKNOWN_SECONDS = 10.0
_LOOKUPS = 8
_LOOKUP_SECONDS = 2.0


def free_in(live: Live, now: int) -> int:
    """What the client of a channel can still lock, smallest units."""
    channel = live.end.channel
    balance = spendable(channel, now).client_balance(channel.agreed)
    return balance - channel.agreed.locked_by_client


class Acquaintance:
    """Tells strangers, registered clients and funded ones apart.

    fee    of a round, smallest units
    """

    def __init__(self, peer: Peer, registry: ParticipantRegistry, fee: int) -> None:
        self._peer = peer
        self._registry = registry
        self._fee = fee
        self._room = asyncio.Semaphore(_LOOKUPS)
        self._registered: OrderedDict[str, float] = OrderedDict()

    async def standing(self, channel: Parameters, rounds: int) -> Standing:
        """That of the client which names this channel, beside so many rounds that it is to pay."""
        if self._is_funded(channel, rounds):
            return Standing.FUNDED
        known = await self._is_registered(channel.client.lower())
        return Standing.REGISTERED if known else Standing.STRANGER

    def _is_funded(self, channel: Parameters, rounds: int) -> bool:
        try:
            live = self._peer.find(id_of(channel))
        except InvalidInput:
            return False
        free = free_in(live, self._peer.now())
        return not live.end.channel.leaving and free >= self._fee * (rounds + 1)

    async def _is_registered(self, account: str) -> bool:
        """An account keeps its id for ever; that it has none is believed for a while only."""
        now = time.monotonic()
        until = self._registered.get(account, now)
        if until > now:
            return until == float("inf")
        try:
            # Whoever cannot be looked up at once, because too many ask, counts as a stranger.
            async with asyncio.timeout(_LOOKUP_SECONDS), self._room:
                known = await self._registry.id_of(account) is not None
        except (Unavailable, TimeoutError):
            return False
        self._registered[account] = float("inf") if known else now + _UNKNOWN_SECONDS
        self._registered.move_to_end(account)
        if len(self._registered) > _REMEMBERED:
            self._registered.popitem(last=False)
        return known
