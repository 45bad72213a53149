"""What atc makes of an ONNX model: inputs, outputs by node and index, operators, opsets."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from harness.emulator import prefix
from tests.harness.emulator.toy_graphs import Atc, Run, convolution, execute, model


def code(done: Run) -> str:
    assert done.code == 255
    return done.lines[3].partition(":")[0]


def test_outputs_are_chosen_by_node_and_index_in_the_order_asked_for(atc_face: Atc) -> None:
    atc_face.save(convolution())
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)

    made = atc_face.convert(out_nodes="Split_2:1;Relu_1:0; Split_2:0", precision_mode="force_fp32")

    right, whole, left = execute(made, x)
    assert [one.name for one in made.outputs] == ["Split_2:1:right", "Relu_1:0:794", "Split_2:0:left"]
    np.testing.assert_array_equal(np.concatenate([left, right], 1), whole)


def test_an_index_left_out_is_0(atc_face: Atc) -> None:
    atc_face.save(convolution())

    assert atc_face.convert(out_nodes="Split_2").outputs[0].name == "Split_2:0:left"


def test_what_outputs_do_not_need_is_left_out(atc_face: Atc) -> None:
    atc_face.save(convolution())

    assert atc_face.convert(out_nodes="Relu_1:0").operators == {"Conv": 1, "Relu": 1}


def test_nodes_without_a_name_have_their_operators_and_a_number(atc_face: Atc) -> None:
    saved = convolution()
    for node in saved.graph.node:
        node.name = ""
    atc_face.save(saved)

    assert atc_face.convert(out_nodes="Relu_1:0").outputs[0].name == "Relu_1:0:794"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Resize_317:0", "E10016"),
        ("794:0", "E10016"),
        ("Relu_1:1", "E11016"),
        ("Split_2:2", "E11016"),
        ("Relu_1:0;Relu_1:0", "E10001"),
        ("Relu_1:a", "E10016"),
        ("Relu_1:", "E10001"),
    ],
)
def test_out_nodes_that_are_not_there_are_refused(atc_face: Atc, text: str, expected: str) -> None:
    atc_face.save(convolution())

    assert code(atc_face.run(out_nodes=text)) == expected


def test_a_name_that_two_nodes_have_is_refused(atc_face: Atc) -> None:
    saved = convolution()
    saved.graph.node[0].name = "Relu_1"
    atc_face.save(saved)

    assert code(atc_face.run(out_nodes="Relu_1:0")) == "E13009"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image:1,3,8,8", "E10016"),
        ("w:4,3,3,3", "E10016"),
        ("x:1,3,8", "E10049"),
        ("x:1,3,8,8,1", "E10049"),
        ("x:1,4,8,8", "E89999"),
    ],
)
def test_shapes_that_the_model_does_not_take_are_refused(atc_face: Atc, text: str, expected: str) -> None:
    atc_face.save(convolution())

    assert code(atc_face.run(input_shape=text)) == expected


def test_an_input_of_unknown_size_needs_a_shape(atc_face: Atc) -> None:
    atc_face.save(convolution(("batch", 3, 8, 8)))

    done = atc_face.run()

    assert done.lines[3] == (
        "E10001: Value [-1] for parameter [Inputs] is invalid. "
        "Reason: maybe you should set input_shape to specify its shape"
    )


@pytest.mark.parametrize("batch", [1, 3])
def test_the_asked_shape_is_the_oms(atc_face: Atc, batch: int) -> None:
    atc_face.save(convolution(("batch", 3, 8, 8)))

    made = atc_face.convert(input_shape=f"x: {batch},3,8,8")

    assert made.inputs[0].shape == (batch, 3, 8, 8)
    assert made.outputs[0].shape == (batch, 2, 8, 8)


def test_weights_listed_as_inputs_are_not_inputs(atc_face: Atc) -> None:
    saved = convolution()
    saved.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4, 3, 3, 3]))
    atc_face.save(saved)

    assert [one.name for one in atc_face.convert().inputs] == ["x"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"opset": 23}, "E19010"),
        ({"imports": [("", 11), ("com.microsoft", 1)]}, "E16005"),
        ({"ir_version": 12}, "E10041"),
    ],
)
def test_what_is_newer_than_the_version_is_refused(atc_face: Atc, changes: dict[str, Any], expected: str) -> None:
    nodes = [helper.make_node("Div", ["x", "x"], ["y"], "Div_0"), helper.make_node("Abs", ["y"], ["z"], "Abs_1")]
    atc_face.save(model(nodes, ["z"], **changes))

    assert code(atc_face.run()) == expected


def test_an_opset_that_is_too_new_names_every_node_in_the_real_form(atc_face: Atc) -> None:
    nodes = [helper.make_node("Div", ["x", "x"], ["y"], "Div_0"), helper.make_node("Abs", ["y"], ["z"], "Abs_1")]
    atc_face.save(model(nodes, ["z"], opset=23))

    done = atc_face.run()

    assert done.lines[3] == "E19010: No parser is registered for Op [Div_0, optype [ai.onnx::23::Div]]."
    assert "        No parser is registered for Op [Abs_1, optype [ai.onnx::23::Abs]]." in done.lines


@pytest.mark.parametrize(("cann", "opset", "accepted"), [("5.1.RC2", 15, False), ("6.0.RC1", 15, True)])
def test_a_later_version_takes_a_newer_opset(atc_face: Atc, cann: str, opset: int, accepted: bool) -> None:
    prefix.make(Path(os.environ["OMGATE_EMULATE_ROOT"]), ("310",), {"OMGATE_EMULATE_CANN": cann})
    atc_face.save(model([helper.make_node("Abs", ["x"], ["y"], "Abs_0")], ["y"], opset=opset))

    assert (atc_face.run().code == 0) is accepted


@pytest.mark.parametrize("operator", ["Convx", "STFT", "GroupNormalization"])
def test_an_operator_without_a_parser_is_refused(atc_face: Atc, operator: str) -> None:
    atc_face.save(model([helper.make_node(operator, ["x"], ["y"], "Odd_3")], ["y"]))

    done = atc_face.run()

    assert done.lines[3] == f"E19010: No parser is registered for Op [Odd_3, optype [ai.onnx::11::{operator}]]."


def test_an_operator_of_another_domain_is_refused(atc_face: Atc) -> None:
    node = helper.make_node("Relu", ["x"], ["y"], "Odd_0", domain="com.example")
    atc_face.save(model([node], ["y"], imports=[("com.example", 1)]))

    assert code(atc_face.run()) == "E19010"


def test_an_operator_without_a_kernel_is_refused(atc_face: Atc) -> None:
    atc_face.save(model([helper.make_node("Det", ["x"], ["y"], "Det_0")], ["y"]))

    done = atc_face.run()

    assert done.lines[3] == "EZ3003: No supported Ops kernel and engine are found for [Det_0], optype [Det]."


def test_a_convolution_in_double_precision_has_no_kernel(atc_face: Atc) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["d"], "Cast_0", to=TensorProto.DOUBLE),
        helper.make_node("Conv", ["d", "w"], ["y"], "Conv_1"),
    ]
    saved = model(nodes, ["y"], {"w": np.ones((1, 3, 3, 3))})
    saved.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    atc_face.save(saved)

    assert code(atc_face.run()) == "EZ3003"


def test_a_model_without_an_input_is_refused(atc_face: Atc) -> None:
    saved = model([helper.make_node("Identity", ["one"], ["y"], "I_0")], ["y"], {"one": np.ones(2, np.float32)})
    del saved.graph.input[:]
    atc_face.save(saved)

    done = atc_face.run()

    assert done.lines[3] == "E16001: The model has no [input] node."


def test_a_model_without_nodes_is_refused(atc_face: Atc) -> None:
    saved = model([], [])
    atc_face.save(saved)

    assert code(atc_face.run()) == "E16004"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("float32", "float32")),
        ("FP32", ("float32", "float32")),
        ("FP16", ("float16", "float16")),
        ("Split_2:1:FP16", ("float32", "float16")),
        ("Split_2:0:FP16;Split_2:1:FP32", ("float16", "float32")),
    ],
)
def test_output_types_are_for_all_or_by_node_and_index(atc_face: Atc, text: str, expected: tuple[str, str]) -> None:
    atc_face.save(convolution())

    made = atc_face.convert(output_type=text)

    assert tuple(one.dtype for one in made.outputs) == expected
    for one, array in zip(made.outputs, execute(made, np.ones((1, 3, 8, 8), np.float32)), strict=True):
        assert (array.dtype.name, array.nbytes) == (one.dtype, one.nbytes)


def test_an_input_may_be_float16(atc_face: Atc) -> None:
    atc_face.save(convolution())

    made = atc_face.convert(input_fp16_nodes="x")

    assert (made.inputs[0].name, made.inputs[0].dtype, made.inputs[0].nbytes) == ("x", "float16", 384)
    assert execute(made, np.ones((1, 3, 8, 8), np.float16))[0].dtype == np.float32


def test_an_output_whose_size_depends_on_data_has_no_size(atc_face: Atc) -> None:
    saved = model([helper.make_node("NonZero", ["x"], ["places"], "NonZero_0")], ["places"])
    saved.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    atc_face.save(saved)

    made = atc_face.convert()

    assert (made.outputs[0].shape, made.outputs[0].nbytes, made.outputs[0].dtype) == ((4, -1), 0, "int64")


def test_declared_shapes_of_another_batch_are_not_believed(atc_face: Atc) -> None:
    saved = onnx.shape_inference.infer_shapes(convolution((2, 3, 8, 8)))
    atc_face.save(saved)

    assert atc_face.convert(input_shape="x:5,3,8,8").outputs[0].shape == (5, 2, 8, 8)
