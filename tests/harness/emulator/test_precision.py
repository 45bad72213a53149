"""Precision modes: what is rounded to float16, and what never is."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.emulator import precision
from tests.harness.emulator.toy_graphs import WEIGHT, Atc, convolution, convolved, execute, model

X = np.random.default_rng(1).standard_normal((1, 3, 8, 8)).astype(np.float32)


def rounded(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return an array stored in float16 and read again."""
    return array.astype(np.float16).astype(np.float32)


def is_half(array: npt.NDArray[Any]) -> bool:
    return bool((array == rounded(array)).all())


def concatenated(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate(arrays, 1)


@pytest.mark.parametrize("flags", [{}, {"precision_mode": "force_fp16"}, {"precision_mode_v2": "fp16"}])
def test_force_fp16_is_the_default_and_rounds_what_is_stored(atc_face: Atc, flags: dict[str, str]) -> None:
    atc_face.save(convolution())

    made = atc_face.convert(**flags)

    output = concatenated(execute(made, X))
    assert made.precision == "force_fp16"
    assert is_half(output)
    # One unit of float16's last place beside the sum of rounded operands: the sum itself is wide.
    expected = convolved(rounded(X), rounded(WEIGHT))
    np.testing.assert_allclose(output, expected, rtol=2**-11, atol=2e-6)
    assert np.abs(output - convolved(X)).max() > 1e-4  # and the rounding of the operands is seen


@pytest.mark.parametrize(
    "flags",
    [{"precision_mode": "must_keep_origin_dtype"}, {"precision_mode": "force_fp32"}, {"precision_mode_v2": "origin"}],
)
def test_the_original_type_is_kept(atc_face: Atc, flags: dict[str, str]) -> None:
    atc_face.save(convolution())

    output = concatenated(execute(atc_face.convert(**flags), X))

    np.testing.assert_allclose(output, convolved(X), atol=2e-6)
    assert not is_half(output)


def chain() -> onnx.ModelProto:
    """Return a convolution between elementwise operators: x·k → conv → ·k."""
    nodes = [
        helper.make_node("Mul", ["x", "k"], ["scaled"], "Mul_0"),
        helper.make_node("Conv", ["scaled", "w"], ["wide"], "Conv_1", pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["wide", "k"], ["y"], "Mul_2"),
    ]
    return model(nodes, ["wide", "y"], {"w": WEIGHT, "k": np.array([1 / 3], np.float32)})


def test_allow_fp32_to_fp16_rounds_convolutions_and_nothing_else(atc_face: Atc) -> None:
    atc_face.save(chain())

    made = atc_face.convert(precision_mode="allow_fp32_to_fp16")

    wide, y = execute(made, X)
    third = np.float32(1 / 3)
    assert is_half(wide)
    np.testing.assert_array_equal(y, wide * third)  # elementwise in float32: not rounded, nor is its constant
    assert not is_half(y)
    unsigned = convolved_signed(rounded(X * third), rounded(WEIGHT))
    np.testing.assert_allclose(wide, unsigned, rtol=2**-11, atol=2e-6)


def convolved_signed(x: npt.NDArray[Any], weight: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return conv(x): a rectified convolution less that of the negated weight."""
    return convolved(x, weight) - convolved(x, -weight)


def test_cube_fp16in_fp32out_keeps_the_results_wide(atc_face: Atc) -> None:
    atc_face.save(chain())

    wide, _ = execute(atc_face.convert(precision_mode="cube_fp16in_fp32out"), X)

    expected = convolved_signed(rounded(X * np.float32(1 / 3)), rounded(WEIGHT))
    np.testing.assert_allclose(wide, expected, atol=2e-6)
    assert not is_half(wide)


def test_a_node_of_keep_dtype_is_not_rounded(atc_face: Atc) -> None:
    atc_face.save(convolution())
    names = atc_face.folder / "keep.txt"
    names.write_text("Conv_0\nRelu_1\nSplit_2\n")

    output = concatenated(execute(atc_face.convert(keep_dtype=str(names)), X))

    assert not is_half(output)
    np.testing.assert_allclose(output, convolved(X), atol=2e-6)


def test_a_weight_beyond_float16_is_saturated(atc_face: Atc) -> None:
    atc_face.save(
        model([helper.make_node("Min", ["x", "w"], ["y"], "Min_0")], ["y"], {"w": np.array([1e9], np.float32)})
    )

    (y,) = execute(atc_face.convert(), np.full((1, 3, 8, 8), 65504, np.float32))

    assert (y == 65504).all()


@pytest.mark.parametrize("mode", ["force_fp16", "allow_fp32_to_fp16"])
def test_resize_scales_and_sizes_stay_exact(atc_face: Atc, mode: str) -> None:
    # 4,000 × 1.0006 are 4,002; the nearest float16 is 1.0009766, with which they would be 4,003.
    nodes = [helper.make_node("Resize", ["x", "roi", "scales"], ["y"], "Resize_0", mode="linear")]
    weights = {"roi": np.array([], np.float32), "scales": np.array([1, 1, 1, 1.0006], np.float32)}
    atc_face.save(model(nodes, ["y"], weights, (1, 1, 1, 4000)))

    made = atc_face.convert(precision_mode=mode)

    assert made.outputs[0].shape == (1, 1, 1, 4002)
    assert execute(made, np.ones((1, 1, 1, 4000), np.float32))[0].shape == (1, 1, 1, 4002)


def test_the_thresholds_of_a_non_maximum_suppression_stay_exact(atc_face: Atc) -> None:
    # A float16 of 0.30003 is 0.30004883: stored as such it would be seen.
    nodes = [
        helper.make_node("Slice", ["x", "zero", "four", "axis"], ["boxes"], "Slice_0"),
        helper.make_node("Slice", ["x", "four", "five", "axis"], ["column"], "Slice_1"),
        helper.make_node("Transpose", ["column"], ["scores"], "Transpose_2", perm=[0, 2, 1]),
        helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["chosen"], "NMS_3"),
    ]
    integers = {
        name: np.array([value], np.int64) for name, value in (("zero", 0), ("four", 4), ("five", 5), ("axis", 2))
    }
    weights: dict[str, npt.NDArray[Any]] = {
        **integers,
        "most": np.array([5], np.int64),
        "overlap": np.array([0.5], np.float32),
        "least": np.array([0.300030], np.float32),
    }
    saved = model(nodes, ["chosen"], weights, (1, 2, 5))
    saved.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    atc_face.save(saved)

    made = atc_face.convert()

    stored = {one.name: numpy_helper.to_array(one) for one in onnx.load_from_string(made.model).graph.initializer}
    assert stored["least"] == np.float32(0.300030)
    rows = np.array([[[0, 0, 1, 1, 0.5], [5, 5, 6, 6, 0.25]]], np.float32)
    assert execute(made, rows)[0].tolist() == [[0, 0, 0]]


def test_sizes_computed_in_float_stay_exact(atc_face: Atc) -> None:
    # 2,051 is no float16 (2,052 is): a size through float16 would be another.
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"], "Shape_0"),
        helper.make_node("Cast", ["shape"], ["float"], "Cast_1", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "one"], ["scaled"], "Mul_2"),
        helper.make_node("Cast", ["scaled"], ["size"], "Cast_3", to=TensorProto.INT64),
        helper.make_node("Reshape", ["x", "size"], ["y"], "Reshape_4"),
    ]
    atc_face.save(model(nodes, ["y"], {"one": np.array([1], np.float32)}, (1, 2051)))

    (y,) = execute(atc_face.convert(), np.ones((1, 2051), np.float32))

    assert y.shape == (1, 2051)


def test_integers_are_left_alone(atc_face: Atc) -> None:
    nodes = [helper.make_node("ArgMax", ["x"], ["y"], "ArgMax_0", axis=1)]
    saved = model(nodes, ["y"])
    saved.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    atc_face.save(saved)

    made = atc_face.convert()

    assert made.outputs[0].dtype == "int64"
    np.testing.assert_array_equal(execute(made, rounded(X))[0], rounded(X).argmax(1, keepdims=True))


def test_the_runtimes_own_optimisation_does_not_take_the_rounding_away() -> None:
    saved = onnx.shape_inference.infer_shapes(model([helper.make_node("Abs", ["x"], ["y"], "Abs_0")], ["y"]))

    result = precision.apply(saved, "force_fp16")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(result.model.SerializeToString(), options)
    np.testing.assert_array_equal(session.run(None, {"x": X})[0], rounded(np.abs(X)))


def test_the_model_given_is_not_changed() -> None:
    saved = onnx.shape_inference.infer_shapes(convolution())
    before = saved.SerializeToString()

    precision.apply(saved, "force_fp16")

    assert saved.SerializeToString() == before


def test_both_branches_of_a_condition_run_and_stay_in_float32(atc_face: Atc) -> None:
    def branch(name: str, operator: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(operator, ["sum"], [name], f"{name}_0")], name, [], [out])

    nodes = [
        helper.make_node("Add", ["x", "x"], ["sum"], "Add_0"),
        helper.make_node("ReduceMax", ["sum"], ["most"], "ReduceMax_1", keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["some"], "Greater_2"),
        helper.make_node("If", ["some"], ["y"], "If_3", then_branch=branch("a", "Abs"), else_branch=branch("b", "Neg")),
    ]
    atc_face.save(model(nodes, ["y"], {"zero": np.array(0, np.float32)}))

    (y,) = execute(atc_face.convert(), X)

    np.testing.assert_array_equal(y, np.abs(rounded(rounded(X) * 2)))
