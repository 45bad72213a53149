"""AIPP: the picture preprocessing that ATC puts before a model, read from its text form and prepended as ONNX nodes.

The OM's input becomes uint8 pictures, N × height × width × 3, of the source size. Emulated are what static RGB888_U8
configurations use: cropping, swapping red and blue, and (pixel − mean − min) × var_reci per channel. Anything else is
refused (E10052) rather than left out.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.emulator.atc_errors import AtcError
from harness.emulator.atc_onnx import sizes

if TYPE_CHECKING:
    import onnx

CHANNELS = 3
TOKEN = re.compile(r"\s*(?:#[^\n]*|([A-Za-z_]\w*)\s*:\s*(\"[^\"]*\"|[^\s{}#]+)|([A-Za-z_]\w*)\s*:?\s*\{|(\}))")
NUMBERS = ("src_image_size_w", "src_image_size_h", "load_start_pos_w", "load_start_pos_h", "crop_size_w", "crop_size_h")
PER_CHANNEL = ("mean_chn", "min_chn", "var_reci_chn")
# What is only used with a switch that is refused when on.
IDLE = re.compile(r"matrix_r[0-2]c[0-2]|(input|output)_bias_[0-2]|resize_\w+|\w*padding_\w+|max_src_image_size")
SWITCHES = ("csc_switch", "resize", "padding", "single_line_mode", "ax_swap_switch", "support_rotation")
KNOWN = {"aipp_mode", "input_format", "crop", "rbuv_swap_switch", "related_input_rank", *NUMBERS, *SWITCHES}


@dataclass(frozen=True)
class Aipp:
    """One `aipp_op`: which input it is for, the source size, the crop, and what is done to the channels."""

    rank: int = 0
    source: tuple[int, int] = (0, 0)
    start: tuple[int, int] = (0, 0)
    crop: tuple[int, int] = (0, 0)
    swap: bool = False
    subtract: tuple[float, ...] = (0.0,) * CHANNELS
    multiply: tuple[float, ...] = (1.0,) * CHANNELS


@dataclass
class _Fields:
    values: dict[str, str] = field(default_factory=dict)

    def number(self, name: str, otherwise: float = 0) -> float:
        text = self.values.get(name, str(otherwise))
        try:
            return float(text)
        except ValueError:
            raise AtcError("E10052", f"{name} is to be a number, not {text}") from None

    def switch(self, name: str) -> bool:
        text = self.values.get(name, "false").lower()
        if text not in ("true", "false", "0", "1"):
            raise AtcError("E10052", f"{name} is to be true or false, not {text}")
        return text in ("true", "1")


def read(path: Path) -> tuple[Aipp, ...]:
    """Return the `aipp_op` blocks of a configuration; raises AtcError E13001 or E10052."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise AtcError("E13001", path, error.strerror) from error
    except UnicodeDecodeError as error:
        raise AtcError("E10052", "the file is not text in UTF-8") from error
    found = tuple(_aipp(_Fields(values)) for values in _blocks(text))
    if not found:
        raise AtcError("E10052", "there is no aipp_op")
    return found


def _blocks(text: str) -> Iterator[dict[str, str]]:
    position = 0
    block: dict[str, str] | None = None
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if match is None:
            raise AtcError("E10052", f"cannot be read at {text[position:].strip()[:30]!r}")
        position = match.end()
        name, value, opened, closed = match.groups()
        if opened:
            if opened != "aipp_op" or block is not None:
                raise AtcError("E10052", f"{opened} is not emulated")
            block = {}
        elif closed or name:
            if block is None:
                raise AtcError("E10052", f"{name or closed} stands outside of an aipp_op")
            if name:
                block[name] = value.strip('"')
            else:
                yield block
                block = None
    if block is not None:
        raise AtcError("E10052", "an aipp_op is not closed")


