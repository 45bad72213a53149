"""The history: how fast it takes and gives results, and what its anchors see that a rolling window does not."""

import time
from pathlib import Path

import numpy as np
import pytest

from harness import remember
from harness.history.anchors import anchor_of, rolling
from harness.history.drift import TOLERANCE_SPEED, Tolerance, judge_drift
from harness.history.store import History
from harness.stats import proportion_interval
from tests.bench.figures import Figures
from tests.harness.history.nights import case_of, entry

RESULTS, NIGHTS, AT_ONCE = 100_000, 365, 2_000
REPETITIONS, WEEKS, BEFORE = 2_000, 12, 30
WEEKLY = 0.005
OUTLIERS = 0.01
TOLERANCE = Tolerance(TOLERANCE_SPEED)


def test_a_hundred_thousand_results_are_written_in_a_minute_and_a_years_are_read_at_once(
    figures: Figures, tmp_path: Path
) -> None:
    spent = 0.0
    with History.open(str(tmp_path / "history.sqlite"), create=True) as history:
        for start in range(0, RESULTS, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, RESULTS))
            given = [("run", entry(n % NIGHTS, 100.0 + n % 7, case=case_of(batch=1 + n // NIGHTS))) for n in numbers]
            begin = time.perf_counter()
            remember.keep(history, given)
            spent += time.perf_counter() - begin
        times = []
        for _ in range(5):
            begin = time.perf_counter()
            (series,) = history.series(case_of(batch=100).key)
            times.append(time.perf_counter() - begin)

    assert len(series.points) == NIGHTS
    figures.at_most("100,000 results written to SQLite", spent, 60, " s")
    figures.at_most("one case's year read from 100,000 results", 1000 * sorted(times)[2], 100, " ms")


def red_by_week_twelve(weekly: float, noise: float) -> tuple[int, int]:
    """Return in how many of the repetitions an anchor, and a rolling window, turned red on any of 84 nights."""
    generator = np.random.default_rng(20240101)
    nights = np.arange(1 - BEFORE, 7 * WEEKS + 1)
    against_anchor = against_before = 0
    for _ in range(REPETITIONS):
        values = 100 * (1 - weekly) ** (nights.clip(0) / 7) * (1 + noise * generator.standard_normal(len(nights)))
        values = np.where(generator.random(len(nights)) < OUTLIERS, 0.9 * values, values).tolist()
        anchor = anchor_of(values[:BEFORE])
        looks = [values[:end] for end in range(BEFORE + 1, len(values) + 1)]
        against_anchor += any(_red(seen, anchor) for seen in reversed(looks))
        against_before += any(_red(seen, rolling(seen)) for seen in looks)
    return against_anchor, against_before


def _red(values, anchor) -> bool:
    return judge_drift(values, anchor, TOLERANCE).outcome == "FAIL"


def _told(count: int) -> str:
    low, high = proportion_interval(count, REPETITIONS)
    return f" % (95 % interval {low:.2%} to {high:.2%})"


@pytest.mark.parametrize("noise", [0.01, 0.02])
def test_half_a_per_cent_a_week_is_red_against_the_anchor_and_not_in_a_rolling_window(
    figures: Figures, noise: float
) -> None:
    anchor, window = red_by_week_twelve(WEEKLY, noise)

    what = f"0.5 % a week for 12 weeks, {noise:.0%} noise, 1 % outliers:"
    share = 100 / REPETITIONS
    figures.at_least(f"{what} red against the anchor", share * anchor, 95, note=_told(anchor))
    figures.at_most(f"{what} red in a rolling window alone", share * window, 5, note=_told(window))


@pytest.mark.parametrize("noise", [0.01, 0.02])
def test_twelve_weeks_without_drift_are_hardly_ever_red(figures: Figures, noise: float) -> None:
    anchor, _ = red_by_week_twelve(0.0, noise)

    what = f"no drift for 12 weeks, {noise:.0%} noise, 1 % outliers: red against the anchor on any night"
    figures.at_most(what, 100 / REPETITIONS * anchor, 0.5, note=_told(anchor))
