"""Small run folders, written by hand, for the tests of what is shown of a run."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness import sidecar
from harness.results import Case, Entry, Judgement, Measure, Measurement, Outcomes, Result, Verdict

ROUNDS = tuple(2.0 + 0.01 * (at % 10) for at in range(40))
"""Forty rounds from 2.00 to 2.09 ms, each of ten times four times: their median is 2.045 ms."""


def case(check: str = "accuracy", batch: int = 1, **facts: Any) -> Case:
    return Case.model_validate(
        {"model": "toy", "runtime": "ort-cpu", "chip": "cpu", "batch": batch, "check": check, **facts}
    )


def judgement(outcome: str = "PASS", **numbers: Any) -> Judgement:
    return Judgement.model_validate(
        {
            "name": "absolute",
            "observed": 0.8101,
            "target": 0.8098,
            "unit": "fraction",
            "tolerance": 0.002,
            "outcome": outcome,
            "note": "top1 81.01 % against 80.98 %",
            **numbers,
        }
    )


def entry(
    of: Case | None = None, judged: Judgement | None = None, code: str = "met", waived_by: str = "", **facts: Any
) -> Entry:
    judged = judged or judgement()
    verdict = Verdict.model_validate(
        {
            "outcome": judged.outcome,
            "code": code,
            "judgements": (judged,),
            "reason": judged.note,
            "waived_by": waived_by,
        }
    )
    result = Result.model_validate({"case": of or case(), "status": "measured", **facts})
    return Entry(result=result, verdict=verdict)


def timed(batch: int, rate: float, rounds_ms: tuple[float, ...] = ROUNDS, **facts: Any) -> Entry:
    measured = Measurement(definition="wall", statistic="median", batch=batch, rounds_ms=rounds_ms)
    judged = judgement(
        "NO_BASELINE", name="throughput", observed=rate, target=None, unit="images/s", note=f"throughput {rate}"
    )
    return entry(case("throughput", batch, **facts), judged, "no-promise", measurement=measured)


def write(folder: Path, entries: Iterable[Entry], **facts: Any) -> Path:
    """Write a run's folder and return it."""
    entries = list(entries)
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "schema": 1,
        "argv": ["pytest", "-m", "onnx"],
        "plan": [f"tests/gates/test_x.py::{one.result.case.test_name}" for one in entries],
        "options": [],
        "environment": {"python": "3.11.7", "packages": {"numpy": "2.4.6"}},
        "started_at": "2026-11-20T17:35:38+00:00",
        **facts,
    }
    (folder / "run.json").write_text(json.dumps(document), encoding="utf-8")
    text = "".join(one.to_json() + "\n" for one in entries)
    (folder / "results.jsonl").write_text(text, encoding="utf-8")
    return folder


def with_outcomes(folder: Path, of: Case, arrays: Mapping[str, Any], kind: str) -> Outcomes:
    """Write the sidecar of a case, as a run does, and return how the result names it."""
    (folder / "outcomes").mkdir(parents=True, exist_ok=True)
    path = f"outcomes/{of.key}.npz"
    sidecar.write(folder / path, {name: np.asarray(values) for name, values in arrays.items()})
    return Outcomes(path=path, sha256="", kind=kind)


def measure(name: str, value: float, protocol: str = "dataset") -> Measure:
    return Measure(name=name, protocol=protocol, value=value, n=100)
