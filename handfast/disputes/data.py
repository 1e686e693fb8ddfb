"""Whether delivered data are what a task asked for. (SPEC EV-7)"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handfast.disputes.jobs import Feature, FeatureType, Inspect, Inspected
from handfast.disputes.models import FORMATS, reason
from handfast.disputes.sandbox import Sandbox
from handfast.errors import InvalidInput

MAX_SCHEMA: Final = 1 << 18
MAX_DATA: Final = 1 << 30
MAX_FEATURES: Final = 1_000

_TYPES: Final = {
    "integer": FeatureType.INTEGER,
    "number": FeatureType.NUMBER,
    "boolean": FeatureType.BOOLEAN,
    "text": FeatureType.TEXT,
}

Bound = Annotated[Decimal, Field(allow_inf_nan=False)]
Share = Annotated[Decimal, Field(ge=0, le=1)]


class FeatureSchema(BaseModel):
    """One column.

    minimum, maximum   of integers and numbers, both included
    values             that text may have; any if there are none
    missing            largest share of rows without a value
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    type: Literal["integer", "number", "boolean", "text"]
    minimum: Bound | None = None
    maximum: Bound | None = None
    values: tuple[str, ...] = ()
    missing: Share = Decimal(0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.type not in ("integer", "number") and (self.minimum, self.maximum) != (None, None):
            raise ValueError("only integers and numbers have bounds")
        if self.values and self.type != "text":
            raise ValueError("only text has values")
        if None not in (self.minimum, self.maximum) and self.minimum > self.maximum:  # type: ignore[operator]
            raise ValueError("the minimum is above the maximum")
        return self

    def feature(self) -> Feature:
        """The same, for the sandbox."""
        low, high = (None if each is None else str(each) for each in (self.minimum, self.maximum))
        return Feature(self.name, _TYPES[self.type], low, high, self.values, str(self.missing))


class DataSchema(BaseModel):
    """What a requester publishes with a data task, as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = 1
    text: str = ""
    format: Literal["parquet", "csv"] = "parquet"
    minimum_rows: Annotated[int, Field(ge=0, lt=1 << 63)] = 1
    features: Annotated[tuple[FeatureSchema, ...], Field(min_length=1, max_length=MAX_FEATURES)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len({each.name for each in self.features}) < len(self.features):
            raise ValueError("a feature's name stands twice")
        return self


def read_schema(data: bytes) -> DataSchema:
    """A task's schema.

    raises   InvalidInput naming the field
    """
    try:
        return DataSchema.model_validate_json(data)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "document"
        raise InvalidInput(f"the schema's {place}: {first['msg']}") from None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What data are like: as asked for if there are no faults."""

    rows: int
    faults: tuple[str, ...]


async def check(sandbox: Sandbox, schema: DataSchema, data: Path) -> Inspection:
    """Check delivered data against a schema. What can't be read is a fault of the data.

    raises   Unavailable if nothing can be evaluated here
    """
    features = tuple(each.feature() for each in schema.features)
    job = Inspect(FORMATS[schema.format], features, schema.minimum_rows)
    answer = await sandbox.run(job, [data])
    if not isinstance(answer, Inspected):
        return Inspection(0, (reason(answer),))
    return Inspection(answer.rows, answer.faults)
