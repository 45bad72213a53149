"""How much host memory a case needs, told before it starts."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.errors import MissingNeedError, RunError

# Interpreter, numpy and ONNX Runtime before a model is loaded, measured here at 60 to 90 MiB.
PROCESS_MIB = 100
# A case may take this share of what is available: above it a second worker, or the page cache, would be pushed out.
SHARE = 0.6


def available_mib() -> int:
    """Return the memory that can still be taken without swapping, in MiB; all of it where the system does not tell."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) // 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def require(needed_mib: int, where: str) -> None:
    """Raise MissingNeedError when a case needs more than its share of the memory available now."""
    available = available_mib()
    if needed_mib > SHARE * available:
        needed, share = needed_mib / 1024, SHARE * available / 1024
        raise MissingNeedError(
            where,
            f"needs {needed:.1f} GB of memory",
            f"{share:.1f} GB, {SHARE:.0%} of what is free",
            "run a smaller batch or a larger host",
            need="memory",
        )


def onnx_mib(path: Path, fed: Mapping[str, Sequence[int]] | None = None) -> int:
    """Estimate the memory of running an ONNX file: its weights twice, and the largest sum of values alive at once.

    Values live from the node that makes them to the last node that reads them; sizes come from shape inference, from
    the shapes that the inputs are `fed` with where the file leaves them free. A size that nobody knows counts as 1.
    Raises RunError (`corrupt-artifact`) for a file that is no ONNX.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

    try:
        model = onnx.load(str(path))
        _feed(model, fed or {})
        model = onnx.shape_inference.infer_shapes(model)
    except (OSError, DecodeError) as error:
        what = "expected an ONNX file"
        raise RunError(path.name, what, str(error), kind="corrupt-artifact", stage="open") from error
    sizes = _value_bytes(model.graph)
    last_use = {name: step for step, node in enumerate(model.graph.node) for name in node.input}
    last_use |= {output.name: len(model.graph.node) for output in model.graph.output}
    alive = peak = sum(sizes.get(value.name, 0) for value in model.graph.input)
    for step, node in enumerate(model.graph.node):
        alive += sum(sizes.get(name, 0) for name in node.output)
        peak = max(peak, alive)
        alive -= sum(sizes.get(name, 0) for name in {*node.input} if last_use.get(name) == step)
    return PROCESS_MIB + (peak + 2 * path.stat().st_size) // 2**20


def _feed(model: "onnx.ModelProto", fed: Mapping[str, Sequence[int]]) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Write the shapes of the inputs into a model, and leave those of all else to shape inference."""
    for value in model.graph.input:
        sizes = value.type.tensor_type.shape.dim
        if len(sizes) == len(fed.get(value.name, ())):
            for size, number in zip(sizes, fed[value.name], strict=True):
                size.dim_value = number
    if fed:
        model.graph.ClearField("value_info")
        for output in model.graph.output:
            output.type.tensor_type.ClearField("shape")


def _value_bytes(graph: "onnx.GraphProto") -> dict[str, int]:  # type: ignore[name-defined]  # noqa: F821
    values = [*graph.input, *graph.value_info, *graph.output]
    return {value.name: _tensor_bytes(value.type.tensor_type) for value in values}


def _tensor_bytes(tensor: "onnx.TypeProto.Tensor") -> int:  # type: ignore[name-defined]  # noqa: F821
    from math import prod

    from onnx.helper import tensor_dtype_to_np_dtype

    if not tensor.elem_type:
        return 0
    return int(
        prod(dim.dim_value or 1 for dim in tensor.shape.dim) * tensor_dtype_to_np_dtype(tensor.elem_type).itemsize
    )
