"""Asks the chain whether a payment that stands for a receipt was made. (SPEC RP-5, CO-10)"""

from __future__ import annotations

import asyncio

from handfast.chain.channels import ChannelHub
from handfast.chain.client import Chain
from handfast.channels.state import ChannelId
from handfast.reputation.evidence import Evidence
from handfast.reputation.payments import MovedProduct, PaidLock

_AT_ONCE = 4


class Payments:
    """The chain's word, from so deep that it is certain.

    confirmations   blocks that make a fact certain, its own included
    """

    def __init__(self, chain: Chain, hub: ChannelHub, confirmations: int = 1) -> None:
        self._chain = chain
        self._hub = hub
        self._confirmations = confirmations
        # Strangers decide how much is asked: not more than this of the node at a time.
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def confirm(self, evidence: Evidence) -> bool:
        """Whether the chain shows the payment of evidence whose `check` passed; once it does, it
        always will.

        raises   Unavailable if the node does not answer
        """
        channel = ChannelId(evidence.receipt.channel)
        async with self._turns:
            head = await self._chain.head()
            at = max(head.number - self._confirmations + 1, 0)
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
