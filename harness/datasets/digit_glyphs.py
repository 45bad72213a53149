"""The handwritten digits, and the integer drawing that turns them into pictures.

The digits are the 1,797 of scikit-learn's `load_digits`, 8×8 with ink from 0 to 16: the test part of UCI's "Optical
Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998, CC BY 4.0). Everything here is integer arithmetic on raw
PCG64 words, so no release of a library changes a pixel.
"""

from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, Field

Split = Literal["train", "val"]
Integers = npt.NDArray[np.int64]

DIGITS_FILE = Path(__file__).with_name("digits.npz")
SIDE = 8
CELL = 1024
"""One cell of a digit or of a noise lattice, in the fixed-point units of `sample`."""
FULL_INK = 256
"""The largest value of `sample` on a digit."""
HUES = np.array([[230, 70, 60], [70, 205, 80], [60, 90, 235]], dtype=np.int64)
"""The RGB inks: reddish, greenish, bluish. Reading RGB as BGR trades the first for the last."""


def _rising(pair: tuple[int, int]) -> tuple[int, int]:
    if pair[0] > pair[1]:
        raise ValueError("expected the smaller number first")
    return pair


Side = Annotated[int, Field(ge=16, le=8192)]
PerMille = Annotated[int, Field(ge=0, le=1000)]
Grey = Annotated[int, Field(ge=0, le=255)]
Cycles = Annotated[int, Field(gt=0, le=4096)]
Ink = Annotated[
    tuple[Annotated[int, Field(ge=0, le=256)], Annotated[int, Field(ge=0, le=256)]], AfterValidator(_rising)
]
Sides = Annotated[tuple[Side, Side], AfterValidator(_rising)]


