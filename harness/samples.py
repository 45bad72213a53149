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

        An int for classification; for segmentation an int16 height × width map of train ids, -1 where ignored.
        """
        ...

    def digest(self) -> str:
        """Return a sha256 over the names and contents of all pictures and labels."""
        ...
