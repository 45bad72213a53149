"""The precision modes of ATC, as rounding: what an NPU stores in float16 is rounded to float16 here.

    apply(model, mode, keep) -> Rounded(model, half)

An NPU stores float16 and accumulates wider. So every value that reaches memory (see `fusion`) passes through a pair of
Casts, float32 to float16 and back, its weights are rounded, and operators themselves run in float32. That is the
rounding of storage and nothing more: a floor, to be told apart from an NPU's own differences (order of accumulation,
approximated functions, float16 arithmetic of the vector unit).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.emulator import fusion

if TYPE_CHECKING:
    import onnx

HEADS = frozenset({"Conv", "ConvTranspose", "MatMul", "Gemm"})
"""What `allow_fp32_to_fp16` computes in float16: convolutions and matrix products."""
EVERYTHING = frozenset({"force_fp16", "allow_mix_precision", "allow_mix_precision_fp16"})
"""Modes that store in float16 whatever can be; mixed precision's lists of exceptions are not known here."""
HEADS_ONLY = frozenset({"allow_fp32_to_fp16", "cube_fp16in_fp32out"})
# Float inputs that say how large, where or how much, and not what: never float16.
SIZES = {
    "NonMaxSuppression": (2, 3, 4),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "Range": (0, 1, 2),
    "RoiAlign": (1,),
    "MaxRoiPool": (1,),
    "Dropout": (1, 2),
}
# Operators that only choose or move values: what goes in rounded comes out rounded.
_MOVERS = """
    Compress Concat DepthToSpace Expand Gather GatherElements GatherND GlobalMaxPool MaxPool ReduceMax ReduceMin Relu
    ReverseSequence Slice SpaceToDepth Split Tile TopK Transpose
"""
MOVERS = frozenset(_MOVERS.split())
LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class Rounded:
    """A model with a precision mode applied, and the names of its values and weights that are float16 on the chip."""

    model: "onnx.ModelProto"
    half: frozenset[str]


def apply(model: "onnx.ModelProto", mode: str, keep: Iterable[str] = ()) -> Rounded:
    """Return a model as a precision mode leaves it; `keep` names nodes that stay in float32.

    Sizes, indices, constants that no input reaches, the bodies of control flow and a non-maximum suppression's own
    thresholds are never rounded; inputs and outputs stay float32.
    """
    if mode not in EVERYTHING | HEADS_ONLY:
        return Rounded(model, frozenset())
    graph = _Graph(model, frozenset(keep))
    if mode in EVERYTHING:
        graph.round_everything()
    else:
        graph.round_heads(outputs=mode == "allow_fp32_to_fp16")
    return Rounded(graph.model, frozenset(graph.half))


