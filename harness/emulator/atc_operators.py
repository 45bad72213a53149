"""Which ONNX operators, opsets and IR versions an emulated CANN takes.

An approximation of the vendor's list of supported operators for the zoo's time: what is not in it may still be taken by
some release, and the list of opsets by version is not established. It errs towards refusing.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from harness.emulator.atc_errors import AtcError

if TYPE_CHECKING:
    import onnx

_PARSED = """
    Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization BitShift Cast Ceil Celu
    Clip Compress Concat Constant ConstantOfShape Conv ConvTranspose Cos Cosh CumSum DepthToSpace Det Div Dropout Einsum
    Elu Equal Erf Exp Expand EyeLike Flatten Floor GRU Gather GatherElements GatherND Gemm GlobalAveragePool
    GlobalLpPool GlobalMaxPool Greater GreaterOrEqual HardSigmoid Hardmax Identity If InstanceNormalization IsInf IsNaN
    LRN LSTM LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool MaxRoiPool MaxUnpool
    Mean MeanVarianceNormalization Min Mod Mul Multinomial Neg NonMaxSuppression NonZero Not OneHot Or PRelu Pad Pow
    RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
    ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RoiAlign
    Round Scatter ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax
    SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh TfIdfVectorizer
    ThresholdedRelu Tile TopK Transpose Unsqueeze Upsample Where Xor
"""
PARSED = frozenset(_PARSED.split())
# Taken by later versions: first (major, minor), unverified.
PARSED_LATER = {"HardSwish": (6, 0), "Trilu": (6, 0), "GridSample": (7, 0), "LayerNormalization": (7, 0)}
# Parsed, and then no kernel of the chips emulated here runs them.
WITHOUT_KERNEL = frozenset({"Det", "Multinomial", "TfIdfVectorizer", "MaxUnpool", "SoftmaxCrossEntropyLoss"})
# Matrix operators whose kernels take no such type.
CUBES = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
NO_CUBE_TYPES = ("DOUBLE", "INT64")
# The newest opset and IR version, by the version of CANN that first takes them; the zoo exports opset 11. Unverified.
OPSETS = {(5, 0): 13, (6, 0): 15, (7, 0): 16, (8, 0): 18}
IR_VERSIONS = {(5, 0): 8, (7, 0): 9, (8, 0): 10}
# Runs, on a slower unit, and ATC says so after its success line.
LOW_PRIORITY = frozenset({"AveragePool", "NonMaxSuppression", "NonZero", "Compress", "TopK"})


def newest(table: dict[tuple[int, int], int], cann: tuple[int, int]) -> int:
    """Return the newest opset or IR version that a CANN version takes."""
    return max(number for since, number in table.items() if since <= cann or since == min(table))


def require_parsers(model: "onnx.ModelProto", path: str, cann: tuple[int, int]) -> None:
    """Raise AtcError for domains, an IR version, an opset or operators that a CANN version cannot parse.

    E16005 for several domains, E10041 for the IR version, E19010 naming every operator without a parser.
    """
    if len(model.opset_import) != 1:
        raise AtcError("E16005", len(model.opset_import))
    limit = newest(IR_VERSIONS, cann)
    if model.ir_version > limit:
        raise AtcError("E10041", path, trace=[f"The IR version {model.ir_version} of the model is newer than {limit}."])
    (opset,) = model.opset_import
    texts = [
        f"{node.name}, optype [{node.domain or 'ai.onnx'}::{opset.version}::{node.op_type}]"
        for node in _nodes(model.graph)
        if not _parsed(node, opset.version, cann)
    ]
    if texts:
        name, _, rest = texts[0].partition(", optype [")
        others = [f"No parser is registered for Op [{text}]." for text in dict.fromkeys(texts[1:])]
        raise AtcError("E19010", name, rest.removesuffix("]"), trace=others)


def require_kernels(graph: "onnx.GraphProto") -> None:
    """Raise AtcError EZ3003 for the first node of a graph with inferred types that no kernel runs."""
    import onnx

    values = (*graph.input, *graph.value_info, *graph.output)
    types = {value.name: value.type.tensor_type.elem_type for value in values}
    bad = {onnx.TensorProto.DataType.Value(name) for name in NO_CUBE_TYPES}
    for node in _nodes(graph):
        wrong_type = node.op_type in CUBES and types.get(node.input[0]) in bad
        if node.op_type in WITHOUT_KERNEL or wrong_type:
            trace = ["build graph failed, graph id:0, ret:-1[FUNC:BuildModel][FILE:ge_generator.cc][LINE:1484]"]
            raise AtcError("EZ3003", node.name, node.op_type, trace=trace)


def warnings(nodes: Iterable["onnx.NodeProto"]) -> Iterator[str]:
    """Yield the lines that ATC prints after its success line."""
    for node in nodes:
        if node.op_type in LOW_PRIORITY:
            yield (
                f"W11001: Op [{node.name}] does not hit the high-priority operator information library, "
                "which might result in compromised performance."
            )


def _parsed(node: "onnx.NodeProto", opset: int, cann: tuple[int, int]) -> bool:
    known = node.op_type in PARSED or (node.op_type in PARSED_LATER and PARSED_LATER[node.op_type] <= cann)
    return known and node.domain in ("", "ai.onnx") and opset <= newest(OPSETS, cann)


def _nodes(graph: "onnx.GraphProto") -> Iterator["onnx.NodeProto"]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)
