"""Looking several times, with the error spent over the looks, and many cases in one run.

Lan and DeMets, Discrete sequential boundaries for clinical trials, Biometrika 70 (1983). Each look of K may use up to
K equal parts of the error, and what an exact test leaves unused goes to the next. As the looks double in size, equal
parts spend by the logarithm of the images: like Pocock's boundary early, and with more left late than his.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from harness.stats.exact import binomial_half

FIRST_LOOK = 250


def look_sizes(total: int) -> tuple[int, ...]:
    """Return at how many images a set of `total` is looked at before its end: 250 · 2^k.

    >>> look_sizes(5000)
    (250, 500, 1000, 2000, 4000)
    """
    sizes = []
    size = FIRST_LOOK
    while size < total:
        sizes.append(size)
        size *= 2
    return tuple(sizes)


def spent(level: float, looks: int) -> tuple[float, ...]:
    """Return the error that may be spent up to each of so many looks, in equal parts; the last is `level`.

    >>> spent(0.04, 4)
    (0.01, 0.02, 0.03, 0.04)
    """
    return tuple(level * (look / looks) for look in range(1, looks + 1))


def case_level(level: float, cases: int) -> float:
    """Return the error of one case at which so many cases together err with at most `level` (Bonferroni).

    Verdicts are given one by one, as cases finish, so that Holm's order of all p-values is not to be had; and cases
    that share images are not independent, as Šidák's level would need.
    """
    return level / max(1, cases)


def regression_bounds(discordant: Sequence[int], spends: Sequence[float]) -> tuple[int, ...]:
    """Return from how many lost on, at each look, the exact sequential McNemar test has found a loss.

    `discordant` is how many items only one of the two got right, up to each look; `spends` the error that may be spent
    up to it. If losing is no likelier than gaining, the walk of the lost among the discordant crosses a bound at any
    look with a probability of at most the last spend, whatever `discordant` is. A bound of discordant + 1 cannot be
    reached. At a single look it is McNemar's exact test.

    >>> regression_bounds([5], [0.05]), regression_bounds([4], [0.05])  # 1/32 and 1/16
    ((5,), (5,))
    """
    if len(discordant) != len(spends) or any(later < earlier for earlier, later in pairwise((0, *discordant))):
        raise ValueError("expected one error per look, and numbers of discordant items that never fall")
    bounds = []
    walk, used, seen = np.ones(1), 0.0, 0
    for count, allowed in zip(discordant, spends, strict=True):
        walk = np.convolve(walk, binomial_half(count - seen))
        tails = np.cumsum(walk[::-1])[::-1]
        bound = int(np.count_nonzero(tails > allowed - used))
        used += float(tails[bound]) if bound < len(tails) else 0.0
        walk[bound:] = 0.0
        bounds.append(bound)
        seen = count
    return tuple(bounds)
