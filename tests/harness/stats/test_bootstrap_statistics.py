"""Intervals by resampling."""

import numpy as np
import pytest
from scipy.stats import t

from harness.stats import bootstrap_interval, bootstrap_sums, interval_error


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval():
    values = np.random.default_rng(1).normal(10, 2, 400)

    low, high = bootstrap_interval(400, lambda index: float(values[index].mean()))

    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)


def test_the_bootstrap_is_the_same_every_time():
    values = np.arange(20.0)
    once = bootstrap_interval(20, lambda index: float(np.median(values[index])))

    assert bootstrap_interval(20, lambda index: float(np.median(values[index]))) == once


def test_resamples_without_a_value_are_left_out():
    low, high = bootstrap_interval(2, lambda index: float("nan") if index.sum() == 0 else 3.0)

    assert (low, high) == (3.0, 3.0)


def test_the_interval_of_a_mean_of_sums_is_students():
    rows = np.random.default_rng(2).normal(1000, 200, (400, 1)).astype(np.int64)

    low, high = bootstrap_sums(rows, lambda sums: sums[:, 0] / 400)

    half = t.ppf(0.975, 399) * rows.std(ddof=1) / 20
    assert low == pytest.approx(rows.mean() - half, abs=0.05 * half)
    assert high == pytest.approx(rows.mean() + half, abs=0.05 * half)


def test_a_ratio_of_sums_is_within_its_interval():
    rows = np.random.default_rng(3).integers(1, 50, (60, 2))

    low, high = bootstrap_sums(rows, lambda sums: sums[:, 0] / sums[:, 1])

    assert low < rows[:, 0].sum() / rows[:, 1].sum() < high


def test_items_that_never_differ_leave_no_width():
    rows = np.full((40, 2), 7)

    assert bootstrap_sums(rows, lambda sums: sums[:, 0] / sums[:, 1]) == (1.0, 1.0)


def test_one_item_that_differs_makes_a_longer_interval_than_its_error():
    rows = np.zeros((100, 1), np.int64)
    rows[0] = 100

    low, high = bootstrap_sums(rows, lambda sums: sums[:, 0] / 100)

    assert high - low > 1.1 * 2 * 1.96 * rows.std(ddof=1) / 10


def test_the_error_of_a_normal_interval_is_its_standard_error():
    assert interval_error((-1.959964, 1.959964)) == pytest.approx(1.0, abs=1e-6)


def test_nothing_to_resample_is_refused():
    with pytest.raises(ValueError, match="expected at least one item"):
        bootstrap_interval(0, float)
    with pytest.raises(ValueError, match="expected at least one item"):
        bootstrap_sums(np.zeros((0, 2), np.int64), lambda sums: sums[:, 0])
