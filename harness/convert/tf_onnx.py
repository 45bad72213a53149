"""Frozen TensorFlow graphs to ONNX through tf2onnx, whose word is not taken for it: the file is checked."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import needs, tf_networks
from harness.cards import ModelCard
from harness.convert import onnx_graph, tf_frozen
from harness.errors import CardError, MissingNeedError, RunError

if TYPE_CHECKING:
    import onnx

OLDEST_OPSET = 11
"""Before it ONNX has neither NonMaxSuppression's dynamic outputs padded nor Resize with TensorFlow's coordinates."""


def convert(frozen: Path, card: ModelCard, batch: int) -> "onnx.ModelProto":
    """Return a frozen graph as an ONNX model, its inputs and kept outputs named as the card names them.

    Raises CardError for an opset below 11 or other names than the graph's, RunError naming an operator that ONNX does
    not have (`unsupported`) or another opset than asked for (`compile-error`).
    """
    if card.export.opset < OLDEST_OPSET:
        raise CardError(f"{card.path}: export.opset", f"expected {OLDEST_OPSET} or later", str(card.export.opset))
    graph = tf_frozen.read(frozen)
    tf_frozen.require_names(graph, card)
    model = _converted(graph, card, batch)
    _refuse_foreign(model, card)
    return model


def require_session(path: Path, card: ModelCard) -> None:
    """Raise RunError (`unsupported`) with what ONNX Runtime says of a file that it cannot open."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (states.Fail, states.InvalidGraph, states.InvalidArgument, states.NotImplemented, RuntimeError) as error:
        what, message = "expected a file that ONNX Runtime opens", str(error).strip().partition("\n")[0]
        raise RunError(card.name, what, message, kind="unsupported", stage="export") from error


def _converted(graph: Any, card: ModelCard, batch: int) -> "onnx.ModelProto":
    tf = tf_networks.tensorflow()
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise MissingNeedError("tf2onnx", "expected tf2onnx", "nothing", needs.TENSORFLOW_REMEDY) from error
    for name in ("tf2onnx", "tensorflow"):  # both warn of what tf2onnx itself calls
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        model, _ = tf2onnx.convert.from_graph_def(
            graph,
            name=card.name,
            input_names=[f"{spec.name}:0" for spec in card.input],
            output_names=[f"{spec.name}:0" for spec in card.kept_outputs],
            opset=card.export.opset,
            shape_override={f"{spec.name}:0": list(spec.at(batch)) for spec in card.input},
            tensors_to_rename={f"{spec.name}:0": spec.name for spec in (*card.input, *card.kept_outputs)},
        )
    except (ValueError, KeyError, AttributeError, TypeError, RuntimeError, tf.errors.OpError) as error:
        what, message = "expected a graph that tf2onnx converts", str(error).strip().partition("\n")[0]
        raise RunError(card.name, what, message, kind="unsupported", stage="export") from error
    converted: onnx.ModelProto = model
    return converted


def _refuse_foreign(model: "onnx.ModelProto", card: ModelCard) -> None:
    """Raise RunError for another opset, and for a node that is no standard operator: tf2onnx only logs about those."""
    import onnx

    found = onnx_graph.inventory(model).opset
    if found != card.export.opset:
        what = f"expected opset {card.export.opset}"
        raise RunError(card.name, what, str(found), kind="compile-error", stage="export")
    for node in model.graph.node:
        if node.domain not in ("", "ai.onnx") or not onnx.defs.has(node.op_type):
            got = f"{node.op_type} node {node.name!r}"
            what = "expected operators of ONNX only"
            raise RunError(card.name, what, got, "leave it out of the graph", kind="unsupported", stage="export")
