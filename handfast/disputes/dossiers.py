"""What contracts have said about cases and what they are about: their events, by subject.

Kept in memory and read again after a restart, so that nothing but the chain is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from handfast.chain.abi import Event
from handfast.chain.follower import BlockEvents

_SUBJECTS = ("id", "task")
"""Arguments that name what an event is about; the first that an event has."""
_IDLE = ("EvidenceSubmitted",)
"""What anybody may say at any length, and no evaluator reads."""


class Dossiers:
    """Events of all followed contracts.

    court   address of the court
    """

    def __init__(self, court: str) -> None:
        self._court = court
        self._events: dict[tuple[str, object], list[Event]] = {}
        self._about: dict[int, list[Event]] = {}
        self._opened: dict[int, int] = {}
        self._closed: set[int] = set()

    def note(self, block: BlockEvents) -> None:
        """Take in a block."""
        for event in block.events:
            if event.name in _IDLE:
                continue
            arguments = event.arguments
            if event.log.address == self._court and event.name == "CaseOpened":
                self._opened[arguments["id"]] = block.number
            subject = next((arguments[name] for name in _SUBJECTS if name in arguments), None)
            if subject is not None:
                self._events.setdefault((event.log.address, subject), []).append(event)
            case = arguments.get("caseId")
            if case is not None:
                self._about.setdefault(case, []).append(event)

    def undo(self, tip: int) -> None:
        """Forget everything above a block."""
        for kept in (self._events, self._about):
            for events in kept.values():
                events[:] = [event for event in events if event.log.block_number <= tip]
        self._opened = {case: block for case, block in self._opened.items() if block <= tip}
        self._closed.clear()

    def of(self, contract: str, subject: object, name: str) -> Iterator[Event]:
        """What a contract has said of something by one kind of event, in order."""
        for event in self._events.get((contract, subject), ()):
            if event.name == name:
                yield event

    def of_case(self, case: int, name: str) -> Iterator[Event]:
        """What the court has said of a case."""
        yield from self.of(self._court, case, name)

    def about(self, case: int, client: str, name: str) -> Iterator[Event]:
        """What a client has said of a case of its own by one kind of event, in order."""
        for event in self._about.get(case, ()):
            if event.log.address == client and event.name == name:
                yield event

    def live(self) -> tuple[int, ...]:
        """Cases that were opened and not closed."""
        return tuple(sorted(self._opened.keys() - self._closed))

    def close(self, case: int) -> None:
        """Nothing is left to be done in a case."""
        self._closed.add(case)
