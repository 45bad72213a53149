"""Statistics of the gates: pure functions of numbers, exact where an exact formula exists.

Binomial tails are summed here rather than taken from scipy, which would be two thirds of an NPU host's installation.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Index = npt.NDArray[np.int64]
Interval = tuple[float, float]

CONFIDENCE = 0.95
RESAMPLES = 1000
SEED = 20231215
HALVINGS = 60  # of an interval of length 1: beyond the digits of a float


def bootstrap_interval(count: int, statistic: Callable[[Index], float], resamples: int = RESAMPLES) -> Interval:
    """Return the 95 % percentile interval of `statistic` over resamples of `count` items; the draws are seeded.

    `statistic` takes the indices of a resample, drawn with replacement, and returns a number; resamples where it is
    NaN are left out. Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13.

    >>> bootstrap_interval(3, lambda index: 7.0)
    (7.0, 7.0)
    """
    if count < 1:
        raise ValueError("expected at least one item to resample")
    generator = np.random.Generator(np.random.PCG64(SEED))
    values = [statistic(generator.integers(0, count, count)) for _ in range(resamples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def proportion_interval(hits: int, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the exact (Clopper-Pearson) two-sided interval of a proportion.

    >>> low, high = proportion_interval(0, 10)
    >>> low, round(high, 4)  # 1 - 0.025 ** (1 / 10)
    (0.0, 0.3085)
    """
    if not 0 <= hits <= count or count < 1:
        raise ValueError(f"expected 0 to {count} hits of at least one item, got {hits}")
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else _share_with_tail(hits, count, tail)
    high = 1.0 if hits == count else 1.0 - _share_with_tail(count - hits, count, tail)
    return low, high


def loss_interval(lost: int, gained: int, count: int) -> Interval:
    """Return an interval of the share of items lost less the share gained, of at least 95 % coverage.

    Both shares have an exact interval of 97.5 % and together they miss with at most 5 % (Bonferroni). So items that
    all agree give no certainty of no loss: of 100 equal answers the interval is ± 4.3 points.
    """
    each = (1 + CONFIDENCE) / 2
    lost_low, lost_high = proportion_interval(lost, count, each)
    gained_low, gained_high = proportion_interval(gained, count, each)
    return lost_low - gained_high, lost_high - gained_low


def mcnemar_p(lost: int, gained: int) -> float:
    """Return the exact one-sided McNemar p-value: how likely so many lost are if losing and gaining are as likely.

    McNemar, Psychometrika 12 (1947); the binomial tail P(X ≥ lost) of lost + gained fair coins.

    >>> mcnemar_p(3, 0), mcnemar_p(0, 0)
    (0.125, 1.0)
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"expected counts, got {lost} and {gained}")
    return min(1.0, math.exp(_log_tail(lost, _log_choices(lost + gained), math.log(0.5), math.log(0.5))))


def _share_with_tail(hits: int, count: int, tail: float) -> float:
    """Return the share at which so many hits or more come with probability `tail`, by halving."""
    choices, log_tail = _log_choices(count), math.log(tail)
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        share = (low + high) / 2
        if _log_tail(hits, choices, math.log(share), math.log1p(-share)) < log_tail:
            low = share
        else:
            high = share
    return (low + high) / 2


def _log_choices(count: int) -> npt.NDArray[np.float64]:
    """Return the logarithm of the number of ways to choose 0 to `count` of `count` items."""
    ordinals = np.arange(1, count + 1, dtype=np.float64)
    return np.concatenate([[0.0], np.cumsum(np.log(count - ordinals + 1) - np.log(ordinals))])


def _log_tail(hits: int, choices: npt.NDArray[np.float64], log_share: float, log_other: float) -> float:
    """Return the logarithm of the binomial probability of so many hits or more."""
    found = np.arange(hits, len(choices))
    terms = choices[hits:] + found * log_share + (len(choices) - 1 - found) * log_other
    largest = float(terms.max())
    return largest + math.log(float(np.exp(terms - largest).sum()))
