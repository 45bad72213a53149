"""Exact argmax and confusion matrices of large label maps, a cache-sized tile at a time.

numpy's argmax over the first axis reads the logits with strides and takes 20 times as long as its max. Here a running
maximum keeps the class number beside it, so every operation streams over contiguous memory that is still in the cache.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import RunError
from harness.samples import Array

Labels = npt.NDArray[np.int16]
Codes = npt.NDArray[np.unsignedinteger[Any]]
Tile = tuple[slice, Array]
"""A range of the flattened map's pixels, and their logits: classes × pixels."""

# 256 KiB of float32 for each of the few arrays in use: with 1 MiB of second-level cache a core, the fastest of 32 to
# 256 thousand pixels on 19 × 1024 × 2048.
TILE_PIXELS = 65536
# Neighbouring pixels are counted in different copies of the matrix: they are mostly of one class, and a counter that is
# incremented again at once makes the processor wait. 90 µs instead of 150 µs for 65,536 pixels of a street.
LANES = 4


def tiles(logits: Array) -> Iterator[Tile]:
    """Yield the tiles of logits, classes × height × width, all of about one size."""
    flat = np.ascontiguousarray(logits).reshape(logits.shape[0], -1)
    pixels = flat.shape[1]
    size = -(-pixels // max(1, -(-pixels // TILE_PIXELS)))
    for start in range(0, pixels, max(1, size)):
        part = slice(start, min(start + size, pixels))
        yield part, flat[:, part]


def channels_last_tiles(logits: Array) -> Iterator[Tile]:
    """Yield the tiles of logits, height × width × classes, each valid until the next.

    Turning a tile in the cache and then streaming over its classes takes a third of the time of numpy's argmax over
    the last axis, whose rows of 19 numbers are too short for it.
    """
    flat = np.ascontiguousarray(logits).reshape(-1, logits.shape[-1])
    turned = np.empty((flat.shape[1], min(TILE_PIXELS, len(flat))), flat.dtype)
    for start in range(0, len(flat), TILE_PIXELS):
        part = slice(start, min(start + TILE_PIXELS, len(flat)))
        tile = turned[:, : part.stop - part.start]
        np.copyto(tile, flat[part].T)
        yield part, tile


def best_classes(parts: Iterable[Tile], where: str) -> Iterator[tuple[slice, Codes]]:
    """Yield the class of the largest logit of every pixel, ties to the lowest class; valid until the next tile.

    Raises RunError (kind `nan`), naming `where`, for any logit that is NaN or infinite.
    """
    running: _RunningBest | None = None
    for part, tile in parts:
        if running is None or not running.holds(tile):
            running = _RunningBest(tile)
        codes = running.classes(tile)
        if codes is None:
            raise RunError(where, "expected finite numbers", "NaN or infinity", kind="nan", stage="score")
        yield part, codes


def label_map(parts: Iterable[Tile], shape: tuple[int, ...], where: str) -> Codes:
    """Return the best classes as a map of `shape`, height × width."""
    found: Codes | None = None
    for part, codes in best_classes(parts, where):
        if found is None:
            found = np.empty(int(np.prod(shape)), codes.dtype)
        found[part] = codes
    return np.empty(shape, np.uint8) if found is None else found.reshape(shape)


def confusion(parts: Iterable[Tile], labels: Labels, classes: int, where: str) -> npt.NDArray[np.int64]:
    """Return the int64 matrix of pixel counts, true class × best class; pixels labelled -1 are left out.

    `labels` is height × width, from -1 to `classes` - 1. Raises RunError (`data`) for other labels and (`nan`) for
    logits that are not finite.
    """
    _check_labels(labels, classes, where)
    flat = np.ascontiguousarray(labels).reshape(-1)
    cells = classes * (classes + 1)  # a first row for the pixels labelled -1
    counts = np.zeros(LANES * cells, np.int64)
    key = np.empty(min(flat.size, TILE_PIXELS), np.int16 if counts.size <= np.iinfo(np.int16).max else np.int32)
    for part, codes in best_classes(parts, where):
        if codes.size > key.size:
            key = np.empty(codes.size, key.dtype)
        cell = key[: codes.size]
        np.multiply(flat[part], classes, out=cell, dtype=cell.dtype, casting="same_kind")
        np.add(cell, _lane_starts(classes, cell.size, cell.dtype), out=cell)
        np.add(cell, codes, out=cell, casting="unsafe")
        counts += np.bincount(cell, minlength=counts.size)
    matrix: npt.NDArray[np.int64] = counts.reshape(LANES, classes + 1, classes).sum(axis=0)
    return matrix[1:]


@lru_cache(maxsize=4)
def _lane_starts(classes: int, pixels: int, dtype: np.dtype[Any]) -> Array:
    """Return for every pixel of a tile where the row of label 0 starts in its lane's copy of the matrix."""
    lanes = np.arange(LANES) * (classes * (classes + 1)) + classes
    return np.resize(lanes.astype(dtype), pixels)


def truncated_hits(parts: Iterable[Tile], labels: Labels, where: str) -> int:
    """Return the pixels whose label has the first of the largest logits once all are cut to integers.

    This is how the ICNet script counts its pixel accuracy: argmax(output.long()).
    """
    flat = labels.reshape(-1)
    whole = ((part, np.trunc(tile)) for part, tile in parts)
    return sum(int(np.count_nonzero(codes == flat[part])) for part, codes in best_classes(whole, where))


def _check_labels(labels: Labels, classes: int, where: str) -> None:
    if labels.size and not (labels.min() >= -1 and labels.max() < classes):
        got = f"{int(labels.min())} to {int(labels.max())}"
        raise RunError(where, f"expected labels from -1 to {classes - 1}", got, kind="data", stage="score")


class _RunningBest:
    """The buffers of a running maximum over classes, for tiles of one shape."""

    def __init__(self, tile: Array) -> None:
        classes, pixels = tile.shape
        self._shape = tile.shape
        self._best: Array = np.empty(pixels, tile.dtype)
        self._larger = np.empty(pixels, np.bool_)
        self._numbers: Codes = np.arange(classes).astype(np.uint8 if classes <= 256 else np.uint16)
        self._code: Codes = np.empty_like(self._numbers, shape=pixels)
        self._codes: Codes = np.empty_like(self._numbers, shape=pixels)
        self._lowest = np.empty(classes, tile.dtype)

    def holds(self, tile: Array) -> bool:
        return tile.shape == self._shape

    def classes(self, tile: Array) -> Codes | None:
        """Return the best class of every pixel, or None where a number is not finite.

        `min` comes first: it brings the tile into the cache at memory speed and, like `maximum`, passes NaN on.
        """
        best, larger, code, codes = self._best, self._larger, self._code, self._codes
        ones = larger.view(np.uint8)
        best[:] = tile[0]
        codes.fill(0)
        self._lowest[0] = best.min()
        for number in range(1, len(tile)):
            row = tile[number]
            self._lowest[number] = row.min()
            np.greater(row, best, out=larger)
            np.multiply(ones, self._numbers[number], out=code)
            np.maximum(codes, code, out=codes)
            np.maximum(best, row, out=best)
        finite = bool(np.isfinite(self._lowest).all()) and bool(np.isfinite(best.max()))
        return codes if finite else None
