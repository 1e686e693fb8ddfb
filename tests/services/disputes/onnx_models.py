"""Real ONNX files: honest models, and what a malicious worker would submit in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_IR = 10
_OPSETS = [helper.make_opsetid("", 20)]
FLOAT, INT64, BOOL, STRING = (
    TensorProto.FLOAT,
    TensorProto.INT64,
    TensorProto.BOOL,
    TensorProto.STRING,
)


def constant(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def model(
    nodes: list[onnx.NodeProto],
    constants: list[onnx.TensorProto],
    *,
    kind: int = FLOAT,
    rows: int | str = "n",
    features: int = 4,
    **extra: Any,
) -> onnx.ModelProto:
    """A model from `x` (rows, features) to `y`, whose shape is not declared."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", FLOAT, [rows, features])],
        [helper.make_tensor_value_info("y", kind, None)],
        constants,
    )
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=_IR, **extra)


def linear(weights: Any, bias: Any, *, rows: int | str = "n") -> onnx.ModelProto:
    """x · weights + bias."""
    weights = np.asarray(weights, np.float32)
    node = helper.make_node("Gemm", ["x", "w", "b"], ["y"])
    constants = [constant("w", weights), constant("b", np.asarray(bias, np.float32))]
    return model([node], constants, rows=rows, features=len(weights))


def labels(weights: Any, bias: Any) -> onnx.ModelProto:
    """The position of the greatest of x · weights + bias, as integers."""
    weights = np.asarray(weights, np.float32)
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["z"]),
        helper.make_node("ArgMax", ["z"], ["y"], axis=1, keepdims=0),
    ]
    constants = [constant("w", weights), constant("b", np.asarray(bias, np.float32))]
    return model(nodes, constants, kind=INT64, features=len(weights))


# ---------------------------------------------------------------- hostile


def endless_loop() -> bytes:
    """Adds for ever."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["more"], ["go_on"]),
            helper.make_node("Add", ["held", "held"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("step", INT64, []),
            helper.make_tensor_value_info("more", BOOL, []),
            helper.make_tensor_value_info("held", FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_on", BOOL, []),
            helper.make_tensor_value_info("next", FLOAT, None),
        ],
    )
    loop = helper.make_node("Loop", ["times", "true", "x"], ["y"], body=body)
    constants = [constant("times", np.int64(2**63 - 1)), constant("true", np.bool_(True))]
    return bytes(model([loop], constants).SerializeToString())


def filled(count: int) -> bytes:
    """A tensor of so many floats."""
    node = helper.make_node("ConstantOfShape", ["shape"], ["y"])
    return bytes(model([node], [constant("shape", np.int64([count]))]).SerializeToString())


def hundred_gigabytes() -> bytes:
    return filled(25_000_000_000)


def two_gigabyte_output() -> bytes:
    """A row of 512 MB for each that it is given: more than it may hold, let alone answer."""
    nodes = [
        helper.make_node("ReduceSum", ["x", "axis"], ["s"], keepdims=1),
        helper.make_node("Expand", ["s", "shape"], ["y"]),
    ]
    constants = [constant("axis", np.int64([1])), constant("shape", np.int64([1, 1 << 27]))]
    return bytes(model(nodes, constants).SerializeToString())


def wide_output() -> bytes:
    """Answers 8 MB a row: it may hold them, but a prediction is one of them."""
    node = helper.make_node("Expand", ["one", "shape"], ["y"])
    constants = [
        constant("one", np.float32([[[1]]])),
        constant("shape", np.int64([4, 2, 1_000_000])),
    ]
    return bytes(model([node], constants).SerializeToString())


def function_bomb() -> bytes:
    """A function that calls ten of the next, nine deep: 10^9 nodes once it is written out."""
    functions = []
    for depth in range(9):
        inner = "Identity" if depth == 0 else f"f{depth - 1}"
        domain = "" if depth == 0 else "bomb"
        names = ["a", *(f"v{number}" for number in range(9)), "b"]
        nodes = [
            helper.make_node(inner, [names[number]], [names[number + 1]], domain=domain)
            for number in range(10)
        ]
        imports = [*_OPSETS, helper.make_opsetid("bomb", 1)]
        functions.append(helper.make_function("bomb", f"f{depth}", ["a"], ["b"], nodes, imports))
    built = model([helper.make_node("f8", ["x"], ["y"], domain="bomb")], [], functions=functions)
    built.opset_import.append(helper.make_opsetid("bomb", 1))
    return bytes(built.SerializeToString())


def overflowing_division() -> bytes:
    """Divides the least integer by -1: no 64 bits hold that, and the processor raises a signal."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=INT64),
        helper.make_node("Sub", ["i", "i"], ["zero"]),
        helper.make_node("Add", ["zero", "least"], ["a"]),
        helper.make_node("Div", ["a", "minus"], ["y"]),
    ]
    constants = [constant("least", np.int64([-(2**63)])), constant("minus", np.int64([-1]))]
    return bytes(model(nodes, constants, kind=INT64).SerializeToString())


