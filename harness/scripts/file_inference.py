"""The model over files by a session that takes arrays: files in, one file per output and input file out.

Any session serves, so the batch and the device stay its business; the names and formats are those of a READMEs' tool.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from harness.card_scripts import filled
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.runtimes.protocol import Session
from harness.samples import Array, Outputs, Sample
from harness.scripts.prepared import Prepared, mapped


def run_over_files(session: Session, prepared: Prepared, results: Path, files: str) -> None:
    """Run every file, in order of their names; output i of it is written to `results`.

    It bears the name that `files` makes of its `{name}`, `{index}` (from 0) and `{number}` (from 1): `.bin` raw,
    `.npy`, or `.txt` in rows of the last axis. Raises RunError.
    """
    waiting = deque(prepared.files)
    done: list[Outputs] = []
    for outputs in session.run(_samples(prepared, session.inputs)):
        done.append(outputs)
        if len(done) == waiting[0][1]:
            _write(done, Path(waiting.popleft()[0]).stem, results, files)
            done = []


def _samples(prepared: Prepared, specs: Sequence[TensorSpec]) -> Iterator[Sample]:
    """Yield the samples of all files."""
    for name in prepared.names:
        arrays = [mapped(folder / name, spec) for folder, spec in zip(prepared.folders, specs, strict=True)]
        for row in range(len(arrays[0])):
            origin = str(prepared.folders[0] / name)
            yield Sample(f"{name}:{row}", tuple(np.array(array[row]) for array in arrays), origin)


def _write(outputs: Sequence[Outputs], name: str, results: Path, files: str) -> None:
    for index in range(len(outputs[0].arrays)):
        array = np.stack([one.arrays[index] for one in outputs])
        path = results / filled(files, {"name": name, "index": str(index), "number": str(index + 1)})
        try:
            _save(path, array)
        except OSError as error:
            what, do = "expected room for the model's outputs", "free disk space, or choose another --report-dir"
            raise RunError(str(path), what, str(error), do, kind="infra", stage="run") from error


def _save(path: Path, array: Array) -> None:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".txt":  # as ais_bench writes it: %f for floats, rows of the last axis
        np.savetxt(path, array.reshape(-1, array.shape[-1]), fmt="%f" if array.dtype.kind == "f" else "%d")
    else:
        np.ascontiguousarray(array).tofile(path)
