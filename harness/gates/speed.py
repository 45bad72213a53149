"""The speed gate: a rate or a latency in the baseline's own definition, one-sided, against a floor or a ceiling."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.cards import Baseline, ModelCard
from harness.gates import rounds, thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain, printed_at
from harness.gates.promises import Promise, promises_for
from harness.gates.rounds import Share
from harness.results import Case, Code, Judgement, Measurement, Outcome, Result
from harness.units import written

RAW_UNITS = {"throughput": "images/s", "latency": "ms"}
CANARY_UNITS = {"throughput": "images/canary", "latency": "canary"}
# The 310's inference card carries four chips: the IntraDA README multiplies the tool's rate by 4.
CHIPS_PER_CARD = {"Ascend310": 4, "Ascend310P3": 1}


def findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Return every judgement of a timed result; emulated and seeded cases are measured, never judged."""
    measurement, case = result.measurement, result.case
    if measurement is None or not (measurement.rounds_ms or measurement.tool_value):
        return (plain(case.check, "NOT_RUN", "infra", "the result carries no timed round"),)
    value = rounds.reading(measurement, case.check)
    broken = [not_finite(case.check, rounds.reading(run, case.check)) for run in runs_of(result)]
    if any(broken):
        return tuple(filter(None, broken))
    if case.emulated or case.weights == "seeded":
        return (_unjudged(case, value, "emulated" if case.emulated else "seeded", "measured, not judged"),)
    judged = tuple(_judged(baseline, result, card) for baseline in promise.baselines)
    if any(one.judgement.target is not None and not one.suggestion for one in judged):
        # What is faster than one promise and not than the next tightens nothing.
        judged = tuple(replace(one, suggestion={}) for one in judged)
    return judged or (_unjudged(case, value, "no-promise", "no promise for this chip and batch size"),)


def _judged(baseline: Baseline, result: Result, card: ModelCard) -> Finding:
    case, runs = result.case, runs_of(result)
    value = rounds.reading(runs[0], case.check)
    why_not = _incomparable(baseline, runs[0], case)
    if why_not:
        return _unjudged(case, value, "no-promise", f"{why_not}; {_promised(baseline)}")
    if baseline.unit in CANARY_UNITS.values() and _canary_ms(runs[0]) is None:
        return plain(case.check, "INCONCLUSIVE", "not-quiet", f"no canary was timed; {_promised(baseline)}")
    found, scale = rounds.read(runs[0], case.check), _scale(baseline, runs[0])
    allowed = thresholds.speed(baseline, case)
    outcome, code = _outcome([reached(baseline, run, case) for run in runs], 1 - allowed.value, runs)
    judgement = Judgement(
        name=case.check,
        target=baseline.target,
        observed=value * scale,
        unit=_unit(baseline, case),
        interval=found.interval and (found.interval[0] * scale, found.interval[1] * scale),
        tolerance=allowed.value,
        origin=f"{allowed.origin}; {printed_at(baseline)}",
        outcome=outcome,
        note="; ".join([_compared(baseline, result, allowed), *_told(baseline, result, code)]),
    )
    faster = outcome == "PASS" and rounds.part(baseline, value * scale) > 1 + allowed.value and case.chip != "cpu"
    return Finding(judgement, code, _tighter(baseline, value * scale, card, runs[0]) if faster else {})


def settled(card: ModelCard, case: Case, measurement: Measurement) -> bool:
    """Tell whether more rounds would change nothing: every promise is met or missed with certainty, or none is judged.

    A disturbed run that does not pass is settled too, as more of the same does not mend it.
    """
    disturbance, judged = disturbed(measurement), _judged_by(card, case, measurement)
    return all(
        _misses(found, floor) or at_least(found.calm_interval[0], floor) or (disturbance and found.best < floor)
        for found, floor in judged
    )


def passes(card: ModelCard, case: Case, measurement: Measurement) -> bool:
    """Tell whether a run alone passes by every promise that it is judged by."""
    return all(_meets(found, floor) for found, floor in _judged_by(card, case, measurement))


