"""Mutants of the TensorFlow pair's conversion and store: what tf2onnx made of a frozen graph, or when it was made.

The reference runs the frozen graph itself, so parity has to see each; accuracy sees what is older than its weights.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.bench.mutants import SEGMENTATION, SPINENET, Change, Lab, Mutant
from tests.bench.mutants_graph import attribute, behind, node, replaced, written

NodeChange = Callable[[Any], object]


def frozen(operator: str, change: NodeChange) -> Change:
    """Return a change of every node of an operator in the frozen graph while it is converted."""

    def around(original: Any) -> Any:
        def converted(graph: Any, *arguments: Any) -> Any:
            changed = type(graph).FromString(graph.SerializeToString())
            nodes = {item.name: item for item in changed.node}
            for item in changed.node:
                if item.op == operator:
                    change((item, nodes))
            return original(changed, *arguments)

        return converted

    def apply(lab: Lab) -> None:
        lab.forget("onnx")
        lab.wrap("harness.convert.tf_onnx._converted", around)

    return apply


def _flag(name: str) -> NodeChange:
    def change(found: Any) -> None:
        found[0].attr[name].b = True

    return change


def _epsilon(found: Any) -> None:
    found[0].attr["epsilon"].f = 1e-3


def _operand(place: int, value: float) -> NodeChange:
    """Return a change of a constant that a node reads."""

    def change(found: Any) -> None:
        import tensorflow as tf

        item, nodes = found
        constant = nodes[item.input[place]]
        constant.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, tf.float32))

    return change


def _reordered(hidden: str, name: str) -> list[Any]:
    return [node("Gather", (hidden, "constant"), name, axis=2)]


def _one_fewer(hidden: str, name: str) -> list[Any]:
    return [node("Sub", (hidden, "constant"), name)]


def _weights(factor: float) -> Change:
    def rewrite(state: dict[str, Any]) -> None:
        name = next(name for name in reversed(state) if name.endswith("/biases"))
        state[name] = state[name] + (np.arange(state[name].size) * factor).astype(state[name].dtype)

    return lambda lab: lab.rewrite_weights(rewrite)


def _same_onnx_as_before(lab: Lab) -> None:
    """Let the key of the ONNX file miss that its frozen graph changes after this."""

    def around(original: Any) -> Any:
        graph = lab.bench().builder.frozen(lab.card(), 1)
        recipe = original(lab.card(), 1, graph.digest)
        return lambda *arguments: recipe

    lab.wrap("harness.frozen_graphs.onnx_recipe", around)


def _frozen_before_trained(lab: Lab) -> None:
    """Freeze other weights than the shipped ones, and let the key of the graph miss that they are put back."""
    card, weights = lab.card_file.read_bytes(), (lab.models / "tiny.safetensors").read_bytes()
    _weights(1.0)(lab)

    def around(original: Any) -> Any:
        bench = lab.bench()
        (now,) = bench.cards.values()
        recipe = original(now, 1, bench.builder._weights_digest(now, "card"))
        return lambda *arguments: recipe

    lab.wrap("harness.frozen_graphs.recipe", around)
    lab.bench().builder.frozen(lab.card(), 1)
    lab.card_file.write_bytes(card)
    (lab.models / "tiny.safetensors").write_bytes(weights)


def _parity(name: str, card: str, how: Change, code: str = "parity") -> Mutant:
    return Mutant(name, card, "parity", (how,), code, 1)


CONVERTED = (
    _parity(
        "half_pixel_centers flipped in the conversion",
        SEGMENTATION,
        frozen("ResizeBilinear", _flag("half_pixel_centers")),
    ),
    _parity("align_corners flipped in the conversion", SEGMENTATION, frozen("ResizeBilinear", _flag("align_corners"))),
    _parity("another epsilon of the normalisation", SEGMENTATION, frozen("FusedBatchNormV3", _epsilon)),
    _parity("another overlap of non-maximum suppression", SPINENET, frozen("NonMaxSuppressionV3", _operand(3, 0.9))),
    _parity("another score threshold of the suppression", SPINENET, frozen("NonMaxSuppressionV3", _operand(4, 0.4))),
    _parity(
        "boxes by their centres in the suppression",
        SPINENET,
        written(attribute("NonMaxSuppression", "center_point_box", 1)),
    ),
    _parity("scores without a sigmoid", SPINENET, written(replaced("Sigmoid", "Identity"))),
    _parity("boxes as xyxy in the graph", SPINENET, written(behind(_reordered, np.array([1, 0, 3, 2]), 1))),
    _parity("one detection fewer counted", SPINENET, written(behind(_one_fewer, np.float32(1), 0))),
)

STALE = (
    Mutant(
        "an ONNX file from before its frozen graph changed",
        SEGMENTATION,
        "parity",
        (_same_onnx_as_before, _weights(0.1)),
        "parity",
        1,
    ),
    Mutant(
        "a frozen graph from before its weights changed", SEGMENTATION, "accuracy", (_frozen_before_trained,), batch=1
    ),
)

MUTANTS = (*CONVERTED, *STALE)
