"""Which files ais_bench feeds in each run: folders in natural order, files joined to a batch, the last one padded."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.emulator.acl_tensors import tensor_desc
from harness.emulator.console import Log
from harness.emulator.result_files import read_array, size_bytes

PURE = "pure_infer_data"
PADDING = "padding_infer_fake_file"
SUFFIXES = (".npy", ".NPY", ".bin", ".BIN")

Run = list[list[str]]
"""The files of one run: a list for each input of the model."""


def natural(names: Sequence[str]) -> list[str]:
    """Return names sorted with their numbers by value and the rest without regard to case."""
    return sorted(sorted(names), key=lambda name: [_word(part) for part in re.split("([0-9]+)", name)])


def runs(text: str | None, inputs: Sequence[tensor_desc], combine: bool, log: Log) -> list[Run]:
    """Return the files of every run for `--input`; without it one run of pure inference.

    Raises RuntimeError, with the reason on stdout, where the inputs do not fit the model.
    """
    if text is None:
        return [[[PURE] for _ in inputs]]
    files = _files(text.split(","), inputs, log)
    if len(files) != len(inputs):
        log.fail(f"fileslist:{len(files)} intensor:{len(inputs)} not match")
        raise RuntimeError
    per_run = _files_per_run(inputs[0], files[0], combine, log)
    chunked = [list(chunks(listed, per_run)) for listed in files]
    return [[chunk[i] for chunk in chunked] for i in range(math.ceil(len(files[0]) / per_run))]


def chunks(items: Sequence[str], size: int, padding: str = PADDING) -> list[list[str]]:
    """Return consecutive chunks of one size, the last filled up with `padding`."""
    return [[*items[i : i + size], *[padding] * (i + size - len(items))] for i in range(0, len(items), size)]


def folder(path: str, log: Log) -> list[str]:
    """Return the input files of a folder in natural order; raises RuntimeError where there are none."""
    found = [str(Path(path) / entry.name) for entry in Path(path).iterdir() if entry.name.endswith(SUFFIXES)]
    if not found:
        log.fail(f"{path} of input args not find valid file,valid file format:[*.npy *.NPY *.bin *.BIN]")
        raise RuntimeError
    return natural(found)


def joined(files: Sequence[str], size: int, pure: str, log: Log) -> npt.NDArray[Any]:
    """Return what one input of a run is fed: one file's array, or several one behind the other.

    Raises RuntimeError where several do not give the input's size.
    """
    if files[0] == PURE:
        return np.random.default_rng().integers(0, 256 if pure == "random" else 1, size, np.uint8)
    arrays = [read_array(Path(files[0] if name == PADDING else name)) for name in files]
    array = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    if len(arrays) > 1 and array.nbytes != size:
        log.fail(f"ndata size:{array.nbytes} not match {size}")
        raise RuntimeError
    return np.ascontiguousarray(array)


def _word(part: str) -> tuple[int, int, str]:
    return (0, int(part), "") if part.isdigit() else (1, 0, part.lower())


def _files(items: Sequence[str], inputs: Sequence[tensor_desc], log: Log) -> list[list[str]]:
    """Return the files of each input, from files or folders as the first item is one."""
    if Path(items[0]).is_file():
        for index, item in enumerate(items):
            if not Path(item).is_file():
                log.fail(f"Invalid input args.--input:{list(items)} input[{index}]:{item} {item} not exist")
                raise RuntimeError
        return chunks(items, max(1, len(items) // len(inputs)))
    if not Path(items[0]).is_dir():
        log.fail(f"Invalid args. {items[0]}  of --input is invalid")
        raise RuntimeError
    if len(items) != len(inputs):
        log.fail(f"Invalid args. args input dir num:{len(items)} not equal to model inputs num:{len(inputs)}")
        raise RuntimeError
    for item in items:
        if not Path(item).is_dir():
            log.fail(f"Invalid args. {item} of input args is not a real dir path")
            raise RuntimeError
    return [folder(item, log) for item in items]


def _files_per_run(first: tensor_desc, files: Sequence[str], combine: bool, log: Log) -> int:
    size = size_bytes(Path(files[0]))
    per_run = 1
    if combine:
        if size == 0 or first.realsize % size:
            log.fail(f"arg0 tensorsize: {first.realsize} filesize: {size} not match")
            raise RuntimeError
        per_run = first.realsize // size
    count = math.ceil(len(files) / per_run)
    log.info(
        f"get filesperbatch files0 size:{size} tensor0size:{first.realsize} filesperbatch:{per_run} runcount:{count}"
    )
    return per_run
