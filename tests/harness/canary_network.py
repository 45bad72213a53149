"""How harness/canary.onnx was made: `python -m tests.harness.canary_network` writes it again."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from harness import measure
from harness.cards import TensorSpec

TINY_OPS = 300


def network() -> onnx.ModelProto:
    """Return the canary; its 512 × 512 weights are 64 × 64 numbers repeated, which keeps the file small."""
    nodes = [
        helper.make_node("Conv", ["canary_input", "filters"], ["maps"], pads=[1, 1, 1, 1]),
        helper.make_node("Reshape", ["maps", "square"], ["matrix"]),
        helper.make_node("Tile", ["block", "repeats"], ["weights"]),
        helper.make_node("Gemm", ["matrix", "weights"], ["product"]),
        helper.make_node("ReduceMean", ["product"], ["tiny_0"], axes=[1], keepdims=1),
        *(
            helper.make_node("Tanh" if index % 2 else "Neg", [f"tiny_{index}"], [f"tiny_{index + 1}"])
            for index in range(TINY_OPS)
        ),
        helper.make_node("Abs", [f"tiny_{TINY_OPS}"], ["column"]),
        helper.make_node("Reshape", ["column", "row"], ["canary_output"]),
    ]
    generator = np.random.default_rng(measure.CANARY_SEED)
    constants = {
        "filters": generator.standard_normal((32, 32, 3, 3), dtype=np.float32),
        "block": generator.standard_normal((64, 64), dtype=np.float32),
        "repeats": np.array([8, 8], dtype=np.int64),
        "square": np.array([256, 512], dtype=np.int64),
        "row": np.array(measure.CANARY_OUTPUT.shape, dtype=np.int64),
    }
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    ends = [_described(spec) for spec in (measure.CANARY_INPUT, measure.CANARY_OUTPUT)]
    graph = helper.make_graph(nodes, "canary", ends[:1], ends[1:], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def _described(spec: TensorSpec) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, spec.at(1))


if __name__ == "__main__":
    measure.CANARY_FILE.write_bytes(network().SerializeToString())