def _judged_by(card: ModelCard, case: Case, measurement: Measurement) -> Iterator[tuple[Share, float]]:
    """Yield which part of each promise a run reaches, and its floor, whatever the toolchain."""
    if case.emulated or case.weights == "seeded":
        return
    for row in promises_for(card, case).baselines:
        if comparable(row, measurement, case):
            yield reached(row, measurement, case), 1 - thresholds.speed(row, case).value


def comparable(baseline: Baseline, measurement: Measurement, case: Case) -> bool:
    """Tell whether a run can be judged by a baseline: of one definition, and with a canary where one is the unit."""
    lacks_canary = baseline.unit in CANARY_UNITS.values() and _canary_ms(measurement) is None
    return not lacks_canary and not _incomparable(baseline, measurement, case)


def reached(baseline: Baseline, measurement: Measurement, case: Case) -> Share:
    """Return which part of a promise a comparable run reaches."""
    return rounds.share(baseline, rounds.read(measurement, case.check), _scale(baseline, measurement))


def runs_of(result: Result) -> tuple[Measurement, ...]:
    """Return the timed runs of a result: the first, and the one that was to confirm it where it can be compared."""
    first, second = result.measurement, result.confirmation
    if first is None:
        return ()
    kept = second is not None and (_canary_ms(first) is None or _canary_ms(second) is not None)
    return (first, second) if kept and second is not None else (first,)


def _outcome(shares: Sequence[Share], floor: float, runs: Sequence[Measurement]) -> tuple[Outcome, Code]:
    """Judge one-sided: met by one run, missed by all with certainty, or too close or too restless to tell.

    A canary that moved, or an occupant, only takes back a failure: a pass was judged by the faster of the canary's two
    readings, which is the stricter, and no disturbance makes a run faster.
    """
    if any(_meets(one, floor) for one in shares):
        return "PASS", "met"
    if any(disturbed(run) for run in runs):
        return "INCONCLUSIVE", "not-quiet"
    certain = all(_misses(one, floor) for one in shares) or not at_least(rounds.together(shares)[1], floor)
    return ("FAIL", "missed") if certain else ("INCONCLUSIVE", "margin")


def _meets(found: Share, floor: float) -> bool:
    """Tell whether a run alone reaches a floor, or would without outliers that its interval does not rule out."""
    return at_least(found.best, floor) and not _misses(found, floor)


def _misses(found: Share, floor: float) -> bool:
    """Tell whether a run alone is below a floor with its whole interval, outliers and all."""
    return not at_least(found.interval[1], floor)


def _compared(baseline: Baseline, result: Result, allowed: thresholds.Allowed) -> str:
    case, run = result.case, runs_of(result)[0]
    value, scale = rounds.reading(run, case.check), _scale(baseline, run)
    raw = "" if scale == 1.0 else f" ({written(value, RAW_UNITS[case.check])})"
    against = f"against {_promised(baseline)}, tolerance {thresholds.in_percent(allowed)}"
    return f"{case.check} {written(value * scale, _unit(baseline, case))}{raw} {against}"


def _told(baseline: Baseline, result: Result, code: Code) -> Iterator[str]:
    """Yield what else belongs to a judgement: what happened in the run, what a second one found, and what disturbed."""
    case, runs = result.case, runs_of(result)
    found, scale = rounds.read(runs[0], case.check), _scale(baseline, runs[0])
    yield from rounds.course(runs[0], result.environment.get("npu"))
    if found.calm_value != found.value:
        yield f"{written(found.calm_value * scale, _unit(baseline, case))} without"
    for again in runs[1:]:
        second = rounds.reading(again, case.check) * _scale(baseline, again)
        yield f"measured again in a fresh process: {written(second, _unit(baseline, case))}"
    if code == "not-quiet":
        yield next(filter(None, map(disturbed, runs)), "")


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
    chips = CHIPS_PER_CARD[baseline.chip] if baseline.scope == "card" and rounds.higher_is_better(baseline) else 1
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
