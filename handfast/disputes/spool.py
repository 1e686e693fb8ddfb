"""Votes that a person left for a running voter: a file for each round, in its data folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handfast.disputes.ballots import Ballot, parse_ballot
from handfast.storage.disk import file_faults, sync_path


class Spool:
    """A folder of votes. What was read is kept: a decided round is never asked for again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def leave(
        self, case: int, round_: int, text: str, check: Callable[[Ballot], None] = lambda _: None
    ) -> None:
        """Leave a vote, whole or not at all.

        check    raises InvalidInput if the case does not take it
        raises   InvalidInput if it is none
        """
        check(parse_ballot(text))
        path = self._path(case, round_)
        with file_faults(str(path)):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            partial = path.with_suffix(".partial")
            partial.write_text(text)
            sync_path(partial)
            partial.replace(path)
            sync_path(self._folder)

    def find(self, case: int, round_: int) -> Ballot | None:
        """The vote that was left for a round.

        raises   InvalidInput if it is none
        """
        path = self._path(case, round_)
        with file_faults(str(path)):
            return parse_ballot(path.read_text()) if path.exists() else None

    def _path(self, case: int, round_: int) -> Path:
        return self._folder / f"{case}.{round_}"
