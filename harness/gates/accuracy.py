"""The accuracy gate: absolute against the README, paired against the reference backend, standard for information."""

import math
from collections.abc import Iterator

from harness.cards import Baseline, ModelCard
from harness.gates import subset, thresholds
from harness.gates.findings import Finding, at_least, not_finite, plain, printed_at
from harness.gates.promises import Promise
from harness.gates.subset import Tested
from harness.results import Code, Judgement, Measure, Outcome, Paired, Result, Samples
from harness.stats import mcnemar_p
from harness.units import SHARE, points, written


def findings(result: Result, card: ModelCard, promise: Promise) -> tuple[Finding, ...]:
    """Return every judgement of an accuracy result; seeded weights are measured, never judged."""
    broken = tuple(_broken(result))
    if broken:
        return broken
    if result.case.weights == "seeded":
        return tuple(_unjudged(measure, "seeded") for measure in result.measures[:1])
    judged = [_absolute(baseline, result, card, promise) for baseline in promise.baselines]
    if result.paired is not None:
        judged.append(_paired(result.paired, result.samples, promise))
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
        if measure.unit == SHARE and not 0.0 <= measure.value <= 1.0 and math.isfinite(measure.value):
            yield plain(measure.name, "FAIL", "missed", f"{measure.name} is {measure.value:g}, not a fraction of 1")
    used = result.samples.used if result.samples else None
    scored = {measure.n for measure in result.measures} | ({result.paired.n} if result.paired else set())
    if used is not None and scored - {used}:
        note = f"{min(scored - {used})} images were scored of {used} that were run"
        yield plain("coverage", "FAIL", "missed", note)


def _absolute(baseline: Baseline, result: Result, card: ModelCard, promise: Promise) -> Finding:
    protocol = baseline.protocol or card.metric.protocol
    name = f"{baseline.metric}:{baseline.class_}" if baseline.class_ else baseline.metric
    measure = next((item for item in result.measures if (item.name, item.protocol) == (name, protocol)), None)
    unit = baseline.compared_in
    if measure is None or measure.unit != unit:
        # A promise that nothing answers is not kept, whatever else of this case was.
        seen = "was not measured" if measure is None else f"was measured as {written(measure.value, measure.unit)}"
        asked = "" if measure is None else f" as {written(baseline.target, unit)}: correct one of the units"
        note = f"{name} by {protocol!r} is {printed_at(baseline)}{asked}, and {seen}"
        return plain("absolute", "FAIL", "missed", note)
    allowed = thresholds.accuracy(baseline)
    tested = _against_printed(measure, baseline, allowed.value, result, promise)
    note = (
        f"{name} ({protocol}) {written(measure.value, unit)} against {written(baseline.target, unit)} "
        f"{printed_at(baseline)}, tolerance {thresholds.in_unit(allowed, unit, baseline.target)}{tested.said}"
    )
    judgement = Judgement(
        name="absolute",
        target=baseline.target,
        observed=measure.value,
        unit=unit,
        interval=None if _is_whole(result.samples) else measure.interval,
        tolerance=allowed.value,
        origin=f"{allowed.origin}; {printed_at(baseline)}",
        p=tested.p,
        level=tested.level,
        outcome=tested.outcome,
        note=note,
    )
    return Finding(judgement, _code(tested.outcome, "missed"))


def _against_printed(
    measure: Measure, baseline: Baseline, tolerance: float, result: Result, promise: Promise
) -> Tested:
    """Compare with a printed number: a fact on the whole set, a test on a part of it."""
    samples = result.samples
    if samples is None:
        return Tested("INCONCLUSIVE", "; how many images there are is not known")
    if samples.whole:
        sign = 1.0 if baseline.higher_is_better else -1.0
        return Tested(_fact(sign * measure.value, sign * baseline.target - tolerance), "")
    beside_pair = result.paired is not None
    errors = subset.errors(samples, pairs=int(beside_pair), unpaired=len(promise.baselines))[1]
    part = subset.Printed(baseline, tolerance, beside_pair=beside_pair)
    return _on_subset(subset.against_printed(measure, part, errors, samples), samples)


def _paired(paired: Paired, samples: Samples | None, promise: Promise) -> Finding:
    """Judge the loss against the reference: a fact on the whole set, two tests on a part of it."""
    allowed = thresholds.paired(promise.baselines)
    tested = _pair(paired, allowed.value, samples, promise)
    counts = "" if paired.lost is None else f" ({paired.lost} lost, {paired.gained} gained)"
    note = (
        f"{paired.metric} ({paired.protocol}) {written(paired.value, SHARE)} against "
        f"{written(paired.reference_value, SHARE)} of {paired.reference} on the same images: loss "
        f"{points(paired.loss)}{counts}, margin {thresholds.in_unit(allowed, SHARE)}{tested.said}"
    )
    judgement = Judgement(
        name="paired",
        target=paired.reference_value,
        observed=paired.value,
        unit=SHARE,
        interval=None if _is_whole(samples) else paired.interval,
        tolerance=allowed.value,
        origin=allowed.origin,
        p=tested.p,
        level=tested.level,
        outcome=tested.outcome,
        note=note,
    )
    return Finding(judgement, _code(tested.outcome, "margin"))


def _pair(paired: Paired, margin: float, samples: Samples | None, promise: Promise) -> Tested:
    if samples is None:
        return Tested("INCONCLUSIVE", "; how many images there are is not known")
    if samples.whole:
        known = paired.lost is not None and paired.gained is not None
        p = mcnemar_p(paired.lost or 0, paired.gained or 0) if known else None
        return Tested(_fact(-paired.loss, -margin), "", p)
    errors = subset.errors(samples, pairs=1, unpaired=len(promise.baselines))[0]
    return _on_subset(subset.pair(paired, margin, errors), samples)


def _fact(value: float, floor: float) -> Outcome:
    return "PASS" if at_least(value, floor) else "FAIL"


def _is_whole(samples: Samples | None) -> bool:
    return samples is not None and samples.whole


def _on_subset(tested: Tested, samples: Samples) -> Tested:
    """Return a test with how many images it rests on, and after how many looks."""
    looks = f", look {len(samples.looks)}" if samples.looks else ""
    return tested._replace(said=f"; on {samples.used} of {samples.declared} images{looks}: {tested.said}")


def _code(outcome: Outcome, failure: Code) -> Code:
    return "met" if outcome == "PASS" else failure if outcome == "FAIL" else "margin"


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
