"""TensorFlow networks and checkpoints to frozen graphs that a converter of TensorFlow 1.15's time understands.

Such a graph has weights as constants, no functions and so no control flow of version 2, only operators and attributes
that TensorFlow 1.15 had, and attributes written only where they differ from their defaults.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from harness import tf_checkpoints, tf_networks
from harness.cards import ModelCard, OutputSpec
from harness.errors import CardError, RunError
from harness.weights import State

OPERATORS_1_15 = Path(__file__).with_name("tf_1_15_ops.json")
"""Every operator of TensorFlow 1.15.5 and its attributes: the definitions in its wheel (tensorflow_core/python/ops)."""
VARIABLES = ("VariableV2", "Variable", "VarHandleOp")
READS = ("ReadVariableOp",)
Inventory = dict[str, int]
"""How many nodes a graph has of each operator."""


def freeze(network: Any, card: ModelCard, state: State, batch: int) -> Any:
    """Return the frozen graph (a GraphDef) of a network with its weights, up to the card's kept outputs.

    Raises CardError if the network names its outputs otherwise than the card, RunError as `as_in_1_15` does.
    """
    tf = tf_networks.tensorflow()
    with tf.Graph().as_default() as graph:
        inputs = tf_networks.placeholders(card.input, batch)
        returned = [tensor.op.name for tensor in network(*inputs, tf_networks.Constants(state))]
        for output in card.output:
            found = returned[output.index] if output.index < len(returned) else f"{len(returned)} outputs"
            if found != output.name:
                raise CardError(
                    f"{card.path}: output {output.index}", f"expected {found!r}, as in the graph", output.name
                )
        return as_in_1_15(_pruned(graph.as_graph_def(), _names(card.kept_outputs)), card.name)


def freeze_checkpoint(path: Path, card: ModelCard) -> tuple[Any, tuple[str, ...]]:
    """Return the frozen graph of a checkpoint's own graph, its `.meta` file, up to the card's kept outputs, and notes.

    No operator of it needs to be known here but those that lead to the outputs. Raises WeightsError for a missing or
    mis-shaped variable, CardError if the graph lacks an output, RunError as `as_in_1_15` does or for a damaged file.
    """
    graph = _pruned(_meta_graph(path), _names(card.kept_outputs))
    wanted = {node.name: _shape(node) for node in graph.node if node.op in VARIABLES}
    state, notes = tf_checkpoints.fitted(tf_checkpoints.open_checkpoint(path), wanted)
    tf = tf_networks.tensorflow()
    for node in graph.node:
        if node.op in VARIABLES:
            value = tf.make_tensor_proto(state[node.name])
            _become(node, "Const", {"dtype": tf.compat.v1.AttrValue(type=value.dtype), "value": _attribute(value)})
        elif node.op in READS:
            _become(node, "Identity", {"T": tf.compat.v1.AttrValue(type=node.attr["dtype"].type)})
    return as_in_1_15(graph, str(path)), notes


def as_in_1_15(graph: Any, where: str) -> Any:
    """Return a frozen graph without devices, internal attributes and default values.

    Raises RunError (`unsupported`) naming the first node that TensorFlow 1.15 would not have known.
    """
    tf = tf_networks.tensorflow()
    for node in graph.node:
        node.device = ""
        for name in [name for name in node.attr if name.startswith("_")]:
            del node.attr[name]
    refuse_functions(graph, where)
    known = _operators_1_15()
    for node in graph.node:
        if node.op not in known:
            raise _unknown(where, f"node {node.name!r} is a {node.op}")
    with tf.Graph().as_default():
        stripped = tf.compat.v1.train.export_meta_graph(graph_def=graph, strip_default_attrs=True).graph_def
    for node in stripped.node:
        newer = sorted(set(node.attr) - set(known[node.op]))
        if newer:
            raise _unknown(where, f"{node.op} node {node.name!r} has the attribute {newer[0]}")
    return stripped


def refuse_functions(graph: Any, where: str) -> None:
    """Raise RunError (`unsupported`) if a graph has functions, as calls and version 2's control flow need."""
    calling = next((node for node in graph.node if any(_is_function(value) for value in node.attr.values())), None)
    if calling is not None or graph.library.function:
        got = f"{calling.op} node {calling.name!r}" if calling is not None else "a library of them"
        raise RunError(where, "expected a graph without functions", got, kind="unsupported", stage="freeze")


