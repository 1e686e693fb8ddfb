"""Asks the chain whether a payment that stands for a receipt was made. (SPEC RP-5, CO-10)"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from handfast.chain.channels import ChannelHub
from handfast.channels.state import ChannelId
from handfast.reputation.evidence import Evidence
from handfast.reputation.payments import MovedProduct, PaidLock

_AT_ONCE = 4


class Payments:
    """The chain's word, as of a block whose fall would be noticed.

    block   number of the newest block that was taken in
    """

    def __init__(self, hub: ChannelHub, block: Callable[[], int]) -> None:
        self._hub = hub
        self._block = block
        # Strangers decide how much is asked: not more than this of the node at a time.
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def confirm(self, evidence: Evidence) -> bool:
        """Whether the chain shows the payment of evidence whose `check` passed; once it does, it
        always will.

        raises   Unavailable if the node does not answer
        """
        channel = ChannelId(evidence.receipt.channel)
        async with self._turns:
            at = self._block()
            match evidence.payment:
                case PaidLock(pledge) as paid:
                    state = paid.state(channel)
                    return await self._hub.is_paid(
                        state, pledge.lock, pledge.position, pledge.path, at
                    )
                case MovedProduct() as moved:
                    return await self._hub.products_root(channel, at) == moved.final_root
                case None:
                    return True
