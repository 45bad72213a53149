"""The ratio gate: two numbers, of two chips or two batch sizes, against the ratio that the README prints."""

from collections.abc import Mapping

from harness.cards import Ratio
from harness.gates import thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain
from harness.gates.promises import Promise
from harness.results import Judgement, Result
from harness.units import written

SIDES = ("numerator", "denominator")


def findings(result: Result, promise: Promise) -> tuple[Finding, ...]:
    """Return a judgement per promised ratio; its sides are measures of its name, protocol `numerator`/`denominator`."""
    if not promise.ratios:
        return (plain("ratio", "NO_BASELINE", "no-promise", "no ratio is promised for this chip and batch size"),)
    named = {row.name: {m.protocol: m.value for m in result.measures if m.name == row.name} for row in promise.ratios}
    return tuple(_ratio(row, named[row.name]) for row in promise.ratios)


def _ratio(row: Ratio, sides: Mapping[str, float]) -> Finding:
    lacking = [side for side in SIDES if side not in sides]
    if lacking:
        note = f"ratio {row.name}: no {' and no '.join(lacking)} was measured"
        return plain(row.name, "INCONCLUSIVE", "ratio-side-missing", note)
    numerator, denominator = (sides[side] for side in SIDES)
    value = numerator / denominator if denominator else float("nan")
    broken = not_finite(f"ratio {row.name}", value)
    return broken or _judged(row, value)


def _judged(row: Ratio, value: float) -> Finding:
    allowed = thresholds.ratio(row.tolerance)
    if row.at_least is not None:
        target, met = row.at_least, at_least(value, row.at_least * (1 - allowed.value))
    else:
        target = row.within or 1.0
        met = at_least(target * allowed.value, abs(value - target))
    said = "at least" if row.at_least is not None else "within tolerance of"
    note = f"ratio {row.name} {written(value, '')}, {said} {target:g}, tolerance {thresholds.in_percent(allowed)}"
    judgement = Judgement(
        name=row.name,
        target=target,
        observed=value,
        tolerance=allowed.value,
        origin=allowed.origin,
        outcome="PASS" if met else "FAIL",
        note=note,
    )
    return Finding(judgement, "met" if met else "missed")