class _Graph:
    """A copy of a model, and what is known of its values."""

    def __init__(self, model: "onnx.ModelProto", keep: frozenset[str]) -> None:
        import onnx

        self.model = onnx.ModelProto()
        self.model.CopyFrom(model)
        self.graph, self.keep = self.model.graph, keep
        self.weights = {weight.name: weight for weight in self.graph.initializer}
        self.floats = set(_floats(self.graph))
        self.data = _data(self.graph, set(self.weights))
        self.stored = fusion.stored(self.graph)
        self.half: set[str] = set()
        self._rounded: dict[str, str] = {}

    def round_everything(self) -> None:
        """Round the inputs, the weights that meet data, and every stored float value made of data."""
        rounded = [node for node in self.graph.node if node.name not in self.keep]
        moved = {name for node in rounded if node.op_type in MOVERS for name in node.output}
        for node in rounded:
            self._round_operands(node, range(len(node.input)), inputs_only=True)
            wanted = self.stored.intersection(node.output) & self.floats & self.data
            self.half.update(wanted)
            for position, name in enumerate(node.output):
                if name in wanted and not self._moves_rounded(node, moved):
                    self._round_output(node, position)
        self._insert()

    def round_heads(self, outputs: bool) -> None:
        """Round the operands of convolutions and matrix products, and with `outputs` their results."""
        followers = {node.input[0]: node for node in self.graph.node if node.op_type == "Relu"}
        heads = [node for node in self.graph.node if node.op_type in HEADS and node.name not in self.keep]
        heads = [node for node in heads if node.output[0] in self.floats]
        if outputs:
            self.half.update(self._after({node.output[0] for node in heads}))
        for node in heads:
            self._round_operands(node, range(2), inputs_only=False)
            if outputs:
                # Rounding commutes with a rectifier, and behind it leaves the runtime's own fusion of the two alone.
                fused = node.output[0] not in self.stored and node.output[0] in followers
                self._round_output(followers[node.output[0]] if fused else node, 0)
        self._insert()

    def _after(self, names: set[str]) -> set[str]:
        """Return values in float16 and those that are such values moved, viewed, or done with what computed them."""
        found = set(names)
        for node in self.graph.node:
            data = [name for name in node.input if name in self.floats and name not in self.weights]
            if node.op_type in MOVERS | fusion.VIEWS | fusion.ONE_OPERAND and data and found.issuperset(data):
                found.update(self.floats.intersection(node.output))
        return found

    def _round_operands(self, node: "onnx.NodeProto", positions: Iterable[int], inputs_only: bool) -> None:
        """Let a node take rounded operands: weights, the model's inputs, and without `inputs_only` any value."""
        inputs = {value.name for value in self.graph.input} - set(self.weights)
        if not self.data.intersection((*node.input, *node.output)):
            return
        for position in positions:
            name = node.input[position] if position < len(node.input) else ""
            if name not in self.floats or position in SIZES.get(node.op_type, ()):
                continue
            if name in self.weights:
                node.input[position] = self._round_weight(name)
            elif name in inputs or (not inputs_only and name in self.data and f"{name}/full" not in self._rounded):
                node.input[position] = self._rounded.setdefault(name, f"{name}/rounded")
                self.half.update(inputs.intersection((name,)))

    def _round_weight(self, name: str) -> str:
        """Return the name of a rounded copy of a weight, saturated as the chip does when it converts."""
        import numpy as np
        from onnx import numpy_helper

        copy = f"{name}/half"
        if copy not in self.weights:
            values = numpy_helper.to_array(self.weights[name])
            halves = np.clip(values, -LARGEST_HALF, LARGEST_HALF).astype(np.float16)
            self.weights[copy] = numpy_helper.from_array(halves.astype(np.float32), copy)
            self.half.add(name)
        return copy

    def _moves_rounded(self, node: "onnx.NodeProto", moved: set[str]) -> bool:
        """Tell whether a node only moves values all of which are rounded: stored ones, or moved ones."""
        if node.op_type not in MOVERS:
            return False
        floats = [name for name in node.input if name in self.floats]
        return all(name in self.half or name in moved or name.endswith(("/half", "/rounded")) for name in floats)

    def _round_output(self, node: "onnx.NodeProto", position: int) -> None:
        """Let a node write under another name; its own one becomes that of the rounded value."""
        name = node.output[position]
        node.output[position] = f"{name}/full"
        self._rounded[f"{name}/full"] = name

    def _insert(self) -> None:
        """Put the pairs of Casts right behind what they round, and rounded weights in the place of the full ones."""
        from onnx import TensorProto, helper

        produced = {value.name for value in self.graph.input}
        nodes: list[onnx.NodeProto] = []

        def pair(source: str) -> Sequence["onnx.NodeProto"]:
            target, middle = self._rounded[source], f"{source}/float16"
            return (
                helper.make_node("Cast", [source], [middle], f"{middle}/cast", to=TensorProto.FLOAT16),
                helper.make_node("Cast", [middle], [target], f"{target}/cast", to=TensorProto.FLOAT),
            )

        for source in [name for name in self._rounded if name in produced]:
            nodes.extend(pair(source))
        for node in self.graph.node:
            nodes.append(node)
            for source in filter(self._rounded.__contains__, node.output):
                nodes.extend(pair(source))
        used = {name for node in nodes for name in (*node.input, *fusion.captured(node))}
        used.update(value.name for value in self.graph.output)
        weights = [weight for name, weight in self.weights.items() if name in used]
        for field, values in ((self.graph.node, nodes), (self.graph.initializer, weights)):
            copies = [type(value).FromString(value.SerializeToString()) for value in values]
            del field[:]
            field.extend(copies)


def _floats(graph: "onnx.GraphProto") -> Iterable[str]:
    """Yield the names of float32 values and weights, of a graph whose types are inferred."""
    import onnx

    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            yield value.name
    for weight in graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT:
            yield weight.name


def _data(graph: "onnx.GraphProto", weights: set[str]) -> set[str]:
    """Return the names of the values that an input reaches other than by its size."""
    names = {value.name for value in graph.input} - weights
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and names.intersection((*node.input, *fusion.captured(node))):
            names.update(name for name in node.output if name)
    return names
