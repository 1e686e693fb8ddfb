"""Follows the market's events: what is for sale, and how every purchase stands. (SPEC PR-12)

After a re-organisation everything is read again from the deployment on: what is believed rests on
one history alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from handfast import log
from handfast.chain.client import Chain
from handfast.chain.follower import Cursor, Follower, RolledBack
from handfast.chain.marketplace import Marketplace, MarketSettings, fact_of
from handfast.errors import Unavailable
from handfast.market.state import Book

_log = log.get(__name__)


class Watch:
    """Run `run` beside whoever reads `book`; or only `catch_up`.

    confirmations   blocks that make a fact certain, its own included
    poll            seconds between looks
    fell            told when history has changed
    """

    def __init__(
        self,
        chain: Chain,
        market: Marketplace,
        *,
        first_block: int,
        confirmations: int,
        poll: float,
        fell: Callable[[], None],
    ) -> None:
        self._chain = chain
        self._market = market
        self._settings: MarketSettings | None = None
        self._follower = Follower(
            chain, [market], confirmations=confirmations, first_block=first_block
        )
        self._poll = poll
        self._fell = fell
        self._cursor: Cursor | None = None
        self._changed = asyncio.Condition()
        self._reading = Book()
        self.book = self._reading
        self.now = 0
        """Seconds, of the newest block."""

    async def catch_up(self) -> None:
        """Return once all that is certain now was read.

        raises   Unavailable if the node does not answer
        """
        while await self._look():
            pass
        self.book = self._reading
        self.now = (await self._chain.head()).timestamp

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.catch_up()
            except Unavailable as error:
                _log.warning("the chain is not seen", error=str(error))
            async with self._changed:
                self._changed.notify_all()
            await asyncio.sleep(self._poll)

    async def look(self) -> None:
        """Wait for the next look at the chain, whether it finds anything or not."""
        async with self._changed:
            await self._changed.wait()

    async def _look(self) -> bool:
        if self._settings is None:
            self._settings = await self._market.settings()
        if self._cursor is None:
            self._cursor = await self._follower.origin()
        happened = await self._follower.next(self._cursor)
        if happened is None:
            return False
        if isinstance(happened, RolledBack):
            self._fell()
            self._reading, self._cursor = Book(), None
            return True
        for block in happened.blocks:
            for event in block.events:
                fact = fact_of(event, block.timestamp, self._settings)
                if fact is not None:
                    self._reading.take(fact)
        self._cursor = happened.cursor
        return True
