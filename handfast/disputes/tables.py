"""Reads Parquet and CSV with PyArrow, inside the child. (SPEC EV-3, EV-7)

PyArrow, not DuckDB: it reads from an open descriptor, in this thread, and never needs a path, a
thread pool or a temporary file, all of which the child has given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from handfast.disputes.jobs import (
    Extract,
    Extracted,
    Feature,
    FeatureType,
    Inspect,
    Inspected,
    Refused,
    TableFormat,
    Task,
)

_ROWS = 16_384
_BLOCK = 1 << 20
_FAULTS = 32
_LINE = 300

pa.set_cpu_count(1)
pa.set_io_thread_count(1)


# ---------------------------------------------------------------- to numbers


def extract(job: Extract, file: IO[bytes]) -> Extracted | Refused:
    """A table's features and targets as numbers. A feature without a value is NaN."""
    names = _names(job.format, file)
    features = list(job.features) or [name for name in names if name != job.target]
    wanted = [*features, job.target]
    lacking = [name for name in wanted if name not in names]
    if lacking:
        return Refused(f"there is no column {lacking[0]}")
    if len(set(names)) < len(names) or len(set(wanted)) < len(wanted):
        return Refused("a column's name stands twice")
    target = pa.int64() if job.task is Task.CLASSES else pa.float64()
    types = {name: pa.float64() for name in features} | {job.target: target}
    inputs, targets, rows = [], [], 0
    for batch in _batches(job.format, file, wanted, types):
        rows += batch.num_rows
        if rows * len(features) > job.cells:
            return Refused(f"more than {job.cells} values")
        columns = [_floats(batch.column(name)) for name in features]
        inputs.append(np.stack(columns, axis=1) if columns else np.empty((batch.num_rows, 0)))
        read = batch.column(job.target)
        if read.null_count or (job.task is Task.CLASSES and not _is_whole(read.type)):
            return Refused("a row has no proper target")
        targets.append(_numbers(read, target))
    if not rows or not features:
        return Refused("there are no rows, or no features")
    expected = np.concatenate(targets)
    if not np.isfinite(expected).all():
        return Refused("a target is no number")
    return Extracted(
        rows,
        len(features),
        np.concatenate(inputs).astype("<f8").tobytes(),
        expected.astype("<i8" if job.task is Task.CLASSES else "<f8").tobytes(),
    )


def _floats(column: Any) -> Any:
    return _numbers(pc.cast(column, pa.float64(), safe=False), pa.float64())


def _numbers(column: Any, kind: Any) -> Any:
    return pc.cast(column, kind).to_numpy(zero_copy_only=False)


def _is_whole(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


# ---------------------------------------------------------------- against a schema


@dataclass(slots=True)
class _Column:
    """What was seen of a column so far."""

    feature: Feature
    missing: int = 0
    faults: dict[str, None] = field(default_factory=dict)

    def see(self, column: Any) -> None:
        """Look at the next rows."""
        feature = self.feature
        if feature.type is FeatureType.NUMBER and pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        self.missing += column.null_count
        if feature.values:
            known = pc.is_in(column, value_set=pa.array(feature.values, pa.string()))
            if not pc.all(pc.or_kleene(known, pc.is_null(column))).as_py():
                self._fault("has a value that is none of those allowed")
        if feature.type in (FeatureType.INTEGER, FeatureType.NUMBER):
            self._check_range(pc.min_max(column).as_py())

    def _check_range(self, seen: dict[str, Any]) -> None:
        low, high = seen["min"], seen["max"]
        if low is None:
            return
        if any(isinstance(value, float) and not np.isfinite(value) for value in (low, high)):
            self._fault("has a value that is not finite")
            return
        if self.feature.minimum is not None and _exact(low) < Fraction(self.feature.minimum):
            self._fault(f"has a value below {self.feature.minimum}")
        if self.feature.maximum is not None and _exact(high) > Fraction(self.feature.maximum):
            self._fault(f"has a value above {self.feature.maximum}")

    def _fault(self, text: str) -> None:
        self.faults[text] = None

    def all(self, rows: int) -> list[str]:
        """Its faults, once all rows were seen."""
        if self.missing > Fraction(self.feature.missing) * rows:
            self._fault(f"has no value in {self.missing} of {rows} rows")
        return [f"{self.feature.name} {text}"[:_LINE] for text in self.faults]


def inspect(job: Inspect, file: IO[bytes]) -> Inspected | Refused:
    """What is wrong with a table. Columns that nobody asked for are left alone."""
    names = _names(job.format, file)
    faults = [
        f"{each.name} is not there{' once' if each.name in names else ''}"
        for each in job.features
        if names.count(each.name) != 1
    ]
    if faults:
        return Inspected(0, tuple(faults[:_FAULTS]))
    columns = [_Column(each) for each in job.features]
    types = {each.name: _csv_type(each.type) for each in job.features}
    rows = 0
    try:
        for batch in _batches(job.format, file, [each.name for each in job.features], types):
            rows += batch.num_rows
            for column in columns:
                read = _plain(batch.column(column.feature.name))
                if not _fits(column.feature.type, read.type):
                    return Inspected(rows, (f"{column.feature.name} is of type {read.type}",))
                column.see(read)
    except pa.ArrowInvalid as error:
        return Inspected(rows, (" ".join(str(error).split())[:_LINE],))
    if rows < job.minimum_rows:
        faults.append(f"{rows} rows, {job.minimum_rows} asked for")
    for column in columns:
        faults += column.all(rows)
    return Inspected(rows, tuple(faults[:_FAULTS]))


def _plain(column: Any) -> Any:
    if pa.types.is_dictionary(column.type):
        return column.dictionary_decode()
    return column


def _fits(wanted: FeatureType, kind: Any) -> bool:
    types = pa.types
    match wanted:
        case FeatureType.INTEGER:
            return bool(types.is_integer(kind))
        case FeatureType.NUMBER:
            return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))
        case FeatureType.BOOLEAN:
            return bool(types.is_boolean(kind))
        case FeatureType.TEXT:
            return bool(types.is_string(kind) or types.is_large_string(kind))


def _csv_type(wanted: FeatureType) -> Any:
    return {
        FeatureType.INTEGER: pa.int64(),
        FeatureType.NUMBER: pa.float64(),
        FeatureType.BOOLEAN: pa.bool_(),
        FeatureType.TEXT: pa.string(),
    }[wanted]


def _exact(value: float | Decimal) -> Fraction:
    return Fraction(value)


# ---------------------------------------------------------------- reading


def _names(form: TableFormat, file: IO[bytes]) -> list[str]:
    file.seek(0)
    if form is TableFormat.PARQUET:
        return list(parquet.ParquetFile(file).schema_arrow.names)
    with csv.open_csv(file, _READING, _PARSING) as reader:
        return list(reader.schema.names)


def _batches(
    form: TableFormat, file: IO[bytes], columns: Sequence[str], types: dict[str, Any]
) -> Iterator[Any]:
    """Some rows at a time. In CSV an empty field is a missing value, and nothing else is."""
    file.seek(0)
    if form is TableFormat.PARQUET:
        yield from parquet.ParquetFile(file).iter_batches(
            batch_size=_ROWS, columns=list(columns), use_threads=False
        )
        return
    conversion = csv.ConvertOptions(
        column_types=types,
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    with csv.open_csv(file, _READING, _PARSING, conversion) as reader:
        yield from reader


_READING = csv.ReadOptions(use_threads=False, block_size=_BLOCK)
_PARSING = csv.ParseOptions(newlines_in_values=True)
