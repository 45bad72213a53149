"""The model over files, as the READMEs' tools run it: `.bin` files in, one file per output and input file out.

Any session serves, so the batch, the device and the runtime's own files stay its business.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path

import numpy as np

from harness.card_scripts import filled
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.runtimes.protocol import Session
from harness.samples import Array, Outputs, Sample


def run_over_files(session: Session, inputs: Sequence[Path], results: Path, files: str) -> tuple[str, ...]:
    """Run every file of the input folders, in order of their names; return the ids of the samples that they held.

    A file holds one sample or more (what a script batched), in C order without a header; output i of it is written to
    `results` under the name that `files` makes of its `{name}`, `{index}` (from 0) and `{number}` (from 1): `.bin` raw,
    `.npy`, or `.txt` in rows of the last axis. Raises RunError (kind `data`) for folders without files, of different
    files, or with one of a size that is not a whole number of samples.
    """
    names = _names(inputs, session.inputs)
    waiting: deque[tuple[str, int]] = deque()
    done: list[Outputs] = []
    ids: list[str] = []
    for outputs in session.run(_samples(names, inputs, session.inputs, waiting)):
        done.append(outputs)
        ids.append(outputs.sample_id)
        name, count = waiting[0]
        if len(done) == count:
            waiting.popleft()
            _write(done, Path(name).stem, results, files)
            done = []
    return tuple(ids)


def _names(inputs: Sequence[Path], specs: Sequence[TensorSpec]) -> list[str]:
    """Return the names of the files, the same in every folder."""
    if len(inputs) != len(specs):
        what = f"expected one folder for each of the inputs {', '.join(spec.name for spec in specs)}"
        raise _wrong("script.preprocess.folders", what, f"{len(inputs)}", "name them all in the card, in order")
    found = [sorted(path.name for path in folder.glob("*.bin") if path.is_file()) for folder in inputs]
    if not found[0]:
        hint = "correct folders in the card's [script.preprocess], or look at the step's log"
        raise _wrong(str(inputs[0]), "expected .bin files, which the script should have written", "none", hint)
    for folder, others in zip(inputs[1:], found[1:], strict=True):
        if others != found[0]:
            odd = sorted(set(found[0]).symmetric_difference(others))[0]
            raise _wrong(str(folder), f"expected the same files as in {inputs[0]}", f"{odd} in one of them", "")
    return found[0]


def _samples(
    names: Sequence[str], inputs: Sequence[Path], specs: Sequence[TensorSpec], waiting: deque[tuple[str, int]]
) -> Iterator[Sample]:
    """Yield the samples of all files; `waiting` learns which file each belongs to."""
    for name in names:
        arrays = [_read(folder / name, spec) for folder, spec in zip(inputs, specs, strict=True)]
        counts = {len(array) for array in arrays}
        if len(counts) != 1:
            raise _wrong(name, "expected as many samples of every input", f"{sorted(counts)}", "look at the script")
        waiting.append((name, len(arrays[0])))
        for row in range(len(arrays[0])):
            yield Sample(f"{name}:{row}", tuple(array[row] for array in arrays), str(inputs[0] / name))


def _read(path: Path, spec: TensorSpec) -> Array:
    """Return a file's samples, an array of [samples, …]."""
    shape, dtype = spec.at(1)[1:], np.dtype(spec.dtype).newbyteorder("<")
    each, size = prod(shape) * dtype.itemsize, path.stat().st_size
    if size == 0 or size % each:
        what = f"expected a multiple of {each} bytes, {spec.dtype} {' × '.join(map(str, shape))} of {spec.name!r}"
        raise _wrong(str(path), what, str(size), "compare the card's [[input]] with what the script writes")
    return np.fromfile(path, dtype).reshape(-1, *shape).astype(spec.dtype, copy=False)


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


def _wrong(where: str, what: str, got: str, do: str) -> RunError:
    return RunError(where, what, got, do, kind="data", stage="run")
