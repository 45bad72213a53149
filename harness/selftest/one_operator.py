"""The models of the self-test: one Add, so that every output can be computed by hand, and two Casts for int64.

Sample k is 16 times the number 32 k; the network adds 0, 1, …, 15. Every sum is exact in float16 too.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.artifacts import Artifact, file_sha256
from harness.cards import TensorSpec
from harness.samples import Array, Sample

if TYPE_CHECKING:
    import onnx

NAME = "probe"
INPUT = TensorSpec(name="x", dtype="float32", shape=("N", 1, 4, 4), layout="NCHW")
OUTPUT = TensorSpec(name="y", dtype="float32", shape=("N", 1, 4, 4), layout="NCHW")
NODE = "add"
STEP = 32.0
OFFSETS = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
# From here on float16 counts by twos: 2048 + 1 is 2048 there, as ties go to the even number.
LAST_EXACT = 2048.0
CASTS_SHAPE = (1, 16)
"""Of every tensor of the other model."""


def sample(number: int) -> Array:
    """Return an input, float32, 1 × 4 × 4, without a batch axis."""
    return np.full(INPUT.at(1)[1:], STEP * number, np.float32)


def expected(number: int) -> Array:
    """Return the output that belongs to it."""
    return np.array(sample(number) + OFFSETS[0], np.float32)


def samples(count: int) -> list[Sample]:
    """Return the first samples; the output of the first one is that of zeros."""
    return [Sample(str(number), (sample(number),)) for number in range(count)]


def write(path: Path) -> None:
    """Write the model as ONNX (opset 11, IR 6, which every CANN reads), its batch free."""
    from onnx import TensorProto, helper, numpy_helper

    tensors = [
        helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, ["N", *spec.at(1)[1:]]) for spec in (INPUT, OUTPUT)
    ]
    node = helper.make_node("Add", [INPUT.name, "offsets"], [OUTPUT.name], name=NODE)
    constants = [numpy_helper.from_array(OFFSETS, "offsets")]
    graph = helper.make_graph([node], NAME, tensors[:1], tensors[1:], constants)
    _save(graph, path)


def write_casts(path: Path) -> None:
    """Write another model as ONNX, which takes int64 and gives int64, each by a Cast of its own."""
    from onnx import TensorProto, helper

    whole, real = TensorProto.INT64, TensorProto.FLOAT
    kinds = {"whole_in": whole, "real_in": real, "real_out": real, "whole_out": whole}
    tensors = [helper.make_tensor_value_info(name, kind, CASTS_SHAPE) for name, kind in kinds.items()]
    nodes = [
        helper.make_node("Cast", ["whole_in"], ["real_out"], "to_real", to=real),
        helper.make_node("Cast", ["real_in"], ["whole_out"], "to_whole", to=whole),
    ]
    _save(helper.make_graph(nodes, NAME, tensors[:2], tensors[2:]), path)


def artifact(om: Path, batch: int) -> Artifact:
    """Return an OM of the model as what a runtime opens."""
    return Artifact(om, "om", file_sha256(om), {"kind": "selftest"}, (INPUT,), (OUTPUT,), batch)


def _save(graph: "onnx.GraphProto", path: Path) -> None:
    from onnx import helper

    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)
    path.write_bytes(model.SerializeToString())