def _aipp(fields: _Fields) -> Aipp:
    per_channel = {f"{name}_{channel}" for name in PER_CHANNEL for channel in range(CHANNELS + 1)}
    for name in fields.values:
        if name not in KNOWN | per_channel and not IDLE.fullmatch(name):
            raise AtcError("E10052", f"{name} is not emulated")
    if fields.values.get("aipp_mode") != "static":
        raise AtcError("E10052", "aipp_mode is to be static; dynamic AIPP is not emulated")
    if fields.values.get("input_format") != "RGB888_U8":
        raise AtcError("E10052", "input_format is to be RGB888_U8; others are not emulated")
    for name in SWITCHES:
        if fields.switch(name):
            raise AtcError("E10052", f"{name} is not emulated")
    numbers = {name: int(fields.number(name)) for name in NUMBERS}
    cropped = fields.switch("crop")
    channels = range(CHANNELS)
    return Aipp(
        rank=int(fields.number("related_input_rank")),
        source=(numbers["src_image_size_h"], numbers["src_image_size_w"]),
        start=(numbers["load_start_pos_h"], numbers["load_start_pos_w"]) if cropped else (0, 0),
        crop=(numbers["crop_size_h"], numbers["crop_size_w"]) if cropped else (0, 0),
        swap=fields.switch("rbuv_swap_switch"),
        subtract=tuple(fields.number(f"mean_chn_{one}") + fields.number(f"min_chn_{one}") for one in channels),
        multiply=tuple(fields.number(f"var_reci_chn_{one}", 1.0) for one in channels),
    )


def prepend(model: "onnx.ModelProto", aipps: tuple[Aipp, ...], layout: str) -> Mapping[str, str]:
    """Put the preprocessing before a model of known input shapes; return the new input of each input it stands before.

    `layout` is NCHW or NHWC. Raises AtcError E10052 where sizes do not fit the model's input.
    """
    changed = {}
    for aipp in aipps:
        values = list(model.graph.input)
        if not 0 <= aipp.rank < len(values):
            raise AtcError("E10052", f"related_input_rank {aipp.rank} is for no input")
        name = values[aipp.rank].name
        changed[name] = _prepend(model, values[aipp.rank], aipp, layout)
    return changed


def _prepend(model: "onnx.ModelProto", value: "onnx.ValueInfoProto", aipp: Aipp, layout: str) -> str:
    from onnx import TensorProto, helper

    name, source = value.name, f"{value.name}/aipp"
    batch, *rest = sizes(value) or (-1,)
    height, width, channels = (
        (rest[1], rest[2], rest[0]) if layout == "NCHW" and len(rest) == 3 else (*rest, 0, 0, 0)[:3]
    )
    size = aipp.source if all(aipp.source) else (height, width)
    kept = aipp.crop if all(aipp.crop) else size
    if channels != CHANNELS or kept != (height, width):
        raise AtcError("E10052", f"{kept[0]} x {kept[1]} x 3 is not what the input {name} takes")
    if any(start + length > whole for start, length, whole in zip(aipp.start, kept, size, strict=True)):
        raise AtcError("E10052", "the crop reaches out of the source image")
    nodes = list(_nodes(model, aipp, (source, name, *kept), layout))
    shape = [f"{name}_0" if batch == -1 else batch, *size, CHANNELS]
    value.CopyFrom(helper.make_tensor_value_info(source, TensorProto.UINT8, shape))
    copies = [*nodes, *model.graph.node]
    copies = [type(node).FromString(node.SerializeToString()) for node in copies]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    return source


def _nodes(
    model: "onnx.ModelProto", aipp: Aipp, ends: tuple[str, str, int, int], layout: str
) -> Iterator["onnx.NodeProto"]:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    source, target, height, width = ends

    def constant(role: str, values: object, dtype: str) -> str:
        name = f"{source}/{role}"
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def node(op: str, operands: list[str], role: str, **attributes: Any) -> "onnx.NodeProto":
        output = role if role == target else f"{source}/{role}"
        return helper.make_node(op, operands, [output], f"{source}/{role}_node", **attributes)

    top, left = aipp.start
    bounds = [constant("starts", [top, left], "int64"), constant("ends", [top + height, left + width], "int64")]
    yield node("Slice", [source, *bounds, constant("axes", [1, 2], "int64")], "cropped")
    order = [2, 1, 0] if aipp.swap else [0, 1, 2]
    yield node("Gather", [f"{source}/cropped", constant("order", order, "int64")], "swapped", axis=3)
    yield node("Cast", [f"{source}/swapped"], "float", to=TensorProto.FLOAT)
    yield node("Sub", [f"{source}/float", constant("subtract", aipp.subtract, "float32")], "centred")
    scaled = target if layout == "NHWC" else "scaled"
    yield node("Mul", [f"{source}/centred", constant("multiply", aipp.multiply, "float32")], scaled)
    if layout != "NHWC":
        yield node("Transpose", [f"{source}/scaled"], target, perm=[0, 3, 1, 2])
