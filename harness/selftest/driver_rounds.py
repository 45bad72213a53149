"""The self-test of the runtimes as the gates drive them: right values, every way to time, and a damaged OM refused."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from harness import runtimes
from harness.artifacts import Artifact
from harness.errors import OmgateError, RunError, UsageError
from harness.measure import TimePlan
from harness.runtimes.protocol import Runtime, SessionOptions
from harness.samples import Sample
from harness.selftest import one_operator
from harness.selftest.atc_rounds import BATCHES
from harness.selftest.bench import TOOL_S, Bench

ROUNDS = 3
KINDS: tuple[Literal["real", "zero", "random"], ...] = ("real", "zero", "random")
REFUSALS = ("corrupt-artifact", "tool-failed")


def run(bench: Bench, oms: dict[int, Path]) -> None:
    """Drive each runtime that is there; what works, and what does not, goes into the bench's checks."""
    bench.absent.setdefault("rounding", "no runtime ran")
    for name in runtimes.OM_RUNTIMES:
        runtime = runtimes.get(name, bench.toolchain)
        if runtime.missing() is None:
            _drive(bench, runtime, {batch: one_operator.artifact(om, batch) for batch, om in oms.items()})


def _drive(bench: Bench, runtime: Runtime, artifacts: dict[int, Artifact]) -> None:
    first, second = (artifacts.get(batch) for batch in BATCHES)
    for batch, artifact in zip(BATCHES, (first, second), strict=True):
        _step(bench, runtime, f"right values at batch {batch}", artifact, _values)
    _step(bench, runtime, "times real, zero and random inputs", second, _times)
    _step(bench, runtime, "refuses a damaged OM", first, _refuses)


Step = Callable[[Bench, Runtime, Artifact], tuple[bool, str]]
"""What is done with a runtime and an OM: whether it came out right, and what there is to say."""


def _step(bench: Bench, runtime: Runtime, what: str, artifact: Artifact | None, step: Step) -> None:
    name, tool = f"{runtime.name}: {what}", "python" if runtime.name == "aclruntime" else runtime.name
    if artifact is None or bench.lacks(tool):
        bench.check(name, False, f"not run: {bench.lacks(tool) or 'there is no OM to run'}")
        return
    try:
        ok, text = step(bench, runtime, artifact)
    except OmgateError as error:
        bench.broke(name, error)
        if isinstance(error, RunError) and error.kind == "timeout":
            bench.given_up[tool] = f"an earlier {runtime.name} did not end"
    else:
        bench.check(name, ok, text)


def _options(bench: Bench, batch: int) -> SessionOptions:
    return SessionOptions(batch=batch, workdir=bench.folder / "driven", timeout_s=bench.seconds_left(TOOL_S))


def _values(bench: Bench, runtime: Runtime, artifact: Artifact) -> tuple[bool, str]:
    """Run one sample more than a batch, and one that only float32 adds exactly."""
    count = artifact.batch + 1
    rounding = Sample("rounding", (np.full_like(one_operator.sample(0), one_operator.LAST_EXACT),))
    given = [*one_operator.samples(count), *([rounding] if artifact.batch == 1 else [])]
    with runtime.open(artifact, f"npu:{bench.npu.runtime_id}", _options(bench, artifact.batch)) as session:
        outputs = list(session.run(given))
    for number, output in enumerate(outputs[:count]):
        if not np.array_equal(output.arrays[0], one_operator.expected(number)):
            expected, found = one_operator.expected(number).ravel()[:4], output.arrays[0].ravel()[:4]
            return False, f"sample {number}: expected {_shown(expected)}…, got {_shown(found)}…"
    if artifact.batch == 1:
        bench.notes.setdefault("rounding", f"{outputs[-1].arrays[0].ravel()[1]:g}")
    return True, f"{count} samples"


def _times(bench: Bench, runtime: Runtime, artifact: Artifact) -> tuple[bool, str]:
    told = []
    with runtime.open(artifact, f"npu:{bench.npu.runtime_id}", _options(bench, artifact.batch)) as session:
        for inputs in KINDS:
            plan = TimePlan(1, ROUNDS, ROUNDS, 0.0, inputs)
            try:
                rounds_ms = session.time(plan, one_operator.samples(artifact.batch)).rounds_ms
            except UsageError as error:
                return False, f"{inputs}: {error}"
            if not rounds_ms or not all(math.isfinite(each) and each >= 0 for each in rounds_ms):
                return False, f"{inputs}: {rounds_ms}"
            told.append(f"{inputs} {sum(rounds_ms) / len(rounds_ms):.3f} ms")
    return True, ", ".join(told)


def _refuses(bench: Bench, runtime: Runtime, artifact: Artifact) -> tuple[bool, str]:
    damaged = bench.folder / "damaged_bs1.om"
    content = artifact.path.read_bytes()
    damaged.write_bytes(content[: len(content) // 2])
    damaged.chmod(0o600)
    broken = one_operator.artifact(damaged, artifact.batch)
    try:
        with runtime.open(broken, f"npu:{bench.npu.runtime_id}", _options(bench, artifact.batch)) as session:
            list(session.run(one_operator.samples(1)))
    except RunError as error:
        if error.kind == "timeout":
            raise
        code = f", code {error.code}" if error.code else ""
        return error.kind in REFUSALS, f"{error.kind} at {error.stage}{code}"
    return False, "it was run"


def _shown(numbers: object) -> str:
    return np.array2string(np.asarray(numbers), separator=", ", precision=6)
