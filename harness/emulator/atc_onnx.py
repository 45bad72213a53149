"""An ONNX model as ATC takes it: loaded, named, cut at --out_nodes, and given the shapes of --input_shape."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from harness.emulator import atc_operators
from harness.emulator.atc_errors import AtcError
from harness.emulator.atc_shapes import Shape

if TYPE_CHECKING:
    import onnx

LARGEST_BYTES = (1 << 31) - 1
WEIGHTS_APART = 4
"""The IR version from which on weights need not be inputs: https://onnx.ai/onnx/repo-docs/IR.html"""


@dataclass(frozen=True)
class Output:
    """An output: the value's name in the graph, the name that tools show, and the node and index it was asked by."""

    value: str
    name: str
    node: str
    index: int


def require_file(text: str) -> Path:
    """Return the path of a model; raises AtcError E13000, E13001 or E13015 for what cannot be read."""
    path = Path(text)
    if not path.is_file():
        raise AtcError("E13000", path.absolute(), "No such file or directory")
    try:
        with path.open("rb") as stream:
            empty = not stream.read(1)
    except OSError as error:
        raise AtcError("E13001", path.absolute(), error.strerror) from error
    if empty or path.stat().st_size > LARGEST_BYTES:
        raise AtcError("E13015", path.absolute(), path.stat().st_size, LARGEST_BYTES)
    return path


def load(path: Path, cann: tuple[int, int]) -> "onnx.ModelProto":
    """Return a model whose nodes all have names; raises AtcError for what this version cannot load or parse."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

    try:
        model = onnx.load(path)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise AtcError("E10041", path, trace=[str(error).strip().partition("\n")[0]]) from error
    nbytes = sum(4 * prod(weight.dims) for weight in model.graph.initializer)  # beyond it there is no way to write one
    if nbytes > LARGEST_BYTES:
        raise AtcError("E13023", path, nbytes, LARGEST_BYTES)
    if not model.HasField("graph") or not model.opset_import:
        raise AtcError("E10041", path)
    if not model.graph.node:
        raise AtcError("E16004")
    name_nodes(model.graph)
    _unlist_weights(model)
    atc_operators.require_parsers(model, str(path), cann)
    if not model.graph.input:
        raise AtcError("E16001", "input")
    return model


def name_nodes(graph: "onnx.GraphProto") -> None:
    """Give each node without a name its operator's and a number."""
    for number, node in enumerate(graph.node):
        if not node.name:
            node.name = f"{node.op_type}_{number}"


def _unlist_weights(model: "onnx.ModelProto") -> None:
    """Take the weights off the list of inputs, where IR versions before 4 have them."""
    weights = {weight.name for weight in model.graph.initializer}
    kept = [value for value in model.graph.input if value.name not in weights]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, WEIGHTS_APART)


def select_outputs(model: "onnx.ModelProto", out_nodes: str) -> tuple[Output, ...]:
    """Make the values of `node:index;node2:index` the model's outputs, in that order; without any, keep its own.

    The name that tools show is `node:index:tensor`. Raises AtcError E10016 for a node that is not there, E13009 for a
    name that several nodes have, E11016 for an index that the node does not have, and E10001 for another grammar.
    """
    import onnx

    if out_nodes.strip():
        found = tuple(_output(model.graph, part) for part in parts(out_nodes))
    else:
        found = tuple(_described(model.graph, value.name) for value in model.graph.output)
    kept = {value.name: value for value in (*model.graph.output, *model.graph.value_info)}
    del model.graph.output[:]
    for output in found:
        value = kept.get(output.value) or onnx.ValueInfoProto(name=output.value)
        model.graph.output.append(value)
    return found


