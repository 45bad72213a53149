"""How ATC words a refusal: the code, its text, and the block that a CANN of that age prints.

Codes and texts are those of the graph engine's table, in the wording with brackets around values that CANN up to 8
prints; the three forms of the block are those of CANN up to 7, of 8, and of 8.3 and later.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.errors import RunError

VERDICT_FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information"
VERDICT_SUCCESS = "ATC run success, welcome to the next use."
START = "ATC start working now, please wait for a moment."
FAILED = 255
"""The shell's view of the graph engine's FAILED, -1."""


@dataclass(frozen=True)
class _Entry:
    title: str
    text: str
    solution: str = ""
    cause: str = ""


_SHAPE = "Invalid_Argument_Tensor_Input_Shape"
_GEARS = "Invalid_Argument_Tensor_Dynamic_Shape"
_OPTIONS = "--dynamic_batch_size, --dynamic_image_size, or --dynamic_dims"
_VALID = "Try again with a valid argument."
_LIBRARY = "graph_def_library.pbtxt"
TABLE = {
    "E10001": _Entry("Invalid_Argument", "Value [{}] for parameter [{}] is invalid. Reason: {}", _VALID),
    "E10002": _Entry(
        _SHAPE,
        "Value [{}] for parameter [--input_shape] is invalid. Reason: {}. The value must be formatted as [{}].",
        "Name each input by its node and give its sizes as integers.",
    ),
    "E10007": _Entry("Invalid_Argument", "[--{}] is required. The value must be [{}]."),
    "E10008": _Entry("Invalid_Argument", "[--weight] must not be empty when [--framework] is set to [0(Caffe)]."),
    "E10009": _Entry(
        _GEARS,
        "[--dynamic_batch_size], [--dynamic_image_size], [--input_shape_range], and [--dynamic_dims] "
        "are mutually exclusive.",
    ),
    "E10010": _Entry(
        "Invalid_Argument",
        "Value [{}] for parameter [--log] is invalid.",
        "Select the value from debug, info, warning, error, and null.",
    ),
    "E10011": _Entry(
        _SHAPE,
        "Value [{}] for parameter [--input_shape] is invalid. Shape values must be positive integers. "
        "The error value in the shape is [{}].",
    ),
    "E10014": _Entry("Invalid_Argument", "Value [{}] for parameter [--{}] is invalid."),
    "E10016": _Entry(
        "Invalid_Argument_Operator_Name",
        "Opname [{}] specified in [--{}] is not found in the model. Confirm whether this node name exists, "
        "or node is not split with the specified delimiter ';'.",
    ),
    "E10017": _Entry("Invalid_Argument", "Input Op [{}] specified in [--{}] is invalid. The Op type must be Data."),
    "E10018": _Entry(
        _GEARS,
        "Value [{}] for shape [{}] is invalid. When [--dynamic_batch_size] is included, "
        "only batch size N can be -1 in [--input_shape].",
    ),
    "E10019": _Entry(
        _SHAPE,
        "When [--dynamic_image_size] is included, only the height and width axes can be -1 in [--input_shape].",
    ),
    "E10020": _Entry("Invalid_Argument", "Value [{}] for parameter [--dynamic_image_size] is invalid."),
    "E10022": _Entry("Invalid_Argument", "Path [{}] for parameter [--{}] does not include the file name."),
    "E10031": _Entry(
        _GEARS,
        "[--dynamic_batch_size] is included, but none of the nodes specified in [--input_shape] "
        "has a batch size equaling -1.",
    ),
    "E10034": _Entry("Invalid_Argument", "Nodes (for example, [{}]) connected to AIPP must not be of type fp16."),
    "E10035": _Entry(_GEARS, f"{_OPTIONS} has [{{}}] profiles, which is less than the minimum [{{}}]."),
    "E10036": _Entry(_GEARS, f"{_OPTIONS} has [{{}}] profiles, which is greater than the maximum [{{}}]."),
    "E10037": _Entry(
        _GEARS,
        f"The profiles configured in {_OPTIONS} have inconsistent dimension counts. "
        "A profile has [{}] dimensions while another has [{}] dimensions.",
    ),
    "E10038": _Entry(_GEARS, "Dimension size [{}] is invalid. The value must be greater than 0."),
    "E10039": _Entry(_GEARS, f"The {_OPTIONS} argument have duplicate profiles."),
    "E10040": _Entry(
        _SHAPE,
        f"As the {_OPTIONS} argument is included, the corresponding nodes specified in [--input_shape] "
        "must have -1 axes and cannot have '~'.",
    ),
    "E10041": _Entry(
        "Invalid_Argument_Model",
        "Failed to load the model from [{}].",
        "Check that the model file is valid and that --framework is its framework.",
    ),
    "E10045": _Entry(
        _GEARS,
        "The number of -1 axes in the [--input_shape] argument exceeds the dimension count per profile "
        "in [--dynamic_dims].",
    ),
    "E10046": _Entry(
        _GEARS,
        "The total number of -1 axes in the [--input_shape] argument is not the dimension count per profile "
        "in [--dynamic_dims].",
    ),
    "E10049": _Entry(
        _SHAPE,
        "Dimension count [{}] configured in [--input_shape] does not match dimension count [{}] of the node.",
    ),
    "E10052": _Entry("Invalid_Argument", "AIPP configuration is invalid. Reason: {}."),
    "E10054": _Entry(
        "Invalid_Argument",
        "The required parameter [{}] for ATC is empty. Another possible reason is that the value of some parameter "
        'is not enclosed by quotation marks ("").',
    ),
    "E10055": _Entry("Not_Supported", "The operation is not supported. Reason: {}."),
    "E11016": _Entry(
        "Invalid_Argument",
        "Failed to add Op [{}] to NetOutput. Op output index [{}] is not less than [{}].",
        "Try again with a valid --out_nodes argument.",
    ),
    "E11017": _Entry(
        "Invalid_Argument",
        "Failed to find node [{}] specified by [--out_nodes].",
        "Try again with a valid --out_nodes argument.",
    ),
    "E12029": _Entry(
        "Invalid_Argument_TensorFlow_Model_Data",
        "Failed to find the subgraph library.",
        f"Save the function subgraphs beside the model as {_LIBRARY}, or freeze the graph with its functions inlined.",
        f"The model to convert contains function subgraphs, but the {_LIBRARY} file is not found.",
    ),
    "E13000": _Entry("File_Operation_Error_Invalid_Path", "Path [{}] is empty. Reason: {}."),
    "E13001": _Entry("File_Operation_Error_Open", "Failed to open file [{}]. Reason: {}."),
    "E13003": _Entry("File_Operation_Error_Read", "Failed to read file [{}]. Reason: {}."),
    "E13004": _Entry("File_Operation_Error_Write", "Failed to write file [{}]. Reason: {}."),
    "E13009": _Entry(
        "Invalid_Argument_Operator_Name",
        "Operator [{}] already exists in the graph. Ensure that operator names are unique.",
    ),
    "E13015": _Entry(
        "File_Operation_Error_Invalid_File_Size",
        "File [{}] has a size of [{}], which is out of valid range (0, {}].",
    ),
    "E13023": _Entry(
        "Invalid_Argument_OM_Model_Size",
        "Model [{}] has a size of [{}] bytes, which exceeds system limit of [{}] bytes.",
    ),
    "E16001": _Entry("Invalid_Argument_ONNX_Model_Data", "The model has no [{}] node."),
    "E16004": _Entry("Invalid_Argument_ONNX_Model_Data", "ONNX model has no graph."),
    "E16005": _Entry(
        "Invalid_Argument_ONNX_Model_Data",
        "The model has [{}] [--domain_version] fields, but only one is allowed.",
    ),
    "E19010": _Entry(
        "Not_Supported_Operator",
        "No parser is registered for Op [{}, optype [{}]].",
        "Export the model with operators and an opset that this version has.",
    ),
    "E19999": _Entry("Inner_Error", "Inner Error!"),
    "E89999": _Entry("Inner_Error", "Inner Error!"),
    "EZ3003": _Entry(
        "Not_Supported_Operator",
        "No supported Ops kernel and engine are found for [{}], optype [{}].",
        "Replace the operator, or convert for a chip that has it.",
        "The operator is not supported by the system. No hit is found in any operator information library.",
    ),
}


class AtcError(RunError):
    """A refusal: `code` is ATC's, `values` fill the text of the table, `trace` are the lines below it."""

    def __init__(self, code: str, *values: object, trace: Sequence[str] = ()) -> None:
        self.values, self.trace = tuple(map(str, values)), tuple(trace)
        super().__init__("atc", TABLE[code].text.format(*self.values), kind="compile-error", stage="build", code=code)

    def __reduce__(self) -> tuple[object, ...]:  # type: ignore[override]
        return _rebuilt, (self.code, self.values, self.trace)


