"""The gears of a dynamic OM, chosen as the `aclruntime` setters choose them: by batch, image size or dimensions."""

from collections.abc import Sequence

from harness.emulator.execution import BATCH, DIMS, IMAGE, Shapes, geared_shapes
from harness.emulator.om import Om

PARAMETERS = {BATCH: "dynamic_batch_size", IMAGE: "dynamic_image_size", DIMS: "dynamic_dims"}
"""ATC's parameter for each kind of gear."""
SETTINGS = {BATCH: "dymBatch", IMAGE: "dymHW", DIMS: "dymDims"}
"""The runners' parameter for each kind of gear."""


class GearError(Exception):
    """A gear that the OM does not have; the text is the tools' own lines."""


def shapes(om: Om, kind: str, profile: Sequence[int]) -> Shapes:
    """Return the input shapes at one gear; raises GearError where the OM has another kind of gears, or not this one."""
    if om.gears.kind != kind:
        raise GearError(f"the {PARAMETERS[kind]} parameter is not specified for model conversion")
    if tuple(profile) not in om.gears.profiles:
        listed = "\n".join(",".join(map(str, gear)) for gear in om.gears.profiles)
        raise GearError(f"the {SETTINGS[kind]} parameter is not correct\n{listed}")
    return geared_shapes(om.inputs, om.gears, profile)


def profile_of(om: Om, text: str) -> tuple[int, ...]:
    """Return the sizes of the open axes in `name:1,3,224,224;name2:…`; raises GearError if it fits no input."""
    words = dict(part.rpartition(":")[::2] for part in text.split(";") if part)
    sizes: list[int] = []
    for port in om.inputs:
        lengths = words.get(port.name, "").split(",")
        if len(lengths) != len(port.shape) or not all(length.isascii() and length.isdigit() for length in lengths):
            raise GearError(f"the dymDims parameter is not correct\n{port.name}: {list(port.shape)}")
        sizes += [int(length) for length, axis in zip(lengths, port.shape, strict=True) if axis < 0]
    return tuple(sizes)


def spelled(names: Sequence[str], shapes: Sequence[Sequence[int]]) -> str:
    """Return shapes as the setters take them, `name:1,3,224,224;name2:…`."""
    return ";".join(f"{name}:{','.join(map(str, shape))}" for name, shape in zip(names, shapes, strict=True))


def unset(om: Om) -> str:
    """Return the line for an OM with gears of which none was chosen."""
    return f"check failed dym gearcount:{len(om.gears.profiles)} but dymtype:0 not set"
