"""From ATC's flags to an OM: the model read, cut, shaped, checked, rounded and measured."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.emulator import (
    atc_aipp,
    atc_ends,
    atc_flags,
    atc_frozen,
    atc_onnx,
    atc_operators,
    atc_shapes,
    memory,
    precision,
)
from harness.emulator.atc_errors import AtcError
from harness.emulator.atc_onnx import Output
from harness.emulator.atc_shapes import Shape
from harness.emulator.om import Gears, Om

if TYPE_CHECKING:
    import onnx

TENSORFLOW = "3"


@dataclass(frozen=True)
class Release:
    """The emulated CANN: its version as printed, and its first two numbers."""

    text: str
    version: tuple[int, int]


@dataclass(frozen=True)
class _Source:
    """A model whose outputs are those asked for.

    `names` are the tools' names of the inputs by their values' names; `shapes` and `largest` the inputs' shapes by
    value, with -1 on geared axes and at the largest gear; `declared` the outputs' shapes that TensorFlow itself knows.
    """

    model: "onnx.ModelProto"
    outputs: tuple[Output, ...]
    names: Mapping[str, str]
    shapes: Mapping[str, Shape]
    largest: Mapping[str, Shape]
    gears: Gears
    declared: Mapping[str, Shape]
    warnings: tuple[str, ...]


def compile_model(flags: Mapping[str, str], release: Release) -> tuple[Om, tuple[str, ...]]:
    """Return the OM that a command line asks for and ATC's warnings about it; raises AtcError."""
    source = _read(flags, release)
    model, taken = _prepared(source, source.shapes, flags)
    largest = model if source.shapes == source.largest else _prepared(source, source.largest, flags)[0]
    atc_operators.require_kernels(largest.graph)
    rounded = precision.apply(model, atc_flags.precision(flags), _kept_nodes(flags))
    ends = atc_ends.Ends(rounded.model, largest, source.outputs, _layout(flags))
    inputs = ends.inputs({taken.get(value, value): name for value, name in source.names.items()}, flags, set(taken))
    outputs = ends.outputs(atc_flags.output_types(flags))
    content = rounded.model.SerializeToString(deterministic=True)
    _require_executable(content)
    om = Om(
        soc_version=flags["soc_version"],
        toolchain=f"CANN {release.text} (emulated)",
        precision=atc_flags.precision(flags),
        inputs=inputs,
        outputs=outputs,
        gears=source.gears,
        memory=memory.estimate(largest, rounded.half, _layout(flags)),
        name=Path(flags["output"]).name,
        operators=dict(sorted(Counter(node.op_type for node in source.model.graph.node).items())),
        model=content,
    )
    return om, source.warnings


def _read(flags: Mapping[str, str], release: Release) -> _Source:
    path = atc_onnx.require_file(flags["model"])
    shapes = atc_shapes.read(flags)
    if flags["framework"] == TENSORFLOW:
        return _frozen(path, flags, shapes)
    model = atc_onnx.load(path, release.version)
    atc_onnx.check_inputs(model.graph.input, shapes.asked)
    outputs = atc_onnx.select_outputs(model, flags["out_nodes"])
    atc_onnx.prune(model)
    names = {value.name: value.name for value in model.graph.input}
    warnings = tuple(atc_operators.warnings(model.graph.node))
    return _Source(model, outputs, names, shapes.asked, shapes.largest(), shapes.gears, {}, warnings)


def _frozen(path: Path, flags: Mapping[str, str], shapes: atc_shapes.Shapes) -> _Source:
    graph = atc_frozen.load(path)
    fed = atc_frozen.check_inputs(graph, shapes.asked)
    outputs = atc_frozen.outputs(graph, flags["out_nodes"])
    model = atc_frozen.convert(graph, fed, outputs)
    names = {f"{name}:0": name for name in fed}
    largest = {f"{name}:0": shape for name, shape in {**fed, **shapes.largest()}.items()}
    declared = {value.name: atc_onnx.sizes(value) for value in model.graph.output}
    own = {node.name for node in graph.node}  # the conversion adds nodes that TensorFlow's graph does not have
    warnings = tuple(atc_operators.warnings(node for node in model.graph.node if node.name in own))
    free = {f"{name}:0": shape for name, shape in fed.items()}
    return _Source(model, outputs, names, free, largest, shapes.gears, declared, warnings)


def _prepared(
    source: _Source, shapes: Mapping[str, Shape], flags: Mapping[str, str]
) -> tuple["onnx.ModelProto", Mapping[str, str]]:
    """Return the model at those shapes with AIPP before it, and the new input of each input that AIPP stands before."""
    model = atc_onnx.infer(source.model, shapes)
    atc_onnx.complete(model, source.declared)
    if not flags["insert_op_conf"]:
        return model, {}
    if source.gears.kind not in ("", "batch"):
        raise AtcError("E10052", "with profiles of image sizes or dims AIPP is not emulated")
    taken = atc_aipp.prepend(model, atc_aipp.read(Path(flags["insert_op_conf"])), _layout(flags))
    model = atc_onnx.infer(model, {})
    atc_onnx.complete(model, source.declared)
    return model, taken


def _layout(flags: Mapping[str, str]) -> str:
    """Return the layout of pictures: as --input_format says, else the framework's."""
    if flags["input_format"] in ("NCHW", "NHWC"):
        return flags["input_format"]
    return "NHWC" if flags["framework"] == TENSORFLOW else "NCHW"


def _kept_nodes(flags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the nodes that the file of --keep_dtype names, one per line; raises AtcError E13000 without the file."""
    if not flags["keep_dtype"]:
        return ()
    lines = atc_onnx.require_file(flags["keep_dtype"]).read_text(encoding="utf-8", errors="replace").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _require_executable(content: bytes) -> None:
    """Raise AtcError E19999 with the reason for a model that the runners could not open."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as states

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (states.Fail, states.InvalidGraph, states.InvalidArgument, states.NotImplemented, RuntimeError) as error:
        raise AtcError("E19999", trace=[str(error).strip().partition("\n")[0]]) from error
