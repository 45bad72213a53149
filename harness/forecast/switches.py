"""An ONNX graph in which each operator can be switched to float16 storage alone, to rank operators in one session.

    board = Switchboard(named(path))
    board.operators        what can be switched, in graph order
    board.model            the graph with one more input, `SWITCHES`: one boolean per operator

An operator that is on takes its weights and the graph's inputs rounded to float16, and its results are rounded; itself
it computes in float32. That needs one session and one run per operator, where ATC needs a conversion for each.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RunError

if TYPE_CHECKING:
    import onnx

SWITCHES = "omgate/switches"
OLDEST_OPSET = 9
"""The first one with Where."""
# Beyond their first, the float inputs of these say how large, where or how much: ATC leaves them in float32.
_SIZED = "Clip Dropout MaxRoiPool NonMaxSuppression Pad Range Resize RoiAlign Upsample"
SIZED = frozenset(_SIZED.split())


@dataclass(frozen=True)
class Operator:
    """A node of the graph: its name, its type, and the first tensor that it writes."""

    name: str
    type: str
    tensor: str


def named(path: Path) -> "onnx.ModelProto":
    """Return a model for ATC: every node with a name of its own, and no operator sets but those that are used.

    A node without a name gets its type and place. Converters import sets that no node needs, which ATC refuses.
    """
    import onnx

    model = onnx.load(str(path))
    uses = Counter(node.name for node in model.graph.node)
    for place, node in enumerate(model.graph.node):
        if not node.name or uses[node.name] > 1:
            node.name = f"{node.name or node.op_type}_{place}"
    domains = {node.domain for node in model.graph.node} | {""}
    used = [entry for entry in model.opset_import if entry.domain in domains]
    model.ClearField("opset_import")
    model.opset_import.extend(used)
    return model


def renamed(path: Path, model: "onnx.ModelProto") -> bool:
    """Tell whether nodes of a model are called otherwise than in the file that it was read from."""
    import onnx

    written = onnx.load(str(path), load_external_data=False)
    return [node.name for node in written.graph.node] != [node.name for node in model.graph.node]


class Switchboard:
    """See the module; raises RunError (`unsupported`) for an opset that is too old."""

    def __init__(self, model: "onnx.ModelProto") -> None:
        import onnx

        opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0)
        if opset < OLDEST_OPSET:
            what, hint = f"expected opset {OLDEST_OPSET} or later to rank operators", "export it again"
            raise RunError("forecast", what, str(opset), hint, kind="unsupported", stage="prepare")
        self.model = onnx.shape_inference.infer_shapes(model)
        self._graph = self.model.graph
        self._floats = _floats(self._graph)
        weights = {weight.name for weight in self._graph.initializer}
        inputs = {value.name for value in self._graph.input} - weights
        self._given = (weights | inputs) & self._floats
        self._nodes: list[onnx.NodeProto] = []
        self.operators = self._switchable(inputs)
        self._rewrite()

    def _switchable(self, inputs: set[str]) -> tuple[Operator, ...]:
        """Return the operators with a float32 result that an input reaches other than by its size."""
        data, found = set(inputs), []
        for node in self._graph.node:
            if node.op_type in ("Shape", "Size", "Constant") or not data.intersection(node.input):
                continue
            data.update(filter(None, node.output))
            if self._floats.intersection(node.output):
                found.append(Operator(node.name, node.op_type, node.output[0]))
        return tuple(found)

    def _rewrite(self) -> None:
        from onnx import TensorProto, helper

        places = {operator.name: place for place, operator in enumerate(self.operators)}
        self._graph.input.append(helper.make_tensor_value_info(SWITCHES, TensorProto.BOOL, [len(places)]))
        for node in list(self._graph.node):
            if node.name in places:
                self._switch(node, places[node.name])
            else:
                self._nodes.append(node)
        nodes = [type(node).FromString(node.SerializeToString()) for node in self._nodes]
        self._graph.ClearField("node")
        self._graph.node.extend(nodes)

    def _switch(self, node: "onnx.NodeProto", place: int) -> None:
        from onnx import TensorProto, helper

        own = f"omgate/{place}"
        index = helper.make_tensor(f"{own}/place", TensorProto.INT64, [], [place])
        self._graph.initializer.append(index)
        self._nodes.append(helper.make_node("Gather", [SWITCHES, index.name], [f"{own}/on"], f"{own}/on", axis=0))
        for position, name in enumerate(node.input):
            if name in self._given and not (position and node.op_type in SIZED):
                node.input[position] = f"{own}/input-{position}"
                self._round(own, name, node.input[position])
        self._nodes.append(node)
        for position, name in enumerate(node.output):
            if name in self._floats:
                node.output[position] = f"{own}/output-{position}"
                self._round(own, node.output[position], name)

    def _round(self, own: str, source: str, target: str) -> None:
        """Let `target` be `source`, by way of float16 where the operator's switch is on."""
        from onnx import TensorProto, helper

        name = f"{own}/{source}"
        self._nodes += [
            helper.make_node("Cast", [source], [f"{name}/half"], f"{name}/half", to=TensorProto.FLOAT16),
            helper.make_node("Cast", [f"{name}/half"], [f"{name}/full"], f"{name}/full", to=TensorProto.FLOAT),
            helper.make_node("Where", [f"{own}/on", f"{name}/full", source], [target], f"{name}/where"),
        ]


def _floats(graph: "onnx.GraphProto") -> set[str]:
    """Return the names of float32 values and weights of a graph whose types are inferred."""
    from onnx import TensorProto

    values = (*graph.input, *graph.value_info, *graph.output)
    found = {value.name for value in values if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    return found | {weight.name for weight in graph.initializer if weight.data_type == TensorProto.FLOAT}
