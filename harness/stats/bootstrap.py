"""Intervals by resampling items with replacement; the draws are seeded, so that a verdict can be repeated."""

from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Interval = tuple[float, float]
Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 20231215
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
FEWEST_DEGREES = 3.0
CHUNK = 100  # resamples at once: their weights take 4 MB for 5,000 items


def bootstrap_interval(count: int, statistic: Callable[[Index], float], resamples: int = RESAMPLES) -> Interval:
    """Return the 95 % percentile interval of `statistic` over resamples of `count` items; the draws are seeded.

    `statistic` takes the indices of a resample, drawn with replacement, and returns a number; resamples where it is
    NaN are left out. Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.

    >>> bootstrap_interval(3, lambda index: 7.0)
    (7.0, 7.0)
    """
    return _percentiles([statistic(index) for index in _draws(count, resamples)])


def bootstrap_sums(rows: npt.NDArray[np.int64], statistic: Callable[[Floats], Floats]) -> Interval:
    """Return the 95 % interval of a statistic of column sums over resamples of its items; the draws are seeded.

    `rows` is items × columns. `statistic` takes the sums of every resample, resamples × columns, and returns one number
    for each. It is the basic interval (Davison and Hinkley, Bootstrap Methods and their Application, section 5.2),
    which takes the bias of means of ratios away, in the width of the jackknife's error: where a column is in few items,
    the percentile interval is too short and on one side (88 % for classes that are in 7 of 100 scenes).
    """
    table = rows.astype(np.float64)  # exact up to 2 ** 53
    total = table.sum(axis=0)
    value = float(statistic(total[None])[0])
    values = np.concatenate([statistic(weights @ table) for weights in _weights(len(rows))])
    low, high = _percentiles(values.tolist())
    spread = float(np.nanstd(values))
    factor = _widening(statistic(total - table)) / spread if spread > 0 else 1.0
    return value - factor * (high - value), value + factor * (value - low)


def interval_error(interval: Interval) -> float:
    """Return the standard error that a two-sided 95 % interval stands for: its width over 2 × 1.96."""
    low, high = interval
    return (high - low) / (2 * Z)


def _widening(left_out: Floats) -> float:
    """Return the jackknife's standard error of a statistic, from its values without each item, made longer by t / z.

    The degrees of freedom are those of the variance of the items' influence: 2 n / (kurtosis - 1), Satterthwaite.
    """
    influence = left_out - np.nanmean(left_out)
    square = float(np.nanmean(influence**2))
    if square == 0:
        return 0.0
    kurtosis = float(np.nanmean(influence**4)) / square**2
    degrees = max(FEWEST_DEGREES, 2 * len(left_out) / max(kurtosis - 1, 1e-9))
    return float(np.sqrt((len(left_out) - 1) * square)) * _student(Z, degrees) / Z


def _student(z: float, degrees: float) -> float:
    """Return the quantile of Student's t for a normal one (Abramowitz and Stegun, 26.7.5), to 3 % from 3 degrees on."""
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def _weights(count: int) -> Iterator[Floats]:
    """Yield how often every item is in each of some resamples: CHUNK × items, until there are RESAMPLES."""
    if count < 1:
        raise ValueError("expected at least one item to resample")
    generator = np.random.Generator(np.random.PCG64(SEED))
    starts = np.arange(CHUNK)[:, None] * count
    for _ in range(0, RESAMPLES, CHUNK):
        drawn = generator.integers(0, count, (CHUNK, count)) + starts
        yield np.bincount(drawn.reshape(-1), minlength=CHUNK * count).reshape(CHUNK, count).astype(np.float64)


def _draws(count: int, resamples: int) -> Iterator[Index]:
    if count < 1:
        raise ValueError("expected at least one item to resample")
    generator = np.random.Generator(np.random.PCG64(SEED))
    for _ in range(resamples):
        yield generator.integers(0, count, count)


def _percentiles(values: list[float]) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)
