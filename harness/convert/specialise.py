"""From an export to the file that is gated: the kept outputs, simplified, at one fixed batch, and checked."""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.cards import ModelCard
from harness.convert import onnx_graph
from harness.convert.rebatch import set_batch
from harness.convert.simplify import simplify
from harness.errors import RunError

if TYPE_CHECKING:
    import onnx


def specialise(exported: Path, card: ModelCard, batch: int, path: Path) -> onnx_graph.Inventory:
    """Write the gated file of an export at batch 1; outputs are chosen by their index, never by a node's name.

    Raises CardError if the graph contradicts the card, RunError if it cannot have that batch or is not valid ONNX.
    """
    model = onnx_graph.read(exported)
    onnx_graph.keep_outputs(model, [output.index for output in card.kept_outputs])
    if card.export.simplify:
        model = simplify(model)
    if batch != 1:
        model = set_batch(model, batch)
    return write_checked(model, card, batch, path)


def write_checked(model: "onnx.ModelProto", card: ModelCard, batch: int, path: Path) -> onnx_graph.Inventory:
    """Write the gated file and return its inventory; raises CardError and RunError as `specialise` does."""
    import onnx

    onnx_graph.check_specs(model, card, batch)
    onnx.save(model, path)
    try:
        onnx.checker.check_model(path, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        what = "expected a valid ONNX file"
        raise RunError(card.name, what, str(error), kind="compile-error", stage="export") from error
    return onnx_graph.inventory(model)
