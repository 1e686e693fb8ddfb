"""Hostile models and tables in a real child process. (SPEC EV-1, EV-2)"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from handfast.disputes.jobs import (
    Answer,
    Extract,
    Limits,
    Predict,
    Predictions,
    Refused,
    TableFormat,
    Task,
)
from handfast.disputes.sandbox import Sandbox
from tests.services.disputes import onnx_models as onnx

ROWS = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [3, 1, 0, 0]], "<f8")
HOSTILE = {
    "loops for ever": (onnx.endless_loop, "signal"),
    "writes itself out for ever": (onnx.function_bomb, "signal"),
    "asks for 100 GB": (onnx.hundred_gigabytes, "bad_alloc"),
    "makes 2 GB of output": (onnx.two_gigabyte_output, "bad_alloc"),
    "answers megabytes": (onnx.wide_output, "one prediction a row"),
    "crashes the process": (onnx.overflowing_division, f"signal {signal.SIGFPE.value}"),
    "divides by zero": (onnx.division_by_zero, "division by zero"),
    "calls itself": (onnx.endless_recursion, "InvalidGraph"),
    "brings an operator": (onnx.custom_operator, "not a registered"),
    "is cut off": (onnx.cut_off, "InvalidProtobuf"),
    "is empty": (lambda: b"", "No graph"),
    "is noise": (lambda: bytes(range(256)) * 40, "InvalidProtobuf"),
    "lies about its size": (onnx.lying_dimensions, "Fail"),
    "answers too many rows": (onnx.one_row_too_many, "one prediction a row"),
    "answers three dimensions": (onnx.three_dimensions, "one prediction a row"),
    "answers words": (onnx.words, "one prediction a row"),
    "predicts NaN": (lambda: onnx.no_number(float("nan")), "no number"),
    "predicts infinity": (lambda: onnx.no_number(float("inf")), "no number"),
}
"""What a model does, and a part of why it is refused."""


@pytest.fixture
def features(tmp_path: Path) -> Path:
    path = tmp_path / "features"
    path.write_bytes(ROWS.tobytes())
    return path


def predict(model: Path, features: Path, task: Task = Task.CLASSES, seconds: int = 1) -> Answer:
    sandbox = Sandbox(Limits(seconds=seconds))
    return asyncio.run(sandbox.run(Predict(task, len(ROWS), (4,)), [model, features]))


def test_an_honest_model_predicts(tmp_path: Path, features: Path) -> None:
    for made in (onnx.linear(np.eye(4, 2), [0, 0]), onnx.labels(np.eye(4, 2), [0, 0])):
        answer = predict(onnx.save(made, tmp_path / "model"), features)
        assert isinstance(answer, Predictions)
        assert np.frombuffer(answer.values, "<i8").tolist() == [0, 1, 0, 0]


def test_a_model_with_a_batch_size_of_its_own_predicts_every_row(
    tmp_path: Path, features: Path
) -> None:
    model = onnx.save(onnx.linear(np.ones((4, 1)), [0.5], rows=3), tmp_path / "model")
    answer = predict(model, features, Task.NUMBERS)
    assert isinstance(answer, Predictions)
    assert np.frombuffer(answer.values, "<f8").tolist() == [1.5, 1.5, 1.5, 4.5]


@pytest.mark.parametrize("deed", HOSTILE)
def test_a_hostile_model_is_refused(deed: str, tmp_path: Path, features: Path) -> None:
    make, why = HOSTILE[deed]
    answer = predict(onnx.save(make(), tmp_path / "model"), features)
    assert isinstance(answer, Refused)
    assert why in answer.reason


@pytest.mark.parametrize(
    "location", ["../../../../../../etc/passwd", "/etc/passwd", "/proc/self/environ", "model"]
)
def test_a_model_reads_no_file_of_the_voter(
    location: str, tmp_path: Path, features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = onnx.save(onnx.external_data(location), tmp_path / "model")
    answer = predict(model, features)
    assert isinstance(answer, Refused)
    assert "External data path" in answer.reason


def test_numbers_that_are_not_finite_are_refused_for_regression_too(
    tmp_path: Path, features: Path
) -> None:
    model = onnx.save(onnx.linear(np.full((4, 1), np.nan), [0]), tmp_path / "model")
    answer = predict(model, features, Task.NUMBERS)
    assert isinstance(answer, Refused)


def test_a_table_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    # 100,000,000 rows of equal numbers take less than 1 MB of Parquet, and 1.6 GB as numbers.
    zeros = pa.array(np.zeros(20_000_000, np.int8))
    path = tmp_path / "bomb"
    with parquet.ParquetWriter(path, pa.schema([("a", pa.int8()), ("y", pa.int8())])) as writer:
        for _ in range(5):
            writer.write_table(pa.table({"a": zeros, "y": zeros}))
    assert path.stat().st_size < 1 << 20
    job = Extract(TableFormat.PARQUET, ("a",), "y", Task.CLASSES, 1 << 40)
    answer = asyncio.run(Sandbox(Limits(memory=1 << 30, seconds=20)).run(job, [path]))
    assert isinstance(answer, Refused)
    counted = Extract(TableFormat.PARQUET, ("a",), "y", Task.CLASSES, 1_000_000)
    answer = asyncio.run(Sandbox(Limits(seconds=20)).run(counted, [path]))
    assert answer == Refused("more than 1000000 values")


def test_an_answer_longer_than_allowed_is_refused(tmp_path: Path, features: Path) -> None:
    model = onnx.save(onnx.linear(np.eye(4, 2), [0, 0]), tmp_path / "model")
    sandbox = Sandbox(Limits(output=16))
    answer = asyncio.run(sandbox.run(Predict(Task.CLASSES, 4, (4,)), [model, features]))
    assert answer == Refused("it answers more than 16 bytes")


def test_files_network_and_processes_are_out_of_reach() -> None:
    found = asyncio.run(Sandbox().protections())
    assert found.missing() == ()
    assert "seccomp" in found.mechanisms
    assert "landlock" in found.mechanisms


def _says_what_is_missing(*command: str) -> str:
    script = (
        "import asyncio; from handfast.disputes.sandbox import Sandbox;"
        "print(asyncio.run(Sandbox().protections()).missing())"
    )
    done = subprocess.run(
        [*command, sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="is an ordinary user's already")
def test_an_ordinary_user_is_as_well_protected_as_root() -> None:
    # Root's files stay readable this way, root's privileges do not.
    assert _says_what_is_missing("unshare", "--user", "--map-user=1000") == "()"


def test_a_setting_of_the_voter_is_not_in_the_environment_of_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HANDFAST_KEY", "0x" + "11" * 32)
    assert asyncio.run(Sandbox().protections()).missing() == ()


def test_the_child_ends_with_its_parent(tmp_path: Path, features: Path) -> None:
    model = onnx.save(onnx.endless_loop(), tmp_path / "model")
    script = (
        "import asyncio, sys; from pathlib import Path;"
        "from handfast.disputes.sandbox import Sandbox;"
        "from handfast.disputes.jobs import Predict, Task;"
        "files = list(map(Path, sys.argv[1:]));"
        "asyncio.run(Sandbox().run(Predict(Task.CLASSES, 4, (4,)), files))"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, model, features])
    try:
        child = _until(lambda: _confined_child(parent.pid))
    finally:
        parent.kill()
        parent.wait()
    _until(lambda: not Path(f"/proc/{child}").exists() or None)


def _until(find: Callable[[], int | bool | None]) -> int | bool:
    for _ in range(600):
        found = find()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def _confined_child(parent: int) -> int | None:
    for folder in Path("/proc").iterdir():
        try:
            status = (folder / "status").read_text()
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in status and "Seccomp:\t2\n" in status:
            return int(folder.name)
    return None
