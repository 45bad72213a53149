"""Sessions over command-line runners that read and write `.bin` files: chunks of them, under safe names.

One input file holds one full batch, or one sample for a tool that makes its batches itself; C order, without a header.
Names are running numbers: a sample's own name never reaches a tool.
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import RunError
from harness.measure import TimePlan
from harness.process import tail
from harness.results import Measurement
from harness.runtimes.batching import Batch, Batcher, split
from harness.runtimes.output_files import FORMATS, OutputFormat
from harness.runtimes.protocol import Gauge, SessionOptions
from harness.samples import Array, Outputs, Sample

SHOWN_IDS = 8
# Newer front ends refuse inputs that others may write to, which a umask of 002 allows, and a folder for outputs that
# others may read, which one of 022 does.
FOLDER_MODE, FILE_MODE = 0o750, 0o644


@dataclass(frozen=True)
class Chunk:
    """A private folder of files for one invocation: one folder per input, one for the outputs."""

    folder: Path
    inputs: tuple[Path, ...]
    output: Path

    @property
    def names(self) -> tuple[str, ...]:
        """The names, without `.bin`, that every input folder holds, in order."""
        return tuple(sorted(path.stem for path in self.inputs[0].iterdir()))

    @classmethod
    def below(cls, folder: Path, count: int) -> Self:
        """Make the empty folders of a model with that many inputs."""
        chunk = cls(folder, tuple(folder / f"input_{index}" for index in range(count)), folder / "output")
        for path in (*chunk.inputs, chunk.output):
            path.mkdir(FOLDER_MODE)
        return chunk


@dataclass(frozen=True)
class Written:
    """What a tool left: its log, where that output of the input files called so lies, and the folder of them all."""

    log: Path
    output_file: Callable[[str, int], Path]
    folder: Path | None = None


class FileTool(Protocol):
    """A command-line runner with its model; raises RunError and MissingNeedError.

    `rows` is how many samples a file holds, `outputs` the format of its output files.
    """

    runs_on: str
    rows: int
    outputs: OutputFormat

    def run(self, chunk: Chunk) -> Written:
        """Run every file of the chunk."""
        ...

    def time(self, plan: TimePlan, chunk: Chunk) -> Measurement:
        """Time the one batch of the chunk in the tool's own definition; the canary is not its business."""
        ...

    def close(self) -> None:
        """Let go of what it keeps; never raises."""
        ...


class FileSession:
    """A Session over a FileTool.

    The files of one chunk, inputs and outputs together, stay below `options.chunk_bytes`, or are those of one batch.
    """

    def __init__(
        self, tool: FileTool, artifact: Artifact, options: SessionOptions, canary: Callable[[], Gauge]
    ) -> None:
        self.inputs, self.outputs, self.runs_on = artifact.inputs, artifact.outputs, tool.runs_on
        self._where = artifact.path.name
        self._tool, self._options, self._canary = tool, options, canary
        self._batcher = Batcher(self._where, artifact.inputs, options.batch)
        self._batches_per_chunk = max(1, options.chunk_bytes // self._bytes_of_a_batch())
        self._numbers = count()

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield one Outputs per sample, in order; takes at most one chunk of samples ahead.

        A chunk's files are deleted once its last output is taken, or the iterator is closed. Raises RunError.
        """
        batches = self._batcher.batches(samples)
        while True:
            with self._folder() as folder:
                chunk = Chunk.below(Path(folder), len(self.inputs))
                several = islice(batches, self._batches_per_chunk)
                table = [row for batch in several for row in self._write(chunk, batch)]
                if not table:
                    return
                written = self._tool.run(chunk)
                for name, ids in table:
                    yield from split(self._read(chunk, written, name, ids), ids)

    def time(self, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
        """Time one batch made of the first samples, or of the plan's other inputs, in the tool's own definition.

        The canary is read before and after. Raises RunError.
        """
        batch = self._batcher.timed(plan.inputs, samples)
        canary = self._canary()
        with self._folder() as folder:
            chunk = Chunk.below(Path(folder), len(self.inputs))
            self._write(chunk, batch)
            before = canary.read()
            measurement = self._tool.time(plan, chunk)
            readings = {"canary_before_ms": before, "canary_after_ms": canary.read()}
        return measurement.model_copy(update=readings)

    def close(self) -> None:
        """Let the tool go; a chunk's files go with the iterator that made them."""
        self._tool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _folder(self) -> "tempfile.TemporaryDirectory[str]":
        return tempfile.TemporaryDirectory(prefix="chunk-", dir=self._options.workdir)

    def _bytes_of_a_batch(self) -> int:
        """Return about how many bytes the files of one batch take, its inputs and its outputs."""
        rows, batch = self._tool.rows, self._options.batch
        inputs = sum(FORMATS["BIN"].planned_bytes(spec.dtype, spec.at(batch)) for spec in self.inputs)
        of_a_file = sum(self._tool.outputs.planned_bytes(spec.dtype, spec.at(rows)) for spec in self.outputs)
        return inputs + of_a_file * (batch // rows)

    def _write(self, chunk: Chunk, batch: Batch) -> list[tuple[str, tuple[str, ...]]]:
        """Write one batch; return each name with the samples that it stands for, none where it only fills the batch."""
        rows, table = self._tool.rows, []
        for start in range(0, self._options.batch, rows):
            name = f"{next(self._numbers):08d}"
            for folder, array in zip(chunk.inputs, batch.arrays, strict=True):
                _write_file(folder / f"{name}.bin", array[start : start + rows])
            table.append((name, batch.ids[start : start + rows]))
        return table

    def _read(self, chunk: Chunk, written: Written, name: str, ids: Sequence[str]) -> list[Array]:
        """Read the outputs of one name; nothing is read of files that only filled a batch."""
        if not ids:
            return []
        started_ns = (chunk.inputs[0] / f"{name}.bin").stat().st_mtime_ns
        files = [(written.output_file(name, index), spec) for index, spec in enumerate(self.outputs)]
        return [self._output(path, spec, ids, (written.log, started_ns)) for path, spec in files]

    def _output(self, path: Path, spec: TensorSpec, ids: Sequence[str], run: tuple[Path, int]) -> Array:
        """Read one output file; one that is missing, older than its input or of another size names its samples."""
        log, started_ns = run
        shape = spec.at(self._tool.rows)
        try:
            _check_new(path, started_ns)
            return self._tool.outputs.read(path, spec.dtype, shape)
        except (OSError, ValueError) as error:
            who = ", ".join(ids[:SHOWN_IDS]) + (", …" if len(ids) > SHOWN_IDS else "")
            expected = self._tool.outputs.expects(spec.dtype, shape)
            what = f"expected {expected} in {path.name}, output {spec.name!r} of sample {who}"
            hint = f"the whole log is {log}, its last lines are:\n{tail(log)}"
            raise RunError(
                self._where, what, str(error), hint, kind="tool-failed", stage="run", log=str(log)
            ) from error


def _check_new(path: Path, started_ns: int) -> None:
    if not path.is_file():
        raise ValueError("no such file")
    if path.stat().st_mtime_ns < started_ns:
        raise ValueError("a file older than its input: one of an earlier run")


def _write_file(path: Path, array: Array) -> None:
    try:
        array.tofile(path)
        path.chmod(FILE_MODE)
    except OSError as error:
        hint, details = "free disk space, or lower the bytes of a chunk", {"kind": "infra", "stage": "run"}
        raise RunError(str(path.parent), "expected room for its files", str(error), hint, **details) from error
