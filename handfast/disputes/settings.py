"""What a voter is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from handfast.disputes.jobs import Limits
from handfast.process import ProcessSettings
from handfast.settings import Table

Count = Annotated[int, Field(gt=0)]


class LimitSettings(Table):
    """What an evaluation may take. Who changes it disagrees with the others: SPEC EV-2."""

    memory: Count = Limits().memory
    seconds: Count = Limits().seconds

    def limits(self) -> Limits:
        """The same, for the sandbox."""
        return Limits(self.memory, self.seconds)


class VoterSettings(ProcessSettings):
    """Settings of `handfast voter run`.

    sources      URLs of whoever serves blocks, asked for evidence
    kubo         address of a node, asked before them
    rule         "python:module:function" for what no evaluator judges: of a case's number and
                 client, an option or None
    by_hand      nothing is judged but by `handfast voter vote`
    patience     seconds, at most, that it leaves to others to move a case on
    collect      least credit that is worth a withdrawal, in smallest units of MarketToken
    unprotected  what an evaluation may reach if this machine can't keep it from it
    beside       evaluations at once
    host, port   where health and metrics are shown; without a port nowhere, 0 takes a free one
    """

    sources: tuple[str, ...] = ()
    kubo: str | None = None
    rule: str = ""
    by_hand: bool = False
    patience: Annotated[float, Field(ge=0)] = 8.0
    collect: Annotated[int, Field(ge=0)] = 0
    unprotected: tuple[Literal["files", "network", "processes"], ...] = ()
    beside: Count = 1
    limits: LimitSettings = LimitSettings()
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] | None = None
