"""What the child process is asked to evaluate, and what it answers.

Files come as open descriptors: the child never learns a path. It is told no secret and no expected
answer, so that a model that takes it over gains nothing: predictions are compared elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, TypeAlias

from handfast.codec import Codec, Size
from handfast.errors import InvalidInput

Shape: TypeAlias = tuple[int, ...]
Name = Annotated[str, Size(0, 1_000)]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an evaluation may take. (SPEC EV-2)

    memory    bytes of address space, libraries included
    seconds   of processor time; the clock may show a few times as many
    output    bytes that it may answer
    """

    memory: int = 2 << 30
    seconds: int = 60
    output: int = 1 << 20

    def __post_init__(self) -> None:
        if min(self.memory, self.seconds, self.output) <= 0:
            raise InvalidInput("the limits of an evaluation are above zero")


class Task(IntEnum):
    """What predictions mean."""

    CLASSES = 1
    NUMBERS = 2


class TableFormat(IntEnum):
    """How a table is written."""

    PARQUET = 1
    CSV = 2


class FeatureType(IntEnum):
    """What the values of a column are."""

    INTEGER = 1
    NUMBER = 2
    BOOLEAN = 3
    TEXT = 4


@dataclass(frozen=True, slots=True)
class Probe:
    """Try what a hostile model would try. `path` is a file that exists, `port` one that listens."""

    path: str
    port: int


@dataclass(frozen=True, slots=True)
class Predict:
    """Run an ONNX model (descriptor 0) on rows of features (descriptor 1: float64, row by row).

    shape   of one row
    """

    task: Task
    rows: int
    shape: Shape

    @staticmethod
    def trial() -> Predict:
        """What any library that runs at all refuses for an empty file."""
        return Predict(Task.CLASSES, 0, (1,))


@dataclass(frozen=True, slots=True)
class Extract:
    """Read a table (descriptor 0) into numbers.

    features   columns, in order; none for all but the target
    target     the column to be predicted
    cells      most rows times features
    """

    format: TableFormat
    features: tuple[str, ...]
    target: str
    task: Task
    cells: int


@dataclass(frozen=True, slots=True)
class Feature:
    """What a column must be. Bounds and missing share are exact: decimal text.

    values    those that text may have; any if there are none
    missing   largest share of rows without a value
    """

    name: str
    type: FeatureType
    minimum: str | None
    maximum: str | None
    values: tuple[str, ...]
    missing: str


@dataclass(frozen=True, slots=True)
class Inspect:
    """Check a table (descriptor 0) against what was asked for."""

    format: TableFormat
    features: tuple[Feature, ...]
    minimum_rows: int


Job: TypeAlias = Probe | Predict | Extract | Inspect


@dataclass(frozen=True, slots=True)
class Held:
    """What took hold of the child: mechanisms by name, and what it could still do or knew."""

    mechanisms: tuple[str, ...]
    opened: bool
    connected: bool
    forked: bool
    informed: bool


@dataclass(frozen=True, slots=True)
class Predictions:
    """One prediction a row: int64 of classes or float64 of numbers, little-endian."""

    values: bytes


@dataclass(frozen=True, slots=True)
class Extracted:
    """A table as numbers: features float64, targets int64 of classes or float64 of numbers."""

    rows: int
    columns: int
    features: bytes
    targets: bytes


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is wrong with a table, a line for each fault; nothing if it is as asked for."""

    rows: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The material can't be evaluated; the fault is its own."""

    reason: str


Answer: TypeAlias = Held | Predictions | Extracted | Inspected | Refused


@dataclass(frozen=True, slots=True)
class Order:
    """A job with its limits, for a child of process `parent`; `files` are open descriptors."""

    job: Job
    limits: Limits
    parent: int
    files: tuple[int, ...]


ORDERS: Codec[Order] = Codec(Order)
ANSWERS: Codec[Answer] = Codec(Answer)
