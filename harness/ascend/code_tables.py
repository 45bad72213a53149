"""What the codes of the Ascend tools mean, and which texts are signs of which failure. Data only."""

import re
from collections.abc import Mapping

from harness.results import ErrorKind

MEANINGS: Mapping[str, str] = {
    "E10001": "a parameter has a value that is not valid",
    "E10002": "--input_shape is not written as name:n,c,h,w;name2:...",
    "E10003": "a command-line option has a value that is not valid",
    "E10004": "a command-line option has no value",
    "E10005": "a yes-or-no option is neither true nor false",
    "E10006": "a yes-or-no option is neither 0 nor 1",
    "E10007": "a required command-line option is missing",
    "E10008": "a Caffe model needs --weight",
    "E10009": "two of the options for dynamic batch, image size, dims and shape range exclude each other",
    "E10010": "--log is not debug, info, warning, error or null",
    "E10011": "a dimension in --input_shape is not positive",
    "E10014": "a command-line option has a value that is not valid, for the reason given",
    "E10016": "a node named by a command-line option is not in the model",
    "E10017": "a node named by a command-line option is not an input of the model",
    "E10018": "with a dynamic batch only the first dimension may be -1",
    "E10019": "a profile for dynamic shapes is not valid",
    "E10020": "a profile for dynamic shapes is not valid",
    "E10021": "a path is too long",
    "E10022": "a path names no file",
    "E10031": "a profile for dynamic shapes is not valid",
    "E10035": "there are fewer dynamic profiles than the least number",
    "E10036": "there are more dynamic profiles than the greatest number",
    "E10037": "a profile for dynamic shapes is not valid",
    "E10038": "a profile for dynamic shapes is not valid",
    "E10039": "a dynamic profile stands twice",
    "E10040": "a profile for dynamic shapes is not valid",
    "E10041": "the model file cannot be read: damaged, or not of the framework named by --framework",
    "E10045": "a profile for dynamic shapes is not valid",
    "E10046": "a profile for dynamic shapes is not valid",
    "E10049": "--input_shape and the model's input differ in the number of dimensions",
    "E10052": "the AIPP configuration is not valid",
    "E10054": "a required option is empty, or its value is not in quotation marks",
    "E11005": "a Caffe model's input has no shape",
    "E11009": "the Caffe parser does not know an operator",
    "E11017": "a node named by --out_nodes is not in the model",
    "E13000": "a file path is not valid",
    "E13001": "a file cannot be opened",
    "E13003": "a file cannot be read",
    "E13004": "a file cannot be written",
    "E13005": "a file cannot be parsed",
    "E13015": "a file has a size that is not allowed",
    "E13023": "the OM would be larger than the format allows",
    "E16001": "the ONNX model has no input node",
    "E16002": "the ONNX parser does not know an operator",
    "E16004": "the ONNX model has no graph",
    "E16005": "the ONNX model imports an operator domain in more than one version",
    "E19010": "this CANN has no parser for an operator in this opset",
    "E19025": "an input tensor is not valid",
    "E19999": "an error inside the graph engine; the line after it says which",
    "E20001": "an operator could not be compiled",
    "E40000": "ATC's Python could not import the operator compiler te",
    "E89999": "an error inside the operator implementation; the line after it says which",
    "EC0010": "ATC's Python lacks a module that it needs",
    "EE8888": "an error inside the runtime",
    "EH0001": "an argument of an ACL call is not valid; size 0 is an OM of dynamic output run without an output size",
    "EL0003": "an argument of a runtime call is not valid",
    "EL0004": "device memory could not be allocated",
    "EL0005": "a device is busy or not usable",
    "EZ0501": "this CANN has no definition of an operator",
    "EZ3002": "an operator type is not supported by the kernel library",
    "EZ3003": "no kernel library supports an operator",
    "EZ9010": "an error inside the operator compiler",
    "EZ9999": "an AI core or its operator failed; the line after it says how",
    "W11001": "an operator runs on a slower path than the fastest",
}
"""In our words. Codes and their occasions: CANN's open graph engine and transcripts of the tools."""

FAMILIES: Mapping[str, str] = {
    "E10": "a command-line option is refused",
    "E11": "a Caffe model is refused",
    "E13": "a file cannot be used",
    "E16": "an ONNX model is refused",
    "E19": "the graph engine failed",
    "E2": "an operator could not be compiled",
    "E4": "the operator compiler failed",
    "EC": "ATC's Python environment is incomplete",
    "EE": "the runtime failed",
    "EH": "an ACL call was refused",
    "EI": "the communication library failed",
    "EL": "the runtime refused an argument or memory",
    "EZ3": "an operator is not supported",
    "EZ9": "the AI core or the operator compiler failed",
}

