"""Scenes of several digits each, for segmentation, in the Cityscapes layout."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from harness.cards import Table
from harness.datasets import digit_glyphs as glyphs

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23)
"""The Cityscapes label ids of train ids 0 to 10: the ground, then the digits 0 to 9."""
IGNORED_IDS = (1, 29)
"""The ids of patches that are not scored: the ego vehicle and the caravan, which have no train id."""
CITIES = ("northfield", "southport")
DIGIT_PER_MILLE = 800
"""How many slots in a thousand hold a digit."""
UNSCORED_PER_MILLE = 250
"""How many of a thousand slots without a digit hold a patch that is not scored."""
STROKE_LIGHT = 70
"""How much lighter, in grey levels, the strokes of a fat digit are than its body."""
LATTICE = 24
"""The lattice step of the ground's texture, in pixels."""


class SceneParams(Table):
    """How the scenes look: sizes in pixels, chances in thousandths, strengths in grey levels at most."""

    height: glyphs.Side
    width: glyphs.Side
    count: int = Field(gt=0)
    seed: int = Field(ge=0)
    slot: glyphs.Side
    """The side of the squares that hold one digit or none; both sides of a scene are whole numbers of it."""
    digit: glyphs.Sides
    """The smallest and the largest side of a digit."""
    fat: bool
    """Whether a digit's label covers the neighbourhood of its strokes too."""
    cycles: tuple[glyphs.Cycles, glyphs.Cycles]
    hue: glyphs.PerMille
    phase: glyphs.PerMille
    stripes: glyphs.Grey
    noise: glyphs.Grey
    ink: glyphs.Ink
    """The weakest and the strongest ink, 0 to 256."""

    @model_validator(mode="after")
    def _slots_fit(self) -> "SceneParams":
        if self.height % self.slot or self.width % self.slot:
            raise ValueError(f"expected sides that are whole numbers of slots, got {self.height} and {self.width}")
        if self.digit[1] > self.slot:
            raise ValueError(f"expected digits of at most {self.slot} pixels, as the slots, got {self.digit[1]}")
        return self


class Scene(NamedTuple):
    """A scene: `pixels` uint8 height × width × 3 RGB, `label_ids` uint8 height × width."""

    pixels: npt.NDArray[np.uint8]
    label_ids: npt.NDArray[np.uint8]


class _Box(NamedTuple):
    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> tuple[slice, slice]:
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def scenes(params: SceneParams, split: glyphs.Split) -> Iterator[Scene]:
    """Yield `params.count` scenes."""
    for number in range(params.count):
        yield _scene(params, glyphs.Bits(params.seed, number), glyphs.digits(split))


def train_ids(label_ids: npt.NDArray[np.uint8]) -> npt.NDArray[np.int16]:
    """Return the train ids of a scene's label ids: 0 to 10, and -1 where a pixel is not scored."""
    table = np.full(256, -1, dtype=np.int16)
    table[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
    return table[label_ids]


def write_cityscapes(params: SceneParams, root: Path) -> None:
    """Write `leftImg8bit/val/<city>/…_leftImg8bit.png` and `gtFine/val/<city>/…_gtFine_labelIds.png` below `root`."""
    from PIL import Image

    for number, scene in enumerate(scenes(params, "val")):
        city = CITIES[number * len(CITIES) // params.count]
        for kind, pixels in (("leftImg8bit", scene.pixels), ("gtFine_labelIds", scene.label_ids)):
            folder = root / kind.partition("_")[0] / "val" / city
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{city}_{number:06d}_000019_{kind}.png")


class _Sheet:
    """A scene being drawn: int64 values, label ids, and the stripes of both phases."""

    def __init__(self, params: SceneParams, bits: glyphs.Bits) -> None:
        size = params.height, params.width
        self._params, self._bits = params, bits
        self._values = glyphs.ground(bits, size, LATTICE)
        self._label_ids = np.full(size, LABEL_IDS[0], dtype=np.uint8)
        self._waves = [glyphs.stripes(size, params.cycles, phase) * params.stripes // 256 for phase in (0, 1)]

    def put(self, digit: glyphs.Digit, box: _Box) -> None:
        """Draw a digit that fills the box, in the hue and with the stripes of its class (or, by chance, others)."""
        bits, params = self._bits, self._params
        hue, phase = glyphs.Evidence(params.hue, params.phase).draw(bits, digit.label)
        lean = int(bits.below(400)) - 200, int(bits.below(240)) - 120
        strokes = glyphs.glyph(digit.ink, (box.height, box.width), lean)
        body = glyphs.glyph(glyphs.fattened(digit.ink), (box.height, box.width), lean) if params.fat else strokes
        colour = glyphs.HUES[hue] + bits.noise((3,)) // 8
        over = np.broadcast_to(colour, (*body.shape, 3)) + self._waves[phase][box.area][..., None]
        if params.fat:
            over = over + (strokes * STROKE_LIGHT // glyphs.FULL_INK)[..., None]
        share = np.minimum(body * 2, glyphs.FULL_INK) * bits.between(*params.ink) // glyphs.FULL_INK
        self._values[box.area] = glyphs.blend(self._values[box.area], over, share)
        self._label_ids[box.area][body >= glyphs.FULL_INK // 2] = LABEL_IDS[1 + digit.label]

    def leave_unscored(self, box: _Box) -> None:
        """Give the box an id that is not scored."""
        self._label_ids[box.area] = IGNORED_IDS[int(self._bits.below(len(IGNORED_IDS)))]

    def finish(self) -> Scene:
        """Return the scene with its noise."""
        noise = self._bits.noise(self._values.shape) * self._params.noise // 256
        return Scene(glyphs.to_pixels(self._values + noise), self._label_ids)


def _scene(params: SceneParams, bits: glyphs.Bits, found: tuple[glyphs.Digit, ...]) -> Scene:
    sheet = _Sheet(params, bits)
    for top in range(0, params.height, params.slot):
        for left in range(0, params.width, params.slot):
            box = _box(params, bits, top, left)
            if bits.chance(DIGIT_PER_MILLE):
                sheet.put(found[int(bits.below(len(found)))], box)
            elif bits.chance(UNSCORED_PER_MILLE):
                sheet.leave_unscored(box)
    return sheet.finish()


def _box(params: SceneParams, bits: glyphs.Bits, top: int, left: int) -> _Box:
    """Return a box of random size and place in the slot at that corner."""
    height = bits.between(*params.digit)
    width = min(params.slot, height * bits.between(14, 18) // 16)
    return _Box(top + bits.between(0, params.slot - height), left + bits.between(0, params.slot - width), height, width)
