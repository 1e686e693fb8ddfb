"""Models measured on tables, and tables checked against schemas. (SPEC EV-3, EV-4, EV-5, EV-7)"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from sklearn import datasets, linear_model

from handfast.disputes.data import DataSchema, FeatureSchema, Inspection, check
from handfast.disputes.jobs import Limits
from handfast.disputes.models import ModelDescription, Score, evaluate, read_validation
from handfast.disputes.sandbox import Sandbox
from handfast.errors import InvalidInput
from handfast.protocol.constants import SCALE, Metric
from tests.services.disputes import onnx_models as onnx

TABLE = pa.table(
    {
        "a": pa.array([1, 0, 5, None], pa.int32()),
        "b": pa.array([0.5, 2.5, float("nan"), -1.0]),
        "flag": [True, False, None, True],
        "kind": ["x", "y", "x", "z"],
        "y": [0, 1, 1, 0],
    }
)


def write(table: pa.Table, path: Path, form: str) -> Path:
    if form == "csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path


def measure(metric: Metric, description: ModelDescription, data: Path, model: Path) -> Score:
    async def work() -> Score:
        sandbox = Sandbox(Limits(seconds=10))
        read = await read_validation(sandbox, metric, description, data, data.parent)
        return await evaluate(sandbox, model, read)

    return asyncio.run(work())


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_a_classifier_scores_what_scikit_learn_says(form: Any, tmp_path: Path) -> None:
    digits = datasets.load_digits()
    x, y = digits.data / 16, digits.target
    trained = linear_model.LogisticRegression(max_iter=200).fit(x[:1000], y[:1000])
    table = pa.table({f"p{i}": x[1000:, i] for i in range(64)} | {"digit": y[1000:]})
    data = write(table, tmp_path / "data", form)
    model = onnx.save(onnx.linear(trained.coef_.T, trained.intercept_), tmp_path / "model")
    description = ModelDescription(format=form, target="digit")
    right = int((trained.predict(x[1000:]) == y[1000:]).sum())
    score = measure(Metric.ACCURACY, description, data, model)
    assert score == Score(SCALE * right // 797)
    assert 800_000_000 < score.value < SCALE
    again = measure(Metric.ACCURACY, description, data, model)
    assert again == score


def test_a_regression_scores_what_scikit_learn_says(tmp_path: Path) -> None:
    x, y = datasets.load_diabetes(return_X_y=True)
    trained = linear_model.LinearRegression().fit(x[:300], y[:300])
    table = pa.table({f"f{i}": x[300:, i] for i in range(10)} | {"y": y[300:]})
    data = write(table, tmp_path / "data", "parquet")
    weights = trained.coef_[:, None]
    model = onnx.save(onnx.linear(weights, [trained.intercept_]), tmp_path / "model")
    score = measure(
        Metric.DETERMINATION, ModelDescription(target="y", unit=Decimal("0.001")), data, model
    )
    assert abs(score.value - SCALE * trained.score(x[300:], y[300:])) < 1_000


def test_a_crashing_model_scores_nothing_and_the_next_one_is_measured(tmp_path: Path) -> None:
    table = pa.table({"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [0, 0], "d": [0, 0], "y": [0, 1]})
    data = write(table, tmp_path / "data", "parquet")
    description = ModelDescription(target="y")
    bad = onnx.save(onnx.overflowing_division(), tmp_path / "bad")
    assert measure(Metric.ACCURACY, description, data, bad) == Score(0, "it ended with signal 8")
    good = onnx.save(onnx.linear(np.eye(4, 2), [0, 0]), tmp_path / "good")
    assert measure(Metric.ACCURACY, description, data, good) == Score(SCALE)


@pytest.mark.parametrize(
    ("description", "metric", "fault"),
    [
        (ModelDescription(target="z"), Metric.ACCURACY, "no column z"),
        (ModelDescription(target="y", features=("kind",)), Metric.ACCURACY, "Failed to parse"),
        (ModelDescription(target="y", features=("a", "a")), Metric.ACCURACY, "twice"),
        (ModelDescription(target="y", features=("a",), shape=(2,)), Metric.ACCURACY, "shape"),
        (ModelDescription(target="b", features=("a",)), Metric.ACCURACY, "proper target"),
        (ModelDescription(target="b", features=("a",)), Metric.DETERMINATION, "no number"),
        (ModelDescription(target="y", format="csv"), Metric.ACCURACY, "can't be read"),
    ],
)
def test_validation_data_that_do_not_fit_are_refused(
    description: ModelDescription, metric: Metric, fault: str, tmp_path: Path
) -> None:
    data = write(TABLE, tmp_path / "data", "parquet")
    with pytest.raises(InvalidInput, match=fault):
        measure(metric, description, data, data)


# ---------------------------------------------------------------- data


def inspect(table: pa.Table, tmp_path: Path, form: Any, *features: FeatureSchema) -> Inspection:
    schema = DataSchema(format=form, minimum_rows=4, features=features)
    data = write(table, tmp_path / "data", form)
    return asyncio.run(check(Sandbox(Limits(seconds=10)), schema, data))


def feature(name: str, kind: Any, **more: Any) -> FeatureSchema:
    return FeatureSchema(name=name, type=kind, **more)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_data_as_asked_for_have_no_fault(form: str, tmp_path: Path) -> None:
    found = inspect(
        TABLE,
        tmp_path,
        form,
        feature("a", "integer", minimum=0, maximum=5, missing="0.25"),
        feature("b", "number", minimum=-1, maximum="2.5", missing="0.25"),
        feature("flag", "boolean", missing="0.25"),
        feature("kind", "text", values=("x", "y", "z")),
    )
    assert found == Inspection(4, ())


@pytest.mark.parametrize("form", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("wanted", "fault"),
    [
        (feature("q", "integer"), "q is not there"),
        (feature("a", "integer", missing="0.24"), "a has no value in 1 of 4 rows"),
        (feature("a", "integer", minimum=1, missing=1), "a has a value below 1"),
        (feature("b", "number", maximum="2.4", missing=1), "b has a value above 2.4"),
        (feature("kind", "text", values=("x", "y")), "none of those allowed"),
        (feature("kind", "integer"), "kind|int64"),
        (feature("b", "integer", missing=1), "b is of type|int64"),
    ],
)
def test_a_fault_of_data_is_named(
    form: str, wanted: FeatureSchema, fault: str, tmp_path: Path
) -> None:
    found = inspect(TABLE, tmp_path, form, wanted)
    assert len(found.faults) == 1
    assert any(part in found.faults[0] for part in fault.split("|"))


def test_too_few_rows_and_infinity_are_faults(tmp_path: Path) -> None:
    table = pa.table({"b": [float("inf")]})
    found = inspect(table, tmp_path, "parquet", feature("b", "number"))
    assert found.faults == ("1 rows, 4 asked for", "b has a value that is not finite")


@pytest.mark.parametrize("content", [b"", b"PAR1" + bytes(100) + b"PAR1", b"\xff" * 5_000])
@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_what_is_no_table_is_a_fault_of_the_data(content: bytes, form: Any, tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)
    schema = DataSchema(format=form, features=(feature("a", "integer"),))
    assert asyncio.run(check(Sandbox(Limits(seconds=10)), schema, path)).faults
