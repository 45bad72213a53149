"""Another batch size for a graph exported at batch 1, without exporting again.

An export keeps the activations of its batch in memory; setting the batch in the finished graph costs nothing. The batch
is axis 0 of every tensor that depends on an input. A constant that bakes the batch 1 in, as the shape of a Reshape, is
set too. What could mix samples, or is not as large as it should be at the new batch, is an error.
"""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from harness.errors import RunError

if TYPE_CHECKING:
    import onnx

# Where a node takes an output shape, whose first size is the batch: https://onnx.ai/onnx/operators
SHAPE_INPUT = {"Reshape": 1, "Expand": 1, "Resize": 3}
# Operators whose axis is the batch unless they say otherwise (opset 11).
DEFAULT_AXES = {"ArgMax": 0, "ArgMin": 0, "Compress": 0, "Gather": 0, "GatherElements": 0, "Scatter": 0, "Split": 0}
Shapes = dict[str, tuple[int, ...]]


def set_batch(model: "onnx.ModelProto", batch: int) -> "onnx.ModelProto":
    """Return a model of batch 1 at another batch size.

    Raises RunError (`compile-error`) naming the node if the graph mixes the samples of a batch, or has the batch 1
    baked in where it cannot be changed.
    """
    import onnx

    small, large = onnx.ModelProto(), onnx.ModelProto()
    small.CopyFrom(model)
    small.graph.ClearField("value_info")
    large.CopyFrom(small)
    dependent = _dependent(small.graph)
    before = _shapes(small)
    for value in _fed(small.graph):
        if before.get(value.name, ())[:1] != (1,):
            raise _baked_in(f"input {value.name!r}", "an export at batch 1", f"shape {before.get(value.name)}")
    _refuse_mixing(small.graph, dependent, before)
    for value in (*_fed(large.graph), *large.graph.output):
        _scale_leading_size(value, batch)
    for node in large.graph.node:
        if node.op_type in SHAPE_INPUT and node.input[0] in dependent:
            _scale_shape_constant(large.graph, node, batch)
    _check_sizes(large, dependent, before, batch)
    return large


def _fed(graph: "onnx.GraphProto") -> list["onnx.ValueInfoProto"]:
    """Return the inputs without the weights, which older IR versions list among them."""
    weights = {weight.name for weight in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def _dependent(graph: "onnx.GraphProto") -> set[str]:
    """Return the names of the tensors that hold samples: made from an input, other than by asking for its size."""
    names = {value.name for value in _fed(graph)}
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and names.intersection(node.input):
            names.update(node.output)
    return names - {""}


def _shapes(model: "onnx.ModelProto") -> Shapes:
    """Return the inferred shape of every tensor whose sizes are all known."""
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError as error:
        raise _baked_in("the graph", "shapes that fit together", str(error).strip().splitlines()[-1]) from error
    shapes: Shapes = {}
    for value in (*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output):
        tensor = value.type.tensor_type
        if tensor.HasField("shape") and all(size.HasField("dim_value") for size in tensor.shape.dim):
            shapes[value.name] = tuple(size.dim_value for size in tensor.shape.dim)
    return shapes


def _refuse_mixing(graph: "onnx.GraphProto", dependent: set[str], shapes: Shapes) -> None:
    """Raise RunError for a node that works along the batch axis in a way its output's shape would not show."""
    for node in graph.node:
        if not dependent.intersection(node.input) or node.op_type in ("Shape", "Size"):
            continue
        if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
            raise _baked_in(_title(node), "no subgraph", "one")
        rank = max(len(shapes.get(name, ())) for name in node.input if name in dependent)
        if any(axis in (0, -rank) for axis in _axes(node)):
            raise _baked_in(_title(node), "an operation within each sample", "one along the batch axis")


def _axes(node: "onnx.NodeProto") -> list[int]:
    """Return the axes that a node works along, none for Unsqueeze: it counts those of its output, whose shape tells."""
    if node.op_type == "Unsqueeze":
        return []
    given = {attribute.name: attribute for attribute in node.attribute}
    if "axes" in given:
        return list(given["axes"].ints)
    if "axis" in given:
        return [given["axis"].i]
    return [DEFAULT_AXES[node.op_type]] if node.op_type in DEFAULT_AXES else []


def _scale_leading_size(value: "onnx.ValueInfoProto", batch: int) -> None:
    sizes = value.type.tensor_type.shape.dim
    if not sizes or sizes[0].dim_value < 1:
        raise _baked_in(f"tensor {value.name!r}", "a leading batch axis of known size", "none")
    sizes[0].dim_value *= batch


def _scale_shape_constant(graph: "onnx.GraphProto", node: "onnx.NodeProto", batch: int) -> None:
    """Multiply the first size of a constant shape by the batch, in a copy of the node's own: constants are shared."""
    from onnx import numpy_helper

    position = SHAPE_INPUT[node.op_type]
    shape = _constant(graph, node.input[position]) if len(node.input) > position else None
    if shape is None or shape.size == 0 or shape[0] < 1:  # made at run time, or -1 (inferred) or 0 (copied)
        return
    scaled = shape.copy()
    scaled[0] *= batch
    name = f"{node.output[0]}/shape_at_batch_{batch}"
    graph.initializer.append(numpy_helper.from_array(scaled, name))
    node.input[position] = name


def _constant(graph: "onnx.GraphProto", name: str) -> npt.NDArray[np.int64] | None:
    from onnx import numpy_helper

    for weight in graph.initializer:
        if weight.name == name:
            return np.asarray(numpy_helper.to_array(weight))
    for node in graph.node:
        if node.op_type == "Constant" and node.output[0] == name:
            return np.asarray(numpy_helper.to_array(node.attribute[0].t))
    return None


def _check_sizes(model: "onnx.ModelProto", dependent: set[str], before: Shapes, batch: int) -> None:
    """Raise RunError unless every tensor that holds samples is `batch` times as large, along axis 0 only."""
    after = _shapes(model)
    for node in model.graph.node:
        for name in dependent.intersection(node.output):
            if name not in before or name not in after:
                hint = "set export.simplify = true in the card, which makes the shapes known"
                raise _baked_in(_title(node), "an output of known shape", "none", hint)
            first, *rest = before[name] or (1,)
            if after[name] != (first * batch, *rest):
                raise _baked_in(_title(node), f"an output of shape {(first * batch, *rest)}", f"{after[name]}")


def _title(node: "onnx.NodeProto") -> str:
    return f"{node.op_type} node {node.name or node.output[0]!r}"


def _baked_in(where: str, what: str, got: str, hint: str = "") -> RunError:
    hint = hint or "this network cannot be exported at batch 1 and set to another batch; give the card batch 1 only"
    return RunError(where, f"expected {what} when the batch is set", got, hint, kind="compile-error", stage="rebatch")