ACL_MEANINGS: Mapping[int, str] = {
    -1: "execution failed, or the inputs do not fit the model",
    1: "a call was refused: the model could not be loaded, or does not allow it",
    2: "memory for inputs or outputs could not be allocated",
    26: "a copy between host and device failed",
    1004: "a parameter is not valid",
    3011: "an output has size 0: the size must be given for a dynamic model",
    107001: "there is no device of this id",
    145000: "the graph engine refused a parameter",
    145002: "the path of a model is not valid",
    145003: "the id of a model is not valid",
    200000: "memory could not be allocated",
    207001: "device memory could not be allocated",
    207004: "there is no device",
    207005: "a resource of the device could not be allocated",
    207012: "device memory is over its limit",
    245000: "the graph engine could not allocate memory",
    500002: "the graph engine failed",
    507008: "the model was built for another chip",
    507009: "the device does not support a task of the model",
    507011: "the model failed while it ran",
    507014: "an AI core timed out",
    507015: "an AI core raised an exception",
    507018: "an AI CPU raised an exception",
    507033: "the device could not be set up",
    507899: "the driver failed inside",
    545001: "the model could not be loaded",
}
"""aclError numbers (`acl_base.h`, `rt_error_codes.h`, `ge_error_codes.h`) and the codes of aclruntime's exceptions."""

OUT_OF_MEMORY = frozenset({207001, 245000, 200000, 207012, 2})
"""2 is aclruntime's `[2][ACL: memory allocation fail]`."""
DEVICE_LOST = frozenset({507033, 507899})
DEVICE_GONE = frozenset({207004})
HOST = frozenset({107001, 207004})
WRONG_CHIP = frozenset({507008})

MEMORY_TEXTS = (
    re.compile(r"\bEL0004\b"),
    re.compile(
        r"fail(?:ed)? to (?:allocate|alloc|malloc)\b[^\n]{0,40}\bmemory|\balloc(?:ate)? (?:device )?memory failed", re.I
    ),
    re.compile(r"ACL_ERROR_(?:RT_MEMORY_ALLOCATION|GE_MEMORY_ALLOCATION|BAD_ALLOC)\b"),
    re.compile(r"Available memory is insufficient|\bcatch oom event\b", re.I),
    re.compile(r"\bout of memory\b(?!: Kill)|\bOutOfMemoryError\b", re.I),  # the kernel's own `Kill` is the host's
    re.compile(r"ACL:\s?memory allocation fail"),
    re.compile(r"MxbsMalloc failed|Malloc ptrData failed|create outmemory data failed"),
    re.compile(r"can't malloc buffer|malloc device buffer failed|malloc buffer for \w{1,20}\s{1,4}failed"),
    re.compile(r"\b(?:rt|aclrt)Malloc\w{0,20}\b[^\n]{0,60}\bfail|malloc physical memory failed|halMemCreate failed"),
    # unverified in the open sources: ATC's own check of a graph against the chip's memory
    re.compile(r"\bmemory size\b[^\n]{0,200}(?:larger than|exceed)", re.I),
)
"""Device memory that ran out. `malloc buffer for mem , require size is N` is a good run of an old msame, and none."""

LOST_TEXTS = (
    re.compile(r"\bdevice (?:is |was |reset |has been )?lost\b|\blost (?:the )?device\b", re.I),
    re.compile(r"\bheart ?beat\b[^\n]{0,40}\b(?:lost|fail|failed|timeout|timed out|error|abnormal)\b", re.I),
    re.compile(r"\blost (?:the )?heart ?beat\b", re.I),
)
FAULT_TEXTS = (
    re.compile(
        r"\bthe error from device\b|\bthere is an? (?:aicore|aivec|vector core|aicpu) (?:error|exception)", re.I
    ),
    re.compile(r"\b(?:aclrtSetDevice|rtSetDevice|SetDevice|acl open device \d{1,4})\b[^\n]{0,60}\bfail", re.I),
    re.compile(r"\bdcmi mod(?:ule|el) initialized? failed\b|\bdrvRetCode=87\b"),
)
HOST_TEXTS = (
    re.compile(r"error while loading shared libraries:|cannot open shared object file|version `GLIBCXX"),
    re.compile(r"\bdcmi mod(?:ule|el) initialized? failed\b|\bnpu get board type failed\b|\bdrvRetCode=87\b"),
    re.compile(r"\bcommand not found\b"),
    re.compile(r"^(?:ModuleNotFoundError|ImportError):", re.M),
)
"""The host's installation, not the model: the driver, the loader, the Python of the tool."""

UNFIT = re.compile(r"opp version of the model does not match", re.I)
ATC_FAILED = re.compile(r"^\W*ATC run failed\b", re.M)
INNER = ("E19", "E2", "E8", "EZ")

KINDS: Mapping[str, ErrorKind] = {
    "E40000": "infra",
    "EC0010": "infra",
    "E11009": "unsupported",
    "E16002": "unsupported",
    "E19010": "unsupported",
    "EZ0501": "unsupported",
    "EZ3002": "unsupported",
    "EZ3003": "unsupported",
    "E10041": "corrupt-artifact",
    "E20001": "compile-error",
}
STRONGEST_FIRST: tuple[ErrorKind, ...] = ("infra", "unsupported", "corrupt-artifact", "compile-error")

SMI_MEANINGS: Mapping[str, str] = {
    "-8005": "the driver is not usable: load it, or restart the host after an update",
    "-8020": "another container holds the device: end it, or start this one with the device mounted",
    "-9005": "the board does not answer: look at the driver's log and restart the host",
}
"""What to do about the codes that npu-smi ends with."""
