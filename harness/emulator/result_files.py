"""Arrays in files as the runners write them: raw bytes, `.npy`, or text with six digits."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FORMATS = ("BIN", "NPY", "TXT")


def read_array(path: Path) -> npt.NDArray[Any]:
    """Return the array of a `.npy`, or the bytes of any other file as int8."""
    return np.load(path) if path.suffix.lower() == ".npy" else np.fromfile(path, np.int8)


def size_bytes(path: Path) -> int:
    """Return the bytes that a file feeds: those of the array of a `.npy`, of any other the file's."""
    return int(np.load(path, mmap_mode="r").nbytes) if path.suffix.lower() == ".npy" else path.stat().st_size


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array in the format that the name ends in; text has one row for each row of the last axis."""
    match path.suffix:
        case ".npy":
            np.save(path, array)
        case ".txt":
            path.write_text(text(array, "%f "))
        case _:
            array.tofile(path)


def text(array: npt.NDArray[Any], real: str) -> str:
    """Return a line for each row of the last axis, each value with a blank behind it.

    `real` is the format of floating-point values, such as `%f `; others are whole numbers.
    """
    rows = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    form = real if np.issubdtype(array.dtype, np.floating) else "%d "
    return "".join((form * rows.shape[1]) % tuple(row) + "\n" for row in rows.tolist())
