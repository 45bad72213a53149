"""The speed gate: a rate or a latency in the baseline's own definition, one-sided, against a floor or a ceiling."""

import json
import math
from typing import cast

import numpy as np

from harness.cards import Baseline, ModelCard
from harness.gates import thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain, printed_at
from harness.gates.promises import Promise
from harness.results import Case, Code, Judgement, Measurement, Outcome, Result
from harness.stats import Index, Interval, bootstrap_interval
from harness.units import written

RAW_UNITS = {"throughput": "images/s", "latency": "ms"}
CANARY_UNITS = {"throughput": "images/canary", "latency": "canary"}
# The 310's inference card carries four chips: the IntraDA README multiplies the tool's rate by 4.
CHIPS_PER_CARD = {"Ascend310": 4, "Ascend310P3": 1}
FEWEST_ROUNDS = 5


def findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Return every judgement of a timed result; emulated and seeded cases are measured, never judged."""
    measurement, case = result.measurement, result.case
    if measurement is None or not (measurement.rounds_ms or measurement.tool_value):
        return (plain(case.check, "NOT_RUN", "infra", "the result carries no timed round"),)
    value = reading(measurement, case.check)
    broken = not_finite(case.check, value)
    if broken:
        return (broken,)
    if case.emulated or case.weights == "seeded":
        return (_unjudged(case, value, "emulated" if case.emulated else "seeded", "measured, not judged"),)
    judged = tuple(_judged(baseline, measurement, card, case) for baseline in promise.baselines)
    return judged or (_unjudged(case, value, "no-promise", "no promise for this chip and batch size"),)


def reading(measurement: Measurement, check: str) -> float:
    """Return images/s (`throughput`) or ms per run (`latency`) by the measurement's own definition.

    `ais_bench` takes the mean, `msame` the mean without the first, others the measurement's statistic; a tool that
    gives no rounds is believed.
    """
    if not measurement.rounds_ms:
        return cast("float", measurement.tool_value)
    return _reading(np.array(measurement.rounds_ms), measurement, check)


def _reading(rounds_ms: "np.typing.NDArray[np.float64]", measurement: Measurement, check: str) -> float:
    if measurement.definition == "msame" and len(rounds_ms) > 1:
        rounds_ms = rounds_ms[1:]
    mean = measurement.definition in ("ais_bench", "msame") or measurement.statistic == "mean"
    typical_ms = float(np.mean(rounds_ms) if mean else np.median(rounds_ms))
    if check == "latency":
        return typical_ms
    return 1000.0 * measurement.batch / typical_ms if typical_ms > 0 else math.inf


def _interval(measurement: Measurement, check: str) -> Interval | None:
    if len(measurement.rounds_ms) < FEWEST_ROUNDS:
        return None
    rounds_ms = np.array(measurement.rounds_ms)

    def resampled(index: Index) -> float:
        return _reading(rounds_ms[index], measurement, check)

    return bootstrap_interval(len(rounds_ms), resampled)


def _judged(baseline: Baseline, measurement: Measurement, card: ModelCard, case: Case) -> Finding:
    value, interval = reading(measurement, case.check), _interval(measurement, case.check)
    why_not = _incomparable(baseline, measurement, case)
    if why_not:
        return _unjudged(case, value, "no-promise", f"{why_not}; {_promised(baseline)}")
    if baseline.unit in CANARY_UNITS.values() and _canary_ms(measurement) is None:
        return plain(case.check, "INCONCLUSIVE", "not-quiet", f"no canary was timed; {_promised(baseline)}")
    scale = _scale(baseline, measurement)
    seen = value * scale
    between = None if interval is None else (interval[0] * scale, interval[1] * scale)
    allowed = thresholds.speed(baseline, case)
    outcome, code = _outcome(baseline, (seen, between), allowed.value, measurement)
    raw = "" if scale == 1.0 else f" ({written(value, RAW_UNITS[case.check])})"
    note = (
        f"{case.check} {written(seen, _unit(baseline, case))}{raw} against {_promised(baseline)}, "
        f"tolerance {thresholds.in_percent(allowed)}{f'; {disturbed(measurement)}' if code == 'not-quiet' else ''}"
    )
    judgement = Judgement(
        name=case.check,
        target=baseline.target,
        observed=seen,
        unit=_unit(baseline, case),
        interval=between,
        tolerance=allowed.value,
        origin=f"{allowed.origin}; {printed_at(baseline)}",
        outcome=outcome,
        note=note,
    )
    faster = outcome == "PASS" and _share(baseline, seen) > 1 + allowed.value and case.chip != "cpu"
    return Finding(judgement, code, _tighter(baseline, seen, card, measurement) if faster else {})


def _outcome(
    baseline: Baseline, seen: tuple[float, Interval | None], tolerance: float, measurement: Measurement
) -> tuple[Outcome, Code]:
    """Judge one-sided: met, missed by the whole interval, or too close or too restless to tell.

    A canary that moved, or an occupant, only takes back a failure: a pass was judged by the faster of the canary's two
    readings, which is the stricter, and no disturbance makes a run faster.
    """
    value, interval = seen
    if at_least(_share(baseline, value), 1 - tolerance):
        return "PASS", "met"
    if disturbed(measurement):
        return "INCONCLUSIVE", "not-quiet"
    best = max((_share(baseline, end) for end in interval), default=0.0) if interval else 0.0
    return ("INCONCLUSIVE", "margin") if at_least(best, 1 - tolerance) else ("FAIL", "missed")


def disturbed(measurement: Measurement) -> str:
    """Return what kept the device from being quiet, empty if it was: who came onto it, or a canary that moved."""
    if measurement.occupants:
        return f"the device was not alone: {', '.join(measurement.occupants)}"
    return "the canary moved" if canary_moved(measurement) else ""


def canary_moved(measurement: Measurement) -> bool:
    """Tell whether the canary's readings before and after differ by more than 15 % of the faster one."""
    before, after = measurement.canary_before_ms, measurement.canary_after_ms
    if before is None or after is None:
        return False
    fast, slow = min(before, after), max(before, after)
    return not (fast > 0 and slow <= fast * (1 + thresholds.CANARY_MOVED))