class Bits:
    """Random integers from raw PCG64 words, the only stream that numpy promises never to change (NEP 19)."""

    def __init__(self, *seed: int) -> None:
        self._generator = np.random.PCG64(np.random.SeedSequence(seed))

    def below(self, limit: int, shape: tuple[int, ...] = ()) -> Integers:
        """Return int64 values from 0 to `limit` - 1 of that shape; a plain number where the shape is ()."""
        words = self._generator.random_raw(max(1, prod(shape))) >> np.uint64(32)
        return ((words * np.uint64(limit)) >> np.uint64(32)).astype(np.int64).reshape(shape)

    def between(self, low: int, high: int) -> int:
        """Return one value from `low` to `high`, both included."""
        return low + int(self.below(high - low + 1))

    def chance(self, per_mille: int) -> bool:
        """Return True `per_mille` times in a thousand."""
        return int(self.below(1000)) < per_mille

    def noise(self, shape: tuple[int, ...]) -> Integers:
        """Return int64 values from -255 to 255 of that shape: the difference of two random bytes."""
        count = prod(shape)
        words = self._generator.random_raw(-(-2 * count // 8)).astype("<u8")
        values = words.view(np.uint8)[: 2 * count].astype(np.int64)
        return (values[:count] - values[count:]).reshape(shape)


@dataclass(frozen=True)
class Evidence:
    """How often, in thousandths, the hue and the stripes' phase are the ones of the digit's class."""

    hue: int
    phase: int

    def draw(self, bits: Bits, label: int) -> tuple[int, int]:
        """Return a hue (row of HUES) and a phase (quarters of a cycle, 0 or 1) for a digit of that label."""
        hue = label % 3 if bits.chance(self.hue) else int(bits.below(3))
        phase = label // 3 % 2 if bits.chance(self.phase) else int(bits.below(2))
        return hue, phase


@dataclass(frozen=True)
class Digit:
    """One handwritten digit: `ink` is uint8 8×8 with values 0 to 16, `label` is 0 to 9."""

    ink: npt.NDArray[np.uint8]
    label: int


@cache
def digits(split: Split) -> tuple[Digit, ...]:
    """Return the digits of a split: every third one is for validation, the others are for training."""
    with np.load(DIGITS_FILE) as file:
        pairs = zip(file["images"], file["labels"], strict=True)
        found = [Digit(ink, int(label)) for ink, label in pairs]
    return tuple(digit for number, digit in enumerate(found) if (number % 3 == 0) == (split == "val"))


def sample(grid: Integers, rows: Integers, columns: Integers) -> Integers:
    """Return the bilinear values of `grid` at positions in units of 1/CELL, where 0 is the centre of cell 0.

    `grid` is int64 [height, width], repeated beyond its edges; `rows` and `columns` broadcast to the result's shape.
    """
    height, width = grid.shape
    rows, columns = np.clip(rows, 0, (height - 1) * CELL), np.clip(columns, 0, (width - 1) * CELL)
    top, left = np.minimum(rows // CELL, height - 2), np.minimum(columns // CELL, width - 2)
    down, right = rows - top * CELL, columns - left * CELL
    upper = grid[top, left] * (CELL - right) + grid[top, left + 1] * right
    lower = grid[top + 1, left] * (CELL - right) + grid[top + 1, left + 1] * right
    values: Integers = (upper * (CELL - down) + lower * down) // (CELL * CELL)
    return values


def glyph(ink: npt.NDArray[np.uint8], size: tuple[int, int], lean: tuple[int, int]) -> Integers:
    """Return a digit drawn to `size` (height, width): int64 ink from 0 to FULL_INK.

    `lean` shears it: columns per row and rows per column, in units of 1/CELL.
    """
    height, width = size
    framed = np.pad(ink.astype(np.int64) * (FULL_INK // 16), 1)
    half = SIDE * CELL // 2
    down = ((2 * np.arange(height) + 1 - height) * half // height)[:, None]
    across = ((2 * np.arange(width) + 1 - width) * half // width)[None, :]
    centre = half + CELL - CELL // 2
    return sample(framed, down + lean[1] * across // CELL + centre, across + lean[0] * down // CELL + centre)


def fattened(ink: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the digit with strokes half a cell wider: the mean of every cell and the largest of its neighbourhood."""
    framed = np.pad(ink, 1)
    shifted = [framed[row : row + SIDE, column : column + SIDE] for row in range(3) for column in range(3)]
    fat: npt.NDArray[np.uint8] = (ink + np.max(np.stack(shifted), axis=0) + 1) // 2
    return fat


def ground(bits: Bits, size: tuple[int, int], cell: int) -> Integers:
    """Return a textured ground: smooth noise of lattice step `cell` pixels, int64 [height, width, 3], 40 to 215."""
    height, width = size
    rows = (np.arange(height) * CELL // cell)[:, None]
    columns = (np.arange(width) * CELL // cell)[None, :]
    lattice = (3, height // cell + 2, width // cell + 2)
    shared = bits.below(121, lattice[1:])
    planes = [sample(shared + plane, rows, columns) for plane in bits.below(56, lattice)]
    return np.stack(planes, axis=-1) + 40


def stripes(size: tuple[int, int], cycles: tuple[int, int], quarter: int) -> Integers:
    """Return diagonal stripes, a triangle wave from -256 to 256: int64 [height, width].

    The wave has `cycles` over the whole height and width, counted from the picture's top left corner, so its phase at
    a pixel is a matter of absolute position; `quarter` moves it by that many quarters of a cycle.
    """
    height, width = size
    down = ((2 * np.arange(height) + 1) * cycles[0] * 512 // height)[:, None]
    across = ((2 * np.arange(width) + 1) * cycles[1] * 512 // width)[None, :]
    # (2 i + 1) * 512 is the centre of pixel i in 1/1024 of a pixel, so the phase is in 1/1024 of a cycle.
    phase = (down + across + 256 * quarter) % 1024
    wave: Integers = np.abs(phase - 512) - 256
    return wave


def blend(under: Integers, over: Integers, share: Integers) -> Integers:
    """Return `over` laid on `under`, both [height, width, 3]; `share` is [height, width] from 0 to FULL_INK."""
    return under + (over - under) * share[..., None] // FULL_INK


def to_pixels(values: Integers) -> npt.NDArray[np.uint8]:
    """Return the values as uint8, those outside 0 to 255 clipped."""
    return np.clip(values, 0, 255).astype(np.uint8)
