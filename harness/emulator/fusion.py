"""Which tensors of a graph reach memory when operators are fused: those that are stored, so rounded, and take space.

The model is the graph engine's simplest fusions: what is elementwise is done with the operator before it, as far as
nothing else needs the value in between; a view and a change of the pictures' layout take no memory of their own.
"""

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

# Done while the value before is still on the chip: batch normalisation is folded into weights, the others are
# elementwise with at most a constant or a second operand.
_FOLLOWERS = """
    Abs Add BatchNormalization Ceil Clip Div Elu Erf Exp Floor HardSigmoid HardSwish LeakyRelu Log Max Min Mul Neg PRelu
    Pow Reciprocal Relu Round Selu Sigmoid Sign Softplus Softsign Sqrt Sub Tanh ThresholdedRelu
"""
FOLLOWERS = frozenset(_FOLLOWERS.split())
VIEWS = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Dropout"})
# Whose first input alone is data: what takes the value elsewhere (an exponent, a slope) is not fused with it.
ONE_OPERAND = FOLLOWERS - {"Add", "Sub", "Mul", "Div", "Max", "Min"}


def stored(graph: "onnx.GraphProto") -> set[str]:
    """Return the names of the values that nodes write to memory: no fusion takes them away, no view shares them."""
    uses = Counter(name for node in graph.node for name in node.input)
    uses.update(value.name for value in graph.output)
    uses.update(name for node in graph.node for name in captured(node))
    written: set[str] = set()
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        if node.op_type in FOLLOWERS:
            written.discard(_joined(node, written, uses))
        if node.op_type not in VIEWS and not _changes_layout(node):
            written.update(name for name in node.output if name)
    return written


def _changes_layout(node: "onnx.NodeProto") -> bool:
    """Tell whether a node only takes pictures from one layout to the other: the chip has one of its own for both."""
    orders = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
    return node.op_type == "Transpose" and orders in ([[0, 3, 1, 2]], [[0, 2, 3, 1]])


def captured(node: "onnx.NodeProto") -> Iterable[str]:
    """Yield the names that a node's sub-graphs (of If, Loop, Scan) use, whether from outside or their own."""
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from inner.input
                yield from captured(inner)
            yield from (value.name for value in graph.output)


def _joined(node: "onnx.NodeProto", written: set[str], uses: Counter[str]) -> str:
    """Return the value that a node takes over from the operator before it, or nothing."""
    operands = node.input[:1] if node.op_type in ONE_OPERAND else node.input
    # The later operand is the one still on the chip; `operands` of a sum are in no order, so the last that can be.
    fusable = [name for name in operands if name in written and uses[name] == 1]
    return fusable[-1] if fusable else ""
