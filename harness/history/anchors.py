"""What later results are compared with: an anchor that a release froze, and one that moves along with them."""

import statistics
from collections.abc import Sequence
from dataclasses import replace

from harness.errors import UsageError
from harness.history.noise import noise
from harness.history.points import Anchor, Series

RECENT = 7  # results that are judged together: a week of nights
WINDOW = 30  # results before them that the moving anchor is made of


def anchor_of(values: Sequence[float]) -> Anchor:
    """Return the anchor of these values: their median, their noise and their number; raises ValueError for none."""
    if not values:
        raise ValueError("expected at least one value")
    return Anchor(value=statistics.median(values), sigma=noise(values) or 0.0, n=len(values))


def rolling(values: Sequence[float]) -> Anchor | None:
    """Return the anchor that moves along: of the results before the last seven, thirty at most; None without any."""
    before = values[:-RECENT][-WINDOW:]
    return anchor_of(before) if before else None


def frozen(series: Series, release: str, frozen_at: str, tolerance: float | None = None) -> Anchor:
    """Return the anchor of a release: the last results of the newest toolchain, thirty at most.

    Raises UsageError for a series without a usable result.
    """
    usable = series.usable
    newest = usable[-1].toolchain if usable else ""
    mine = [point for point in usable if point.toolchain == newest][-WINDOW:]
    values = [point.value for point in mine if point.value is not None]
    if not values:
        raise UsageError(series.line.case_name, "expected a result to freeze", "none", "run the case first")
    stands = replace(anchor_of(values), toolchain=newest, commit=mine[-1].commit)
    return replace(stands, release=release, frozen_at=frozen_at, tolerance=tolerance)