def division_by_zero() -> bytes:
    """Divides integers by zero."""
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], to=INT64),
        helper.make_node("Sub", ["i", "i"], ["zero"]),
        helper.make_node("Div", ["one", "zero"], ["y"]),
    ]
    return bytes(model(nodes, [constant("one", np.int64([1]))], kind=INT64).SerializeToString())


def endless_recursion() -> bytes:
    """A function that calls itself."""
    imports = [*_OPSETS, helper.make_opsetid("self", 1)]
    call = helper.make_node("f", ["a"], ["b"], domain="self")
    function = helper.make_function("self", "f", ["a"], ["b"], [call], imports)
    built = model([helper.make_node("f", ["x"], ["y"], domain="self")], [], functions=[function])
    built.opset_import.append(helper.make_opsetid("self", 1))
    return bytes(built.SerializeToString())


def external_data(location: str) -> bytes:
    """Weights that stand in a file of the voter's."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[4, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="offset", value="0")
    tensor.external_data.add(key="length", value="32")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return bytes(model([node], [tensor]).SerializeToString())


def custom_operator() -> bytes:
    """An operator of a library that the model would like to be loaded."""
    node = helper.make_node("Run", ["x"], ["y"], domain="/tmp/evil.so", library="/tmp/evil.so")
    built = model([node], [])
    built.opset_import.append(helper.make_opsetid("/tmp/evil.so", 1))
    built.metadata_props.add(key="ort_config", value='{"session_options": {"inter_op": 64}}')
    return bytes(built.SerializeToString())


def no_number(value: float) -> bytes:
    weights = np.full((4, 2), value, np.float32)
    return bytes(linear(weights, [0, 0]).SerializeToString())


def one_row_too_many() -> bytes:
    node = helper.make_node("Concat", ["x", "x"], ["y"], axis=0)
    return bytes(model([node], []).SerializeToString())


def three_dimensions() -> bytes:
    node = helper.make_node("Unsqueeze", ["x", "axis"], ["y"])
    return bytes(model([node], [constant("axis", np.int64([2]))]).SerializeToString())


def words() -> bytes:
    node = helper.make_node("Cast", ["x"], ["y"], to=STRING)
    return bytes(model([node], [], kind=STRING).SerializeToString())


def lying_dimensions() -> bytes:
    """Weights whose declared size is not that of their bytes, and overflows 64 bits."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1 << 62, 16], raw_data=b"1234")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    return bytes(model([node], [tensor]).SerializeToString())


def cut_off() -> bytes:
    """The first half of an honest model."""
    whole = bytes(linear(np.eye(4, 2), [0, 0]).SerializeToString())
    return whole[: len(whole) // 2]


def save(data: bytes | onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    return path
