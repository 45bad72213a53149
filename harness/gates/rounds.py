"""The rounds of a timed run: one number in its own definition, how certain it is, and what happened in them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, cast

import numpy as np

from harness import round_stats
from harness.cards import Baseline
from harness.results import Measurement
from harness.round_stats import Floats, Interval
from harness.units import counted

# A run looks at its rounds up to five times, and fails at most with 0.5 % at each look if it is just at its floor.
CONFIDENCE = 0.99
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
FEWEST_ROUNDS = 5
LEAST_ERROR = 1e-6  # a share; rounds that are all equal are not worth more than any others
MEANS = ("ais_bench", "msame")


@dataclass(frozen=True)
class Reading:
    """A run's number, and the same without its outliers; the 99 % intervals are None for fewer than five rounds."""

    value: float
    interval: Interval | None
    calm_value: float
    calm_interval: Interval | None


@dataclass(frozen=True)
class Share:
    """Which part of a promise a run reaches, more being better, and the ends of its 99 % interval.

    The `calm` ones are those without outliers: such rounds take no pass away.
    """

    value: float
    interval: Interval
    calm_value: float
    calm_interval: Interval

    @property
    def best(self) -> float:
        """The larger of the two values."""
        return max(self.value, self.calm_value)

    @property
    def error(self) -> float:
        """The standard error without outliers, on the side of the promise."""
        return max((self.calm_interval[1] - self.calm_value) / Z, LEAST_ERROR)


def reading(measurement: Measurement, check: str) -> float:
    """Return images/s (`throughput`) or ms per run (`latency`) by the measurement's own definition, warm-up left out.

    `ais_bench` takes the mean, `msame` the mean without the first, others the measurement's statistic; a tool that
    gives no rounds is believed.
    """
    if not measurement.rounds_ms:
        return cast("float", measurement.tool_value)
    return _rate(float(_statistic(measurement)(steady_ms(measurement))), measurement, check)


def takes_mean(measurement: Measurement) -> bool:
    """Tell whether a measurement's own definition is a mean of rounds; all others are medians."""
    return measurement.definition in MEANS or measurement.statistic == "mean"


def read(measurement: Measurement, check: str) -> Reading:
    """Return the reading with its certainty; no interval is narrower than the noise that a history knows of."""
    value, rounds_ms = reading(measurement, check), steady_ms(measurement)
    calm_ms = np.delete(rounds_ms, round_stats.outliers(rounds_ms)) if len(rounds_ms) >= FEWEST_ROUNDS else rounds_ms
    interval = _interval(rounds_ms, value, measurement, check)
    if len(calm_ms) == len(rounds_ms):
        return Reading(value, interval, value, interval)
    calm = _rate(float(_statistic(measurement)(calm_ms)), measurement, check)
    return Reading(value, interval, calm, _interval(calm_ms, calm, measurement, check))


def share(baseline: Baseline, found: Reading, scale: float) -> Share:
    """Return a reading, in the baseline's unit by `scale`, as a part of what is promised."""
    return Share(
        *_parts(baseline, found.value, found.interval, scale),
        *_parts(baseline, found.calm_value, found.calm_interval, scale),
    )


def _parts(baseline: Baseline, value: float, interval: Interval | None, scale: float) -> tuple[float, Interval]:
    low, high = sorted(part(baseline, end * scale) for end in interval or (value, value))
    return part(baseline, value * scale), (low, high)


def part(baseline: Baseline, value: float) -> float:
    """Return what part of the promise was reached; a latency of twice the target reaches 0."""
    return value / baseline.target if higher_is_better(baseline) else 2 - value / baseline.target


def higher_is_better(baseline: Baseline) -> bool:
    """Tell whether more is better, as of a throughput."""
    return baseline.metric == "throughput"


def together(shares: Sequence[Share]) -> tuple[float, float]:
    """Return the part that runs reach together, outliers aside, weighed by certainty, and its upper 99.5 % bound."""
    weights = [1 / one.error**2 for one in shares]
    value = sum(weight * one.calm_value for weight, one in zip(weights, shares, strict=True)) / sum(weights)
    return value, value + Z / math.sqrt(sum(weights))


def steady_ms(measurement: Measurement) -> Floats:
    """Return the rounds that count: not those of warming up, nor the first of msame, as its definition says."""
    first = max(measurement.warming, 1 if measurement.definition == "msame" else 0)
    rounds_ms = np.array(measurement.rounds_ms, np.float64)
    return rounds_ms[first:] if len(rounds_ms) > first else rounds_ms


def course(measurement: Measurement, device: Any = None) -> Iterator[str]:
    """Yield what a person should know of a run: how it went on, warm-up, outliers, a step or a drift, and the noise.

    `device` are the facts of an NPU's watch (`environment["npu"]`): a run that became slower names its temperature.
    """
    rounds_ms = steady_ms(measurement)
    if len(measurement.looks) > 1:
        yield f"{measurement.looks[-1]} rounds in {len(measurement.looks)} looks"
    if measurement.warming:
        yield f"{_rounds(measurement.warming)} of warming up left out"
    if len(rounds_ms) >= FEWEST_ROUNDS and not (np.isnan(rounds_ms).any() or np.isinf(rounds_ms).any()):
        found = round_stats.outliers(rounds_ms)
        if len(found):
            median, most = float(np.median(rounds_ms)), float(rounds_ms[found].max())
            yield f"{counted(len(found), 'outlier')} of up to {most:.4g} ms where the median is {median:.4g} ms"
        yield from _change(measurement, rounds_ms, device)
    if measurement.noise is not None:
        yield f"its noise from run to run is {100 * measurement.noise:.2g} %"


def _change(measurement: Measurement, rounds_ms: Floats, device: Any) -> Iterator[str]:
    found = round_stats.shift(rounds_ms)
    if found is None:
        return
    size = f"{100 * abs(found.change):.2g} % {'slower' if found.change > 0 else 'faster'}"
    before = len(measurement.rounds_ms) - len(rounds_ms)
    how = f"{size} over the run" if found.kind == "drift" else f"{size} from round {before + found.start + 1} on"
    yield f"{how}{_throttling(device) if found.change > 0 else ''}"


def _throttling(device: Any) -> str:
    """Return at how many degrees and watts a device became slower, as far as its watch knows."""
    facts = device if isinstance(device, dict) else {}
    known = []
    for name, unit in (("temperature_c", "°C"), ("power_w", "W")):
        row = facts.get(name)
        if isinstance(row, dict) and row.get("max") is not None:
            known.append(f"{row['max']:g} {unit}")
    return f" at up to {' and '.join(known)}: throttled?" if known else ""


def _interval(rounds_ms: Floats, value: float, measurement: Measurement, check: str) -> Interval | None:
    if len(rounds_ms) < FEWEST_ROUNDS or not math.isfinite(value):
        return None
    ends_ms = round_stats.block_interval(rounds_ms, _statistic(measurement), CONFIDENCE)
    low, high = sorted(_rate(end_ms, measurement, check) for end_ms in ends_ms)
    least = Z * (measurement.noise or 0.0) * value
    return min(low, value - least), max(high, value + least)


def _statistic(measurement: Measurement) -> round_stats.Statistic:
    return round_stats.mean if takes_mean(measurement) else round_stats.median


def _rate(typical_ms: float, measurement: Measurement, check: str) -> float:
    if check == "latency":
        return typical_ms
    return 1000.0 * measurement.batch / typical_ms if typical_ms > 0 else math.inf


def _rounds(count: int) -> str:
    return counted(count, "round")
