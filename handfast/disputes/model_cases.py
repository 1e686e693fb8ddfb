"""Judges a case of ModelTasks: measures every revealed model. (SPEC EV-6, MT-4)"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from handfast import log
from handfast.disputes.ballots import Scoring
from handfast.disputes.dossiers import Dossiers
from handfast.disputes.evidence import Published, Tools, fetch
from handfast.disputes.models import (
    MAX_DESCRIPTION,
    MAX_MODEL,
    MAX_VALIDATION,
    Score,
    Validation,
    evaluate,
    read_description,
    read_validation,
)
from handfast.disputes.voting import Docket
from handfast.errors import InvalidInput, Rejected, Unavailable
from handfast.protocol.constants import NO_VALIDATION, Metric
from handfast.storage.cid import Cid
from handfast.tasks.rules import copies, positions_of

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class ModelCase:
    """What a case of ModelTasks is about.

    models   by position, of those that count
    """

    metric: Metric
    description: Published
    validation: Published
    entries: int
    models: Mapping[int, Published]


def model_case(dossiers: Dossiers, docket: Docket) -> ModelCase:
    """The case of a model task, out of the events.

    raises   Unavailable if they are not all here yet
    """
    client = docket.client
    opening = next(dossiers.about(docket.id, client, "ValidationPublished"), None)
    if opening is None:
        raise Unavailable(f"what case {docket.id} is about was not seen yet")
    task = opening.arguments["task"]
    created = next(dossiers.of(client, task, "ModelTaskCreated"), None)
    if created is None:
        raise Unavailable(f"task {task} was not seen yet")
    requester = created.arguments["requester"]
    _reward, description, _validation, metric, *_ = created.arguments["terms"]
    models = {
        each.arguments["position"]: Published.of(each.arguments["model"], each.arguments["worker"])
        for each in dossiers.of(client, task, "ModelRevealed")
    }
    digests = [models[i].cid.digest if i in models else None for i in range(docket.size)]
    for copy in positions_of(copies(digests)):
        del models[copy]
    return ModelCase(
        Metric(metric),
        Published.of(description, requester),
        Published.of(opening.arguments["validation"], requester),
        docket.size,
        models,
    )


class ModelJudge:
    """Measures models; what was measured once for a case is not measured again."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._scores: dict[tuple[int, Cid], Score] = {}

    async def judge(self, docket: Docket, until: int) -> Scoring:
        """A score for every entry; see EV-6 for what was kept back or spoilt.

        raises   Unavailable to be tried again
        """
        about = model_case(self._tools.dossiers, docket)
        with TemporaryDirectory(dir=self._tools.folder) as name:
            folder = Path(name)
            try:
                data = await self._validation(about, folder, until)
            except (Rejected, InvalidInput) as error:
                _log.warning("the requester's data are no good", case=docket.id, error=str(error))
                return Scoring((NO_VALIDATION,) * about.entries)
            scores = [0] * about.entries
            for position, model in sorted(about.models.items()):
                score = await self._score(docket.id, model, data, folder, until)
                scores[position] = score.value
                facts = {"case": docket.id, "position": position}
                _log.info("measured", **facts, score=score.value, fault=score.fault)
        return Scoring(tuple(scores))

    def forget(self, case: int) -> None:
        """The case is over."""
        for key in [key for key in self._scores if key[0] == case]:
            del self._scores[key]

    async def _validation(self, about: ModelCase, folder: Path, until: int) -> Validation:
        tools = self._tools
        text = await fetch(tools, about.description, folder / "text", MAX_DESCRIPTION, until)
        description = read_description(await asyncio.to_thread(text.read_bytes))
        data = await fetch(tools, about.validation, folder / "data", MAX_VALIDATION, until)
        return await read_validation(tools.sandbox, about.metric, description, data, folder)

    async def _score(
        self, case: int, model: Published, data: Validation, folder: Path, until: int
    ) -> Score:
        known = self._scores.get((case, model.cid))
        if known is not None:
            return known
        try:
            path = await fetch(self._tools, model, folder / "model", MAX_MODEL, until)
        except Rejected as error:
            return Score(0, str(error))
        score = await evaluate(self._tools.sandbox, path, data)
        self._scores[case, model.cid] = score
        return score
