"""What an ONNX file says of the model, and where it contradicts the README's ATC command."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.artifacts import file_sha256
from harness.cards import TensorSpec
from harness.convert import onnx_graph, rebatch
from harness.errors import RunError, UsageError
from harness.readme.atc_commands import AtcCommand
from harness.runtimes.ort import InProcess

if TYPE_CHECKING:
    import onnx

Sizes = tuple[int | str, ...]
_SIZE = re.compile(r"\d{1,9}")
PLACEHOLDER = 32
"""A size that nobody states; always with a question."""


@dataclass(frozen=True)
class Tensor:
    """An input or output with the batch as "N"; `question` is what is not known, `needed` before anything is judged."""

    name: str
    dtype: str
    shape: Sizes
    question: str = ""
    needed: bool = False


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file: its tensors, its digest, and its leading size where that is fixed."""

    path: Path
    sha256: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fixed_batch: int | None
    differences: tuple[str, ...] = ()
    batch_problem: str = ""


def read(path: Path, commands: tuple[AtcCommand, ...], batches: tuple[int, ...]) -> ModelFile:
    """Read an ONNX file and lay it beside the command that converts it.

    `batches` are those that the README promises. Raises UsageError for a file that is not there, RunError for one that
    is no ONNX file or has tensors that no card can declare.
    """
    if not path.is_file():
        do = "give the ONNX file that ATC converts; a frozen graph is named in the card, as pb in [artifact]"
        raise UsageError(f"--model {path}", "expected an ONNX file", "no such file", do)
    model = _graph(path)
    weights = {weight.name for weight in model.graph.initializer}
    specs = onnx_graph.specs(value for value in model.graph.input if value.name not in weights)
    command = choose(commands, tuple(spec.name for spec in specs), path.name)
    fixed = onnx_graph.fixed_batch(model)
    printed = command.inputs if command else {}
    inputs = tuple(_tensor(spec, printed.get(spec.name, ()), fixed) for spec in specs)
    return ModelFile(
        path=path,
        sha256=file_sha256(path),
        inputs=inputs,
        outputs=_outputs(path, onnx_graph.specs(model.graph.output), inputs, fixed),
        fixed_batch=fixed,
        differences=tuple(_differences(specs, command, model)) if command else (),
        batch_problem=_batch_problem(model, fixed, batches),
    )


def _graph(path: Path) -> "onnx.ModelProto":
    """Return the graph of an ONNX file; protobuf takes some other files for one of nothing."""
    do = "export the network to ONNX first; a frozen graph is named in the card, as pb in [artifact]"
    try:
        model = onnx_graph.read(path)
    except RunError as error:
        raise RunError(error.where, error.what, error.got, do, kind=error.kind, stage=error.stage) from error
    if not model.graph.output:
        raise RunError(str(path), "expected an ONNX file", "one without outputs", do, kind="corrupt-artifact")
    return model


def choose(commands: tuple[AtcCommand, ...], names: tuple[str, ...], file: str) -> AtcCommand | None:
    """Return the command that converts a file: by its input names, else by its name, else the first; None of none."""

    def fit(command: AtcCommand) -> tuple[bool, bool]:
        named = (command.model or "").rpartition("/")[2] == file
        return set(command.inputs) == set(names), named

    return max(commands, key=fit, default=None)


def of_command(command: AtcCommand) -> tuple[Tensor, ...]:
    """Return the inputs as an ATC command has them, float32 where nothing says otherwise."""
    made = []
    for name, sizes in command.inputs.items():
        shape, question = _filled(("N", *["?"] * (len(sizes) - 1)), sizes)
        made.append(Tensor(name, "float32", shape, question))
    return tuple(made)


def _tensor(spec: TensorSpec, printed: tuple[str, ...], fixed: int | None) -> Tensor:
    """Return an input with every size but the batch known: the file's, else the command's, else a placeholder."""
    free: Sizes = tuple("?" if size == "N" else size for size in spec.shape)
    shape, question = _filled(_batched(free, fixed), printed)
    return Tensor(spec.name, spec.dtype, shape, question)


def _batched(shape: Sizes, fixed: int | None) -> Sizes:
    is_batch = bool(shape) and shape[0] in ("?", fixed)
    return ("N", *shape[1:]) if is_batch else shape


