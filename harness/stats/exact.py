"""Exact binomial statistics: the interval of a share, and McNemar's test."""

import math

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]

CONFIDENCE = 0.95
HALVINGS = 60  # of an interval of length 1: beyond the digits of a float


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


def mcnemar_p(lost: int, gained: int) -> float:
    """Return the exact one-sided McNemar p-value: how likely so many lost are if losing and gaining are as likely.

    McNemar, Psychometrika 12 (1947); the binomial tail P(X ≥ lost) of lost + gained fair coins.

    >>> mcnemar_p(3, 0), mcnemar_p(0, 0)
    (0.125, 1.0)
    """
    if lost < 0 or gained < 0:
        raise ValueError(f"expected counts, got {lost} and {gained}")
    return min(1.0, math.exp(_log_tail(lost, _log_choices(lost + gained), math.log(0.5), math.log(0.5))))


def binomial_half(count: int) -> npt.NDArray[np.float64]:
    """Return the probabilities of 0 to `count` heads of as many fair coins.

    >>> binomial_half(2).tolist()
    [0.25, 0.5, 0.25]
    """
    return np.exp2(_log_choices(count) / math.log(2) - count)


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
