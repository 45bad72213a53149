"""Change points: when a series stepped, between which commits, and by how much; by Otava's algorithm.

Fleming et al., "Hunter: Using Change Point Detection to Hunt for Performance Regressions", 2023; Apache Otava is its
implementation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from harness.errors import MissingNeedError
from harness.history.points import Point, Series
from harness.units import points, written

# Otava's own defaults: of a series without a step, one in a thousand candidates is taken for one.
WINDOW = 50
HIGHEST_P = 0.001
SMALLEST_STEP = 0.01  # of the value before: smaller steps are real at times, and nobody looks for them
SHORT_COMMIT = 8
REMEDY = "pip install 'omgate[trend]' && pip install --no-deps apache-otava"


@dataclass(frozen=True)
class ChangePoint:
    """A step: the last point before it and the first one after, the means on both sides, and how likely by chance."""

    before: Point
    after: Point
    mean_before: float
    mean_after: float
    p: float
    is_share: bool = False

    @property
    def step(self) -> float:
        """The size of the step: a share of the mean before, in points where the values are shares themselves."""
        difference = self.mean_after - self.mean_before
        return difference if self.is_share or not self.mean_before else difference / abs(self.mean_before)

    @property
    def commits(self) -> str:
        """The range of commits that the step is in, as git writes it: the first is sound, the last has stepped."""
        ends = [point.commit[:SHORT_COMMIT] or "unknown" for point in (self.before, self.after)]
        return "..".join(ends)

    def __str__(self) -> str:
        size = points(self.step) if self.is_share else written(self.step, "fraction")
        sign = "" if size.startswith("-") else "+"
        chain = ""
        if self.before.toolchain != self.after.toolchain:
            chain = f", {self.before.toolchain or 'unknown'} → {self.after.toolchain or 'unknown'}"
        return f"{self.after.at[:10]}: {sign}{size} in {self.commits}{chain}"


def missing() -> str:
    """Return why change points cannot be looked for and what to do, empty if they can.

    Otava's package asks for one certain numpy and for clients of databases and chats; the algorithm needs numpy and
    scipy only, whence `--no-deps`.
    """
    for module, name in (("otava", "Apache Otava"), ("scipy", "scipy")):
        if find_spec(module) is None:
            return f"change points need {name}: {REMEDY}"
    return ""


def change_points(series: Series) -> tuple[ChangePoint, ...]:
    """Return the change points of a series, oldest first; raises MissingNeedError without Otava."""
    why = missing()
    if why:
        raise MissingNeedError("change points", "expected Apache Otava", "none", REMEDY)
    usable = series.usable
    found = _steps([point.value for point in usable if point.value is not None])
    share = series.line.is_share
    return tuple(ChangePoint(usable[i - 1], usable[i], before, after, p, share) for i, before, after, p in found)


def _steps(values: Sequence[float]) -> list[tuple[int, float, float, float]]:
    """Return, for each step, the index of the first value after it, the means on both sides, and its p-value."""
    from otava.analysis import compute_change_points

    if len(values) < 2:
        return []
    found, _ = compute_change_points(list(values), WINDOW, HIGHEST_P, SMALLEST_STEP)
    return [
        (int(one.index), float(one.stats.mean_before()), float(one.stats.mean_after()), float(one.stats.pvalue))
        for one in found
    ]