class FlagError(RunError):
    """A command line that the flags library refuses before ATC sees it: text on standard error, exit code 1."""


def _rebuilt(code: str, values: tuple[str, ...], trace: tuple[str, ...]) -> AtcError:
    return AtcError(code, *values, trace=trace)


def block(error: AtcError, cann: tuple[int, int]) -> str:
    """Return the lines that a CANN of that version prints below the verdict, each ended."""
    entry = TABLE[error.code]
    stamp = f"[PID: {os.getpid()}] {datetime.now():%Y-%m-%d-%H:%M:%S}.000.000"
    heads = (f"{stamp} {entry.title}({error.code}): ", f"{error.code}: {stamp} ", f"{error.code}: ")
    lines = [heads[(cann < (8, 3)) + (cann < (8, 0))] + error.what]
    lines += [f"        Possible Cause: {entry.cause}"] * bool(entry.cause)
    lines += [f"        Solution: {entry.solution}"] * bool(entry.solution)
    if error.trace:
        lines += ["        TraceBack (most recent call last):", *(f"        {line}" for line in error.trace)]
    return "".join(f"{line}\n" for line in lines)


def version(text: str) -> tuple[int, int]:
    """Return the first two numbers of a CANN version: (6, 0) of `6.0.RC1`, (8, 0) of `8.0.T63`."""
    numbers = re.findall(r"\d+", text)
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else (0, 0)
