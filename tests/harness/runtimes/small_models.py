"""Small networks whose outputs are known by hand, as the artifacts that the runtimes open."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.samples import Sample

TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64}

NETWORK_CODE = '''
import torch
from torch import nn


class Sums(nn.Module):
    """total = scale * (x.sum + first), unscored = -x, twice = 2 * first."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([float(scale)]))

    def forward(self, x, first):
        return self.scale * (x.sum(dim=(1, 2)).unsqueeze(1) + first), -x, 2 * first


def build(scale=1.0):
    return Sums(scale)
'''


def spec(name: str, *shape: int | str, dtype: str = "float32") -> TensorSpec:
    return TensorSpec(name=name, dtype=dtype, shape=shape)


# Two inputs and two outputs: total[n, 0] = 3 · (sum of x[n] + first[n, 0]), twice = 2 · first.
INPUTS = (spec("x", "N", 2, 3), spec("first", "N", 1))
OUTPUTS = (spec("total", "N", 1), spec("twice", "N", 1))


def sample(number: int) -> Sample:
    """Sample `number`: x is full of it, first is 100 times it; total = 3 · 106 · number, twice = 200 · number."""
    x = np.full((2, 3), number, np.float32)
    return Sample(f"sample {number}/ä", (x, np.array([100 * number], np.float32)))


def onnx_artifact(
    path: Path, nodes: Sequence[onnx.NodeProto], specs: tuple[Sequence[TensorSpec], ...], **more
) -> Artifact:
    """Write an ONNX file of these nodes; `more` may hold the batch, constants and an opset."""
    batch = more.get("batch", 1)
    inputs, outputs = ([_value(tensor, batch) for tensor in tensors] for tensors in specs)
    graph = helper.make_graph(nodes, "small", inputs, outputs, more.get("constants", []))
    opset = helper.make_opsetid("", more.get("opset", 11))
    path.write_bytes(helper.make_model(graph, opset_imports=[opset], ir_version=6).SerializeToString())
    return Artifact(path, "onnx", "0" * 64, {}, tuple(specs[0]), tuple(specs[1]), batch)


def sums_onnx(folder: Path, batch: int) -> Artifact:
    constants = [
        helper.make_tensor("three", TensorProto.FLOAT, [1], [3.0]),
        helper.make_tensor("two", TensorProto.FLOAT, [1], [2.0]),
    ]
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], axes=[1, 2], keepdims=0),
        helper.make_node("Unsqueeze", ["sum"], ["column"], axes=[1]),
        helper.make_node("Add", ["column", "first"], ["plus"]),
        helper.make_node("Mul", ["plus", "three"], ["total"]),
        helper.make_node("Mul", ["first", "two"], ["twice"]),
    ]
    return onnx_artifact(folder / "sums.onnx", nodes, (INPUTS, OUTPUTS), batch=batch, constants=constants)


def sums_torch(folder: Path, batch: int) -> Artifact:
    from safetensors.numpy import save_file

    (folder / "network.py").write_text(NETWORK_CODE)
    state = folder / "state.safetensors"
    save_file({"scale": np.array([3.0], np.float32)}, state)
    recipe = {"network_file": str(folder / "network.py"), "network": {"scale": 1.0}, "output_indices": [0, 2]}
    return Artifact(state, "torch", "0" * 64, recipe, INPUTS, OUTPUTS, batch)


def _value(tensor: TensorSpec, batch: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(tensor.name, TYPES[tensor.dtype], tensor.at(batch))
