"""The steps of preprocessing, each the plain specification of what it does to one array.

A picture is uint8, height × width × 3, RGB. The steps, in an order that their dtypes allow:

| step                                 | takes   | gives                                                     |
|--------------------------------------|---------|-----------------------------------------------------------|
| `resize` width, height, filter       | uint8   | Pillow's resize with antialiasing; aspect ratio not kept  |
| `letterbox` width, height, fill      | uint8   | Pillow's bilinear resize to fit, filled right and below   |
| `central_square` share               | uint8   | the central square of `share` × the short side            |
| `center_crop` width, height          | uint8   | the central window; an odd rest goes to bottom and right  |
| `to_float`                           | uint8   | the same numbers in float32                               |
| `scale`                              | uint8   | value / 255 in float32                                    |
| `subtract` mean                      | float32 | value - mean, per channel                                 |
| `normalize` mean, std                | float32 | (value - mean) / std, per channel                         |
| `bgr`                                | both    | the channels in reverse order                             |
| `chw`                                | both    | channels first; nothing may follow                        |
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Literal

import numpy as np
from PIL import Image
from pydantic import AfterValidator, Field

from harness.cards import Table, TensorSpec
from harness.geometry import letterboxed
from harness.samples import Array

FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def _three(numbers: tuple[float, ...]) -> tuple[float, ...]:
    if len(numbers) != 3:
        raise ValueError(f"expected 3 numbers, one per channel, got {len(numbers)}")
    return numbers


Size = Annotated[int, Field(gt=0)]
Grey = Annotated[int, Field(ge=0, le=255)]
PerChannel = Annotated[tuple[Annotated[float, Field(allow_inf_nan=False)], ...], AfterValidator(_three)]
Colour = tuple[Grey, Grey, Grey]
Divisors = Annotated[tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...], AfterValidator(_three)]
Operation = tuple[np.ufunc, tuple[float, ...]]


@dataclass(frozen=True)
class Form:
    """Dtype, layout and size of an array between two steps; a size is None where it depends on the picture."""

    dtype: str = "uint8"
    height: int | None = None
    width: int | None = None
    channels_first: bool = False

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape without a batch axis."""
        return (3, self.height, self.width) if self.channels_first else (self.height, self.width, 3)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape where the picture's size is known."""
        return tuple(size or 0 for size in self.shape)

    def meets(self, spec: TensorSpec) -> bool:
        """Tell whether one sample of `spec` looks like this; an unknown size agrees with any."""
        wanted = spec.at(1)[1:]
        if self.dtype != spec.dtype or len(wanted) != len(self.shape):
            return False
        return all(size in (None, want) for size, want in zip(self.shape, wanted, strict=True))

    def __str__(self) -> str:
        return f"{self.dtype} {' × '.join('any' if size is None else str(size) for size in self.shape)}"


class Stage(Table):
    """A step with its parameters checked: `takes` are the dtypes it accepts, always channels last."""

    takes: ClassVar[tuple[str, ...]] = ("uint8",)

    @abstractmethod
    def apply(self, array: Array) -> Array:
        """Return the step's result."""

    def form(self, form: Form) -> Form:
        """Return what the result looks like."""
        return form


class Resize(Stage):
    """Stretch to width × height as Pillow does on uint8."""

    width: Size
    height: Size
    filter: Literal["nearest", "bilinear", "bicubic"]

    def apply(self, array: Array) -> Array:
        """Return the resized picture, uint8."""
        return np.asarray(Image.fromarray(array).resize((self.width, self.height), FILTERS[self.filter]))

    def form(self, form: Form) -> Form:
        """Return the form with the new size."""
        return replace(form, height=self.height, width=self.width)


class Letterbox(Stage):
    """Resize bilinearly to just fit into width × height, and fill the rest, right and below, with a colour.

    Where TensorFlow's detection models pad with zeros after normalising, the colour is 255 × the mean.
    """

    width: Size
    height: Size
    fill: Colour

    def apply(self, array: Array) -> Array:
        """Return the framed picture, uint8."""
        height, width = letterboxed((array.shape[0], array.shape[1]), (self.height, self.width))
        framed = np.empty((self.height, self.width, 3), np.uint8)
        framed[:] = self.fill
        framed[:height, :width] = np.asarray(Image.fromarray(array).resize((width, height), FILTERS["bilinear"]))
        return framed

    def form(self, form: Form) -> Form:
        """Return the form with the frame's size."""
        return replace(form, height=self.height, width=self.width)


