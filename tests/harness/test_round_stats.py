"""Statistics of rounds in their order: what is warm-up, mishap, step or noise, and how certain a number is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness import round_stats


def noisy(count: int, seed: int = 1, sigma: float = 0.02, level: float = 10.0) -> np.ndarray:
    return level * (1 + sigma * np.random.default_rng(seed).standard_normal(count))


def correlated(count: int, rho: float, seed: int) -> np.ndarray:
    """An autoregressive series of first order, long past its start."""
    steps = np.random.default_rng(seed).standard_normal(count + 200)
    values = np.zeros(count + 200)
    for i in range(1, len(values)):
        values[i] = rho * values[i - 1] + steps[i]
    return values[200:]


@pytest.mark.parametrize(("share", "freedom"), [(0.995, 4), (0.975, 9), (0.995, 19), (0.995, 59), (0.9, 7)])
def test_students_quantile_is_scipys(share, freedom):
    assert round_stats.student_quantile(share, freedom) == pytest.approx(stats.t.ppf(share, freedom), rel=0.003)


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=40))
def test_the_median_is_numpys(values):
    assert round_stats.median(np.array(values)) == pytest.approx(np.median(values))


def test_rounds_without_correlation_are_drawn_one_by_one():
    lengths = [round_stats.block_length(noisy(60, seed)) for seed in range(100)]

    assert np.median(lengths) == 1
    assert np.mean(np.array(lengths) == 1) > 0.9


def test_the_length_of_blocks_is_that_of_theory():
    # Politis and White: (2 g² / D)^(1/3) n^(1/3) with g and D of an autoregression, which comes to (6 ρ² / (1 - ρ²)²).
    rho, count = 0.5, 10_000
    expected = (6 * rho**2 / (1 - rho**2) ** 2) ** (1 / 3) * count ** (1 / 3)

    lengths = [round_stats.block_length(correlated(count, rho, seed)) for seed in range(20)]

    assert np.mean(lengths) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("count", [20, 60])
@pytest.mark.parametrize("statistic", [round_stats.mean, round_stats.median])
def test_an_interval_of_independent_rounds_covers_the_truth(count, statistic):
    inside = 0
    for seed in range(500):
        low, high = round_stats.block_interval(noisy(count, seed), statistic, 0.95)
        inside += low <= 10.0 <= high

    assert 0.92 <= inside / 500 <= 0.99


def test_blocks_cover_what_single_draws_do_not():
    values = [correlated(300, 0.7, seed) for seed in range(200)]

    inside = [low <= 0 <= high for low, high in (round_stats.block_interval(v, round_stats.mean, 0.95) for v in values)]
    single = [abs(v.mean()) <= 1.96 * v.std() / np.sqrt(300) for v in values]

    assert np.mean(inside) > 0.87
    assert np.mean(single) < 0.7


def test_an_interval_is_the_same_every_time():
    values = noisy(30)

    once = round_stats.block_interval(values, round_stats.mean, 0.99)

    assert round_stats.block_interval(values, round_stats.mean, 0.99) == once


@pytest.mark.parametrize("length", [3, 8, 15])
def test_slow_first_rounds_are_warm_up(length):
    values = noisy(60)
    values[:length] *= np.linspace(1.6, 1.2, length)

    assert length - 1 <= round_stats.warming(values) <= length + 2


def test_one_slow_first_round_is_warm_up():
    runs = [noisy(40, seed) for seed in range(50)]
    for values in runs:
        values[0] *= 5

    cuts = [round_stats.warming(values) for values in runs]

    assert min(cuts) == np.median(cuts) == 1


def test_a_mishap_is_no_end_of_a_warm_up():
    values = noisy(60)
    values[20] *= 4

    assert round_stats.warming(values) == 0
    assert round_stats.outliers(values).tolist() == [20]


@pytest.mark.parametrize("values", [noisy(9), np.full(30, 7.0), noisy(60) * np.linspace(1, 1.1, 60)])
def test_nothing_is_cut_of_few_rounds_of_equal_ones_or_of_a_run_that_slows_down(values):
    assert round_stats.warming(values) == 0


def test_a_steady_run_is_seldom_cut():
    cut = [round_stats.warming(noisy(60, seed)) for seed in range(300)]

    assert np.mean(np.array(cut) > 0) < 0.06


def test_many_slow_rounds_are_no_mishaps():
    values = noisy(60)
    values[::10] *= 2

    assert round_stats.outliers(values).tolist() == []


def test_a_step_is_named_with_its_place_and_size():
    values = noisy(60)
    values[30:] *= 1.08

    found = round_stats.shift(values)

    assert found is not None
    assert found.kind == "step"
    assert 29 <= found.start <= 31
    assert found.change == pytest.approx(0.08, abs=0.015)


def test_a_drift_is_named_with_its_size():
    found = round_stats.shift(noisy(200) * np.linspace(1, 1.1, 200))

    assert found is not None
    assert found.kind == "drift"
    assert found.change == pytest.approx(0.1, abs=0.015)


def test_a_steady_run_has_no_shift_nor_one_that_a_mishap_makes():
    assert sum(round_stats.shift(noisy(60, seed)) is not None for seed in range(300)) <= 6

    values = noisy(60)
    values[50] *= 3
    assert round_stats.shift(values) is None
