"""Which account has which id, as far as the chain has confirmed it. (RP-7, RP-8)"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import itemgetter


class Directory:
    """Participants by account. An id, once confirmed, never changes its account.

    participants   account and block of registration, in the order of ids
    """

    def __init__(self, participants: Iterable[tuple[str, int]] = ()) -> None:
        self._ids: dict[str, int] = {}
        self._participants: list[tuple[str, int]] = []
        for account, block in participants:
            self.add(account, block)

    @property
    def highest(self) -> int:
        """The highest id."""
        return len(self._participants)

    def id_of(self, account: str) -> int | None:
        """The id of an account in lower case; None if it has none."""
        return self._ids.get(account)

    def add(self, account: str, block: int) -> int:
        """Take in the next participant and return its id: they register in the order of ids."""
        self._participants.append((account.lower(), block))
        self._ids[account.lower()] = self.highest
        return self.highest

    def roll_back(self, block: int) -> None:
        """Forget those who registered after a block."""
        stay = bisect_right(self._participants, block, key=itemgetter(1))
        for account, _ in self._participants[stay:]:
            del self._ids[account]
        del self._participants[stay:]