class CentralSquare(Stage):
    """Keep the central square whose side is `share` of the short side.

    ResNeSt's own evaluation crops 224 / (224 + 32) = 0.875 of it: `ECenterCrop` rounds the corner half to even, and
    Pillow's crop rounds the far edges.
    """

    share: Annotated[float, Field(gt=0, le=1)]

    def apply(self, array: Array) -> Array:
        """Return a view of the square."""
        rows, columns = self._ranges(*array.shape[:2])
        return array[slice(*rows), slice(*columns)]

    def form(self, form: Form) -> Form:
        """Return the form of the square."""
        if form.height is None or form.width is None:
            return replace(form, height=None, width=None)
        rows, columns = self._ranges(form.height, form.width)
        return replace(form, height=rows[1] - rows[0], width=columns[1] - columns[0])

    def _ranges(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        side = self.share * min(height, width)
        top, left = round((height - side) / 2), round((width - side) / 2)
        # At least one pixel, where a very small picture would leave nothing.
        return (top, max(top + 1, round(top + side))), (left, max(left + 1, round(left + side)))


class CenterCrop(Stage):
    """Keep the central window; a picture that is smaller stays as it is, and then misses the input's size."""

    width: Size
    height: Size

    def apply(self, array: Array) -> Array:
        """Return a view of the window."""
        top, left = (max(0, array.shape[axis] - size) // 2 for axis, size in enumerate((self.height, self.width)))
        return array[top : top + self.height, left : left + self.width]

    def form(self, form: Form) -> Form:
        """Return the form of the window."""
        height, width = form.height or self.height, form.width or self.width
        return replace(form, height=min(height, self.height), width=min(width, self.width))


class Arithmetic(Stage):
    """A step made of float32 operations in a fixed order, each with one operand per channel."""

    takes = ("float32",)

    def operations(self) -> tuple[Operation, ...]:
        """Return the operations in order."""
        return ()

    def apply(self, array: Array) -> Array:
        """Return the result, float32."""
        result = array.astype(np.float32)
        for operation, operands in self.operations():
            result = operation(result, np.array(operands, np.float32))
        return result

    def form(self, form: Form) -> Form:
        """Return the form in float32."""
        return replace(form, dtype="float32")


class ToFloat(Arithmetic):
    """The bytes as float32."""

    takes = ("uint8",)


class Scale(Arithmetic):
    """Bytes to the range 0 to 1, by a division as the originals do: multiplying by 1/255 rounds otherwise."""

    takes = ("uint8",)

    def operations(self) -> tuple[Operation, ...]:
        """Return the division by 255."""
        return ((np.divide, (255.0, 255.0, 255.0)),)


class Subtract(Arithmetic):
    """Minus a mean per channel, in the channel order of the array as it is here."""

    mean: PerChannel

    def operations(self) -> tuple[Operation, ...]:
        """Return the subtraction."""
        return ((np.subtract, self.mean),)


class Normalize(Arithmetic):
    """Minus a mean, divided by a standard deviation per channel, in the channel order of the array as it is here."""

    mean: PerChannel
    std: Divisors

    def operations(self) -> tuple[Operation, ...]:
        """Return the subtraction and the division."""
        return (np.subtract, self.mean), (np.divide, self.std)


class Bgr(Stage):
    """The channels in reverse order."""

    takes = ("uint8", "float32")

    def apply(self, array: Array) -> Array:
        """Return a view with the channels reversed."""
        return array[:, :, ::-1]


class Chw(Stage):
    """Channels first."""

    takes = ("uint8", "float32")

    def apply(self, array: Array) -> Array:
        """Return a view with the channel axis in front."""
        return array.transpose(2, 0, 1)

    def form(self, form: Form) -> Form:
        """Return the form with the channels in front."""
        return replace(form, channels_first=True)


STAGES: dict[str, type[Stage]] = {
    "resize": Resize,
    "letterbox": Letterbox,
    "central_square": CentralSquare,
    "center_crop": CenterCrop,
    "to_float": ToFloat,
    "scale": Scale,
    "subtract": Subtract,
    "normalize": Normalize,
    "bgr": Bgr,
    "chw": Chw,
}