def inventory(graph: Any) -> Inventory:
    """Return how many nodes a graph has of each operator."""
    return dict(sorted(Counter(node.op for node in graph.node).items()))


def read(path: Path) -> Any:
    """Read a frozen graph; raises RunError (`corrupt-artifact`) for a file that is none."""
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

    try:
        graph = tf_networks.tensorflow().compat.v1.GraphDef.FromString(path.read_bytes())
    except (OSError, DecodeError) as error:
        what = "expected a frozen graph"
        raise RunError(str(path), what, str(error), kind="corrupt-artifact", stage="build") from error
    if not graph.node:
        raise RunError(str(path), "expected a frozen graph", "no node", kind="corrupt-artifact", stage="build")
    return graph


def require_names(graph: Any, card: ModelCard) -> None:
    """Raise CardError unless a graph has the card's inputs, as placeholders, and its kept outputs."""
    operators = {node.name: node.op for node in graph.node}
    for spec in card.input:
        if operators.get(spec.name) != "Placeholder":
            there = ", ".join(name for name, op in operators.items() if op == "Placeholder") or "none"
            raise CardError(
                f"{card.path}: input {spec.name!r}", f"expected a placeholder of the graph: {there}", spec.name
            )
    for output in card.kept_outputs:
        if output.name not in operators:
            raise CardError(f"{card.path}: output {output.name!r}", "expected a node of the graph", "none of that name")


def _names(outputs: Sequence[OutputSpec]) -> list[str]:
    return [output.name for output in outputs]


def _pruned(graph: Any, outputs: Iterable[str]) -> Any:
    """Return the nodes that outputs need, in the graph's order, without control dependencies."""
    nodes = {node.name: node for node in graph.node}
    needed: set[str] = set()
    waiting = list(outputs)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        if name not in nodes:
            raise CardError("graph", f"expected a node {name!r}", "none of that name", "correct the card's [[output]]")
        needed.add(name)
        del nodes[name].input[sum(not source.startswith("^") for source in nodes[name].input) :]
        waiting += [source.partition(":")[0] for source in nodes[name].input]
    kept = type(graph)()
    kept.versions.CopyFrom(graph.versions)
    kept.node.extend(node for node in graph.node if node.name in needed)
    return kept


def _meta_graph(path: Path) -> Any:
    from google.protobuf.message import DecodeError  # protobuf ships no types

    meta = tf_checkpoints.identity_file(path).with_suffix(".meta")
    try:
        return tf_networks.tensorflow().compat.v1.MetaGraphDef.FromString(meta.read_bytes()).graph_def
    except (OSError, DecodeError) as error:
        what = "expected the graph of a checkpoint"
        raise RunError(str(meta), what, str(error), kind="corrupt-artifact", stage="freeze") from error


def _shape(node: Any) -> tuple[int, ...]:
    return tuple(size.size for size in node.attr["shape"].shape.dim)


def _attribute(tensor: Any) -> Any:
    return tf_networks.tensorflow().compat.v1.AttrValue(tensor=tensor)


def _become(node: Any, operator: str, attributes: Mapping[str, Any]) -> None:
    node.op = operator
    node.attr.clear()
    for name, value in attributes.items():
        node.attr[name].CopyFrom(value)


def _is_function(value: Any) -> bool:
    return value.HasField("func") or bool(value.list.func)


@cache
def _operators_1_15() -> dict[str, list[str]]:
    known: dict[str, list[str]] = json.loads(OPERATORS_1_15.read_text(encoding="utf-8"))
    return known


def _unknown(where: str, got: str) -> RunError:
    return RunError(where, "expected operators of TensorFlow 1.15", got, kind="unsupported", stage="freeze")
