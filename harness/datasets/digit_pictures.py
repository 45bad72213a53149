"""Pictures of one digit each, for classification, in the ImageNet layout."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from harness.cards import Table
from harness.datasets import digit_glyphs as glyphs

LATTICE = 8
"""The lattice step of the ground's texture, in pixels."""


class PictureParams(Table):
    """How the pictures look: sizes in pixels, chances in thousandths, strengths in grey levels at most."""

    height: glyphs.Side
    width: glyphs.Side
    count: int = Field(gt=0)
    seed: int = Field(ge=0)
    cycles: tuple[glyphs.Cycles, glyphs.Cycles]
    hue: glyphs.PerMille
    phase: glyphs.PerMille
    stripes: glyphs.Grey
    noise: glyphs.Grey
    ink: glyphs.Ink
    """The weakest and the strongest ink, 0 to 256."""
    occlusion: int = Field(ge=0, le=16)
    """The largest side of the patch that hides a part of the digit, in sixteenths of the picture's."""


def pictures(params: PictureParams, split: glyphs.Split) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
    """Yield `params.count` pictures, uint8 height × width × 3 RGB, each with its label from 0 to 9."""
    found = glyphs.digits(split)
    for number in range(params.count):
        bits = glyphs.Bits(params.seed, number)
        digit = found[int(bits.below(len(found)))]
        yield _picture(params, bits, digit), digit.label


def write_imagenet(params: PictureParams, root: Path) -> None:
    """Write `val/ILSVRC2012_val_<8 digits>.png` and `val_label.txt` (name, blank, label) below `root`."""
    from PIL import Image

    folder = root / "val"
    folder.mkdir(parents=True)
    lines = []
    for number, (pixels, label) in enumerate(pictures(params, "val"), start=1):
        name = f"ILSVRC2012_val_{number:08d}.png"
        Image.fromarray(pixels).save(folder / name)
        lines.append(f"{name} {label}\n")
    (root / "val_label.txt").write_text("".join(lines), encoding="ascii")


def _picture(params: PictureParams, bits: glyphs.Bits, digit: glyphs.Digit) -> npt.NDArray[np.uint8]:
    size = params.height, params.width
    hue, phase = glyphs.Evidence(params.hue, params.phase).draw(bits, digit.label)
    canvas = glyphs.ground(bits, size, LATTICE)
    colour = glyphs.HUES[hue] + bits.noise((3,)) // 8
    share = _placed(params, bits, digit) * bits.between(*params.ink) // glyphs.FULL_INK
    canvas = glyphs.blend(canvas, np.broadcast_to(colour, canvas.shape), _occluded(params, bits, share))
    canvas = canvas + (glyphs.stripes(size, params.cycles, phase) * params.stripes // 256)[..., None]
    return glyphs.to_pixels(canvas + bits.noise(canvas.shape) * params.noise // 256)


def _placed(params: PictureParams, bits: glyphs.Bits, digit: glyphs.Digit) -> glyphs.Integers:
    """Return the digit's ink, 0 to FULL_INK, somewhere in a picture that is empty elsewhere."""
    scale = bits.between(10, 13)
    height, width = params.height * scale // 16, params.width * scale // 16
    lean = int(bits.below(400)) - 200, int(bits.below(240)) - 120
    top, left = bits.between(0, params.height - height), bits.between(0, params.width - width)
    placed = np.zeros((params.height, params.width), dtype=np.int64)
    placed[top : top + height, left : left + width] = glyphs.glyph(digit.ink, (height, width), lean)
    return placed


def _occluded(params: PictureParams, bits: glyphs.Bits, share: glyphs.Integers) -> glyphs.Integers:
    """Return the ink with a patch of random size and place left out."""
    height = params.height * bits.between(0, params.occlusion) // 16
    width = params.width * bits.between(0, params.occlusion) // 16
    top, left = bits.between(0, params.height - height), bits.between(0, params.width - width)
    kept = share.copy()
    kept[top : top + height, left : left + width] = 0
    return kept
