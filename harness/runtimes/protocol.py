"""The two interfaces every runtime has: `Runtime` opens artifacts, `Session` runs and times one.

Batching, chunking, padding and files stay inside `Session.run`, so that one protocol serves a library and a
command-line tool.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.measure import TimePlan
from harness.results import Measurement
from harness.samples import Outputs, Sample


@dataclass(frozen=True)
class SessionOptions:
    """How to run: batch size, inference threads, a private working folder, bytes of files alive at once, a time-out.

    `canary` is a small artifact of the runtime's format, timed before and after; None takes the runtime's own, if it
    has one. `outfmt` is the format in which a command-line tool writes outputs (BIN, NPY, TXT); empty is the runtime's.
    """

    batch: int
    workdir: Path
    threads: int = 1
    chunk_bytes: int = 256 * 1024 * 1024
    timeout_s: float = 600.0
    env: Mapping[str, str] = field(default_factory=dict)
    canary: Path | None = None
    outfmt: str = ""


class Gauge(Protocol):
    """Something fixed that is timed before and after a run, to tell whether the machine stayed the same."""

    def read(self) -> float | None:
        """Return its milliseconds now, or None where nothing is timed; raises RunError."""
        ...


class NoGauge:
    """The gauge of a run beside which nothing is timed."""

    def read(self) -> float | None:
        """Return None."""
        return None


class Session(Protocol):
    """An opened artifact; a context manager whose `close` never raises.

    `runs_on` is what executes it, read back from the library rather than assumed.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    runs_on: str

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield one Outputs per sample, lazily and in input order, padding removed.

        Raises RunError (kinds of `results.Failure`).
        """
        ...

    def time(self, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
        """Time the artifact on `samples` (repeated to fill a batch); every round kept, in milliseconds."""
        ...

    def close(self) -> None:
        """Let go of the device and every file; never raises."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Runtime(Protocol):
    """Something that opens artifacts of the formats it names."""

    name: str
    formats: tuple[str, ...]

    def missing(self) -> str | None:
        """Return why it cannot run here and what to do, or None; serves skips and doctor alike."""
        ...

    def open(self, artifact: Artifact, device: str, options: SessionOptions) -> Session:
        """Open an artifact on a device (`cpu`, `cuda:0`, `npu:0`); raises RunError."""
        ...
