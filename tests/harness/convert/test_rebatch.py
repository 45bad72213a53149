"""Setting the batch of a finished graph: every row equals the same sample at batch 1, or there is a clear error."""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import onnxslim
import pytest
import torch
from onnx import numpy_helper, parser
from torch import nn

from harness.convert.rebatch import set_batch
from harness.errors import RunError

BATCH = 3
Array = npt.NDArray[np.float32]


def graph(text: str) -> onnx.ModelProto:
    return parser.parse_model('<ir_version: 6, opset_import: ["" : 11]>' + text)


def run(model: onnx.ModelProto, array: Array) -> list[Array]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, {session.get_inputs()[0].name: array}))


def assert_rows_equal(model: onnx.ModelProto, batch: int = BATCH) -> None:
    """Compare every row at `batch` with the same sample alone, through ONNX Runtime."""
    large = set_batch(model, batch)
    onnx.checker.check_model(large, full_check=True)
    shape = [size.dim_value for size in large.graph.input[0].type.tensor_type.shape.dim]
    samples = np.random.default_rng(7).standard_normal(shape, np.float32)

    outputs = run(large, samples)

    assert shape[0] == batch
    for row in range(batch):
        for whole, alone in zip(outputs, run(model, samples[row : row + 1]), strict=True):
            rows = len(whole) // batch
            np.testing.assert_allclose(whole[row * rows : (row + 1) * rows], alone, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "g (float[1,4,2] x) => (float[1,8] y) <int64[2] s = {1, 8}> { y = Reshape(x, s) }",
        "g (float[1,4,2] x) => (float[1,8] y) <int64[2] s = {1, -1}> { y = Reshape(x, s) }",
        "g (float[1,4,2] x) => (float[1,8] y) <int64[2] s = {-1, 8}> { y = Reshape(x, s) }",
        "g (float[1,4,2] x) => (float[1,8] y) <int64[2] s = {0, -1}> { y = Reshape(x, s) }",
        "g (float[1,4,2] x) => (float[4,2] y) <int64[2] s = {4, 2}> { y = Reshape(x, s) }",
        "g (float[1,4,2] x) => (float[1,8] y) { s = Constant <value = int64[2] {1, 8}> () y = Reshape(x, s) }",
        "g (float[1,4,1] x) => (float[1,4,5] y) <int64[3] s = {1, 4, 5}> { y = Expand(x, s) }",
        """g (float[1,1,2,2] x) => (float[1,1,4,6] y) <float[0] n = {}, int64[4] s = {1, 1, 4, 6}>
            { y = Resize <mode = "linear"> (x, n, n, s) }""",
        """g (float[1,1,2,2] x) => (float[1,1,4,4] y) <float[0] n = {}, float[4] f = {1., 1., 2., 2.}>
            { y = Resize <mode = "nearest"> (x, n, f) }""",
        """g (float[1,6] x) => (float[1,4] y)
            { a, b, c = Split <axis = 1> (x) d = Concat <axis = -1> (a, c) y = Softmax <axis = 1> (d) }""",
        "g (float[1,4,2] x) => (float[1,4] y) <int64 i = {1}> { y = Gather <axis = 2> (x, i) }",
        "g (float[1,4] x) => (float[1,4,1] y) { y = Unsqueeze <axes = [2]> (x) }",
    ],
    ids=[
        *("leading-1", "rest-inferred", "batch-inferred", "batch-copied", "merged-into-axis-0", "constant-node"),
        *(
            "expand",
            "resize-sizes",
            "resize-scales",
            "split-and-softmax-within-a-sample",
            "gather-last-axis",
            "new-last-axis",
        ),
    ],
)
def test_constants_that_bake_the_batch_in_are_set_with_it(text: str) -> None:
    assert_rows_equal(graph(text))


def test_a_shape_that_two_nodes_share_is_set_once_for_each() -> None:
    text = """g (float[1,4] x) => (float[1,2,2] y, float[1,2,2] z)
        <int64[3] s = {1, 2, 2}, float[4] w = {1., 2., 3., 4.}>
        { y = Reshape(x, s) v = Mul(w, w) c = Reshape(v, s) z = Add(y, c) }"""

    assert_rows_equal(graph(text))


def test_the_given_model_is_left_as_it_is() -> None:
    model = graph("g (float[1,4,2] x) => (float[1,8] y) <int64[2] s = {1, 8}> { y = Reshape(x, s) }")
    before = model.SerializeToString()

    set_batch(model, BATCH)

    assert model.SerializeToString() == before


