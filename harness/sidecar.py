"""Named arrays in one `.npz` file: per-sample outcomes and reference outputs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.samples import Array


def write(path: Path, arrays: Mapping[str, Array], *, compress: bool = True) -> None:
    """Write the arrays under a temporary name and rename it; float outputs hardly shrink and need not be compressed."""
    temporary = path.with_name(f".{path.name}.tmp")
    named: dict[str, Any] = dict(arrays)
    with temporary.open("wb") as stream:
        (np.savez_compressed if compress else np.savez)(stream, **named)
    temporary.replace(path)


def read(path: Path) -> dict[str, Array]:
    """Return the arrays of a file; object arrays, which numpy would unpickle, are refused."""
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
        return dict(stored)
