"""Two runs compared, case by case: what changed, and whether chance alone would change it as much."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import metrics
from harness.cards import ModelCard
from harness.errors import OmgateError
from harness.gates import rounds, speed
from harness.report.changes import ROUNDS, CaseChange, Comparison, ValueChange
from harness.report.confusions import outcomes
from harness.report.document import CasePart, MeasurePart, RunReport
from harness.report.read import read
from harness.report.shown import shown
from harness.report.since import differences
from harness.results import Entry, Measurement
from harness.runs import read_entries
from harness.stats import CONFIDENCE, Interval
from harness.stats.bootstrap import RESAMPLES, SEED
from harness.units import ABSENT, difference, points, written


def compare(first: Path, second: Path, cards: Mapping[str, ModelCard]) -> Comparison:
    """Return what changed from one run's folder to another's; raises UsageError for a folder that is no run's.

    Cases are the same where their keys are: model, runtime, chip, batch, check, weights, precision, emulated or not.
    """
    before, after = read(first, cards), read(second, cards)
    entries = tuple({one.result.case.key: one for one in read_entries(folder)} for folder in (first, second))
    pairs = _Pairs((first, second), entries, cards)
    return Comparison(
        before.run, after.run, differences(before.environment, after.environment), tuple(_changes(before, after, pairs))
    )


class _Pairs:
    """The measured numbers of cases that both runs have."""

    def __init__(
        self, folders: tuple[Path, Path], entries: tuple[dict[str, Entry], ...], cards: Mapping[str, ModelCard]
    ) -> None:
        self._folders, self._entries, self._cards = folders, entries, cards

    def change(self, before: CasePart, after: CasePart) -> ValueChange | None:
        """Return how a case's first number changed; None where neither run has one."""
        one, other = (entries.get(before.key) for entries in self._entries)
        if one is None or other is None or not (before.judgements or after.judgements):
            return None
        if ABSENT in (before.measured_text, after.measured_text):
            texts = (before.measured_text, after.measured_text)
            return None if texts == (ABSENT, ABSENT) else ValueChange(before.check, *texts)
        if before.check in ("throughput", "latency"):
            return _speed(before, after, (one.result.measurement, other.result.measurement))
        if before.check == "accuracy":
            return self._accuracy(before, after, (one, other))
        return ValueChange(before.judgements[0].name, before.measured_text, after.measured_text)

    def _accuracy(self, before: CasePart, after: CasePart, entries: tuple[Entry, Entry]) -> ValueChange:
        card = self._cards.get(before.model)
        sides = [
            outcomes(folder, one.result.outcomes.path if one.result.outcomes else "")
            for folder, one in zip(self._folders, entries, strict=True)
        ]
        lack = "" if card else f"no card {before.model} here"
        lack = lack or next((side for side in sides if isinstance(side, str)), "")
        if lack or card is None or isinstance(sides[0], str) or isinstance(sides[1], str):
            return _unpaired(before, after, lack)
        try:
            paired = metrics.paired(card, sides[1], sides[0], "the first run")
        except (OmgateError, KeyError, ValueError) as error:
            why = shown(" ".join(str(error).split()))
            return _unpaired(before, after, why)
        name = f"{paired.metric} ({paired.protocol}) on the same {paired.n} samples"
        values = (written(paired.reference_value, "fraction"), written(paired.value, "fraction"))
        counts = "" if paired.lost is None else f"{paired.lost} lost, {paired.gained} gained"
        if paired.interval is None:
            note = "; ".join(filter(None, [counts, "no interval: too few samples"]))
            return ValueChange(name, *values, points(0.0 - paired.loss), note=note)
        low, high = (0.0 - end for end in reversed(paired.interval))  # minus nothing would be written -0
        between = f"{points(low)} to {points(high)}"
        return ValueChange(name, *values, points(0.0 - paired.loss), between, not low <= 0 <= high, counts)


