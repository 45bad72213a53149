"""What atc makes of a frozen TensorFlow graph: its own names, pictures with channels last, no functions."""

import os
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from tests.harness.emulator.toy_graphs import Atc, convolution, execute  # noqa: E402 - tensorflow comes first, or skips

WEIGHT = np.random.default_rng(5).standard_normal((3, 3, 3, 4)).astype(np.float32)
X = np.random.default_rng(6).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def frozen(batch: int | None = None) -> Any:
    """Return picture (uint8) → scaled → conv → logits, and top, the two largest channels with their places."""
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.uint8, [batch, 8, 8, 3], name="picture")
        scaled = tf.multiply(tf.cast(picture, tf.float32), 1 / 255, name="scaled")
        logits = tf.nn.conv2d(scaled, tf.constant(WEIGHT), 1, "SAME", name="scope/logits")
        tf.math.top_k(logits, 2, name="top")
    return graph.as_graph_def()


def reference(*names: str) -> list[Any]:
    """Return what TensorFlow itself computes in float32."""
    with tf.Graph().as_default():
        tf.graph_util.import_graph_def(frozen(), name="")
        with tf.compat.v1.Session() as session:
            return list(session.run(list(names), {"picture:0": X}))


class Frozen:
    """The face of atc on a frozen graph."""

    def __init__(self, face: Atc) -> None:
        self.face = face
        self.save(frozen())

    def save(self, graph: Any) -> None:
        (self.face.folder / "toy.pb").write_bytes(graph.SerializeToString())

    def flags(self, **changes: str) -> dict[str, str]:
        usual = {"framework": "3", "model": str(self.face.folder / "toy.pb"), "input_shape": "picture:2,8,8,3"}
        return {**usual, **changes}

    def code(self, **changes: str) -> str:
        done = self.face.run(**self.flags(**changes))
        assert done.code == 255
        return done.lines[3].partition(":")[0]


@pytest.fixture
def graphs(atc_face: Atc) -> Frozen:
    return Frozen(atc_face)


def test_it_computes_what_tensorflow_computes_with_channels_last(graphs: Frozen, atc_face: Atc) -> None:
    flags = graphs.flags(out_nodes="scope/logits:0;top:1;top:0", precision_mode="must_keep_origin_dtype")

    made = atc_face.convert(**flags)

    assert [(one.name, one.dtype, one.shape, one.format) for one in made.inputs] == [
        ("picture", "uint8", (2, 8, 8, 3), "NHWC")
    ]
    assert [(one.name, one.shape, one.format) for one in made.outputs] == [
        ("scope/logits:0", (2, 8, 8, 4), "NHWC"),
        ("top:1", (2, 8, 8, 2), "NHWC"),
        ("top:0", (2, 8, 8, 2), "NHWC"),
    ]
    logits, places, values = execute(made, X)
    expected = reference("scope/logits:0", "top:1", "top:0")
    np.testing.assert_allclose(logits, expected[0], atol=1e-5)
    np.testing.assert_array_equal(places, expected[1])
    np.testing.assert_allclose(values, expected[2], atol=1e-5)


def test_in_float16_it_differs_by_rounding(graphs: Frozen, atc_face: Atc) -> None:
    made = atc_face.convert(**graphs.flags(out_nodes="scope/logits:0"))

    (logits,) = execute(made, X)

    (expected,) = reference("scope/logits:0")
    difference = np.abs(logits - expected).max()
    # 27 products of two numbers of 11 bits, their sum rounded once: far below 27 · 2 · 2⁻¹¹ of the largest.
    assert 0 < difference < 27 * 2 * 2**-11 * np.abs(WEIGHT).max()


def test_a_dynamic_batch_is_kept(graphs: Frozen, atc_face: Atc) -> None:
    flags = graphs.flags(input_shape="picture:-1,8,8,3", dynamic_batch_size="1,2", out_nodes="scope/logits:0")

    made = atc_face.convert(**flags)

    assert (made.inputs[0].shape, made.inputs[0].nbytes) == ((-1, 8, 8, 3), 384)
    assert (made.outputs[0].shape[1:], made.outputs[0].nbytes) == ((8, 8, 4), 2 * 256 * 4)
    assert execute(made, X[:1])[0].shape == (1, 8, 8, 4)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"input_shape": "image:2,8,8,3"}, "E10016"),
        ({"input_shape": "scaled:2,8,8,3"}, "E10017"),
        ({"input_shape": "picture:2,8,8"}, "E10049"),
        ({"input_shape": ""}, "E10001"),
        ({"input_shape": "picture:-1,8,8,3"}, "E10011"),
        ({"out_nodes": "logits:0"}, "E10016"),
        ({"out_nodes": "top:2"}, "E11016"),
    ],
)
def test_names_and_shapes_that_the_graph_does_not_have_are_refused(
    graphs: Frozen, changes: dict[str, str], code: str
) -> None:
    assert graphs.code(**changes) == code


def test_a_function_call_is_refused(graphs: Frozen) -> None:
    @tf.function  # type: ignore[untyped-decorator]
    def doubled(x: Any) -> Any:
        return x * 2

    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, [2, 3], name="picture")
        tf.identity(doubled(picture), name="y")
    graphs.save(graph.as_graph_def())

    assert graphs.code(input_shape="picture:2,3", out_nodes="y:0") == "E12029"


def test_a_graph_with_variables_is_refused(graphs: Frozen) -> None:
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, [2, 3], name="picture")
        tf.add(picture, tf.compat.v1.get_variable("bias", [3]), name="y")
    graphs.save(graph.as_graph_def())

    assert graphs.code(input_shape="picture:2,3", out_nodes="y:0") == "E19010"


def test_an_operator_that_nothing_converts_is_refused_by_name(graphs: Frozen, atc_face: Atc) -> None:
    with tf.Graph().as_default() as graph:
        picture = tf.compat.v1.placeholder(tf.float32, [3, 3], name="picture")
        tf.linalg.inv(picture, name="y")
    graphs.save(graph.as_graph_def())

    done = atc_face.run(**graphs.flags(input_shape="picture:3,3", out_nodes="y:0"))

    assert done.lines[3] == "E19010: No parser is registered for Op [y, optype [MatrixInverse]]."


@pytest.mark.parametrize("content", [b"not a graph", b"\xff\xff"])
def test_a_file_that_is_no_graph_is_refused(graphs: Frozen, content: bytes) -> None:
    (graphs.face.folder / "toy.pb").write_bytes(content)

    assert graphs.code() == "E10041"


def test_an_onnx_file_is_no_frozen_graph(graphs: Frozen) -> None:
    (graphs.face.folder / "toy.pb").write_bytes(convolution().SerializeToString())

    assert graphs.code() == "E10041"
