"""Two nights' runs of one case together: a slowdown that is too small for one night's certainty."""

from collections.abc import Sequence

from harness.cards import Baseline, ModelCard
from harness.gates import rounds, speed, thresholds
from harness.gates.findings import Finding, at_least, printed_at
from harness.gates.layers import in_force
from harness.gates.promises import promises_for
from harness.gates.rounds import Share
from harness.results import Code, Judgement, Outcome, Result
from harness.units import written


def over_nights(results: Sequence[Result], card: ModelCard) -> tuple[Finding, ...]:
    """Return a judgement per promise on the nights' runs together, at least two nights of one case, the last one last.

    It fails where every night alone is below the floor and all together are so with certainty, by the same 99 %
    interval as one run. Nights that were disturbed, or are not comparable, are left out.
    """
    latest = results[-1]
    others = [one for one in results if one.case.key != latest.case.key]
    if others:
        raise ValueError(f"expected results of {latest.case.id} only, got {others[0].case.id}")
    if latest.case.emulated or latest.case.weights == "seeded":
        return ()
    baselines = in_force(promises_for(card, latest.case), latest).baselines
    found = (_judged(row, [_shares(row, one) for one in results], latest) for row in baselines)
    return tuple(one for one in found if one is not None)


def _judged(baseline: Baseline, nights: Sequence[Sequence[Share]], latest: Result) -> Finding | None:
    shares = [one for night in nights for one in night]
    if sum(bool(night) for night in nights) < 2:
        return None
    allowed = thresholds.speed(baseline, latest.case)
    floor = 1 - allowed.value
    value, bound = rounds.together(shares)
    below = all(rounds.together(night)[0] < floor for night in nights if night)
    outcome, code = _outcome(missed=below and not at_least(bound, floor), met=at_least(value, floor))
    unit = baseline.unit or speed.RAW_UNITS[latest.case.check]
    count = f"{sum(bool(night) for night in nights)} nights together"
    observed = _in_unit(baseline, value)
    note = f"{count}: {latest.case.check} {written(observed, unit)} against {written(baseline.target, unit)}"
    judgement = Judgement(
        name="nights",
        target=baseline.target,
        observed=observed,
        unit=unit,
        interval=_ends(baseline, value, bound),
        tolerance=allowed.value,
        origin=f"{allowed.origin}; {printed_at(baseline)}",
        outcome=outcome,
        note=f"{note} {printed_at(baseline)}, tolerance {thresholds.in_percent(allowed)}",
    )
    return Finding(judgement, code)


def _shares(baseline: Baseline, result: Result) -> tuple[Share, ...]:
    """Return which part of a promise each undisturbed run of a night reached."""
    fit = (
        run
        for run in speed.runs_of(result)
        if run.rounds_ms and not speed.disturbed(run) and speed.comparable(baseline, run, result.case)
    )
    return tuple(speed.reached(baseline, run, result.case) for run in fit)


def _outcome(*, missed: bool, met: bool) -> tuple[Outcome, Code]:
    if missed:
        return "FAIL", "missed"
    return ("PASS", "met") if met else ("INCONCLUSIVE", "margin")


def _in_unit(baseline: Baseline, part: float) -> float:
    return baseline.target * (part if rounds.higher_is_better(baseline) else 2 - part)


def _ends(baseline: Baseline, value: float, bound: float) -> tuple[float, float]:
    low, high = sorted(_in_unit(baseline, end) for end in (2 * value - bound, bound))
    return low, high
