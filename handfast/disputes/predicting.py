"""Runs an ONNX model on rows of features, inside the child. (SPEC EV-4)"""

from __future__ import annotations

from typing import IO, Any

import numpy as np
import onnxruntime

from handfast.disputes.jobs import Predict, Predictions, Refused, Task

BATCH = 256
"""Rows that a model without a batch size of its own is given at once."""

_INPUT_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(uint8)": np.uint8,
}
_SILENT = 4


def predict(job: Predict, model: IO[bytes], features: IO[bytes]) -> Predictions | Refused:
    """One prediction a row, or why there are none."""
    session = _open(model.read())
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _INPUT_TYPES:
        return Refused("the model does not take one tensor of numbers")
    rows = np.frombuffer(features.read(), "<f8").reshape(job.rows, *job.shape)
    rows = rows.astype(_INPUT_TYPES[inputs[0].type])
    fixed = inputs[0].shape[0] if inputs[0].shape else None
    size = fixed if isinstance(fixed, int) and 0 < fixed <= job.rows else BATCH
    made = []
    for start in range(0, job.rows, size):
        batch = rows[start : start + size]
        given = len(batch)
        if size == fixed and given < size:
            batch = np.concatenate([batch, np.repeat(batch[-1:], size - given, axis=0)])
        output = session.run([session.get_outputs()[0].name], {inputs[0].name: batch})[0]
        read = _classes(output, len(batch)) if job.task is Task.CLASSES else _numbers(output)
        if read is None or len(read) != len(batch):
            return Refused("the model's first output is not one prediction a row")
        made.append(read[:given])
    values = np.concatenate(made)
    if not np.isfinite(values).all():
        return Refused("the model predicts what is no number")
    return Predictions(values.tobytes())


def _open(model: bytes) -> Any:
    """A session that computes alike wherever it can: one thread, nothing fused, seeded."""
    onnxruntime.set_seed(0)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.use_deterministic_compute = True
    options.enable_cpu_mem_arena = options.enable_mem_pattern = False
    options.log_severity_level = _SILENT
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _classes(output: Any, rows: int) -> Any:
    """Class numbers as they are, or the position of the greatest of a row's values."""
    if not isinstance(output, np.ndarray) or output.ndim not in (1, 2) or len(output) != rows:
        return None
    if np.issubdtype(output.dtype, np.integer):
        return output.reshape(-1).astype("<i8") if output.size == rows else None
    if not np.issubdtype(output.dtype, np.floating) or output.ndim == 1 or output.shape[1] < 2:
        return None
    if not np.isfinite(output).all():
        return np.full(rows, np.nan)
    return output.argmax(axis=1).astype("<i8")


def _numbers(output: Any) -> Any:
    if not isinstance(output, np.ndarray) or output.ndim not in (1, 2):
        return None
    if output.dtype.kind not in "iuf":
        return None
    return output.reshape(-1).astype("<f8")