def _share(baseline: Baseline, value: float) -> float:
    """Return what part of the promise was reached; a latency of twice the target reaches 0."""
    return value / baseline.target if _higher_is_better(baseline) else 2 - value / baseline.target


def _higher_is_better(baseline: Baseline) -> bool:
    return baseline.metric == "throughput"


def _incomparable(baseline: Baseline, measurement: Measurement, case: Case) -> str:
    """Return why the two numbers are not of one definition, or an empty string."""
    if baseline.definition and baseline.definition != measurement.definition:
        return f"measured as {measurement.definition}, promised as {baseline.definition}"
    if baseline.inputs and baseline.inputs != measurement.inputs:
        return f"measured on {measurement.inputs} inputs, promised on {baseline.inputs}"
    if baseline.condition != case.condition:
        return f"measured under {case.condition or 'no condition'!r}, promised under {baseline.condition!r}"
    if baseline.scope == "card" and baseline.chip not in CHIPS_PER_CARD:
        return f"how many {baseline.chip} are on a card is not known"
    return ""


def _scale(baseline: Baseline, measurement: Measurement) -> float:
    """Return what turns a reading into the baseline's unit: chips on the card, or the canary's time."""
    chips = CHIPS_PER_CARD[baseline.chip] if baseline.scope == "card" and _higher_is_better(baseline) else 1
    per_canary = canary_scale(measurement, baseline.metric)
    return float(chips) if baseline.unit not in CANARY_UNITS.values() or per_canary is None else per_canary


def canary_scale(measurement: Measurement, check: str) -> float | None:
    """Return what turns a reading into the canary's unit, or None where no canary was timed.

    The faster of its two readings counts, which is the stricter.
    """
    canary_ms = _canary_ms(measurement)
    if canary_ms is None:
        return None
    return canary_ms / 1000.0 if check == "throughput" else 1.0 / canary_ms


def _canary_ms(measurement: Measurement) -> float | None:
    readings = [ms for ms in (measurement.canary_before_ms, measurement.canary_after_ms) if ms is not None and ms > 0]
    return min(readings, default=None)


def _unit(baseline: Baseline, case: Case) -> str:
    return baseline.unit or RAW_UNITS[case.check]


def _promised(baseline: Baseline) -> str:
    return f"{written(baseline.target, baseline.unit)} {printed_at(baseline)}"


def _unjudged(case: Case, value: float, code: Code, why: str) -> Finding:
    unit = RAW_UNITS[case.check]
    note = f"{case.check} {written(value, unit)}: {why}"
    return Finding(Judgement(name=case.check, observed=value, unit=unit, outcome="NO_BASELINE", note=note), code)


def _tighter(baseline: Baseline, seen: float, card: ModelCard, measurement: Measurement) -> dict[str, str]:
    """Return a `measured` baseline to add to the card, which holds what this run reached."""
    value = float(f"{seen:.4g}")
    rows = {
        "chip": baseline.chip,
        "scope": baseline.scope,
        "batch": baseline.batch,
        "metric": baseline.metric,
        "value": value,
        "unit": baseline.unit,
        "role": "measured",
        "definition": measurement.definition,
        "inputs": measurement.inputs,
        "condition": baseline.condition,
    }
    lines = [f"{key} = {json.dumps(item, ensure_ascii=False)}" for key, item in rows.items()]
    source = f'source = {{ file = "omgate run", text = "{written(value, baseline.unit)}" }}'
    return {"file": str(card.path), "patch": "\n".join(["[[baseline]]", *lines, source, ""])}
