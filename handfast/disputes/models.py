"""How good a model is on validation data: integers, equal on any machine. (SPEC EV-3, EV-5)

Predictions come out of the sandbox; here they are compared, in exact arithmetic. What floats are
left lie inside the model, and the case's tolerance is for them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handfast.disputes.jobs import (
    Extract,
    Extracted,
    Predict,
    Predictions,
    TableFormat,
    Task,
)
from handfast.disputes.sandbox import Sandbox
from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE, Metric

MAX_DESCRIPTION: Final = 1 << 18
MAX_MODEL: Final = 64 << 20
MAX_VALIDATION: Final = 64 << 20
MAX_CELLS: Final = 8_000_000
"""Most rows times features: 64 MB as numbers."""

_HEADROOM: Final = 1 << 16
_CELL: Final = 8
_QUANTUM_LIMIT: Final = 1 << 53

TASKS: Final = {
    Metric.ACCURACY: Task.CLASSES,
    Metric.MACRO_F1: Task.CLASSES,
    Metric.DETERMINATION: Task.NUMBERS,
}
FORMATS: Final = {"parquet": TableFormat.PARQUET, "csv": TableFormat.CSV}

Positive = Annotated[Decimal, Field(gt=0, allow_inf_nan=False)]


class ModelDescription(BaseModel):
    """What a requester publishes with a model task, as JSON. The metric stands on chain.

    text       for people
    format     of the validation data
    features   columns that the model is given, in order; all but the target if there are none
    target     the column that it predicts
    shape      of one row as the model takes it; one dimension by default
    unit       of numbers: predictions and targets are rounded to whole multiples of it
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    text: str = ""
    format: Literal["parquet", "csv"] = "parquet"
    features: tuple[str, ...] = ()
    target: str
    shape: tuple[Annotated[int, Field(gt=0, le=1 << 20)], ...] = ()
    unit: Positive = Decimal("0.000001")


def read_description(data: bytes) -> ModelDescription:
    """A task's description.

    raises   InvalidInput naming the field
    """
    try:
        return ModelDescription.model_validate_json(data)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise InvalidInput(f"the description's {place}: {first['msg']}") from None


@dataclass(frozen=True, slots=True)
class Score:
    """What a model got, out of SCALE, and why that is nothing if it could not be measured."""

    value: int
    fault: str = ""


# ---------------------------------------------------------------- metrics, exact

Integers = Sequence[int]


def accuracy(predicted: Integers, expected: Integers) -> int:
    """Share of the rows that are right, out of SCALE, rounded down."""
    right = sum(map(int.__eq__, predicted, expected))
    return SCALE * right // len(expected)


def macro_f1(predicted: Integers, expected: Integers) -> int:
    """Mean over the expected classes of 2·TP / (2·TP + FP + FN), out of SCALE, rounded down."""
    right = Counter(one for one, other in zip(predicted, expected, strict=True) if one == other)
    said, meant = Counter(predicted), Counter(expected)
    total = sum(Fraction(2 * right[each], said[each] + meant[each]) for each in meant)
    return int(SCALE * total / len(meant))


def determination(predicted: Integers, expected: Integers) -> int:
    """R² out of SCALE, rounded down, never below zero; constant targets are met exactly or not."""
    n, total = len(expected), sum(expected)
    spread = n * sum(value * value for value in expected) - total * total
    error = n * sum((one - other) ** 2 for one, other in zip(predicted, expected, strict=True))
    if error >= spread:
        return SCALE if error == 0 else 0
    return SCALE * (spread - error) // spread


def score_of(
    metric: Metric, predicted: bytes, expected: bytes, description: ModelDescription
) -> int:
    """Compare predictions with targets, both as the sandbox writes them."""
    match metric:
        case Metric.ACCURACY:
            return accuracy(_classes(predicted), _classes(expected))
        case Metric.MACRO_F1:
            return macro_f1(_classes(predicted), _classes(expected))
        case Metric.DETERMINATION:
            unit = description.unit
            return determination(_multiples(predicted, unit), _multiples(expected, unit))
        case Metric.ABSENT:
            raise InvalidInput("a task has a metric")


def _classes(data: bytes) -> list[int]:
    values: list[int] = np.frombuffer(data, "<i8").tolist()
    return values


def _multiples(data: bytes, unit: Decimal) -> list[int]:
    """Numbers as multiples of the unit, the nearest, ties to even; beyond 2^53 units the limit."""
    counts = np.rint(np.frombuffer(data, "<f8") / float(unit))
    limit = float(_QUANTUM_LIMIT)
    clipped: list[int] = np.clip(counts, -limit, limit).astype(np.int64).tolist()
    return clipped


# ---------------------------------------------------------------- in the sandbox


@dataclass(frozen=True, slots=True)
class Validation:
    """Validation data, read. `features` is a file, `targets` never leave this process."""

    metric: Metric
    description: ModelDescription
    rows: int
    shape: tuple[int, ...]
    features: Path
    targets: bytes


async def read_validation(
    sandbox: Sandbox, metric: Metric, description: ModelDescription, data: Path, folder: Path
) -> Validation:
    """Read validation data once for all models.

    folder   where its features are put
    raises   InvalidInput if the data are not what the description says
    """
    task = TASKS[metric]
    job = Extract(
        FORMATS[description.format], description.features, description.target, task, MAX_CELLS
    )
    answer = await sandbox.run(job, [data], output=_CELL * MAX_CELLS * 2 + _HEADROOM)
    if not isinstance(answer, Extracted):
        raise InvalidInput(f"the validation data can't be read: {reason(answer)}")
    shape = description.shape or (answer.columns,)
    if len(answer.features) != _CELL * answer.rows * answer.columns or not answer.rows:
        raise InvalidInput("the validation data can't be read: their size is wrong")
    if len(answer.targets) != _CELL * answer.rows or prod(shape) != answer.columns:
        raise InvalidInput(f"{answer.columns} features do not have the shape {shape}")
    features = folder / "features"
    features.write_bytes(answer.features)
    return Validation(metric, description, answer.rows, shape, features, answer.targets)


async def evaluate(sandbox: Sandbox, model: Path, data: Validation) -> Score:
    """Measure one model. Whatever it does, the answer is a score, zero if it is the model's fault.

    raises   Unavailable if nothing can be evaluated here
    """
    job = Predict(TASKS[data.metric], data.rows, data.shape)
    answer = await sandbox.run(job, [model, data.features], output=_CELL * data.rows + _HEADROOM)
    if not isinstance(answer, Predictions):
        return Score(0, reason(answer))
    if len(answer.values) != _CELL * data.rows:
        return Score(0, "it does not predict every row")
    if TASKS[data.metric] is Task.NUMBERS and not _finite(answer):
        return Score(0, "it predicts what is no number")
    return Score(score_of(data.metric, answer.values, data.targets, data.description))


def _finite(answer: Predictions) -> bool:
    return bool(np.isfinite(np.frombuffer(answer.values, "<f8")).all())


def reason(answer: Any) -> str:
    """Why an answer is none."""
    return str(getattr(answer, "reason", type(answer).__name__))
