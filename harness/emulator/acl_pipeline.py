"""The files of `run_pipeline`: a file of each input per run, and files named after the model's outputs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator.acl_tensors import Tensor, tensor_desc
from harness.emulator.result_files import read_array, write_array

TAILS = (".npy", ".bin", ".NPY", ".BIN")
PURE_RANDOM = "pure_infer_data_random"
LARGEST_RANDOM = 254
"""Bytes of 255 are left out, so that no float is an infinity."""


@dataclass
class infer_options:  # noqa: N801 - the real module's name
    """How `run_pipeline` reads and writes files."""

    output_dir: str = ""
    auto_dym_shape: bool = False
    auto_dym_dims: bool = False
    out_format: str = ""
    pure_infer_mode: bool = False
    output_names: list[str] = field(default_factory=list)
    shapes_list: list[Any] = field(default_factory=list)


def read(files: Sequence[str], inputs: Sequence[tensor_desc], options: infer_options) -> list[npt.NDArray[Any]]:
    """Return the array of each input's file, or bytes of the input's size where the file's name asks for made data."""
    if options.pure_infer_mode:
        return [_made(name, row.realsize) for name, row in zip(files, inputs, strict=True)]
    return [np.ascontiguousarray(read_array(Path(name))) for name in files]


def write(file: str, outputs: Mapping[str, Tensor], options: infer_options) -> Iterator[Path]:
    """Write the outputs that a run's first file gave, each below the options' folder, and yield the paths."""
    if not options.output_dir:
        return
    stem = Path(file).name
    stem = next((stem.removesuffix(tail) for tail in TAILS if stem.endswith(tail)), stem)
    suffix = options.out_format.lower() if options.out_format in ("NPY", "TXT") else "bin"
    Path(options.output_dir).mkdir(parents=True, exist_ok=True)
    for name, tensor in outputs.items():
        path = Path(options.output_dir, f"{stem}_{name.replace('/', '')}.{suffix}")
        write_array(path, np.array(tensor))
        yield path


def _made(name: str, size: int) -> npt.NDArray[np.uint8]:
    if name == PURE_RANDOM:
        return np.random.default_rng().integers(0, LARGEST_RANDOM + 1, size, np.uint8)
    return np.zeros(size, np.uint8)
