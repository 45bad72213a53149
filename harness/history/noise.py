"""How restless a series is, and how tight a floor its own results allow: pure functions of numbers."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MAD_TO_SIGMA = 1.4826  # for a normal distribution
FEWEST_FOR_NOISE = 5
FEWEST_FOR_FLOOR = 20  # with fewer, the noise itself is known to no better than a fifth
# One-sided, of a normal distribution: a result below its floor by chance once in ten thousand.
Z_ONE_IN_TEN_THOUSAND = 3.719


@dataclass(frozen=True)
class Floor:
    """A floor (a ceiling, where less is better) learned from `n` results: the worst value that may still pass.

    `tolerance` is how far it is from the `median`, as a share of that.
    """

    value: float
    median: float
    tolerance: float
    n: int


def noise(values: Sequence[float]) -> float | None:
    """Return the standard deviation from result to result, in the values' unit; None for fewer than five.

    It is the median absolute difference of neighbours, so that neither a slow drift, nor a step, nor an outlier now and
    then counts as noise.

    >>> round(noise([10.0, 11.0, 10.0, 11.0, 10.0]), 4)  # neighbours differ by 1: 1.4826 / √2
    1.0484
    """
    if len(values) < FEWEST_FOR_NOISE:
        return None
    steps = [abs(after - before) for before, after in pairwise(values)]
    return MAD_TO_SIGMA * statistics.median(steps) / math.sqrt(2)


def floor(values: Sequence[float], *, higher_is_better: bool = True) -> Floor | None:
    """Return the floor that results like these pass but once in ten thousand, and all of these do; None for under 20.

    It allows for what is not known of the noise with so few results; a machine on which it has changed of late has its
    last results given, not all.
    """
    sigma = noise(values)
    if len(values) < FEWEST_FOR_FLOOR or sigma is None:
        return None
    median = statistics.median(values)
    # The deviation of a deviation is about its 1 / √n by neighbours' differences, and two of those are allowed for.
    reach = Z_ONE_IN_TEN_THOUSAND * sigma * (1 + 2 / math.sqrt(len(values)))
    worst = min(median - reach, *values) if higher_is_better else max(median + reach, *values)
    return Floor(worst, median, abs(worst - median) / abs(median) if median else math.inf, len(values))
