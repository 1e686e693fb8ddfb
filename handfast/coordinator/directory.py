"""Which account has which id, as far as the chain has confirmed it. (RP-7, RP-8)"""

from __future__ import annotations


class Directory:
    """Participants by account. An id, once confirmed, never changes its account."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._accounts: list[str] = []

    @property
    def highest(self) -> int:
        """The highest id."""
        return len(self._accounts)

    def add(self, account: str) -> int:
        """Take in the next participant and return its id: they register in the order of ids."""
        self._accounts.append(account.lower())
        self._ids[account.lower()] = self.highest
        return self.highest

    def truncate(self, highest: int) -> None:
        """Forget the participants above an id, after a re-organisation."""
        for account in self._accounts[highest:]:
            del self._ids[account]
        del self._accounts[highest:]

    def id_of(self, account: str) -> int | None:
        """The id of an account in lower case; None if it has none."""
        return self._ids.get(account)
