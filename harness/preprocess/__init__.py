"""Stage 2: a card's preprocessing steps, compiled into one function from a decoded picture to a network input.

`steps.py` says what each step does. Here they are checked, and run with the float steps fused: a few rows at a time,
with the same float32 operations in the same order, so the result is equal bit for bit. A picture of 1024 × 2048 px
takes 3 ms so, and 33 ms step by step.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from harness.card_errors import explain
from harness.cards import Step, TensorSpec
from harness.digests import text_sha256
from harness.errors import CardError, DataError, closest
from harness.preprocess.steps import STAGES, Arithmetic, Bgr, Form, Stage
from harness.samples import Array, Picture, Sample

# One block of one plane: 64 rows of a 2048 px wide picture were fastest of 8 to 1024 (the block stays in cache).
BLOCK_BYTES = 512 * 1024


@dataclass(frozen=True)
class Plane:
    """One output channel: the channel it is read from, and its operations with their float32 operands, in order."""

    source: int
    operations: tuple[tuple[np.ufunc, np.float32], ...] = ()


@dataclass(frozen=True)
class Transform:
    """Checked steps as a function of one picture; it holds no state, so threads may share it."""

    stages: tuple[Stage, ...]

    def __call__(self, pixels: Array, out: Array | None = None) -> Array:
        """Return the network input for uint8 height × width × 3 RGB pixels, without a batch axis, C-contiguous.

        With `out`, which must have the result's shape and dtype, the result is written there.
        """
        form = self.form(*pixels.shape[:2])
        if out is None:
            out = np.empty(form.sizes, form.dtype)
        elif out.shape != form.sizes or out.dtype != form.dtype:
            raise DataError("preprocess", f"expected an output array of {form}", f"{out.dtype} {out.shape}")
        split = self._first_float()
        for stage in self.stages[:split]:
            pixels = stage.apply(pixels)
        if form.dtype == "float32":
            (_fill if form.channels_first else _fill_rows)(out, pixels, _planes(self.stages[split:]))
        else:
            for stage in self.stages[split:]:
                pixels = stage.apply(pixels)
            np.copyto(out, pixels, casting="no")
        return out

    def step_by_step(self, pixels: Array) -> Array:
        """Return the same result by the plain steps, which are the specification."""
        for stage in self.stages:
            pixels = stage.apply(pixels)
        return np.ascontiguousarray(pixels)

    def form(self, height: int | None = None, width: int | None = None) -> Form:
        """Return what the result looks like for a picture of this size, or of any size."""
        form = Form(height=height, width=width)
        for stage in self.stages:
            form = stage.form(form)
        return form

    def _first_float(self) -> int:
        floats = (index for index, stage in enumerate(self.stages) if isinstance(stage, Arithmetic))
        return next(floats, len(self.stages))


def compile_steps(steps: Sequence[Step], where: str = "preprocess") -> Transform:
    """Return the steps as one function; raises CardError naming the step, its parameter and what was expected.

    `where` starts the error's first part, such as `models/icnet/card.toml: preprocess`.
    """
    form, stages = Form(), list[Stage]()
    for index, step in enumerate(steps):
        stage, place = _stage(step, f"{where}[{index}]"), f"{where}[{index}].step"
        if form.channels_first:
            raise CardError(place, "expected nothing after 'chw'", repr(step.step), "move 'chw' to the end")
        if form.dtype not in stage.takes:
            takes = " or ".join(stage.takes)
            raise CardError(place, f"{step.step!r} takes {takes}", form.dtype, _move(form.dtype))
        form = stage.form(form)
        stages.append(stage)
    return Transform(tuple(stages))


def check_steps(steps: Sequence[Step], spec: TensorSpec, where: str = "preprocess") -> None:
    """Raise CardError unless the steps can give what the model's input declares, for pictures of a fitting size."""
    form = compile_steps(steps, where).form()
    if not form.meets(spec):
        expected = f"expected the steps to give the input {spec.name!r}, {_described(spec)}"
        raise CardError(where, expected, str(form), "change the steps or the shape, dtype and layout of the input")


