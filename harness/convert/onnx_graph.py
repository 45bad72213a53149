"""Facts about an ONNX graph, and the one edit that keeps fewer outputs of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cards import ModelCard, TensorSpec
from harness.errors import CardError, RunError

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Inventory:
    """What a converter for a device has to know: opset, IR version, operator counts, who makes each output.

    `producers` maps an output's name to the name and type of the node that makes it.
    """

    opset: int
    ir_version: int
    operators: Mapping[str, int]
    producers: Mapping[str, tuple[str, str]]

    def as_json(self) -> dict[str, Any]:
        """Return the inventory as JSON values."""
        return asdict(self)


def inventory(model: "onnx.ModelProto") -> Inventory:
    """Return the inventory of a model; raises RunError for a model with no version of the standard operators."""
    opset = next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), None)
    if opset is None:
        what = "expected an opset of the standard domain"
        raise RunError("onnx", what, "none", kind="corrupt-artifact", stage="build")
    makers = {name: node for node in model.graph.node for name in node.output}
    producers = {out.name: _maker(makers.get(out.name)) for out in model.graph.output}
    operators = Counter(node.op_type for node in model.graph.node)
    return Inventory(opset, model.ir_version, dict(sorted(operators.items())), producers)


def specs(values: Iterable["onnx.ValueInfoProto"]) -> tuple[TensorSpec, ...]:
    """Return the specs of graph inputs or outputs; a leading size of no fixed value is the batch, "N".

    Raises RunError for a tensor of a type that no card can declare.
    """
    return tuple(_spec(value) for value in values)


def keep_outputs(model: "onnx.ModelProto", indices: Sequence[int]) -> None:
    """Keep only the graph outputs at `indices`, in that order, with the nodes and weights that they need; in place."""
    graph = model.graph
    kept = [graph.output[index] for index in indices]
    needed, nodes = {out.name for out in kept}, []
    for node in reversed(graph.node):  # a graph's nodes are in topological order
        if needed.intersection(node.output):
            nodes.append(node)
            needed |= _reads(node)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    for field, values in (("output", kept), ("node", nodes[::-1]), ("initializer", weights)):
        copies = [type(value).FromString(value.SerializeToString()) for value in values]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)
    graph.ClearField("value_info")


def check_specs(model: "onnx.ModelProto", card: ModelCard, batch: int) -> None:
    """Raise CardError unless the graph's inputs and outputs are the card's inputs and kept outputs at that batch.

    A free dimension of the graph takes any size.
    """
    for kind, declared, values in (
        ("input", card.input, model.graph.input),
        ("output", card.kept_outputs, model.graph.output),
    ):
        found = specs(values)
        graph_names, names = [spec.name for spec in found], [spec.name for spec in declared]
        if graph_names != names:
            raise CardError(f"{card.path}: {kind}", f"expected {graph_names}, as in the graph", f"{names}")
        for want, have in zip(declared, found, strict=True):
            if not _admits(have, want, batch):
                wanted, had = (want.dtype, want.at(batch)), (have.dtype, have.at(batch))
                raise CardError(f"{card.path}: {kind} {want.name!r}", f"expected {had}, as in the graph", f"{wanted}")


def fixed_batch(model: "onnx.ModelProto") -> int | None:
    """Return the leading size of the inputs, None where it is free, where they differ, or where there is none."""
    weights = {weight.name for weight in model.graph.initializer}
    leading = {spec.shape[:1] for spec in specs(value for value in model.graph.input if value.name not in weights)}
    first = leading.pop() if len(leading) == 1 else ()
    return first[0] if first and isinstance(first[0], int) else None


def _admits(have: TensorSpec, want: TensorSpec, batch: int) -> bool:
    sizes = want.at(batch)
    same_kind = have.dtype == want.dtype and len(have.shape) == len(sizes)
    return same_kind and all(free in ("N", size) for free, size in zip(have.shape, sizes, strict=True))


def read(path: Path) -> "onnx.ModelProto":
    """Read an ONNX file; raises RunError (`corrupt-artifact`) for one that cannot be parsed."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

    try:
        return onnx.load(path)
    except (OSError, DecodeError) as error:
        what = "expected an ONNX file"
        raise RunError(str(path), what, str(error), kind="corrupt-artifact", stage="build") from error


def _maker(node: "onnx.NodeProto | None") -> tuple[str, str]:
    return (node.name, node.op_type) if node is not None else ("", "")


def _spec(value: "onnx.ValueInfoProto") -> TensorSpec:
    from onnx import helper
    from pydantic import ValidationError

    tensor = value.type.tensor_type
    sizes = [size.dim_value or "N" for size in tensor.shape.dim]
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
        return TensorSpec.model_validate({"name": value.name, "dtype": dtype, "shape": tuple(sizes)})
    except (KeyError, ValidationError) as error:
        what = "expected a tensor of a type and shape that a card can declare"
        raise RunError(value.name, what, str(tensor), kind="unsupported", stage="build") from error


def _reads(node: "onnx.NodeProto") -> set[str]:
    """Return the names a node reads, also from within its subgraphs."""
    names = set(node.input)
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                names |= _reads(inner)
    return names
