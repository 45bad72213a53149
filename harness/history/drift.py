"""Slow drift: recent results together against an anchor, so that many small losses are seen as one large one."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from harness.history.anchors import RECENT
from harness.history.noise import noise
from harness.history.points import Anchor, Line
from harness.results import Outcome
from harness.units import points, written

# Below the 5 % that one night may lose on an NPU: what is left of it after 12 weeks of 0.5 % is seen half way.
TOLERANCE_SPEED = 0.03
TOLERANCE_SPEED_CPU = 0.10  # canaries take out most of what a shared processor does, not all
TOLERANCE_ACCURACY = 0.005  # the gates' own: half a point
TOLERANCE_SCORE = 0.01  # the gates' own for accuracies that are no shares
FEWEST = 5  # results before noise is told from drift
# One-sided normal quantiles. Red: by the bench's simulation of nights with 2 % of noise and no loss, one case in a
# thousand turns red in twelve weeks of looking every night. Green: once in twenty with a loss of the tolerance.
Z_RED, Z_GREEN = 4.5, 1.645
# The standard error of a median over that of a mean, for a normal distribution: √(π/2).
MEDIAN_TO_MEAN = math.sqrt(math.pi / 2)


@dataclass(frozen=True)
class Tolerance:
    """The loss that is allowed: a share of the anchor, or in points where the values are shares themselves.

    `exact` values have no noise: an accuracy on the whole data set is a fact each time.
    """

    value: float
    relative: bool = True
    exact: bool = False


@dataclass(frozen=True)
class Drift:
    """What recent results lost against an anchor (negative: gained), in the tolerance's terms, and its 95 % bounds."""

    outcome: Outcome
    loss: float
    interval: tuple[float, float]
    n: int
    tolerance: Tolerance
    anchor: Anchor

    def __str__(self) -> str:
        loss, allowed = (_amount(value, self.tolerance) for value in (abs(self.loss), self.tolerance.value))
        moved = f"{loss} {'worse' if self.loss >= 0 else 'better'} than"
        what = f"the anchor {self.anchor.release}" if self.anchor.release else "the results before"
        recent = "the last result is" if self.n == 1 else f"the last {self.n} results are"
        return f"{recent} {moved} {what} (of {self.anchor.n}), allowed {allowed}"


def tolerance_of(line: Line, chip: str, stated: float | None = None) -> Tolerance:
    """Return the loss that is allowed on a line: stated, or the default for accuracies, for a processor, for an NPU."""
    if line.is_share:
        return Tolerance(TOLERANCE_ACCURACY if stated is None else stated, relative=False, exact=True)
    if line.is_score:
        return Tolerance(TOLERANCE_SCORE if stated is None else stated, exact=True)
    default = TOLERANCE_SPEED_CPU if chip == "cpu" else TOLERANCE_SPEED
    return Tolerance(default if stated is None else stated)


def judge_drift(
    values: Sequence[float], anchor: Anchor, tolerance: Tolerance, *, higher_is_better: bool = True
) -> Drift | None:
    """Judge the last seven of these values, of exact ones the last, against an anchor; None without any value.

    FAIL: they are worse by more than the tolerance, and worse at all beyond chance (4.5 standard errors of medians,
    by the noise of all the values). PASS: they are not worse by the tolerance (one-sided, 5 %). INCONCLUSIVE: neither
    is certain, or there are fewer than five noisy values.
    """
    recent = values[-1:] if tolerance.exact else values[-RECENT:]
    if not recent:
        return None
    scale = abs(anchor.value) if tolerance.relative and anchor.value else 1.0
    sign = 1.0 if higher_is_better else -1.0
    loss = sign * (anchor.value - statistics.median(recent)) / scale
    spread = 0.0 if tolerance.exact else _noise(values, anchor) / scale
    error = MEDIAN_TO_MEAN * spread * math.sqrt(1 / len(recent) + 1 / anchor.n)
    few = not tolerance.exact and min(len(recent), anchor.n) < FEWEST
    outcome: Outcome = "INCONCLUSIVE" if few else _outcome(loss, error, tolerance.value)
    interval = (loss - 1.96 * error, loss + 1.96 * error)
    return Drift(outcome, loss, interval, len(recent), tolerance, anchor)


def _noise(values: Sequence[float], anchor: Anchor) -> float:
    """Return the noise of the values, or the anchor's where that is known from more results and is larger."""
    own = noise(values)
    if own is None:
        return anchor.sigma
    return own if len(values) >= anchor.n else max(own, anchor.sigma)


def _outcome(loss: float, error: float, tolerance: float) -> Outcome:
    # Beyond rounding of the arithmetic: an accuracy that is the same night by night has lost nothing.
    if loss > tolerance * (1 + 1e-9) and loss > Z_RED * error:
        return "FAIL"
    return "PASS" if loss + Z_GREEN * error <= tolerance * (1 + 1e-9) else "INCONCLUSIVE"


def _amount(value: float, tolerance: Tolerance) -> str:
    return written(value, "fraction") if tolerance.relative else points(value)
