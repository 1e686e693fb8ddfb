"""Comes to a ballot: which evaluator a case has. (SPEC EV-6, EV-7)

    a case of ModelTasks     every revealed model is measured on the validation data
    a case of DataTasks      the delivery is opened and checked against the schema
    any other                the voter's own rule, if it has one, and else a person decides

What a publisher kept back or spoilt is its own fault, and has a ballot. What fails on this side
(a library, the disk, the node) is `Unavailable`, and is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from handfast.disputes.ballots import Ballot, Choice
from handfast.disputes.data_cases import DataJudge
from handfast.disputes.evidence import Tools
from handfast.disputes.model_cases import ModelJudge
from handfast.disputes.voting import Docket
from handfast.errors import InvalidInput
from handfast.protocol.constants import CaseKind

Rule: TypeAlias = Callable[[int, str], int | None]
"""A voter's own: of a case's number and client, the option it votes for, None for a person's."""


class ByHand(Exception):
    """Nobody but a person can judge this."""


class Judges:
    """All evaluators of one voter.

    model_tasks, data_tasks   addresses of the contracts whose cases are evaluated
    rule                      judges what no evaluator does
    """

    def __init__(
        self, tools: Tools, model_tasks: str, data_tasks: str, rule: Rule | None = None
    ) -> None:
        self._models = ModelJudge(tools)
        self._data = DataJudge(tools)
        self._model_tasks = model_tasks
        self._data_tasks = data_tasks
        self._rule = rule

    async def judge(self, docket: Docket, until: int) -> Ballot:
        """A ballot for a round.

        until    when what cannot be fetched counts as kept back
        raises   ByHand if a person has to decide; Unavailable to be tried again
        """
        if docket.client == self._model_tasks and docket.kind is CaseKind.SCORES:
            return await self._models.judge(docket, until)
        if docket.client == self._data_tasks and docket.kind is CaseKind.CHOICE:
            return await self._data.judge(docket, until)
        return await self._by_rule(docket)

    def forget(self, case: int) -> None:
        """The case is over."""
        self._models.forget(case)

    async def _by_rule(self, docket: Docket) -> Ballot:
        if self._rule is None or docket.kind is not CaseKind.CHOICE:
            raise ByHand(f"case {docket.id}")
        option = await asyncio.to_thread(self._rule, docket.id, docket.client)
        if option is None:
            raise ByHand(f"case {docket.id}")
        if not 1 <= option <= docket.size:
            raise InvalidInput(f"the rule names option {option} of {docket.size}")
        return Choice(option)
