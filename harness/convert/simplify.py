"""Simplification of ONNX graphs with onnxslim: constants folded, shape arithmetic and copies gone."""

from typing import TYPE_CHECKING

from harness.errors import RunError

if TYPE_CHECKING:
    import onnx


def simplify(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """Return a smaller graph that computes the same; inputs, outputs, opset and IR version stay as they are.

    Raises RunError if onnxslim changed any of them.
    """
    import onnx
    import onnxslim

    before = _face(model)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)  # onnxslim works in place
    slim: onnx.ModelProto = onnxslim.slim(copy)
    slim.ir_version = model.ir_version
    if _face(slim) != before:
        what, hint = "expected inputs, outputs and opset to stay as they are", "set export.simplify = false"
        raise RunError("onnxslim", what, f"{_face(slim)}", hint, kind="compile-error", stage="simplify")
    return slim


def _face(model: "onnx.ModelProto") -> tuple[object, ...]:
    """Return what the users of a model see of it: types and shapes of inputs and outputs by name, and the opset."""
    values = [(value.name, value.type.SerializeToString()) for value in (*model.graph.input, *model.graph.output)]
    return values, sorted((entry.domain, entry.version) for entry in model.opset_import)
