"""The timed cases of a run in pytest-benchmark's storage format, for `pytest-benchmark compare`."""

import datetime
import json
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from harness.results import Entry

# The format's own version, as pytest-benchmark 5 writes it.
FORMAT_VERSION = "5.1.0"


def render(entries: Sequence[Entry]) -> str:
    """Return the JSON document; times are in seconds per round, cases without a measurement are left out."""
    timed = [entry for entry in entries if entry.result.measurement and entry.result.measurement.rounds_ms]
    environment = entries[0].result.environment if entries else {}
    document = {
        "machine_info": {
            "machine": str(environment.get("system", "")).rpartition(" ")[2],
            "system": str(environment.get("system", "")).partition(" ")[0],
            "python_version": environment.get("python", ""),
            "cpu": {"brand_raw": environment.get("cpu", ""), "count": environment.get("cores", 0)},
        },
        "commit_info": {"id": environment.get("commit", ""), "dirty": False, "branch": ""},
        "benchmarks": [_benchmark(entry) for entry in timed],
        "datetime": datetime.datetime.now(datetime.UTC).isoformat(),
        "version": FORMAT_VERSION,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _benchmark(entry: Entry) -> dict[str, Any]:
    case, measurement = entry.result.case, entry.result.measurement
    rounds = [round_ms / 1000 for round_ms in measurement.rounds_ms] if measurement else []
    name = f"test_{case.check}[{case.id}]"
    return {
        "group": case.check,
        "name": name,
        "fullname": f"tests/gates/test_{case.check}.py::{name}",
        "params": {"case": case.id},
        "param": case.id,
        "extra_info": {
            "outcome": entry.verdict.outcome,
            "code": entry.verdict.code,
            "batch": case.batch,
            "omgate_entry": json.loads(entry.to_json()),  # what `omgate history import` reads
        },
        "options": {"disable_gc": False, "timer": "perf_counter", "min_rounds": 5, "max_time": 1.0, "warmup": False},
        "stats": _stats(rounds),
    }


def _stats(rounds: list[float]) -> dict[str, Any]:
    q1, median, q3 = statistics.quantiles(rounds, n=4, method="inclusive") if len(rounds) > 1 else rounds * 3
    iqr, mean = q3 - q1, statistics.fmean(rounds)
    low, high = q1 - 1.5 * iqr, q3 + 1.5 * iqr
    deviation = statistics.stdev(rounds) if len(rounds) > 1 else 0.0
    far = sum(not mean - deviation <= value <= mean + deviation for value in rounds)
    outliers = sum(not low <= value <= high for value in rounds)
    return {
        "min": min(rounds),
        "max": max(rounds),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(rounds),
        "median": median,
        "iqr": iqr,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": far,
        "outliers": f"{far};{outliers}",
        "ld15iqr": _within(sorted(rounds), low),
        "hd15iqr": _within(sorted(rounds, reverse=True), high),
        "ops": 1 / mean if mean else 0.0,
        "total": sum(rounds),
        "data": rounds,
        "iterations": 1,
    }


def _within(ordered: Iterable[float], bound: float) -> float:
    """Return the first value on the near side of a bound, coming from outside it."""
    values = list(ordered)
    rising = values[0] <= values[-1]
    return next((value for value in values if (value >= bound if rising else value <= bound)), values[-1])
