"""How much levy a coordinator lays out. (RP-20, CO-9)

The proposer pays the levy of what it includes, and a receipt proves no payment: a provider and a
client that are one could sign opinions of any fee and have the proposer's deposit burnt; and who
registers one client can register a thousand.
"""

from __future__ import annotations

from collections.abc import Callable


class Allowance:
    """All amounts are in FEE_UNIT.

    per_opinion   most for one opinion
    per_client    most for all of a client's within `period` seconds
    total         most for all clients together within them
    clock         seconds
    """

    def __init__(
        self,
        per_opinion: int,
        per_client: int,
        total: int,
        period: float,
        clock: Callable[[], float],
    ) -> None:
        self._per_opinion = per_opinion
        self._per_client = per_client
        self._total = total
        self._period = period
        self._clock = clock
        self._began = clock()
        self._spent: dict[int, int] = {}
        self._spent_in_all = 0

    def permits(self, client: int, levy: int) -> bool:
        """Whether an opinion's levy is laid out."""
        if self._clock() - self._began >= self._period:
            self._began = self._clock()
            self._spent.clear()
            self._spent_in_all = 0
        return (
            levy <= self._per_opinion
            and self._spent.get(client, 0) + levy <= self._per_client
            and self._spent_in_all + levy <= self._total
        )

    def spend(self, client: int, levy: int) -> None:
        """Lay it out."""
        self._spent[client] = self._spent.get(client, 0) + levy
        self._spent_in_all += levy
