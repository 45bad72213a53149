"""The formats in which command-line runners write an output, read with the dtype and shape that the card declares."""

from collections.abc import Mapping
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import numpy as np

from harness.samples import Array

NPY_HEADER_BYTES = 128  # numpy pads the header of a simple array to a multiple of 64, and its text needs more than one
TEXT_BYTES = 12  # of a number such as `-12.345678 `; a chunk is only planned with it


class OutputFormat(Protocol):
    """One format: what a file of it should hold, how large it is, and how it is read."""

    suffix: str

    def expects(self, dtype: str, shape: tuple[int, ...]) -> str:
        """Return in words what the file of such an array holds."""
        ...

    def planned_bytes(self, dtype: str, shape: tuple[int, ...]) -> int:
        """Return how large the file of such an array is, or about how large where that depends on its numbers."""
        ...

    def read(self, path: Path, dtype: str, shape: tuple[int, ...]) -> Array:
        """Return the array; raises ValueError that says what the file holds instead."""
        ...


class Bin:
    """The numbers themselves, C order, without a header."""

    suffix = "bin"

    def expects(self, dtype: str, shape: tuple[int, ...]) -> str:
        """Return the number of bytes."""
        return f"{self.planned_bytes(dtype, shape)} bytes"

    def planned_bytes(self, dtype: str, shape: tuple[int, ...]) -> int:
        """Return the number of bytes, exactly."""
        return prod(shape) * np.dtype(dtype).itemsize

    def read(self, path: Path, dtype: str, shape: tuple[int, ...]) -> Array:
        """Return the array; a file of another size is refused."""
        found = path.stat().st_size
        if found != self.planned_bytes(dtype, shape):
            raise ValueError(f"{found} bytes")
        return np.fromfile(path, np.dtype(dtype)).reshape(shape)


class Npy:
    """A numpy file: the array with its dtype and shape."""

    suffix = "npy"

    def expects(self, dtype: str, shape: tuple[int, ...]) -> str:
        """Return dtype and shape."""
        return f"{dtype} {shape}"

    def planned_bytes(self, dtype: str, shape: tuple[int, ...]) -> int:
        """Return the number of bytes with the header."""
        return NPY_HEADER_BYTES + prod(shape) * np.dtype(dtype).itemsize

    def read(self, path: Path, dtype: str, shape: tuple[int, ...]) -> Array:
        """Return the array; another dtype or number of elements is refused."""
        try:
            array: Array = np.load(path, allow_pickle=False)
        except EOFError as error:
            raise ValueError("an empty file") from error
        if (array.dtype.name, array.size) != (dtype, prod(shape)):
            raise ValueError(f"{array.dtype.name} {array.shape}")
        return array.reshape(shape)


class Txt:
    """Numbers in decimal between blanks: the digits that the tool prints are all that is left of them."""

    suffix = "txt"

    def expects(self, dtype: str, shape: tuple[int, ...]) -> str:
        """Return how many numbers, of which dtype."""
        return f"{prod(shape)} numbers of {dtype}"

    def planned_bytes(self, dtype: str, shape: tuple[int, ...]) -> int:
        """Return about how many bytes."""
        return prod(shape) * TEXT_BYTES

    def read(self, path: Path, dtype: str, shape: tuple[int, ...]) -> Array:
        """Return the array; another count of numbers, or something else than a number, is refused."""
        words = path.read_text(encoding="utf-8").split()
        if len(words) != prod(shape):
            raise ValueError(f"{len(words)} numbers")
        if np.dtype(dtype).kind == "f":
            return np.array(words, np.dtype(dtype)).reshape(shape)
        numbers = [int(word) for word in words]
        limits = np.iinfo(dtype)
        if numbers and not limits.min <= min(numbers) <= max(numbers) <= limits.max:
            raise ValueError(f"numbers from {min(numbers)} to {max(numbers)}")
        return np.array(numbers, np.dtype(dtype)).reshape(shape)


FORMATS: Mapping[str, OutputFormat] = MappingProxyType({"BIN": Bin(), "NPY": Npy(), "TXT": Txt()})
