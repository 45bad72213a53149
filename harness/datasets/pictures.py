"""Decoding with Pillow: pictures as RGB, label pictures as the numbers they hold.

The originals call `Image.open(path).convert("RGB")`, and so does this: gray is repeated, alpha dropped, palettes looked
up, CMYK converted, and an EXIF orientation is *not* applied. What Pillow would silently change or guess is refused: 16
bits a channel, animations, files that end too early.
"""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from harness.errors import DataError
from harness.samples import Picture

FORMATS = ("PNG", "JPEG")
SUFFIXES = (".png", ".jpeg", ".jpg")
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = b"IEND\xaeB`\x82"
PNG_COLOURS = {0: "gray", 2: "RGB", 3: "palette", 4: "gray with alpha", 6: "RGBA"}
SINGLE_CHANNEL = {0, 3}
AGAIN = "get the file again from its source"
# What Pillow raises for damaged files, found by cutting and flipping bytes of PNG and JPEG files.
DAMAGED = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def picture(path: Path, sample_id: str) -> Picture:
    """Return a PNG or JPEG file as a Picture, uint8 height × width × 3, RGB.

    Raises DataError naming the file when it is missing, empty, damaged, cut short, animated, of 16 bits a channel, or
    neither PNG nor JPEG.
    """
    data = _read(path)
    if data.startswith(PNG_START):
        depth, _ = _png_kind(path, data)
        if depth > 8:
            raise DataError(str(path), "expected at most 8 bits a channel", f"{depth}", "convert it to 8 bits first")
    image = _decoded(path, data)
    # A transparent palette entry changes no RGB value, but Pillow warns about dropping it.
    image.info.pop("transparency", None)
    return Picture(sample_id, np.asarray(image.convert("RGB")), str(path))


def label_ids(path: Path) -> npt.NDArray[np.uint8]:
    """Return a label PNG as uint8 height × width; of a palette picture the indices, as the originals read it.

    Raises DataError naming the file when it is not an intact PNG of 8 bits and one channel.
    """
    data = _read(path)
    where = str(path)
    if not data.startswith(PNG_START):
        raise DataError(where, "expected a label PNG", "another format", AGAIN)
    depth, colour = _png_kind(path, data)
    if depth != 8 or colour not in SINGLE_CHANNEL:
        got = f"{depth}-bit {PNG_COLOURS.get(colour, 'unknown')}"
        raise DataError(where, "expected an 8-bit single-channel label PNG", got, "use the *_labelIds.png files")
    return np.asarray(_decoded(path, data))


def size(path: Path) -> tuple[int, int]:
    """Return height and width from a picture's header, without decoding it; raises DataError naming the file."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.height, image.width
    except DAMAGED as error:
        raise _damaged(path, error) from error


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(str(path), "expected a readable picture", error.strerror or str(error), AGAIN) from error
    if not data:
        raise DataError(str(path), "expected a picture", "0 bytes", AGAIN)
    return data


def _png_kind(path: Path, data: bytes) -> tuple[int, int]:
    """Return bit depth and colour type of an intact PNG."""
    if data[12:16] != b"IHDR" or data.rfind(PNG_END) < 0:
        raise DataError(str(path), "expected a whole PNG", "one that is cut short or damaged", AGAIN)
    return data[24], data[25]


def _decoded(path: Path, data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        image.load()
    except DAMAGED as error:
        raise _damaged(path, error) from error
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise DataError(str(path), "expected one picture", "an animation", "keep one frame of it")
    return image


def _damaged(path: Path, error: BaseException) -> DataError:
    if isinstance(error, UnidentifiedImageError):
        return DataError(str(path), "expected a PNG or JPEG picture", "another or a damaged file", AGAIN)
    return DataError(str(path), "expected an intact picture", str(error), AGAIN)
