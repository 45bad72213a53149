"""Operators switched to float16 one at a time inside one ONNX graph."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.errors import RunError
from harness.forecast.switches import SWITCHES, Switchboard, named
from tests.harness.forecast.cancelling import graph

X = np.array([1.0, 0.2, 0.2], np.float32).reshape(1, 3, 1, 1).repeat(2, 2).repeat(2, 3)


def run(board: Switchboard, *on: str) -> np.ndarray:
    switches = np.array([operator.name in on for operator in board.operators])
    session = onnxruntime.InferenceSession(board.model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": X, SWITCHES: switches})
    return y


def matrix(opset: int = 11, names: tuple[str, ...] = ("MatMul_0", "Shape_1")) -> onnx.ModelProto:
    """Return x·w with w = 2049, which float16 rounds to 2048, and beside it the shape of x."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], names[0]),
        helper.make_node("Shape", ["x"], ["size"], names[1]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1])
    ends = [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1]),
        helper.make_tensor_value_info("size", TensorProto.INT64, [2]),
    ]
    weight = numpy_helper.from_array(np.array([[2049.0]], np.float32), "w")
    made = helper.make_graph(nodes, "matrix", [x], ends, [weight])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=6)


def answer(board: Switchboard, x: float, on: bool) -> float:
    session = onnxruntime.InferenceSession(board.model.SerializeToString(), providers=["CPUExecutionProvider"])
    return float(session.run(["y"], {"x": np.array([[x]], np.float32), SWITCHES: np.array([on])})[0][0, 0])


def test_with_every_switch_off_the_graph_answers_as_it_did():
    model = graph()
    plain = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    np.testing.assert_array_equal(run(Switchboard(model)), plain.run(None, {"x": X})[0])


def test_the_operator_that_is_on_stores_its_result_in_float16():
    assert run(Switchboard(graph()), "Conv_0").tolist() == [[0.0, 0.0, 0.0]]


def test_the_others_stay_in_float32():
    back = run(Switchboard(graph()), "Sub_2")

    # float32 keeps 2 ** -12 of 2048.2, so the difference is 819 / 4096, whose 10 bits float16 holds.
    assert back.tolist() == [[1.0, 819 / 4096, 819 / 4096]]


def test_weights_are_rounded_and_values_that_are_large_overflow_only_where_it_is_on():
    board = Switchboard(matrix())

    assert answer(board, 1.0, on=False) == 2049.0
    assert answer(board, 1.0, on=True) == 2048.0
    assert answer(board, 100.0, on=False) == 204900.0
    assert answer(board, 100.0, on=True) == np.inf  # 204,800 is above 65,504


def test_the_inputs_of_the_graph_are_rounded_for_the_operator_that_is_on():
    # 1 + 2 ** -12 is 1 in float16.
    assert answer(Switchboard(matrix()), 1 + 2**-12, on=True) == 2048.0


def test_what_makes_no_float_out_of_an_input_is_no_operator_to_switch():
    assert [operator.name for operator in Switchboard(matrix()).operators] == ["MatMul_0"]


@pytest.mark.parametrize("names", [("", ""), ("same", "same")])
def test_nodes_get_a_name_of_their_own(tmp_path, names):
    onnx.save(matrix(names=names), tmp_path / "model.onnx")

    found = [node.name for node in named(tmp_path / "model.onnx").graph.node]

    assert len(set(found)) == 2
    assert all(found)


def test_operator_sets_that_no_node_needs_are_left_out(tmp_path):
    model = matrix()
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 2))
    onnx.save(model, tmp_path / "model.onnx")

    assert [entry.domain for entry in named(tmp_path / "model.onnx").opset_import] == [""]


def test_an_opset_without_where_is_refused():
    with pytest.raises(RunError, match="expected opset 9 or later to rank operators, got 8"):
        Switchboard(matrix(opset=8))
