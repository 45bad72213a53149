"""Tango's score statistic and interval for the loss between two answers to the same items.

Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample design,
Statistics in Medicine 17 (1998), 891-908. The share lost less the share gained is the loss.
"""

from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]
Counts = npt.NDArray[np.integer[Any]] | int
Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
HALVINGS = 60  # of an interval of length 1: beyond the digits of a float
NORMAL = NormalDist()


def z_of(level: float) -> float:
    """Return the z that a standard normal number exceeds with probability `level`.

    >>> round(z_of(0.05), 4)
    1.6449
    """
    return -NORMAL.inv_cdf(level)


def normal_tail(z: float) -> float:
    """Return the probability that a standard normal number exceeds `z`."""
    return NORMAL.cdf(-z)


def score_z(lost: Counts, gained: Counts, count: Counts, loss: float) -> Floats:
    """Return how many standard errors the observed loss is above `loss`, the error taken as if `loss` were true.

    Counts broadcast. Where that error is 0, which is at losses of -1, 0 and 1, the sign of the difference is infinite
    and no difference is 0.
    """
    b, c, n = (np.asarray(value, np.float64) for value in (lost, gained, count))
    room = loss * (1 - loss)
    # The share gained that is most likely under `loss` is the larger root of 2n q² + B q - c·loss(1 - loss) = 0.
    linear = (2 * n - b + c) * loss - b - c
    share = (np.sqrt(np.maximum(linear * linear + 8 * n * c * room, 0.0)) - linear) / (4 * n)
    error = np.sqrt(np.maximum(n * (2 * share + room), 0.0))
    excess = b - c - n * loss
    infinite = np.where(excess == 0, 0.0, np.copysign(np.inf, excess))
    z: Floats = np.divide(excess, error, out=np.asarray(infinite), where=error > 0)
    return z


def upper_loss(lost: int, gained: int, count: int, level: float) -> float:
    """Return Tango's one-sided upper bound of the loss, which the true loss exceeds with probability `level`.

    Of items that all agree it is z² / (count + z²), so that equal answers give no certainty of no loss.

    >>> round(upper_loss(0, 0, 1000, 0.05), 5)
    0.0027
    """
    if lost < 0 or gained < 0 or lost + gained > count or count < 1:
        raise ValueError(f"expected counts of at least one item, got {lost} and {gained} of {count}")
    z = z_of(level)
    low, high = (lost - gained) / count, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if float(score_z(lost, gained, count, middle)) > -z:
            low = middle
        else:
            high = middle
    return high


def loss_interval(lost: int, gained: int, count: int) -> Interval:
    """Return Tango's two-sided 95 % interval of the loss."""
    tail = (1 - CONFIDENCE) / 2
    return -upper_loss(gained, lost, count, tail), upper_loss(lost, gained, count, tail)
