"""ReputationLedger, called from Python."""

from __future__ import annotations

from dataclasses import dataclass

from handfast.chain.client import Call, Contract


@dataclass(frozen=True, slots=True)
class Participation:
    """What is known of an account's participation. (SPEC LG-1)

    score      out of SCALE; may be below zero
    partners   accounts that it took part with, each counted once
    """

    score: int
    partners: int
    participations: int


class ReputationLedger(Contract):
    """Who finishes what it takes part in, and with how many others. (SPEC LG)"""

    async def participation(self, account: str, at: int | None = None) -> Participation:
        """Everything about an account; zeros for newcomers."""
        return Participation(*await self._read("participationOf", account, at=at))

    async def score_of(self, account: str, at: int | None = None) -> int:
        """The score, out of SCALE; 0 for newcomers."""
        return int(await self._read("scoreOf", account, at=at))

    async def is_recorder(self, account: str) -> bool:
        """Whether a contract may record."""
        return bool(await self._read("isRecorder", account))

    async def is_sealed(self) -> bool:
        """Whether no more recorders can be named."""
        return bool(await self._read("isSealed"))

    def authorise_recorder(self, recorder: str) -> Call:
        """Let a contract record. By the owner."""
        return self._call("authoriseRecorder", recorder)

    def seal(self) -> Call:
        """End the naming of recorders. By the owner."""
        return self._call("seal")