def _filled(shape: Sizes, printed: tuple[str, ...]) -> tuple[Sizes, str]:
    """Return a shape with its unknown sizes from a printed one, and the question that this leaves."""
    sizes: list[int | str] = []
    guessed = []
    for axis, size in enumerate(shape):
        text = printed[axis] if len(printed) == len(shape) else ""
        number = _SIZE.match(text)
        if size == "?":
            exact = _SIZE.fullmatch(text) is not None
            guessed += [] if exact else [f"axis {axis} ({text or 'not stated'})"]
            size = max(1, int(number[0])) if number else PLACEHOLDER
        sizes.append(size)
    question = f"which size do you run? {', '.join(guessed)}: the number here is only a choice" if guessed else ""
    return tuple(sizes), question


def _outputs(
    path: Path, specs: tuple[TensorSpec, ...], inputs: tuple[Tensor, ...], fixed: int | None
) -> tuple[Tensor, ...]:
    """Return the outputs, their free sizes as a run on zeros gives them."""
    free = [tuple("?" if size == "N" else size for size in spec.shape) for spec in specs]
    shapes: list[Sizes] = [_batched(shape, fixed) for shape in free]
    if any("?" in shape for shape in shapes):
        seen = _run_shapes(path, inputs, fixed or 1)
        shapes = [_seen(shape, found) for shape, found in zip(shapes, seen, strict=True)]
    return tuple(Tensor(spec.name, spec.dtype, shape) for spec, shape in zip(specs, shapes, strict=True))


def _seen(shape: Sizes, found: tuple[int, ...]) -> Sizes:
    """Return a shape with its free sizes as they were seen; a file may even leave the number of axes open."""
    if len(shape) != len(found):
        return ("N", *found[1:])
    return tuple(seen if size == "?" else size for size, seen in zip(shape, found, strict=True))


def _run_shapes(path: Path, inputs: tuple[Tensor, ...], batch: int) -> list[tuple[int, ...]]:
    """Return the shapes of the outputs for zeros; raises RunError where the file does not run."""
    settings = {"provider": "CPUExecutionProvider", "provider_options": {}, "threads": 1}
    engine = InProcess(path.name, str(path), settings)
    arrays = [np.zeros([batch if size == "N" else int(size) for size in one.shape], one.dtype) for one in inputs]
    return [tuple(array.shape) for array in engine.run(arrays)]


def _differences(specs: tuple[TensorSpec, ...], command: AtcCommand, model: "onnx.ModelProto") -> Iterator[str]:
    """Yield where the file is another than the one that the command converts."""
    names = [spec.name for spec in specs]
    if command.inputs and list(command.inputs) != names:
        yield f"the command names the inputs {', '.join(command.inputs)}, the file has {', '.join(names)}"
    for spec in specs:
        yield from _size_differences(spec, command.inputs)
    nodes = {node.name for node in model.graph.node}
    lost = [node for node in command.out_nodes or () if command.framework == 5 and node.rpartition(":")[0] not in nodes]
    if lost:
        yield f"the command keeps {', '.join(lost)}, which the file has not; its own outputs are kept"


def _size_differences(spec: TensorSpec, printed: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    sizes = printed.get(spec.name)
    if sizes is None:
        return
    if len(sizes) != len(spec.shape):
        yield f"{spec.name} has {len(sizes)} axes in the command, {len(spec.shape)} in the file"
        return
    pairs = list(zip(sizes, spec.shape, strict=True))[1:]
    if any(_SIZE.fullmatch(text) and size not in ("N", int(text)) for text, size in pairs):
        has = ",".join(map(str, spec.shape))
        yield f"{spec.name} is {','.join(sizes)} in the command, {has} in the file"


def _batch_problem(model: "onnx.ModelProto", fixed: int | None, batches: tuple[int, ...]) -> str:
    """Return why the file cannot be run at the promised batches, or an empty string."""
    others = [batch for batch in batches if batch != fixed]
    if fixed is None or not others:
        return ""
    wanted = f"batch {', '.join(map(str, others))}"
    if fixed != 1:
        return f"the file is fixed at batch {fixed}, {wanted} will fail: give one with a free batch or of batch 1"
    try:
        rebatch.set_batch(model, max(others))
    except RunError as error:
        return f"the file is fixed at batch 1, {wanted} will fail ({error.where}): give one with a free batch"
    return ""
