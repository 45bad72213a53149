"""What of a result goes into the history, and what the history says of a new one and of what cards promise."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from harness.card_promises import SPEEDS
from harness.cards import Baseline, ModelCard, Ratio
from harness.gates import rounds, speed
from harness.gates.findings import Finding
from harness.gates.loosening import Spread, by_samples
from harness.gates.nights import over_nights
from harness.gates.promises import promises_for
from harness.history import drift, keys
from harness.history.anchors import RECENT, WINDOW
from harness.history.noise import noise
from harness.history.points import Line, Reading, Record, Series
from harness.history.store import History
from harness.results import Case, Entry, Judgement, Measurement, Outcome, Result, Verdict
from harness.stats import interval_error
from harness.units import written

EVER = ("0001", "9999")
"""From the first moment to the last one that a history can hold."""
LAST = RECENT + WINDOW
"""Noise is that of so many results: a machine may have been calmer, or wilder, long ago."""


@dataclass(frozen=True)
class Tally:
    """How many entries were new, how many were known, and how many were left out, by reason."""

    new: int = 0
    known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.new} new", *([f"{self.known} known before"] if self.known else [])]
        parts += [f"{count} left out: {reason}" for reason, count in self.left_out.items()]
        return ", ".join(parts)


def keep(history: History, entries: Iterable[tuple[str, Entry]]) -> Tally:
    """Add entries with the runs they are of; emulated and seeded ones, and what did not run, are left out."""
    records: list[Record] = []
    left_out: Counter[str] = Counter()
    for run, entry in entries:
        reason = keys.left_out(entry.result)
        if reason:
            left_out[reason] += 1
        else:
            records.append(Record(entry, run, readings(entry.result, entry.verdict)))
    new = history.add(records)
    return Tally(new, len(records) - new, left_out)


def readings(result: Result, verdict: Verdict | None = None) -> tuple[Reading, ...]:
    """Return the numbers of a result, the headline first; none where it was not measured.

    The interval of a speed is the one that was judged, so it needs the verdict.
    """
    if result.status != "measured":
        return ()
    judgements = verdict.judgements if verdict else ()
    if result.case.check in SPEEDS:
        return tuple(_speeds(result.case, result.measurement, judgements))
    if result.case.check == "ratio":
        return tuple(Reading(one.name, "", one.unit, one.observed) for one in judgements if one.observed is not None)
    return (*_accuracies(result), *_agreements(result))


def drift_findings(history: History, result: Result) -> tuple[Finding, ...]:
    """Return what the release's anchor says of a result together with the last ones; nothing without an anchor.

    Red where they lost more than is allowed against it, though each night may have looked fine; otherwise information.
    """
    found = readings(result)
    if keys.left_out(result) or not found or (result.measurement and speed.disturbed(result.measurement)):
        return ()
    head, case = found[0], result.case
    machine = keys.machine(result.environment)
    line = Line(case.key, case.test_name, machine, head.name, head.protocol, head.unit)
    anchor = history.anchors(case.key).get(line)
    if anchor is None or not line.is_directed:
        return ()
    before = next((one.values for one in history.series(case.key) if one.line == line), ())
    allowed = drift.tolerance_of(line, case.chip, anchor.tolerance)
    judged = drift.judge_drift((*before, head.value), anchor, allowed, higher_is_better=line.higher_is_better)
    return () if judged is None else (_finding(judged, head),)


def nights_findings(history: History, result: Result, card: ModelCard) -> tuple[Finding, ...]:
    """Return what the last run of a speed on this machine and this one prove together; nothing where one is missing.

    Only a certain loss counts: what is open over two nights takes nothing from what was judged tonight.
    """
    if result.case.check not in SPEEDS or result.measurement is None or keys.left_out(result):
        return ()
    here = keys.machine(result.environment)
    with closing(history.entries(result.case.key, here, newest_first=True)) as kept:
        earlier = (Entry.model_validate_json(one.text).result for one in kept)
        last = next((one for one in earlier if one.measurement is not None), None)
    found = over_nights((last, result), card) if last else ()
    return tuple(one for one in found if one.judgement.outcome == "FAIL")


def noise_shares(history: History, cases: Iterable[Case], environment: Mapping[str, Any]) -> dict[str, float]:
    """Return the noise of each speed that this machine measured often enough, by case key: a share of its median."""
    speeds = [case.key for case in cases if case.check in SPEEDS]
    found = history.headlines(speeds, [keys.machine(environment)], EVER, LAST)
    shares = {key: _noise_share(series[0].values) for key, series in found.items()}
    return {key: share for key, share in shares.items() if share is not None}


def spread(history: History, card: ModelCard, row: Baseline | Ratio) -> Spread:
    """Return the standard error of what a row promises: of top-k by its samples, else as the history knows it.

    A speed's and a ratio's is the noise from result to result, on the machine where it is largest; that of another
    accuracy is the one that its newest interval over images stands for.
    """
    known = by_samples(card, row)
    if known.error is not None:
        return known
    mine = [one for key in _keys_of(history, card, row) for one in history.series(key) if _is_of(one.line, card, row)]
    if isinstance(row, Baseline) and row.is_accuracy:
        return _by_images(mine, history.name)
    shares = [(share, len(one.values)) for one in mine if (share := _noise_share(one.values[-LAST:])) is not None]
    if not shares:
        return Spread(None, f"{history.name} has fewer than five results of it")
    share, count = max(shares)
    promised = row.target if isinstance(row, Baseline) else row.at_least or row.within or 0.0
    return Spread(share * promised, f"of its noise from result to result ({100 * share:.2g} %, {count} results)")


def _keys_of(history: History, card: ModelCard, row: Baseline | Ratio) -> Iterator[str]:
    """Yield the keys of the cases that a row bears on."""
    check = "ratio" if isinstance(row, Ratio) else row.metric if row.metric in SPEEDS else "accuracy"
    for known in history.cases():
        if not known.name.startswith(f"test_{check}[{card.name}-"):
            continue
        with closing(history.entries(known.key, newest_first=True)) as kept:
            promise = promises_for(card, Entry.model_validate_json(next(kept).text).result.case)
        rows: tuple[Baseline | Ratio, ...] = (*promise.baselines, *promise.ratios)
        if _about(row) in map(_about, rows):
            yield known.key


def _about(row: Baseline | Ratio) -> object:
    return row.name if isinstance(row, Ratio) else row.layered_identity


def _is_of(line: Line, card: ModelCard, row: Baseline | Ratio) -> bool:
    """Tell whether a series is of the number that a row promises; a processor's in canaries is none in images/s."""
    if isinstance(row, Ratio):
        return line.name == row.name
    if row.is_accuracy:
        name = f"{row.metric}:{row.class_}" if row.class_ else row.metric
        return (line.name, line.protocol) == (name, row.protocol or card.metric.protocol)
    canaries = speed.CANARY_UNITS.values()
    return line.name == row.metric and (line.unit in canaries) == (row.unit in canaries)


