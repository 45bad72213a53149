"""Sessions over command-line runners that read and write `.bin` files: chunks of them, under safe names.

One file holds one full batch of one input or output, C order, without a header. Names are running numbers: a sample's
own name never reaches a tool.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.measure import Canary, TimePlan
from harness.process import tail
from harness.results import Measurement
from harness.runtimes.batching import Batch, Batcher, split
from harness.runtimes.protocol import SessionOptions
from harness.samples import Array, Outputs, Sample

SHOWN_IDS = 8


class FileTool(Protocol):
    """A command-line runner with its model; raises RunError and MissingNeedError."""

    runs_on: str

    def run(self, inputs: Sequence[Path], output: Path) -> Path:
        """Run every file of the input folders, which hold the same names; return the log."""
        ...

    def output_file(self, output: Path, name: str, index: int) -> Path:
        """Return where the tool writes that output of the input files called `name`."""
        ...

    def time(self, plan: TimePlan, inputs: Sequence[Path], output: Path) -> Measurement:
        """Time the only file of the input folders in the tool's own definition; the canary is not its business."""
        ...


@dataclass(frozen=True)
class Chunk:
    """A private folder of files for one invocation: one folder per input, one for the outputs."""

    inputs: tuple[Path, ...]
    output: Path

    @classmethod
    def below(cls, folder: Path, count: int) -> Self:
        """Make the empty folders of a model with that many inputs."""
        chunk = cls(tuple(folder / f"input_{index}" for index in range(count)), folder / "output")
        for path in (*chunk.inputs, chunk.output):
            path.mkdir()
        return chunk


class FileSession:
    """A Session over a FileTool.

    The files of one chunk, inputs and outputs together, stay below `options.chunk_bytes`, or are those of one batch.
    """

    def __init__(
        self, tool: FileTool, artifact: Artifact, options: SessionOptions, canary: Callable[[], Canary]
    ) -> None:
        self.inputs, self.outputs, self.runs_on = artifact.inputs, artifact.outputs, tool.runs_on
        self._where = artifact.path.name
        self._tool, self._options, self._canary = tool, options, canary
        self._batcher = Batcher(self._where, artifact.inputs, options.batch)
        batch_bytes = sum(_size(spec, options.batch) for spec in (*artifact.inputs, *artifact.outputs))
        self._batches_per_chunk = max(1, options.chunk_bytes // batch_bytes)
        self._numbers = count()

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield one Outputs per sample, in order; takes at most one chunk of samples ahead.

        A chunk's files are deleted once its last output is taken, or the iterator is closed. Raises RunError.
        """
        batches = self._batcher.batches(samples)
        while True:
            with self._folder() as folder:
                chunk = Chunk.below(Path(folder), len(self.inputs))
                table = {self._write(chunk, batch): batch.ids for batch in islice(batches, self._batches_per_chunk)}
                if not table:
                    return
                log = self._tool.run(chunk.inputs, chunk.output)
                for name, ids in table.items():
                    yield from split(self._read(chunk, name, ids, log), ids)

    def time(self, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
        """Time one batch made of the first samples, in the tool's own definition.

        The canary is read before and after, in this process: the tool's own is out of reach. Raises RunError.
        """
        batch = self._batcher.first(samples)
        canary = self._canary()
        with self._folder() as folder:
            chunk = Chunk.below(Path(folder), len(self.inputs))
            self._write(chunk, batch)
            before = canary.read()
            measurement = self._tool.time(plan, chunk.inputs, chunk.output)
            readings = {"canary_before_ms": before, "canary_after_ms": canary.read()}
        return measurement.model_copy(update=readings)

    def close(self) -> None:
        """Do nothing: the tool ended, and a chunk's files go with the iterator that made them."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _folder(self) -> "tempfile.TemporaryDirectory[str]":
        return tempfile.TemporaryDirectory(prefix="chunk-", dir=self._options.workdir)

    def _write(self, chunk: Chunk, batch: Batch) -> str:
        """Write one batch; return the name that stands for its samples."""
        name = f"{next(self._numbers):08d}"
        for folder, array in zip(chunk.inputs, batch.arrays, strict=True):
            try:
                array.tofile(folder / f"{name}.bin")
            except OSError as error:
                hint, details = "free disk space, or lower the bytes of a chunk", {"kind": "infra", "stage": "run"}
                raise RunError(str(folder), "expected room for its files", str(error), hint, **details) from error
        return name

    def _read(self, chunk: Chunk, name: str, ids: Sequence[str], log: Path) -> list[Array]:
        paths = [self._tool.output_file(chunk.output, name, index) for index in range(len(self.outputs))]
        return [self._output(path, spec, ids, log) for path, spec in zip(paths, self.outputs, strict=True)]

    def _output(self, path: Path, spec: TensorSpec, ids: Sequence[str], log: Path) -> Array:
        """Read one output of one batch; a file that is missing or of another size names its samples."""
        size = _size(spec, self._options.batch)
        found = path.stat().st_size if path.is_file() else None
        if found != size:
            who = ", ".join(ids[:SHOWN_IDS]) + (", …" if len(ids) > SHOWN_IDS else "")
            what = f"expected {size} bytes in {path.name}, output {spec.name!r} of sample {who}"
            got = "no such file" if found is None else f"{found} bytes"
            hint = f"the whole log is {log}, its last lines are:\n{tail(log)}"
            raise RunError(self._where, what, got, hint, kind="tool-failed", stage="run", log=str(log))
        return np.fromfile(path, np.dtype(spec.dtype)).reshape(spec.at(self._options.batch))


def _size(spec: TensorSpec, batch: int) -> int:
    return prod(spec.at(batch)) * np.dtype(spec.dtype).itemsize
