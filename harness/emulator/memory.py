"""The device memory that an emulated OM is said to need. A CALIBRATION, not a measurement.

    estimate(model, half) -> om.Memory

weights + inputs and outputs, each in the caller's buffer and in the model's own + a work space: the sum over fused
operators of their outputs' bytes, in the OM's precision, nothing reused, pictures in the chip's own layout with
channels padded to 16. Of that sum `SHARE` counts, for engines do reuse. It agrees with what READMEs state:

* ICNet at 1024 × 2048 runs on a 310P3 (21,534 MiB, 1,074 of them taken when idle) at batch 16 and not at 32;
* on a 310 (7,759 MiB, 577 taken) at batch 4 and not at 8 (its older README);
* IntraDA at 512 × 1024 runs on a 310 at batch 8;
* ResNeSt-50 segmentation at 1024 × 2048 in `allow_fp32_to_fp16` runs on a 310.

The second and the last leave `SHARE` between 0.70 and 0.84. Shapes alone are needed, nothing is run.
"""

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING

from harness.emulator import fusion
from harness.emulator.om import Memory

if TYPE_CHECKING:
    import onnx

SHARE = 0.77
"""Of the sum without reuse; see above."""
LANES = 16
"""Channels of float16 in one block of the chip's layout of pictures, N × C/16 × H × W × 16."""
PICTURE_RANK = 4


def estimate(model: "onnx.ModelProto", half: frozenset[str] = frozenset(), layout: str = "NCHW") -> Memory:
    """Return what a model with inferred shapes needs; `half` names the values and weights kept in two bytes, not four.

    `layout` is that of the pictures at the model's ends. A value whose shape depends on data, as the boxes that a
    non-maximum suppression keeps, counts for nothing.
    """
    graph = model.graph
    weights = {weight.name for weight in graph.initializer}
    shapes = {value.name: value for value in (*graph.input, *graph.value_info, *graph.output)}
    ends = [value for value in (*graph.input, *graph.output) if value.name not in weights]
    stored = [shapes[name] for name in fusion.stored(graph) if name in shapes]
    written = sum(_padded_bytes(value, half, "NCHW") for value in stored)
    pictures = [value for value in ends if value.name in half and len(_shape(value)) == PICTURE_RANK]
    # Each is there once more in half precision, an input besides in the chip's own layout.
    converted = sum(_bytes(value) // 2 for value in pictures)
    converted += sum(_padded_bytes(value, half, layout) for value in graph.input if value in pictures)
    io = sum(map(_bytes, ends))
    return Memory(
        weights=sum(_weight_bytes(graph, half)),
        io=io,
        workspace=io + int(SHARE * (written + converted)),
    )


def _shape(value: "onnx.ValueInfoProto") -> tuple[int, ...]:
    """Return a value's shape, with a 0 where a size is not known."""
    return tuple(size.dim_value for size in value.type.tensor_type.shape.dim)


def _bytes(value: "onnx.ValueInfoProto") -> int:
    return prod(_shape(value)) * _item_bytes(value.type.tensor_type.elem_type)


def _padded_bytes(value: "onnx.ValueInfoProto", half: frozenset[str], layout: str) -> int:
    """Return the bytes of a value on the chip: in half precision a picture's channels are padded."""
    if value.name not in half:
        return _bytes(value)
    shape = list(_shape(value))
    if len(shape) == PICTURE_RANK:
        axis = 1 if layout == "NCHW" else 3
        shape[axis] = -(-shape[axis] // LANES) * LANES
    return prod(shape) * 2


def _weight_bytes(graph: "onnx.GraphProto", half: frozenset[str]) -> Iterator[int]:
    for weight in graph.initializer:
        yield prod(weight.dims) * _item_bytes(weight.data_type) // (2 if weight.name in half else 1)


def _item_bytes(elem_type: int) -> int:
    import onnx

    if elem_type in (onnx.TensorProto.UNDEFINED, onnx.TensorProto.STRING):
        return 0
    return onnx.helper.tensor_dtype_to_np_dtype(elem_type).itemsize
