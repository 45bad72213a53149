"""The ratio gate: two numbers, of two chips or two batch sizes, against the ratio that the README prints."""

from collections.abc import Iterator

from harness.card_promises import SPEEDS
from harness.cards import Baseline, ModelCard, Ratio, RatioSide
from harness.gates import thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain
from harness.gates.promises import Promise, same_chip
from harness.results import Judgement, Measure, Result, Side
from harness.units import written

SIDES = ("numerator", "denominator")


def findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Return a judgement per promised ratio; its sides are measures of its name, protocol `numerator`/`denominator`.

    A side that is missing leaves its ratio NOT_RUN. Emulated and seeded results are never judged, and a ratio to a
    printed reference is told for information.
    """
    if not promise.ratios:
        return (plain("ratio", "NO_BASELINE", "no-promise", "no ratio is promised for this chip and batch size"),)
    judged = tuple(_ratio(row, result, card) for row in promise.ratios)
    return (*judged, *_references(result, card, promise))


def _ratio(row: Ratio, result: Result, card: ModelCard) -> Finding:
    case, of_speeds = result.case, row.numerator.metric in SPEEDS
    if case.weights == "seeded":
        return plain(row.name, "NO_BASELINE", "seeded", f"ratio {row.name}: seeded weights are never judged")
    if case.emulated and of_speeds:
        note = f"ratio {row.name}: an emulated speed is nobody's"
        return plain(row.name, "NO_BASELINE", "emulated", note)
    measured = {side: _measure(result, row.name, side) for side in SIDES}
    if None in measured.values():
        return _lacking(row, result, [side for side in SIDES if measured[side] is None])
    top, bottom = (measure for measure in measured.values() if measure is not None)
    value = top.value / bottom.value if bottom.value else float("nan")
    broken = not_finite(f"ratio {row.name}", value)
    both = f"{written(top.value, top.unit)} / {written(bottom.value, bottom.unit)}"
    said = f"ratio {row.name} {written(value, '')} ({both})"
    return broken or _unjudged(row, result, card, said) or _judged(row, value, said)


def _measure(result: Result, name: str, side: str) -> Measure | None:
    return next((one for one in result.measures if (one.name, one.protocol) == (name, side)), None)


def _lacking(row: Ratio, result: Result, lacking: list[str]) -> Finding:
    known: dict[str, str] = {side.side: side.missing for side in result.sides if side.ratio == row.name}
    each = [f"no {side} was measured{f': {known[side]}' if known.get(side) else ''}" for side in lacking]
    return plain(row.name, "NOT_RUN", "ratio-side-missing", f"ratio {row.name}: {'; '.join(each)}")


def _unjudged(row: Ratio, result: Result, card: ModelCard, said: str) -> Finding | None:
    """Return what is said of a ratio that cannot be judged, None for one that can."""
    if result.case.emulated:
        return plain(row.name, "NO_BASELINE", "emulated", f"{said}, of emulated chips: not judged")
    sides = [side for side in result.sides if side.ratio == row.name]
    restless = [side.side for side in sides if not side.quiet]
    if restless:
        note = f"{said}, but the {' and the '.join(restless)} was not measured in quiet; measure it again"
        return plain(row.name, "INCONCLUSIVE", "not-quiet", note)
    others = filter(None, (_other_definition(row, side, card) for side in sides))
    why = next(others, "")
    return plain(row.name, "NO_BASELINE", "no-promise", f"{said}: {why}") if why else None


def _other_definition(row: Ratio, side: Side, card: ModelCard) -> str:
    """Return how a side was measured otherwise than the numbers that the printed ratio is made of."""
    wanted = row.numerator if side.side == "numerator" else row.denominator
    for baseline in _printed(card, wanted, "promise"):
        if side.definition and baseline.definition and baseline.definition != side.definition:
            return f"the {side.side} was measured as {side.definition}, promised as {baseline.definition}"
        if side.inputs and baseline.inputs and baseline.inputs != side.inputs:
            return f"the {side.side} was measured on {side.inputs} inputs, promised on {baseline.inputs}"
    return ""


def _judged(row: Ratio, value: float, said: str) -> Finding:
    allowed = thresholds.ratio(row.tolerance)
    if row.at_least is not None:
        target, met = row.at_least, at_least(value, row.at_least * (1 - allowed.value))
    else:
        target = row.within or 1.0
        met = at_least(target * allowed.value, abs(value - target))
    bound = "at least" if row.at_least is not None else "within tolerance of"
    judgement = Judgement(
        name=row.name,
        target=target,
        observed=value,
        tolerance=allowed.value,
        origin=allowed.origin,
        outcome="PASS" if met else "FAIL",
        note=f"{said}, {bound} {target:g}, tolerance {thresholds.in_percent(allowed)}",
    )
    return Finding(judgement, "met" if met else "missed")


def _references(result: Result, card: ModelCard, promise: Promise) -> Iterator[Finding]:
    """Yield our number over the best that the card prints for a reference: for information, whatever it is."""
    for row in promise.references:
        measure = _measure(result, row.name, "numerator")
        printed = [baseline.target for baseline in _printed(card, row.denominator, "reference")]
        if measure is None or not printed or result.case.emulated or result.case.weights == "seeded":
            continue
        reference = min(printed) if row.denominator.metric == "latency" else max(printed)
        value = measure.value / reference
        target = row.at_least if row.at_least is not None else row.within
        note = (
            f"ratio {row.name} {written(value, '')} ({written(measure.value, measure.unit)} / {reference:g} as printed "
            f"for {row.denominator.chip}); {target:g} is printed, for information"
        )
        judgement = Judgement(
            name=row.name, target=target, observed=value, origin="information", outcome="NO_BASELINE", note=note
        )
        yield Finding(judgement, "no-promise")


def _printed(card: ModelCard, side: RatioSide, role: str) -> list[Baseline]:
    """Return the card's numbers that a side stands for."""
    rows = [row for row in card.baseline if row.role == role and row.metric == side.metric]
    return [row for row in rows if same_chip(row.chip, side.chip) and side.batch in ("best", row.batch)]