class SplitAttention(nn.Module):
    """Attention over two halves of the channels, with the batch size read while tracing, as in ResNeSt."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1, groups=2)
        self.fc = nn.Conv2d(4, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch = x.shape[0]
        halves = self.conv(x).view(batch, 2, 4, x.shape[2], x.shape[3])
        gap = halves.sum(dim=1).mean((2, 3), keepdim=True)
        weights = torch.softmax(self.fc(gap).view(batch, 1, 2, -1).transpose(1, 2), dim=1).reshape(batch, 2, 4, 1, 1)
        return (weights * halves).sum(dim=1)


class Enlarge(nn.Module):
    """A map resized to a size known while tracing, and a vector broadcast over it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        large = nn.functional.interpolate(x, size=(12, 20), mode="bilinear", align_corners=True)
        return torch.cat([large, x.mean((2, 3), keepdim=True).expand(x.shape[0], 4, 12, 20)], dim=1)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("network", [SplitAttention, Enlarge])
def test_a_simplified_torch_export_gives_the_same_rows(network: Callable[[], nn.Module]) -> None:
    assert_rows_equal(onnxslim.slim(exported(network())))


def test_a_shape_made_at_run_time_is_an_error_that_asks_for_simplification() -> None:
    model = graph("g (float[1,4,2] x) => (float[1,8] y) { s = Shape(x) r = Reshape(x, s) y = Flatten <axis = 1> (r) }")

    with pytest.raises(RunError, match=r"export\.simplify = true"):
        set_batch(model, BATCH)


def exported(network: nn.Module) -> onnx.ModelProto:
    torch.manual_seed(1)
    file = io.BytesIO()
    torch.onnx.export(network.eval(), (torch.zeros(1, 4, 6, 5),), file, opset_version=11, dynamo=False)
    return onnx.load_from_string(file.getvalue())


@pytest.mark.parametrize(
    "text",
    [
        "g (float[1,4,2] x) => (float[4,1,2] y) { y = Transpose <perm = [1, 0, 2]> (x) }",
        "g (float[1,4,2] x) => (float[4,2] y) { y = Squeeze <axes = [0]> (x) }",
        "g (float[1,4] x) => (float[1,4] y) { y = Softmax <axis = 0> (x) }",
        "g (float[1,4] x) => (float[1,4] y) { y = LogSoftmax <axis = -2> (x) }",
        "g (float[1,4] x) => (float[2,4] y) { y = Concat <axis = 0> (x, x) }",
        "g (float[1,4] x) => (float[1,4] y) { y = ReduceMean <axes = [0]> (x) }",
        "g (float[1,4] x) => (float[1,1] y) { y = ReduceMean (x) }",
        "g (float[1,4] x) => (float[1,5] y) <float[1,1] c = {1.}> { y = Concat <axis = 1> (x, c) }",
        "g (float[1,4] x) => (float[4] y) <int64 i = {0}> { y = Gather (x, i) }",
        "g (float[1,4] x) => (float[1,4] y) <int64[1] a = {0}, int64[1] b = {1}> { y = Slice (x, a, b) }",
        "g (float[1,4] x) => (float[1,4] y) { y = Split (x) }",
        "g (float[2,4] x) => (float[1,8] y) <int64[2] s = {1, 8}> { y = Reshape(x, s) }",
    ],
    ids=[
        *("transpose", "squeeze", "softmax", "log-softmax-negative-axis", "concat-rows", "mean-over-batch"),
        *("mean-over-all", "constant-row", "gather-row", "slice-row", "split-rows", "exported-at-batch-2"),
    ],
)
def test_what_mixes_or_loses_samples_is_an_error(text: str) -> None:
    with pytest.raises(RunError, match="when the batch is set") as caught:
        set_batch(graph(text), BATCH)

    assert (caught.value.kind, caught.value.stage) == ("compile-error", "rebatch")


def test_the_error_names_the_node() -> None:
    model = graph("g (float[1,4] x) => (float[1,4] y) { y = Softmax <axis = 0> (x) }")
    model.graph.node[0].name = "/head/Softmax"

    with pytest.raises(RunError, match=r"Softmax node '/head/Softmax'.*along the batch axis"):
        set_batch(model, BATCH)


def test_weights_are_not_touched() -> None:
    model = graph("g (float[1,2] x) => (float[1,2] y) <float[2,2] w = {1., 2., 3., 4.}> { y = MatMul(x, w) }")

    (weight,) = set_batch(model, BATCH).graph.initializer

    np.testing.assert_array_equal(numpy_helper.to_array(weight), [[1, 2], [3, 4]])
