"""The accuracy gate on a part of the data set, where an observed loss is no fact: two hypotheses, each with its error.

*Regression*: the artifact is worse than the reference backend on the same images. A failure needs this, and an observed
loss above the margin. *Non-inferiority*: it is worse by less than the margin. A pass needs this. Between the two, only
more images decide.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from harness import stats
from harness.cards import Baseline
from harness.results import Look, Measure, Outcome, Paired, Result, Samples
from harness.stats import Threshold
from harness.units import points, written

FALSE_RED = 0.05
"""How often a run may be red by chance with nothing wrong: all its cases, judgements and looks together."""
FALSE_GREEN = 0.05
"""How often a case that is worse by the whole margin may pass by chance: all its looks together.

More cases do not raise it: each is the risk of its own artifact only.
"""
UNPAIRED_SHARE = 0.1
"""What part of a case's false red is left to scores against printed numbers, where a pair is judged as well.

Such a score finds what both backends have wrong, which is gross, so that a smaller level costs it little.
"""
COARSEST = 0.05
"""The largest loss against a printed number that a pass may have overlooked: 5 points, ten default tolerances."""
FEWEST_DIFFERING = 10
"""Where fewer images differ, resamples hardly see them, and an interval over images is too short."""
PROPORTIONS = ("top1", "top5")


class Printed(NamedTuple):
    """A printed number, how much less is tolerated, and whether a pair is judged beside it."""

    baseline: Baseline
    tolerance: float
    beside_pair: bool


class Tested(NamedTuple):
    """The outcome, what it rests on in words, and for a test its p and the level that p had to fall to."""

    outcome: Outcome
    said: str
    p: float | None = None
    level: float | None = None


@dataclass(frozen=True)
class Errors:
    """How often one judgement of a case may be wrong, over all its `looks`: red, or green."""

    red: float
    green: float
    looks: int

    @property
    def red_now(self) -> float:
        """The part of the false red that belongs to one look."""
        return self.red / self.looks

    @property
    def green_now(self) -> float:
        """The part of the false green that belongs to one look."""
        return self.green / self.looks


def false_red(results: Iterable[Result]) -> float:
    """Return how often verdicts may be red by chance, all of them together: the sum of what their cases were given.

    Scores of a whole data set are facts, which are not red by chance.
    """
    accuracies = [one.samples for one in results if one.case.check == "accuracy" and one.status == "measured"]
    return sum(stats.case_level(FALSE_RED, samples.cases) for samples in accuracies if samples and not samples.whole)


def errors(samples: Samples, *, pairs: int, unpaired: int) -> tuple[Errors, Errors]:
    """Return the errors of a pair's judgement and of one against a printed number, of so many in a case.

    A case has its part of the run's false red; its judgements share that, and each spends its own over the looks.
    """
    looks = len(stats.look_sizes(samples.declared)) if samples.looks else 1
    red = stats.case_level(FALSE_RED, samples.cases)
    to_unpaired = red if not pairs else red * UNPAIRED_SHARE if unpaired else 0.0
    pair = Errors(red - to_unpaired if pairs else red, FALSE_GREEN, max(1, looks))
    return pair, Errors(to_unpaired / max(1, unpaired), FALSE_GREEN, max(1, looks))


def pair(paired: Paired, margin: float, allowed: Errors) -> Tested:
    """Test both hypotheses on a pair; top-1 by counts, other metrics by the interval over resampled images."""
    if paired.lost is not None and paired.gained is not None:
        return _counted(paired, (paired.lost, paired.gained), margin, allowed)
    if paired.interval is None:
        return Tested("INCONCLUSIVE", "there is no interval over images")
    return _resampled(paired, stats.interval_error(paired.interval), margin, allowed)


def _counted(paired: Paired, counts: tuple[int, int], margin: float, allowed: Errors) -> Tested:
    """Test by the exact sequential McNemar test, and by Tango's upper bound."""
    looks = paired.looks or (Look(n=paired.n, lost=counts[0], gained=counts[1]),)
    lost = [look.lost or 0 for look in looks]
    discordant = [more + (look.gained or 0) for more, look in zip(lost, looks, strict=True)]
    bounds = stats.regression_bounds(discordant, stats.spent(allowed.red, max(allowed.looks, len(looks)))[: len(looks)])
    found = any(seen >= bound for seen, bound in zip(lost, bounds, strict=True))
    reachable = bounds[-1] <= discordant[-1]
    level = stats.mcnemar_p(bounds[-1], discordant[-1] - bounds[-1]) if reachable else 0.0
    upper = stats.upper_loss(*counts, paired.n, allowed.green_now)
    return _decided(paired.loss, margin, _Tests(found, stats.mcnemar_p(*counts), level, upper, allowed.green_now))