def _by_images(series: Iterable[Series], name: str) -> Spread:
    points = [point for one in series for point in one.usable if point.interval]
    newest = max(points, key=lambda point: point.at, default=None)
    if newest is None or newest.interval is None:
        return Spread(None, f"{name} has no interval of it over images")
    return Spread(interval_error(newest.interval), f"of its interval over images, {newest.at[:10]}")


def _noise_share(values: Sequence[float]) -> float | None:
    sigma = noise(values)
    return None if sigma is None else sigma / abs(statistics.median(values))


def _finding(judged: drift.Drift, head: Reading) -> Finding:
    red = judged.outcome == "FAIL"
    outcome: Outcome = "FAIL" if red else "NO_BASELINE"
    anchor = judged.anchor
    judgement = Judgement(
        name="drift",
        target=anchor.value,
        observed=head.value,
        unit=head.unit,
        tolerance=judged.tolerance.value,
        origin=f"the anchor {anchor.release}, frozen on {anchor.frozen_at[:10]} at {written(anchor.value, head.unit)}",
        outcome=outcome,
        note=f"slow drift: {judged}" if red else str(judged),
    )
    return Finding(judgement, "missed" if red else "no-promise")


def _speeds(case: Case, measurement: Measurement | None, judgements: Sequence[Judgement]) -> Iterator[Reading]:
    """Yield a speed: in canaries where there was one on a processor, which is what its floors are in, then as it is."""
    if measurement is None or not (measurement.rounds_ms or measurement.tool_value):
        return
    value, count = rounds.reading(measurement, case.check), len(measurement.rounds_ms)
    scale = speed.canary_scale(measurement, case.check) if case.chip == "cpu" else None
    scaled = [] if scale is None else [(speed.CANARY_UNITS[case.check], value * scale)]
    for unit, number in (*scaled, (speed.RAW_UNITS[case.check], value)):
        judged = (one.interval for one in judgements if one.unit == unit and one.observed == number)
        yield Reading(case.check, measurement.definition, unit, number, next(judged, None), count)


def _accuracies(result: Result) -> Iterator[Reading]:
    """Yield every measure and the paired loss; of a part of the data set under a name of their own."""
    samples = result.samples
    part = "" if samples is None or samples.whole else f", {samples.used} of {samples.declared} samples"
    for one in result.measures:
        yield Reading(one.name, one.protocol + part, one.unit, one.value, one.interval, one.n)
    if result.paired is not None:
        paired = result.paired
        name = f"{paired.metric} against {paired.reference}{part}"
        yield Reading("paired-loss", name, "fraction", paired.loss, paired.interval, paired.n)


def _agreements(result: Result) -> Iterator[Reading]:
    for one in result.parity:
        yield Reading("max-rel", one.output, "", one.max_rel)
    if result.agreement is not None and result.agreement.n:
        equal = result.agreement.equal / result.agreement.n
        yield Reading("agreement", "", "fraction", equal, None, result.agreement.n)
