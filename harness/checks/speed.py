"""Speed: the artifact timed on real inputs, alone on its device."""

import dataclasses
from typing import Any, Literal

from harness.cards import ModelCard
from harness.checks.parity import fixed_inputs
from harness.gates import promises_for
from harness.results import Case
from harness.workbench import Workbench


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Time the case's artifact; throughput and latency are two readings of the same rounds."""
    artifact = bench.artifact(case)
    card = bench.card(case)
    samples = fixed_inputs(card, bench)
    plan = dataclasses.replace(bench.time_plan, inputs=_inputs(card, case))
    with bench.open(case, artifact) as session:
        measurement = session.time(plan, samples)
    return {
        "measurement": measurement,
    }


def _inputs(card: ModelCard, case: Case) -> Literal["real", "random", "zero"]:
    """Return what the promise was timed on, `real` where it does not say: another kind cannot be compared with it."""
    stated = [row.inputs for row in promises_for(card, case).baselines]
    return next((kind for kind in stated if kind), "real")
