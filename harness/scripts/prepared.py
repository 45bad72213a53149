"""What a preprocess step wrote: folders of `.bin` or `.npy` files, one per input, that hold one sample each or more."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from harness.cards import TensorSpec
from harness.errors import RunError
from harness.samples import Array

SUFFIXES = (".bin", ".npy")


@dataclass(frozen=True)
class Prepared:
    """The folders, the files' names, which are the same in each, and how many samples each file holds."""

    folders: tuple[Path, ...]
    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """The samples by file and row, in the order of the files' names."""
        return tuple(f"{name}:{row}" for name, count in self.files for row in range(count))

    @property
    def files(self) -> tuple[tuple[str, int], ...]:
        """Every file's name and how many samples it holds."""
        return tuple(zip(self.names, self.counts, strict=True))

    def without_filling(self, declared: int) -> tuple[str, ...]:
        """Return the ids; a script that makes batches may have filled the last one beyond the declared samples."""
        filling = sum(self.counts) - declared
        return self.ids[:declared] if declared and 0 < filling < max(self.counts) else self.ids


def look(folders: Sequence[Path], specs: Sequence[TensorSpec]) -> Prepared:
    """Return what lies in the folders, its numbers unread.

    Raises RunError (kind `data`) for folders without files or of different files, and for a file of another data type
    or of a size that is not a whole number of samples.
    """
    names = _names(folders, specs)
    return Prepared(tuple(folders), names, tuple(_count(name, folders, specs) for name in names))


def mapped(path: Path, spec: TensorSpec) -> Array:
    """Return a file's samples, an array of [samples, …] that is read as it is used; raises RunError (kind `data`)."""
    shape, dtype = spec.at(1)[1:], np.dtype(spec.dtype).newbyteorder("<")
    each = prod(shape) * dtype.itemsize
    array = _npy(path) if path.suffix == ".npy" else None
    found, size = (spec.dtype, path.stat().st_size) if array is None else (array.dtype.name, array.nbytes)
    if found != spec.dtype or size == 0 or size % each:
        what = f"expected a multiple of {each} bytes, {spec.dtype} {' × '.join(map(str, shape))} of {spec.name!r}"
        got = str(size) if found == spec.dtype else f"{size} of {found}"
        raise wrong(str(path), what, got, "compare the card's [[input]] with what the script writes")
    flat: Array = np.memmap(path, dtype, "r") if array is None else array
    return flat.reshape(-1, *shape)


def wrong(where: str, what: str, got: str, do: str) -> RunError:
    """Return the error of files that do not fit the model."""
    return RunError(where, what, got, do, kind="data", stage="run")


def _names(folders: Sequence[Path], specs: Sequence[TensorSpec]) -> tuple[str, ...]:
    """Return the names of the files, the same in every folder."""
    if len(folders) != len(specs):
        what = f"expected one folder for each of the inputs {', '.join(spec.name for spec in specs)}"
        raise wrong("script.preprocess.folders", what, f"{len(folders)}", "name them all in the card, in order")
    found = [_listed(folder) for folder in folders]
    if not found[0]:
        what = f"expected {' or '.join(SUFFIXES)} files, which the script should have written"
        hint = "correct folders in the card's [script.preprocess], or look at the step's log"
        raise wrong(str(folders[0]), what, "none", hint)
    for folder, others in zip(folders[1:], found[1:], strict=True):
        if others != found[0]:
            odd = sorted(set(found[0]).symmetric_difference(others))[0]
            hint = "look at the step's log: every input needs a file of each name"
            raise wrong(str(folder), f"expected the same files as in {folders[0]}", f"{odd} in one of them", hint)
    return found[0]


def _listed(folder: Path) -> tuple[str, ...]:
    files = folder.iterdir() if folder.is_dir() else ()
    return tuple(sorted(path.name for path in files if path.suffix in SUFFIXES and path.is_file()))


def _count(name: str, folders: Sequence[Path], specs: Sequence[TensorSpec]) -> int:
    counts = {len(mapped(folder / name, spec)) for folder, spec in zip(folders, specs, strict=True)}
    if len(counts) != 1:
        raise wrong(name, "expected as many samples of every input", f"{sorted(counts)}", "look at the script")
    return counts.pop()


def _npy(path: Path) -> Array:
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise wrong(str(path), "expected a .npy file", str(error), "look at the script that writes it") from error
    return array