def network_input(transform: Transform, spec: TensorSpec, picture: Picture, out: Array | None = None) -> Sample:
    """Return the sample for one picture.

    Raises DataError naming the picture's file when its pixels are not uint8 height × width × 3, or when a picture of
    its size does not give the size that `spec` declares.
    """
    where, pixels = picture.source or picture.id, picture.pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise DataError(
            where, "expected uint8 height × width × 3", f"{pixels.dtype} {pixels.shape}", "decode it as RGB"
        )
    height, width = pixels.shape[:2]
    form = transform.form(height, width)
    if not form.meets(spec):
        expected = f"expected a picture that preprocesses to {_described(spec)} for the input {spec.name!r}"
        got = f"{form} from {width}x{height} px"
        raise DataError(where, expected, got, "use pictures of the size the card states, or add a resize to the card")
    return Sample(picture.id, (transform(pixels, out),), picture.source)


def digest(steps: Sequence[Step]) -> str:
    """Return a sha256 of the checked steps: equal for cards that preprocess alike, whatever their key order.

    Raises CardError as `compile_steps` does.
    """
    stages = compile_steps(steps).stages
    plain = [[step.step, stage.model_dump()] for step, stage in zip(steps, stages, strict=True)]
    return text_sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")))


def _stage(step: Step, where: str) -> Stage:
    if step.step not in STAGES:
        hint = closest(step.step, list(STAGES)) or f"known: {', '.join(STAGES)}"
        raise CardError(f"{where}.step", "expected the name of a preprocessing step", repr(step.step), hint)
    model = STAGES[step.step]
    known = list(model.model_fields)
    for name in sorted(set(step.params).difference(known)):
        hint = closest(name, known) or f"known: {', '.join(known) or 'none'}"
        raise CardError(f"{where}.params: {name}", f"unknown parameter of {step.step!r}", do=hint)
    lists = {name: list(value) if isinstance(value, tuple) else value for name, value in step.params.items()}
    try:
        return model.model_validate({name: tuple(v) if isinstance(v, list) else v for name, v in lists.items()})
    except ValidationError as error:
        raise explain(Path(f"{where}.params"), error, lists, model) from error


def _move(dtype: str) -> str:
    if dtype == "uint8":
        return "put 'to_float' or 'scale' before it"
    return "put it before 'to_float' or 'scale', and convert only once"


def _described(spec: TensorSpec) -> str:
    return f"{spec.dtype} {' × '.join(str(size) for size in spec.at(1)[1:])}"


def _planes(stages: Sequence[Stage]) -> list[Plane]:
    """Return the program of each output channel for float steps."""
    planes = [Plane(source) for source in range(3)]
    for stage in stages:
        if isinstance(stage, Bgr):
            planes.reverse()
        elif isinstance(stage, Arithmetic):
            planes = [_extended(plane, stage, channel) for channel, plane in enumerate(planes)]
    return planes


def _extended(plane: Plane, stage: Arithmetic, channel: int) -> Plane:
    added = tuple((operation, np.float32(operands[channel])) for operation, operands in stage.operations())
    return Plane(plane.source, plane.operations + added)


def _fill(out: Array, pixels: Array, planes: Sequence[Plane]) -> None:
    """Write the planes of uint8 pixels to `out`, float32 channels first, block by block."""
    rows = max(1, BLOCK_BYTES // max(1, out.itemsize * pixels.shape[1]))
    for top in range(0, pixels.shape[0], rows):
        for channel, plane in enumerate(planes):
            block = out[channel, top : top + rows]
            np.copyto(block, pixels[top : top + rows, :, plane.source])
            for operation, operand in plane.operations:
                operation(block, operand, out=block)


def _fill_rows(out: Array, pixels: Array, planes: Sequence[Plane]) -> None:
    """Write uint8 pixels to `out`, float32 channels last, some rows at a time; every plane has the same operations.

    The operands stand side by side as the channels do, over a whole row: numpy is slow with rows of three numbers.
    """
    width = pixels.shape[1]
    rows = max(1, BLOCK_BYTES // max(1, out.itemsize * 3 * width))
    ordered = pixels if planes[0].source == 0 else pixels[:, :, ::-1]
    steps = [
        (step[0][0], np.tile([operand for _, operand in step], width))
        for step in zip(*(plane.operations for plane in planes), strict=True)
    ]
    for top in range(0, len(out), rows):
        np.copyto(out[top : top + rows], ordered[top : top + rows])
        block = out[top : top + rows].reshape(-1, 3 * width)
        for operation, operands in steps:
            operation(block, operands, out=block)
