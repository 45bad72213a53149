"""The accuracy gate: absolute against the README, paired against the reference backend, standard for information."""

import math
from collections.abc import Iterator

from harness.cards import Baseline, ModelCard
from harness.gates import thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain, printed_at
from harness.gates.promises import Promise
from harness.results import Code, Judgement, Measure, Outcome, Paired, Result
from harness.stats import mcnemar_p
from harness.units import points, written


def findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Return every judgement of an accuracy result; seeded weights are measured, never judged."""
    broken = tuple(_broken(result))
    if broken:
        return broken
    if result.case.weights == "seeded":
        return tuple(_unjudged(measure, "seeded") for measure in result.measures[:1])
    whole = result.samples is not None and result.samples.whole
    judged = [_absolute(baseline, result.measures, card, whole=whole) for baseline in promise.baselines]
    if result.paired is not None:
        judged.append(_paired(result.paired, promise, whole=whole))
    if not judged:
        code: Code = "emulated" if result.case.emulated else "no-promise"
        judged = [_unjudged(result.measures[0], code)]
    return (*judged, *_standard(result.measures))


def _broken(result: Result) -> Iterator[Finding]:
    """Yield what makes the numbers worthless: none at all, NaN, or images that were never scored."""
    if not result.measures:
        yield plain("accuracy", "NOT_RUN", "infra", "the result carries no measure")
    values = [(measure.name, measure.value) for measure in result.measures]
    if result.paired is not None:
        values.append(("paired loss", result.paired.loss))
    yield from filter(None, (not_finite(name, value) for name, value in values))
    for measure in result.measures:
        if measure.unit == "fraction" and not 0.0 <= measure.value <= 1.0 and math.isfinite(measure.value):
            yield plain(measure.name, "FAIL", "missed", f"{measure.name} is {measure.value:g}, not a fraction of 1")
    used = result.samples.used if result.samples else None
    scored = {measure.n for measure in result.measures} | ({result.paired.n} if result.paired else set())
    if used is not None and scored - {used}:
        note = f"{min(scored - {used})} images were scored of {used} that were run"
        yield plain("coverage", "FAIL", "missed", note)


def _absolute(baseline: Baseline, measures: tuple[Measure, ...], card: ModelCard, *, whole: bool) -> Finding:
    protocol = baseline.protocol or card.metric.protocol
    name = f"{baseline.metric}:{baseline.class_}" if baseline.class_ else baseline.metric
    measure = next((item for item in measures if (item.name, item.protocol) == (name, protocol)), None)
    if measure is None:
        # A promise that nothing answers is not kept, whatever else of this case was.
        note = f"{name} by {protocol!r} is {printed_at(baseline)}, and was not measured"
        return plain("absolute", "FAIL", "missed", note)
    allowed = thresholds.accuracy(baseline)
    sign = 1.0 if baseline.higher_is_better else -1.0
    floor = sign * baseline.target - allowed.value
    interval = None if whole else measure.interval
    signed = None if interval is None else tuple(sorted(sign * end for end in interval))
    outcome = _outcome(sign * measure.value, floor, signed, whole=whole)
    seen = written(measure.value, measure.unit)
    note = (
        f"{name} ({protocol}) {seen} against {written(baseline.target, 'fraction')} {printed_at(baseline)}, "
        f"tolerance {thresholds.in_points(allowed)}{_of_subset(measure.n, whole=whole)}"
    )
    judgement = Judgement(
        name="absolute",
        target=baseline.target,
        observed=measure.value,
        unit="fraction",
        interval=interval,
        tolerance=allowed.value,
        origin=f"{allowed.origin}; {printed_at(baseline)}",
        outcome=outcome,
        note=note,
    )
    return Finding(judgement, _code(outcome, "missed"))


def _paired(paired: Paired, promise: Promise, *, whole: bool) -> Finding:
    """Judge the loss against the reference: a fact on the whole set, an interval on a subset."""
    allowed = thresholds.paired(promise.baselines)
    interval = None if whole else paired.interval
    signed = None if interval is None else (-interval[1], -interval[0])
    outcome = _outcome(-paired.loss, -allowed.value, signed, whole=whole)
    counts = "" if paired.lost is None else f" ({paired.lost} lost, {paired.gained} gained)"
    note = (
        f"{paired.metric} ({paired.protocol}) {written(paired.value, 'fraction')} against "
        f"{written(paired.reference_value, 'fraction')} of {paired.reference} on the same images: loss "
        f"{points(paired.loss)}{counts}, margin {thresholds.in_points(allowed)}{_of_subset(paired.n, whole=whole)}"
    )
    known = paired.lost is not None and paired.gained is not None
    judgement = Judgement(
        name="paired",
        target=paired.reference_value,
        observed=paired.value,
        unit="fraction",
        interval=interval,
        tolerance=allowed.value,
        origin=allowed.origin,
        p=mcnemar_p(paired.lost or 0, paired.gained or 0) if known else None,
        outcome=outcome,
        note=note,
    )
    return Finding(judgement, _code(outcome, "margin"))


def _outcome(value: float, floor: float, interval: tuple[float, ...] | None, *, whole: bool) -> Outcome:
    """Return PASS or FAIL: by the value on the whole set, only by a clear interval on a subset."""
    if whole:
        return "PASS" if at_least(value, floor) else "FAIL"
    if interval is None:
        return "INCONCLUSIVE"
    low, high = interval
    if at_least(low, floor):
        return "PASS"
    return "INCONCLUSIVE" if at_least(high, floor) else "FAIL"


def _code(outcome: Outcome, failure: Code) -> Code:
    return "met" if outcome == "PASS" else failure if outcome == "FAIL" else "margin"


def _of_subset(count: int, *, whole: bool) -> str:
    return "" if whole else f"; {count} images are a subset, where only a clear interval decides"


def _unjudged(measure: Measure, code: Code) -> Finding:
    why = {"seeded": "seeded weights are never judged for accuracy", "emulated": "no baseline for any chip"}
    note = (
        f"{measure.name} ({measure.protocol}) {written(measure.value, measure.unit)}: {why.get(code, 'not promised')}"
    )
    judgement = Judgement(name="absolute", observed=measure.value, unit=measure.unit, outcome="NO_BASELINE", note=note)
    return Finding(judgement, code)


def _standard(measures: tuple[Measure, ...]) -> Iterator[Finding]:
    """Yield the standard definition of the headline metric, and how far image order moves the README's."""
    head = measures[0]
    for measure in measures[1:]:
        if measure.name == head.name and measure.protocol != head.protocol:
            yield _information(measure, f"{measure.name} ({measure.protocol}) {written(measure.value, measure.unit)}")
    if head.order_range is not None:
        low, high = (written(end, head.unit) for end in head.order_range)
        yield _information(head, f"{head.name} ({head.protocol}) is {low} to {high} when images are reordered")


def _information(measure: Measure, note: str) -> Finding:
    judgement = Judgement(
        name="standard" if measure.order_range is None else "order",
        observed=measure.value,
        unit=measure.unit,
        interval=measure.order_range,
        origin="information",
        outcome="NO_BASELINE",
        note=note,
    )
    return Finding(judgement, "no-promise")
