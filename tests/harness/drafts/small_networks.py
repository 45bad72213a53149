"""Small ONNX networks with given inputs, for drafts: a convolution of pictures, the mean of all else, ten outputs."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

Sizes = Sequence[int | str | None]


def write(path: Path, inputs: Mapping[str, Sizes], outputs: int = 10, batch: int | str = "N") -> Path:
    """Write a network; the first size of each input is the batch, and None is a free size."""
    onnx.save(network(inputs, outputs, batch), path)
    return path


def network(inputs: Mapping[str, Sizes], outputs: int = 10, batch: int | str = "N") -> onnx.ModelProto:
    generator = np.random.default_rng(3)
    weights = {"fc": generator.standard_normal((len(inputs), outputs)).astype(np.float32)}
    nodes: list[NodeProto] = []
    values = []
    for number, (name, sizes) in enumerate(inputs.items()):
        rest = [f"size_{number}_{axis}" if size is None else size for axis, size in enumerate(sizes)][1:]
        values.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *rest]))
        channels = rest[0] if len(rest) == 3 else None
        if isinstance(channels, int):
            weights[f"w{number}"] = (generator.standard_normal((4, channels, 1, 1)) / channels).astype(np.float32)
        nodes += _mean(name, number, len(rest), convolve=isinstance(channels, int))
    means = [f"mean_{number}" for number in range(len(inputs))]
    nodes.append(helper.make_node("Concat", means, ["means"], "Concat_0", axis=1))
    nodes.append(helper.make_node("MatMul", ["means", "fc"], ["y"], "MatMul_0"))
    ends = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, outputs])]
    constants = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "small", values, ends, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def _mean(name: str, number: int, axes: int, *, convolve: bool) -> Iterator[NodeProto]:
    """Yield the nodes that make one number of each sample: `mean_<number>`, of shape batch × 1."""
    if convolve:
        yield helper.make_node("Conv", [name, f"w{number}"], [f"maps_{number}"], f"Conv_{number}")
        yield helper.make_node("Relu", [f"maps_{number}"], [f"bent_{number}"], f"Relu_{number}")
        name = f"bent_{number}"
    if axes > 1:
        inner = list(range(2, axes + 1))
        yield helper.make_node("ReduceMean", [name], [f"row_{number}"], f"Row_{number}", axes=inner, keepdims=0)
        name = f"row_{number}"
    if axes == 0:
        shape = helper.make_tensor("shape", TensorProto.INT64, [2], [-1, 1])
        yield helper.make_node("Constant", [], [f"shape_{number}"], value=shape)
        yield helper.make_node("Reshape", [name, f"shape_{number}"], [f"mean_{number}"], f"Mean_{number}")
        return
    yield helper.make_node("ReduceMean", [name], [f"mean_{number}"], f"Mean_{number}", axes=[1], keepdims=1)
