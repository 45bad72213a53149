"""A frozen TensorFlow graph as ATC takes it: checked by its own names, then converted to ONNX to be executed.

Pictures stay N × height × width × channels. What the conversion leaves of TensorFlow's operators has no parser here.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.emulator import atc_onnx
from harness.emulator.atc_errors import AtcError
from harness.emulator.atc_shapes import Shape

if TYPE_CHECKING:
    import onnx

OPSET = 13
"""Of the ONNX file that stands for the graph: every operator that tf2onnx makes of TensorFlow 1.15's is in it."""
PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderWithDefault"})
_CALLS = """
    PartitionedCall StatefulPartitionedCall RemoteCall If StatelessIf While StatelessWhile Case StatelessCase For
    SymbolicGradient MapDefun
"""
CALLS = frozenset(_CALLS.split())
VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp", "ReadVariableOp", "RestoreV2"})


def load(path: Path) -> Any:
    """Return a GraphDef; raises AtcError E10041, or E12029 and E19010 for functions and variables in it."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types
    from tensorflow.core.framework import graph_pb2

    graph = graph_pb2.GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise AtcError("E10041", path, trace=[str(error)]) from error
    if not graph.node:
        raise AtcError("E10041", path)
    functions = {function.signature.name for function in graph.library.function}
    for node in graph.node:
        if node.op in CALLS | functions:
            raise AtcError("E12029", trace=[f"Op [{node.name}], optype [{node.op}] calls a function subgraph."])
        if node.op in VARIABLES:
            raise AtcError("E19010", node.name, node.op, trace=["The graph is not frozen: it has variables."])
    return graph


def check_inputs(graph: Any, asked: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return each placeholder's shape, the asked one or its own; raises AtcError as an ONNX model's inputs do.

    And E10017 for a name that is a node and no placeholder.
    """
    nodes = {node.name: node for node in graph.node}
    for name, shape in asked.items():
        if name not in nodes:
            raise AtcError("E10016", name, "input_shape")
        if nodes[name].op not in PLACEHOLDERS:
            raise AtcError("E10017", name, "input_shape")
        own = nodes[name].attr["shape"].shape
        if not own.unknown_rank and own.dim and len(own.dim) != len(shape):
            raise AtcError("E10049", len(shape), len(own.dim))
    found = {}
    for node in graph.node:
        if node.op in PLACEHOLDERS:
            own = node.attr["shape"].shape
            found[node.name] = asked.get(node.name) or tuple(dim.size for dim in own.dim)
            if node.name not in asked and (own.unknown_rank or -1 in found[node.name]):
                raise AtcError("E10001", -1, "Inputs", "maybe you should set input_shape to specify its shape")
    if not found:
        raise AtcError("E16001", "input")
    return found


def outputs(graph: Any, out_nodes: str) -> tuple[atc_onnx.Output, ...]:
    """Return the outputs asked for, else those of the nodes that feed no other; raises AtcError as for ONNX.

    The name that tools show is `node:index`.
    """
    nodes = {node.name for node in graph.node}
    if out_nodes.strip():
        found = atc_onnx.parts(out_nodes)
        for name, _ in found:
            if name not in nodes:
                raise AtcError("E10016", name, "out_nodes")
    else:
        used = {operand.lstrip("^").partition(":")[0] for node in graph.node for operand in node.input}
        ends = [node.name for node in graph.node if node.name not in used and node.op not in ("NoOp", "Const")]
        found = [(name, 0) for name in ends]
    return tuple(atc_onnx.Output(f"{name}:{index}", f"{name}:{index}", name, index) for name, index in found)


def convert(graph: Any, shapes: Mapping[str, Shape], wanted: Sequence[atc_onnx.Output]) -> "onnx.ModelProto":
    """Return the graph as an ONNX model, its inputs and outputs named `node:index`.

    Raises AtcError E19010 for an operator that is left over, E11016 for an index that a node does not have, and E19999
    with the reason where the graph cannot be converted.
    """
    import onnx
    import tensorflow as tf

    _quiet(tf)
    import tf2onnx

    _require_indices(tf, graph, wanted)
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            input_names=[f"{name}:0" for name in shapes],
            output_names=[output.value for output in wanted],
            opset=OPSET,
            shape_override={f"{name}:0": [None if size == -1 else size for size in shapes[name]] for name in shapes},
        )
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError, tf.errors.OpError) as error:
        raise AtcError("E19999", trace=[str(error).strip().partition("\n")[0]]) from error
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type):
            raise AtcError("E19010", node.name, node.op_type)
    converted: onnx.ModelProto = model
    atc_onnx.name_nodes(converted.graph)
    return converted


def _quiet(tf: Any) -> None:
    """Keep both libraries' own log lines out of ATC's text."""
    tf.get_logger().setLevel(logging.ERROR)
    for name in ("tf2onnx", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _require_indices(tf: Any, graph: Any, wanted: Sequence[atc_onnx.Output]) -> None:
    with tf.Graph().as_default() as whole:
        try:
            tf.graph_util.import_graph_def(graph, name="")
        except (ValueError, tf.errors.OpError) as error:
            raise AtcError("E19999", trace=[str(error).strip().partition("\n")[0]]) from error
        for output in wanted:
            count = len(whole.get_operation_by_name(output.node).outputs)
            if output.index >= count:
                raise AtcError("E11016", output.node, output.index, count)
