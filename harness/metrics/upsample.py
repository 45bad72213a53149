"""Bilinear resizing of logits, made a tile at a time so that the large map never exists."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.metrics.confusion import TILE_PIXELS, Tile
from harness.samples import Array

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Resize:
    """A bilinear resize to height × width; aligned corners, or half-pixel centres. Raises ValueError for no size."""

    height: int
    width: int
    align_corners: bool

    def __post_init__(self) -> None:
        if not (isinstance(self.align_corners, bool) and min(self.height, self.width) > 0):
            raise ValueError(str(self))


def resized_tiles(logits: Array, resize: Resize) -> Iterator[Tile]:
    """Yield tiles of logits, classes × height × width, resized; float32, each valid until the next.

    Columns first, then rows, with weights in float32: the arithmetic of torch's bilinear Upsample, without
    antialiasing, which the IntraDA script uses.
    """
    height, width = resize.height, resize.width
    wide = _wide(np.asarray(logits, np.float32), resize)
    top, bottom, weight = _sources(logits.shape[1], height, resize.align_corners)
    rows = max(1, min(height, TILE_PIXELS // width))
    tile = np.empty((len(wide), rows, width), np.float32)
    below = np.empty((rows, width), np.float32)
    for start in range(0, height, rows):
        part = slice(start, min(start + rows, height))
        used = part.stop - part.start
        lower = weight[part, None]
        upper = np.float32(1) - lower
        for channel, plane in zip(wide, tile, strict=True):
            np.take(channel, top[part], axis=0, out=plane[:used], mode="clip")
            np.take(channel, bottom[part], axis=0, out=below[:used], mode="clip")
            np.multiply(plane[:used], upper, out=plane[:used])
            np.multiply(below[:used], lower, out=below[:used])
            np.add(plane[:used], below[:used], out=plane[:used])
        yield slice(part.start * width, part.stop * width), tile[:, :used].reshape(len(wide), -1)


def _wide(logits: Float32, resize: Resize) -> Float32:
    left, right, weight = _sources(logits.shape[2], resize.width, resize.align_corners)
    wide: Float32 = np.take(logits, left, axis=2) * (np.float32(1) - weight)  # indexing would leave a strided array
    wide += np.take(logits, right, axis=2) * weight
    return wide


def _sources(size: int, target: int, align_corners: bool) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Float32]:
    """Return, for every target position, the two source positions and the weight of the second."""
    index = np.arange(target, dtype=np.float32)
    if align_corners:
        position = index * (np.float32(size - 1) / np.float32(max(target - 1, 1)))
    else:
        position = np.maximum((index + np.float32(0.5)) * np.float32(size / target) - np.float32(0.5), np.float32(0))
    first = np.minimum(position.astype(np.intp), size - 1)
    second = np.minimum(first + 1, size - 1)
    return first, second, (position - first.astype(np.float32)).astype(np.float32)