def _resampled(paired: Paired, error: float, margin: float, allowed: Errors) -> Tested:
    """Test by the bootstrap's standard error; few images that differ are no evidence that few do."""
    upper = paired.loss + stats.z_of(allowed.green_now) * error
    if paired.differing is not None and paired.differing < FEWEST_DIFFERING:
        upper = max(upper, paired.reference_value * stats.upper_loss(0, 0, paired.n, allowed.green_now))
    p = stats.normal_tail(paired.loss / error) if error > 0 else float(paired.loss <= 0)
    tests = _Tests(p <= allowed.red_now, p, allowed.red_now, upper, allowed.green_now)
    return _decided(paired.loss, margin, tests)


class _Tests(NamedTuple):
    """Whether a regression was found, at which p and level; the upper bound of the loss, and its error."""

    found: bool
    p: float
    level: float
    upper: float
    green: float


def _decided(loss: float, margin: float, tests: _Tests) -> Tested:
    red, green = tests.found and loss > margin, tests.upper < margin
    outcome: Outcome = "FAIL" if red else "PASS" if green else "INCONCLUSIVE"
    said = (
        f"regression {'found' if tests.found else 'not found'} (p {tests.p:.2g}, level {tests.level:.2g}), "
        f"non-inferiority {'found' if green else 'not found'} (loss below {points(tests.upper)} "
        f"with {_percent(1 - tests.green)} confidence)"
    )
    return Tested(outcome, said, tests.p, tests.level)


def against_printed(measure: Measure, printed: Printed, allowed: Errors, samples: Samples) -> Tested:
    """Test a score against a number that was printed for the whole set, which is not paired with it.

    Below the threshold it fails. It passes where it is proven to be within the tolerance; beside a pair, which judges
    the finer losses, also where no loss above 5 points could hide.
    """
    baseline, tolerance = printed.baseline, printed.tolerance
    sign = 1.0 if baseline.higher_is_better else -1.0
    error = _error(measure, baseline, samples)
    if error is None:
        return Tested("INCONCLUSIVE", "there is no interval over images")
    floor, value = sign * baseline.target - tolerance, sign * measure.value
    limits = stats.threshold(floor, error, allowed.red_now, allowed.green_now)
    detectable = tolerance + limits.detectable
    outcome = _against(value, limits, coarse=not printed.beside_pair or detectable > COARSEST)
    spread = error(floor)
    said = (
        f"threshold {written(sign * limits.lowest, 'fraction')}, by a standard error of {points(spread)} and "
        f"α {allowed.red_now:.2g}: a loss of {points(detectable)} is seen with {_percent(1 - allowed.green_now)}"
    )
    p = stats.normal_tail((floor - value) / spread) if spread > 0 else None
    return Tested(outcome, said, p, allowed.red_now)


def _against(value: float, limits: Threshold, *, coarse: bool) -> Outcome:
    if value < limits.lowest:
        return "FAIL"
    return "INCONCLUSIVE" if coarse and value < limits.proven else "PASS"


def _error(measure: Measure, baseline: Baseline, samples: Samples) -> Callable[[float], float] | None:
    """Return the standard error, by its true value, of a score on a part of the set that the printed number is of."""
    part = stats.subset_factor(samples.used, samples.declared)
    if measure.name in PROPORTIONS and 0 < baseline.target < 1:
        return lambda value: part * stats.share_error(abs(value), measure.n)
    if measure.interval is None:
        return None
    spread = part * stats.interval_error(measure.interval)
    return lambda value: spread


def _percent(share: float) -> str:
    return f"{float(f'{100 * share:.4g}'):g} %"
