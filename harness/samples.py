"""The values that travel between stages: what a data set gives, what a runtime takes and returns."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """One network input: `arrays` in the order of the model's inputs, without a batch axis."""

    id: str
    arrays: tuple[Array, ...]
    source: str = ""


@dataclass(frozen=True)
class Outputs:
    """What the network said of one sample: `arrays` in the order of the model's outputs, without a batch axis."""

    sample_id: str
    arrays: tuple[Array, ...]


@dataclass(frozen=True)
class Picture:
    """A decoded picture: `pixels` is uint8, height × width × 3, RGB."""

    id: str
    pixels: npt.NDArray[np.uint8]
    source: str = ""


SURE = 0.3
"""Detections that score less are guesses to whoever looks at them; COCO counts a hundred of each image, too."""


@dataclass(frozen=True)
class Objects:
    """The annotated objects of one picture of height × width, one row each.

    `boxes` is float64 [n, 4], left, top, width and height in pixels of the picture; `classes` int64 [n], the category
    ids; `areas` float64 [n] in pixels; `crowd` bool [n], True for a region of many objects. As an array, for digests:
    float64 [n + 1, 7], the picture's size first.
    """

    height: int
    width: int
    boxes: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    areas: npt.NDArray[np.float64]
    crowd: npt.NDArray[np.bool_]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        size = np.array([[self.height, self.width, 0, 0, 0, 0, 0]], np.float64)
        rows = np.column_stack([self.boxes, self.classes, self.areas, self.crowd]).reshape(-1, 7)
        return np.concatenate([size, rows]).astype(dtype or np.float64)


class Dataset(Protocol):
    """Labelled pictures read from their real on-disk layout, never written to."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The sample ids in the data set's defined order."""
        ...

    def picture(self, sample_id: str) -> Picture:
        """Decode one picture; raises DataError naming the file."""
        ...

    def target(self, sample_id: str) -> Any:
        """Return what a sample is scored against; raises DataError naming the file.

        An int for classification; for segmentation an int16 height × width map of train ids, -1 where ignored; for
        detection the picture's Objects.
        """
        ...

    def digest(self) -> str:
        """Return a sha256 over the names and contents of all pictures and labels."""
        ...
