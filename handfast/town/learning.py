"""Trains real models on real digits, and makes those that a cheat hands in, all of them ONNX."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import numpy as np

from handfast.errors import InvalidInput

SIDE: Final = 8
PIXELS: Final = SIDE * SIDE
TARGET: Final = "digit"
_TRAINING_ROWS: Final = 1_200
_IR_VERSION: Final = 10
_OPSET: Final = 20


@dataclass(frozen=True, slots=True)
class Digits:
    """Handwritten digits of 8x8 pixels, 0 to 1, split: to learn from, and to be measured on."""

    pixels: Any
    labels: Any
    unseen_pixels: Any
    unseen_labels: Any


def _library(name: str) -> Any:
    """A library of the extra `demo`, which is slow to import.

    raises   InvalidInput if it is not installed
    """
    try:
        return import_module(name)
    except ImportError:
        raise InvalidInput(f"the demo needs {name}: pip install 'handfast[demo,voter]'") from None


def digits() -> Digits:
    """scikit-learn's 1,797 digits, in an order of our own."""
    data = _library("sklearn.datasets").load_digits()
    order = np.random.default_rng(7).permutation(len(data.target))
    pixels, labels = data.data[order] / 16, data.target[order]
    first, rest = slice(_TRAINING_ROWS), slice(_TRAINING_ROWS, None)
    return Digits(pixels[first], labels[first], pixels[rest], labels[rest])


def table(pixels: Any, labels: Any) -> bytes:
    """Digits as Parquet: a column for each pixel, and the target."""
    columns = {f"pixel_{number}": pixels[:, number] for number in range(PIXELS)}
    stream = io.BytesIO()
    made = _library("pyarrow").table({**columns, TARGET: labels})
    _library("pyarrow.parquet").write_table(made, stream)
    return stream.getvalue()


def perceptron(pixels: Any, labels: Any, hidden: int = 48) -> bytes:
    """Train a network of one hidden layer."""
    kind = _library("sklearn.neural_network").MLPClassifier
    trained = kind((hidden,), max_iter=150, random_state=1, tol=1e-3).fit(pixels, labels)
    return _layers(list(zip(trained.coefs_, trained.intercepts_, strict=True)))


def regression(pixels: Any, labels: Any) -> bytes:
    """Train a logistic regression."""
    kind = _library("sklearn.linear_model").LogisticRegression
    trained = kind(max_iter=300).fit(pixels, labels)
    return _layers([(trained.coef_.T, trained.intercept_)])


def garbage() -> bytes:
    """Weights that were never trained."""
    drawn = np.random.default_rng(3).normal(size=(PIXELS, 10))
    return _layers([(drawn, np.zeros(10))])


def crashing() -> bytes:
    """Divides the least integer by -1, for which the processor ends whoever asks."""
    helper, types = _library("onnx.helper"), _library("onnx").TensorProto
    nodes = [
        helper.make_node("Cast", ["x"], ["whole"], to=types.INT64),
        helper.make_node("Sub", ["whole", "whole"], ["zero"]),
        helper.make_node("Add", ["zero", "least"], ["dividend"]),
        helper.make_node("Div", ["dividend", "minus"], ["y"]),
    ]
    constants = {"least": np.array([-(2**63)]), "minus": np.array([-1])}
    return _model(nodes, constants, types.INT64)


def _layers(layers: list[tuple[Any, Any]]) -> bytes:
    """Fully connected layers with ReLU between them; the greatest of ten outputs is the digit."""
    helper = _library("onnx.helper")
    nodes, constants, before = [], {}, "x"
    for number, (weights, bias) in enumerate(layers, 1):
        last = number == len(layers)
        constants[f"w{number}"] = np.asarray(weights, np.float32)
        constants[f"b{number}"] = np.asarray(bias, np.float32)
        after = "y" if last else f"h{number}"
        nodes.append(helper.make_node("Gemm", [before, f"w{number}", f"b{number}"], [after]))
        if not last:
            nodes.append(helper.make_node("Relu", [after], [f"r{number}"]))
        before = f"r{number}"
    return _model(nodes, constants, _library("onnx").TensorProto.FLOAT)


def _model(nodes: list[Any], constants: dict[str, Any], kind: int) -> bytes:
    helper, numpy_helper = _library("onnx.helper"), _library("onnx.numpy_helper")
    floats = _library("onnx").TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("x", floats, ["rows", PIXELS])],
        [helper.make_tensor_value_info("y", kind, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    imports = [helper.make_opsetid("", _OPSET)]
    made = helper.make_model(graph, opset_imports=imports, ir_version=_IR_VERSION)
    data: bytes = made.SerializeToString()
    return data