def parts(text: str) -> list[tuple[str, int]]:
    """Return the nodes and indices (0 unless given) of --out_nodes; raises AtcError E10001 for another grammar."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        match = re.fullmatch(r"(.+?)(?::\s*(\d+))?", part)
        if match is None or match[1].endswith(":"):
            raise AtcError("E10001", text, "--out_nodes", "The value must be node_name1:0;node_name2:1.")
        found.append((match[1].strip(), int(match[2] or 0)))
    if len(set(found)) != len(found):
        raise AtcError("E10001", text, "--out_nodes", "An output is named twice.")
    return found


def _output(graph: "onnx.GraphProto", part: tuple[str, int]) -> Output:
    name, index = part
    nodes = [node for node in graph.node if node.name == name]
    if not nodes:
        raise AtcError("E10016", name, "out_nodes")
    if len(nodes) > 1:
        raise AtcError("E13009", name)
    if index >= len(nodes[0].output) or not nodes[0].output[index]:
        raise AtcError("E11016", name, index, len(nodes[0].output))
    value = nodes[0].output[index]
    return Output(value, f"{name}:{index}:{value}", name, index)


def _described(graph: "onnx.GraphProto", value: str) -> Output:
    for node in graph.node:
        if value in node.output:
            index = list(node.output).index(value)
            return Output(value, f"{node.name}:{index}:{value}", node.name, index)
    return Output(value, f"{value}:0:{value}", value, 0)


def prune(model: "onnx.ModelProto") -> None:
    """Take out the nodes and weights that no output needs; inputs stay, as the tools count them."""
    from harness.emulator.fusion import captured

    needed = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            needed.update((*node.input, *captured(node)))
            kept.append(node)
    weights = [weight for weight in model.graph.initializer if weight.name in needed]
    for field, values in ((model.graph.node, reversed(kept)), (model.graph.initializer, weights)):
        copies = list(values)
        del field[:]
        field.extend(copies)


def check_inputs(values: Sequence["onnx.ValueInfoProto"], asked: Mapping[str, Shape]) -> None:
    """Raise AtcError for shapes of --input_shape that are for no input (E10016) or of another rank (E10049).

    And for an input of unknown size that none is given for, as ATC words it (E10001).
    """
    ranks = {value.name: value.type.tensor_type.shape.dim for value in values}
    for name, shape in asked.items():
        if name not in ranks:
            raise AtcError("E10016", name, "input_shape")
        if len(shape) != len(ranks[name]):
            raise AtcError("E10049", len(shape), len(ranks[name]))
    for name, sizes in ranks.items():
        if name not in asked and not all(size.HasField("dim_value") and size.dim_value > 0 for size in sizes):
            raise AtcError("E10001", -1, "Inputs", "maybe you should set input_shape to specify its shape")


def _set_shapes(model: "onnx.ModelProto", shapes: Mapping[str, Shape]) -> None:
    """Give inputs their shapes, -1 becoming a free size of its own name."""
    for value in model.graph.input:
        for axis, size in enumerate(shapes.get(value.name, ())):
            free = f"{value.name}_{axis}"
            dim = value.type.tensor_type.shape.dim[axis]
            dim.CopyFrom(type(dim)(dim_param=free) if size == -1 else type(dim)(dim_value=size))


def infer(model: "onnx.ModelProto", shapes: Mapping[str, Shape]) -> "onnx.ModelProto":
    """Return the model at those shapes, with every value's type; raises AtcError E89999 where they do not fit.

    What an output was declared to be is not believed: it may be of another batch.
    """
    import onnx

    shaped = onnx.ModelProto()
    shaped.CopyFrom(model)
    del shaped.graph.value_info[:]
    for value in shaped.graph.output:
        value.type.tensor_type.ClearField("shape")
    _set_shapes(shaped, shapes)
    try:
        inferred = onnx.shape_inference.infer_shapes(shaped, check_type=True, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise _unfit(f"InferShapeAndType failed: {str(error).strip().splitlines()[-1]}") from error
    _check_channels(inferred.graph)
    return inferred


def _check_channels(graph: "onnx.GraphProto") -> None:
    """Raise AtcError E89999 for a convolution of other channels than its weight has: inference does not look."""
    shapes = {value.name: sizes(value) for value in (*graph.input, *graph.value_info)}
    weights = {weight.name: tuple(weight.dims) for weight in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[0] in shapes and node.input[1] in weights:
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            channels, expected = (*shapes[node.input[0]], -1, -1)[1], weights[node.input[1]][1] * groups
            if channels not in (-1, expected):
                raise _unfit(f"Verifying {node.name} failed: {channels} channels where its filter has {expected}.")


def _unfit(reason: str) -> AtcError:
    return AtcError("E89999", trace=[reason, "build graph failed, graph id:0, ret:1343242270"])


def complete(model: "onnx.ModelProto", declared: Mapping[str, Shape]) -> None:
    """Give the outputs whose shape inference leaves open the one declared."""
    for value in model.graph.output:
        tensor = value.type.tensor_type
        if value.name in declared and (not tensor.HasField("shape") or -1 in sizes(value)):
            tensor.shape.ClearField("dim")
            for size in declared[value.name]:
                dim = tensor.shape.dim.add()
                if size != -1:
                    dim.dim_value = size


def sizes(value: "onnx.ValueInfoProto") -> Shape:
    """Return a value's shape, -1 where a size is not known."""
    dims = value.type.tensor_type.shape.dim
    return tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in dims)
