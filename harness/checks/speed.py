"""Speed: the artifact timed on real inputs, alone on its device."""

from typing import Any

from harness.checks.parity import fixed_inputs
from harness.results import Case
from harness.workbench import Workbench


def measure(case: Case, bench: Workbench) -> dict[str, Any]:
    """Time the case's artifact; throughput and latency are two readings of the same rounds."""
    artifact = bench.artifact(case)
    samples = fixed_inputs(bench.card(case), bench)
    with bench.open(case, artifact) as session:
        measurement = session.time(bench.time_plan, samples)
    return {
        "measurement": measurement,
    }
