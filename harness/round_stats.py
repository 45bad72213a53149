"""Statistics of the rounds of a timed run, in the order they came: warm-up, outliers, steps, and intervals.

Rounds that follow each other are alike: a clock and a temperature change slowly. So items are not drawn one by one,
as `harness.stats` draws pictures, but in blocks.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int32]
Interval = tuple[float, float]
Statistic = Callable[[Floats], Floats]
"""A statistic along the last axis: of rows of resampled rounds, one number each."""

RESAMPLES = 2000
SEED = 20240307
FEWEST_TO_CUT = 10
FEWEST_ON_A_SIDE = 5
MAD_TO_SIGMA = 1.4826  # for a normal distribution
# A clock's resolution and an idle machine can make rounds all but equal: no difference below this is worth a word.
LEAST_SIGMA = 0.005  # of the median
OUTLIER_SIGMAS = 5.0  # of normal rounds, one in 3 million
MOST_OUTLIERS = 0.05  # of the rounds; more than that are a way the machine runs, not mishaps
WARMING_Z = 3.0
# The best of all places to cut is taken, so that chance alone gives a z of 3.5 in one of 200 runs of 60 rounds.
SHIFT_Z = 4.5
LEAST_SHIFT = 0.02


class Shift(NamedTuple):
    """A change inside a run: from round `start` on (0 is the first), by `change` (0.08: 8 % slower)."""

    kind: Literal["step", "drift"]
    start: int
    change: float


def block_interval(values: Floats, statistic: Statistic, confidence: float) -> Interval:
    """Return the two-sided percentile interval of a statistic over circular blocks of rounds; the draws are seeded.

    The length of the blocks is the data's own (`block_length`). The percentiles are moved outwards as Student's t is
    wider than the normal distribution, with the blocks as its observations: without that, few blocks give too narrow an
    interval. Politis and Romano (1992); Hesterberg, What Teachers Should Know About the Bootstrap (2015), section 3.3.
    """
    count = len(values)
    if count < 2:
        raise ValueError("expected at least two rounds")
    length = block_length(values)
    found = np.sort(statistic(values[_resamples(count, length)]))
    tail = _expanded_tail((1 - confidence) / 2, count / length)
    low, high = np.quantile(found, [tail, 1 - tail])
    return float(low), float(high)


def mean(rows: Floats) -> Floats:
    """Return the mean of each row."""
    found: Floats = rows.mean(axis=-1)
    return found


def median(rows: Floats) -> Floats:
    """Return the median of each row; sorting short rows is ten times as fast as numpy's own median."""
    ordered, count = np.sort(rows, axis=-1), rows.shape[-1]
    found: Floats = (ordered[..., (count - 1) // 2] + ordered[..., count // 2]) / 2
    return found


def block_length(values: Floats) -> int:
    """Return the length of blocks that suits the rounds' correlation; 1 where none is seen.

    Politis and White, Automatic Block-Length Selection (2004), with the correction by Patton, Politis and White (2009),
    for circular blocks.
    """
    count = len(values)
    deviations = values - values.mean()
    variance = float(deviations @ deviations) / count
    if count < FEWEST_TO_CUT or variance == 0:
        return 1
    bandwidth = max(5, math.ceil(math.sqrt(math.log10(count))))
    farthest = min(math.ceil(math.sqrt(count)) + bandwidth, count - 1)
    covariances = np.array([float(deviations[: count - lag] @ deviations[lag:]) / count for lag in range(farthest + 1)])
    last = _last_correlated(covariances / variance, 2 * math.sqrt(math.log10(count) / count), bandwidth)
    if last == 0:
        return 1
    lags = np.arange(1, min(2 * last, farthest) + 1)
    weighted = np.clip(2 * (1 - lags / lags[-1]), 0, 1) * covariances[lags]
    spectrum, slope = variance + 2 * float(weighted.sum()), 2 * float(lags @ weighted)
    length = (2 * slope**2 / (4 / 3 * spectrum**2)) ** (1 / 3) * count ** (1 / 3) if spectrum else 1.0
    return max(1, min(math.ceil(length), math.ceil(min(3 * math.sqrt(count), count / 3))))


def warming(values: Floats) -> int:
    """Return how many rounds at the start are still warming up: slower than the steady rounds after them.

    The place is that of the marginal standard error rule, which leaves the mean of the rest most certain (White, An
    Effective Truncation Heuristic for Bias Reduction in Simulation Output, 1997), in the first half; nothing is cut
    unless those rounds are slower by three standard errors. Outliers count no more than the slowest other round.
    """
    count = len(values)
    if count < FEWEST_TO_CUT:
        return 0
    steady = values[count // 2 :]
    sigma = _sigma(steady)
    level = float(np.median(steady))
    first = np.clip(values, level - OUTLIER_SIGMAS * sigma, None)
    # A mishap must not be taken for the end of a long warm-up; the first rounds may be slow without bound.
    tamed = np.where(_isolated(first, level + OUTLIER_SIGMAS * sigma), level, first)
    cut = int(np.argmin(_variances_of_rest(tamed - level, count // 2) / (count - np.arange(count // 2 + 1))))
    while cut and tamed[cut - 1] <= level + 2 * sigma:  # the last of them are as fast as any
        cut -= 1
    if cut == 0:
        return 0
    error = sigma * math.sqrt(1 / cut + 1 / (count - cut))
    slower = float(np.mean(tamed[:cut]) - np.mean(tamed[cut:]))
    return cut if slower > WARMING_Z * error else 0


def outliers(values: Floats) -> Index:
    """Return which rounds are mishaps: far slower than the others, and few; none where they are more than a few."""
    limit = float(np.median(values)) + OUTLIER_SIGMAS * _sigma(values)
    found = np.flatnonzero(values > limit)
    few = len(found) <= math.ceil(MOST_OUTLIERS * len(values))
    return found.astype(np.int32) if few else np.empty(0, np.int32)


def shift(values: Floats) -> Shift | None:
    """Return the step or the drift inside a run that is beyond chance and beyond 2 %; None for a steady run."""
    count = len(values)
    if count < 2 * FEWEST_ON_A_SIDE:
        return None
    median = float(np.median(values))
    centred = np.minimum(values, median + OUTLIER_SIGMAS * _sigma(values))
    places = np.arange(FEWEST_ON_A_SIDE, count - FEWEST_ON_A_SIDE + 1)
    sums = np.cumsum(centred)
    left = sums[places - 1] / places
    right = (sums[-1] - sums[places - 1]) / (count - places)
    weights = places * (count - places) / count
    best = int(np.argmax(weights * (right - left) ** 2))
    change = float(right[best] / left[best] - 1)
    total = float(((centred - centred.mean()) ** 2).sum())
    explained = float(weights[best] * (right[best] - left[best]) ** 2)
    sigma = max(math.sqrt(max(total - explained, 0.0) / (count - 2)), LEAST_SIGMA * median)
    if abs(change) < LEAST_SHIFT or math.sqrt(explained) < SHIFT_Z * sigma:
        return None
    slope, start = np.polyfit(np.arange(count), centred, 1)
    line = float(((slope * np.arange(count) + start - centred.mean()) ** 2).sum())
    if line > explained:
        return Shift("drift", 0, float(slope * (count - 1) / start))
    return Shift("step", int(places[best]), change)


def _sigma(values: Floats) -> float:
    """Return a standard deviation that outliers do not move, at least half a per cent of the median."""
    median = float(np.median(values))
    return max(MAD_TO_SIGMA * float(np.median(np.abs(values - median))), LEAST_SIGMA * median)


def _variances_of_rest(values: Floats, most: int) -> Floats:
    """Return the variance of what is left without the first 0, 1, … `most` values."""
    left = len(values) - np.arange(most + 1)
    sums, squares = (np.cumsum(powers[::-1])[::-1][: most + 1] for powers in (values, values**2))
    found: Floats = squares / left - (sums / left) ** 2
    return found


def _isolated(values: Floats, limit: float) -> npt.NDArray[np.bool_]:
    """Tell which rounds are above a limit with a round below it somewhere before: no part of the first slow rounds."""
    above = values > limit
    return above & (np.cumsum(~above) > 0)


def _last_correlated(correlations: Floats, limit: float, bandwidth: int) -> int:
    """Return the lag after which `bandwidth` correlations in a row are within the limit."""
    above = np.flatnonzero(np.abs(correlations[1:]) >= limit) + 1
    last = 0
    for lag in above.tolist():
        if lag > last + bandwidth:
            break
        last = lag
    return last


@lru_cache(maxsize=8)
def _resamples(count: int, length: int) -> Index:
    """Return the indices of all resamples, one in a row: circular blocks, cut to the number of rounds."""
    generator = np.random.Generator(np.random.PCG64(SEED))
    blocks = math.ceil(count / length)
    starts = generator.integers(0, count, (RESAMPLES, blocks, 1), dtype=np.int32)
    index = np.mod(starts + np.arange(length, dtype=np.int32), count)
    return index.reshape(RESAMPLES, -1)[:, :count].astype(np.int32)


def _expanded_tail(tail: float, observations: float) -> float:
    """Return the tail whose normal quantile is as far out as Student's t of that many observations, n / (n - 1) too."""
    freedom = max(observations - 1, 1.0)
    reach = math.sqrt(observations / freedom) * student_quantile(1 - tail, freedom)
    return NormalDist().cdf(-reach)


def student_quantile(share: float, freedom: float) -> float:
    """Return the quantile of Student's t by its expansion in 1 / freedom; 0.3 % off at 4 degrees, exact at many.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.

    >>> round(student_quantile(0.975, 20), 4)
    2.086
    """
    z = NormalDist().inv_cdf(share)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom ** (order + 1) for order, term in enumerate(terms))