def _unpaired(before: CasePart, after: CasePart, lack: str) -> ValueChange:
    """Return how an accuracy changed without an interval: of several measures the one of the later headline."""
    note = f"no interval: {lack}"
    seen = after.judgements[0].observed
    ranked = sorted(after.measures, key=lambda one: one.value != seen)
    earlier = {(one.name, one.protocol, one.unit): one for one in before.measures}
    for other in ranked:
        one = earlier.get((other.name, other.protocol, other.unit))
        if one is not None:
            name = "accuracy" if len(after.measures) == 1 else f"{other.name} ({other.protocol})"
            return _changed(name, one, other, note)
    texts = (before.measured_text, after.measured_text)
    first, last = before.judgements[0], after.judgements[0]
    if first.observed is None or last.observed is None or first.unit != last.unit:
        return ValueChange("accuracy", *texts, note=note)
    return ValueChange("accuracy", *texts, difference(last.observed - first.observed, last.unit), note=note)


def _changed(name: str, one: MeasurePart, other: MeasurePart, note: str) -> ValueChange:
    size = "" if one.value is None or other.value is None else difference(other.value - one.value, other.unit)
    return ValueChange(name, one.value_text, other.value_text, size, note=note)


def _speed(before: CasePart, after: CasePart, measured: tuple[Measurement | None, Measurement | None]) -> ValueChange:
    """Return the ratio of two speeds, each in the unit that it was judged in, with an interval over rounds."""
    one, other = before.judgements[0], after.judgements[0]
    texts = (before.measured_text, after.measured_text)
    if one.unit != other.unit or not one.observed or other.observed is None:
        return ValueChange(before.check, *texts, note=f"not comparable: {one.unit} and {other.unit}")
    first, second = measured
    if first is None or second is None or (first.definition, first.inputs) != (second.definition, second.inputs):
        return ValueChange(before.check, *texts, note="not comparable: another definition or other inputs")
    ratio = other.observed / one.observed
    raw = _ratio_interval(first, second, before.check)
    if raw is None:
        return ValueChange(before.check, *texts, f"× {ratio:.3f}", note="no interval: too few rounds")
    scale = ratio / (rounds.reading(second, before.check) / rounds.reading(first, before.check))
    low, high = raw[0] * scale, raw[1] * scale
    restless = [side for side in map(speed.disturbed, (first, second)) if side]
    between = f"× {low:.3f} to {high:.3f}"
    return ValueChange(
        before.check, *texts, f"× {ratio:.3f}", between, not low <= 1 <= high, "; ".join(restless), ROUNDS
    )


def _ratio_interval(first: Measurement, second: Measurement, check: str) -> Interval | None:
    """Return the 95 % percentile interval of the second's speed over the first's, by resampling the rounds of each.

    Efron and Tibshirani, An Introduction to the Bootstrap, chapter 16: two samples are drawn from independently.
    """
    if min(len(first.rounds_ms), len(second.rounds_ms)) < rounds.FEWEST_ROUNDS:
        return None
    generator = np.random.Generator(np.random.PCG64(SEED))
    times = [_resampled(one, generator) for one in (first, second)]
    ratios = times[1] / times[0] if check == "latency" else times[0] / times[1]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(ratios, [tail, 1 - tail])
    return float(low), float(high)


def _resampled(one: Measurement, generator: np.random.Generator) -> npt.NDArray[np.float64]:
    times = rounds.steady_ms(one)
    drawn = times[generator.integers(0, len(times), (RESAMPLES, len(times)))]
    typical: npt.NDArray[np.float64] = np.mean(drawn, 1) if rounds.takes_mean(one) else np.median(drawn, 1)
    return typical


def _changes(before: RunReport, after: RunReport, pairs: _Pairs) -> Iterator[CaseChange]:
    later = {case.key: case for case in after.cases}
    earlier = {case.key: case for case in before.cases}
    for key, case in earlier.items():
        other = later.get(key)
        yield CaseChange(case, other, pairs.change(case, other) if other else None)
    yield from (CaseChange(None, case) for key, case in later.items() if key not in earlier)
