"""The numbers of a result as parts of the report's data: each as it was measured, and as every text prints it."""

import math

from harness.report.document import JudgementPart, MeasurePart, TimingPart
from harness.report.shown import shown
from harness.results import Judgement, Measure, Measurement
from harness.units import ABSENT, SHARE, difference, points, written


def judgement(one: Judgement) -> JudgementPart:
    """Return a judgement, its numbers and their texts."""
    return JudgementPart(
        name=shown(one.name),
        outcome=one.outcome,
        target=one.target,
        target_text=written(one.target, one.unit),
        observed=one.observed,
        observed_text=written(one.observed, one.unit),
        interval=one.interval,
        interval_text=_interval(one),
        tolerance=one.tolerance,
        tolerance_text=_tolerance(one),
        unit=shown(one.unit),
        p=one.p,
        origin=shown(one.origin),
        note=shown(one.note),
    )


def _interval(one: Judgement) -> str:
    """Return the interval of a judgement: of a paired one it is that of the loss, in points."""
    if one.interval is None:
        return ABSENT
    if one.name == "paired":
        return f"loss {points(one.interval[0])} to {points(one.interval[1])}"
    return interval_text(one.interval, one.unit)


def interval_text(interval: tuple[float, float] | None, unit: str) -> str:
    """Return an interval with its unit once, a dash for none."""
    if interval is None:
        return ABSENT
    low, high = (written(end, unit) for end in interval)
    named = low.partition(" ")[2]
    return f"{low.removesuffix(f' {named}') if named and high.endswith(f' {named}') else low} to {high}"


def _tolerance(one: Judgement) -> str:
    """Return how much was allowed: in points of a share, in the unit of another accuracy, in per cent of a speed."""
    if one.tolerance is None or not math.isfinite(one.tolerance):
        return ABSENT
    in_unit = one.unit == SHARE or one.name == "absolute"
    return difference(one.tolerance, one.unit) if in_unit else f"{100 * one.tolerance:g} %"


def measure(one: Measure) -> MeasurePart:
    """Return a measure, its numbers and their texts."""
    return MeasurePart(
        name=shown(one.name),
        protocol=shown(one.protocol),
        value=one.value,
        value_text=written(one.value, one.unit),
        interval=one.interval,
        interval_text=interval_text(one.interval, one.unit),
        unit=shown(one.unit),
        n=one.n,
    )


def timing(one: Measurement) -> TimingPart:
    """Return what was timed, every round of it."""
    return TimingPart(
        definition=shown(one.definition),
        statistic=shown(one.statistic),
        inputs=shown(one.inputs),
        threads=one.threads,
        rounds_ms=one.rounds_ms,
        tool_value=one.tool_value,
        canary_before_ms=one.canary_before_ms,
        canary_after_ms=one.canary_after_ms,
        occupants=tuple(shown(name) for name in one.occupants),
    )
