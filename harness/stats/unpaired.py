"""A score on a part of a data set against a number that was printed for all of it."""

import math
from collections.abc import Callable
from typing import NamedTuple

from harness.stats.paired import z_of

ROUNDS = 20  # of a step that shrinks: an error hardly changes from one score to the next


class Threshold(NamedTuple):
    """Below `lowest` a score has missed; from `proven` on it has met; a loss of `detectable` is seldom overlooked."""

    lowest: float
    proven: float
    detectable: float


def subset_factor(count: int, total: int) -> float:
    """Return what part of the standard error remains when `count` of `total` items are drawn without replacement.

    The correction for finite populations, sqrt((N - n) / (N - 1)); Cochran, Sampling Techniques, section 2.6. A total
    that is not larger counts as unknown.

    >>> subset_factor(1, 50), subset_factor(10, 0)
    (1.0, 1.0)
    """
    return math.sqrt((total - count) / (total - 1)) if total > count else 1.0


def share_error(share: float, count: int) -> float:
    """Return the standard error of a share of `count` items, sqrt(p (1 - p) / n)."""
    return math.sqrt(max(share * (1 - share), 0.0) / count)


def threshold(floor: float, error: Callable[[float], float], alpha: float, beta: float) -> Threshold:
    """Return the threshold of a score whose true value should be `floor` or more; `error` is its standard error at one.

    A true value at the floor falls below `lowest` with probability `alpha`; one that is `detectable` below the floor
    stays above `lowest` with probability `beta`; one below the floor reaches `proven` with at most `beta`.

    >>> [round(value, 4) for value in threshold(0.8, lambda value: 0.01, 0.05, 0.05)]
    [0.7836, 0.8164, 0.0329]
    """
    red, green = z_of(alpha) * error(floor), z_of(beta)
    detectable = red
    for _ in range(ROUNDS):
        detectable = red + green * error(floor - detectable)
    return Threshold(floor - red, floor + green * error(floor), detectable)
