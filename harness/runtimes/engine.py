"""The session of every runtime that runs whole batches in memory: it batches, checks, splits and times."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from harness.artifacts import Artifact
from harness.cards import TensorSpec
from harness.errors import RunError, UsageError
from harness.measure import Step, TimePlan, timed_rounds
from harness.results import Measurement
from harness.runtimes.batching import Batcher, require_batch_axis, split
from harness.runtimes.protocol import Gauge, SessionOptions
from harness.samples import Array, Outputs, Sample

STATISTICS = {"wall": "median", "ais_bench": "mean"}
"""The statistic over rounds that belongs to a definition of speed; ais_bench divides by the mean."""


class Engine(Protocol):
    """A loaded network that takes and returns whole batches; raises RunError."""

    runs_on: str

    def run(self, arrays: Sequence[Array]) -> Sequence[Array]:
        """Return the outputs of one batch, batch axis first."""
        ...

    def step(self, arrays: Sequence[Array]) -> Step:
        """Return a timed round over that batch."""
        ...

    def close(self) -> None:
        """Let go of everything; never raises."""
        ...


class EngineSession:
    """A Session over an Engine; `canary` makes the canary of the engine's process when something is timed.

    `definition` says what an engine's round is: wall milliseconds of a call, or the device's own (`ais_bench`).
    """

    def __init__(
        self,
        engine: Engine,
        artifact: Artifact,
        options: SessionOptions,
        canary: Callable[[], Gauge],
        definition: str = "wall",
    ) -> None:
        self.inputs, self.outputs, self.runs_on = artifact.inputs, artifact.outputs, engine.runs_on
        self._where = artifact.path.name
        self._engine, self._options, self._canary, self._definition = engine, options, canary, definition
        self._expected = [(spec.dtype, spec.at(options.batch)) for spec in artifact.outputs]
        self._batcher = Batcher(self._where, artifact.inputs, options.batch)

    def run(self, samples: Iterable[Sample]) -> Iterator[Outputs]:
        """Yield one Outputs per sample, in order; takes at most one batch of samples ahead.

        The arrays are rows of the batch's outputs, in memory that nothing writes to again. Raises RunError.
        """
        for batch in self._batcher.batches(samples):
            yield from split(self._checked(self._engine.run(batch.arrays), batch.arrays), batch.ids)

    def time(self, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
        """Time whole batches made of the first samples, or of the plan's other inputs: every round in milliseconds.

        The canary is read before and after. Raises RunError.
        """
        batch = self._batcher.timed(plan.inputs, samples)
        canary = self._canary()
        before = canary.read()
        rounds = timed_rounds(self._engine.step(batch.arrays), plan)
        return Measurement(
            definition=self._definition,
            statistic=STATISTICS[self._definition],
            batch=self._options.batch,
            rounds_ms=rounds.rounds_ms,
            warmup_ms=rounds.warmup_ms,
            inputs=plan.inputs,
            threads=self._options.threads,
            canary_before_ms=before,
            canary_after_ms=canary.read(),
        )

    def close(self) -> None:
        """Close the engine; never raises."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _checked(self, outputs: Sequence[Array], inputs: Sequence[Array]) -> list[Array]:
        """Return the outputs if they are what the artifact declares, copied where they lie in an input's memory."""
        found = [(output.dtype.name, output.shape) for output in outputs]
        if found != self._expected:
            what = f"expected the outputs {self._expected}"
            raise RunError(self._where, what, str(found), "compare the card's [[output]] tables", stage="run")
        # A network that hands an input through may return its very memory, which the next batch overwrites.
        return [
            output.copy() if any(np.may_share_memory(output, array) for array in inputs) else output
            for output in outputs
        ]


def check_options(artifact: Artifact, formats: Sequence[str], options: SessionOptions) -> None:
    """Refuse an artifact of another format and impossible options; make the working folder."""
    where = artifact.path.name
    if artifact.format not in formats:
        raise UsageError(where, f"expected an artifact of format {' or '.join(formats)}", repr(artifact.format))
    if options.batch < 1 or options.threads < 1:
        got = f"batch {options.batch}, threads {options.threads}"
        raise UsageError(where, "expected a batch size and threads of 1 or more", got)
    for spec in (*artifact.inputs, *artifact.outputs):
        require_batch_axis(where, spec)
    options.workdir.mkdir(parents=True, exist_ok=True)


def check_tensors(where: str, specs: Sequence[TensorSpec], found: Sequence[dict[str, Any]], batch: int) -> None:
    """Compare the specs at a batch size with the tensors a library read from the file: names, order, dtypes, sizes.

    A free dimension of the file (None) takes any size. Raises RunError (kind `corrupt-artifact`).
    """
    expected = [(spec.name, spec.dtype, spec.at(batch)) for spec in specs]
    present = [(tensor["name"], tensor["dtype"], tuple(tensor["shape"])) for tensor in found]
    if len(expected) != len(present) or not all(map(_fits, expected, present)):
        hint = f"build the artifact again for batch {batch}, or correct the card's tensors"
        what = f"expected the tensors {expected}"
        raise RunError(where, what, str(present), hint, kind="corrupt-artifact", stage="open")


def _fits(expected: tuple[str, str, tuple[int, ...]], present: tuple[str, str, tuple[int | None, ...]]) -> bool:
    sizes = list(zip(expected[2], present[2], strict=False))
    same_rank = len(expected[2]) == len(present[2])
    return expected[:2] == present[:2] and same_rank and all(free is None or size == free for size, free in sizes)
