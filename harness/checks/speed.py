"""Speed: the artifact timed on real inputs, alone on its device, until its promise is certain or the time is up."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from harness import round_stats
from harness.artifacts import Artifact
from harness.cards import ModelCard
from harness.checks.parity import fixed_inputs
from harness.gates import promises_for, speed
from harness.measure import TimePlan
from harness.results import Case, Measurement
from harness.runtimes.protocol import Session
from harness.samples import Sample
from harness.workbench import Workbench


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Time the case's artifact; throughput and latency are two readings of the same rounds.

    A run that does not pass is timed once more in a fresh process, which must not pass either for the case to fail: in
    a child for ONNX Runtime, in another worker or call of the tool on an NPU. Both are kept.
    """
    artifact = bench.artifact(case)
    card = bench.card(case)
    samples = fixed_inputs(bench.fed(case), bench)
    plan = dataclasses.replace(bench.time_plan, inputs=timed_inputs(card, case))
    first = _timed(case, bench, artifact, plan, samples)
    if speed.passes(card, case, first):
        return {"measurement": first}
    fresh = dataclasses.replace(bench, isolate=True)
    return {"measurement": first, "confirmation": _timed(case, fresh, artifact, plan, samples)}


def run_until(
    session: Session, plan: TimePlan, samples: Sequence[Sample], settled: Callable[[Measurement], bool]
) -> Measurement:
    """Time a session by the plan, and go on while nothing is settled and the plan's time for that lasts.

    Each look is after twice as many rounds as the one before, so that there are few of them. A session over a tool is
    a further call of the tool.
    """
    started = time.monotonic()
    found = _warmed(session.time(plan, samples))
    while _may_go_on(found, plan, time.monotonic() - started) and not settled(found):
        more = min(len(found.rounds_ms), plan.open_rounds - len(found.rounds_ms))
        found = _warmed(_joined(found, session.time(plan.more(more), samples)))
    return found


def _timed(case: Case, bench: Workbench, artifact: Artifact, plan: TimePlan, samples: Sequence[Sample]) -> Measurement:
    card = bench.card(case)
    noise = {"noise": bench.noise.get(case.key)}
    with bench.open(case, artifact) as session:
        found = run_until(session, plan, samples, lambda run: speed.settled(card, case, run.model_copy(update=noise)))
    return found.model_copy(update=noise)


def _may_go_on(found: Measurement, plan: TimePlan, seconds: float) -> bool:
    return 0 < len(found.rounds_ms) < plan.open_rounds and seconds < plan.open_s


def _warmed(found: Measurement) -> Measurement:
    """Return a run with the number of rounds that were still warming up; NaN is for the gate to see."""
    rounds_ms = np.array(found.rounds_ms, np.float64)
    return found.model_copy(
        update={
            "warming": round_stats.warming(rounds_ms) if np.isfinite(rounds_ms).all() else 0,
            "looks": (*found.looks, len(rounds_ms)),
        }
    )


def _joined(found: Measurement, more: Measurement) -> Measurement:
    """Return two runs of one session as one; of a further call of msame the first round does not count either.

    What the tool printed was of the first part only, so nothing of it is kept.
    """
    first = 1 if more.definition == "msame" and len(more.rounds_ms) > 1 else 0
    return found.model_copy(
        update={
            "rounds_ms": (*found.rounds_ms, *more.rounds_ms[first:]),
            "warmup_ms": (*found.warmup_ms, *more.warmup_ms, *more.rounds_ms[:first]),
            "canary_after_ms": more.canary_after_ms,
            "tool_value": None,
        }
    )


def timed_inputs(card: ModelCard, case: Case) -> Literal["real", "random", "zero"]:
    """Return what the promise was timed on, `real` where it does not say: another kind cannot be compared with it."""
    stated = [row.inputs for row in promises_for(card, case).baselines]
    return next((kind for kind in stated if kind), "real")
