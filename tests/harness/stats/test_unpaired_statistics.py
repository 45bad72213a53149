"""A score on a part of a set against a number for all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from harness.stats import share_error, subset_factor, threshold

LEVELS = st.floats(1e-6, 0.4)


@given(st.floats(0.1, 0.9), st.floats(1e-4, 0.1), LEVELS, LEVELS)
def test_the_threshold_keeps_both_errors_of_a_normal_score(floor, error, alpha, beta):
    limits = threshold(floor, lambda value: error, alpha, beta)

    assert norm.cdf(limits.lowest, floor, error) == pytest.approx(alpha, rel=1e-4)
    assert norm.sf(limits.lowest, floor - limits.detectable, error) == pytest.approx(beta, rel=1e-4)
    assert norm.sf(limits.proven, floor, error) == pytest.approx(beta, rel=1e-4)


def test_the_detectable_loss_has_the_error_of_the_worse_score():
    def error(value):
        return (value * (1 - value) / 1000) ** 0.5

    limits = threshold(0.9, error, 0.05, 0.05)

    worse = 0.9 - limits.detectable
    assert limits.lowest == pytest.approx(0.9 - 1.644854 * 0.0094868, abs=1e-6)
    assert (limits.lowest - worse) / error(worse) == pytest.approx(1.644854, rel=1e-6)


@given(st.integers(5, 3000).flatmap(lambda n: st.tuples(st.just(n), *[st.integers(1, n - 1)] * 2)))
def test_the_error_of_a_part_is_that_of_drawing_without_replacement(case):
    total, count, right = case

    found = subset_factor(count, total) * share_error(right / total, count)

    assert found == pytest.approx(hypergeom.std(total, right, count) / count, rel=1e-9)


def test_1000_of_50000_images_at_80_per_cent_by_hand():
    # sqrt(0.8 · 0.2 / 1000) = 0.012649, times sqrt(49000 / 49999) = 0.98996
    assert subset_factor(1000, 50_000) * share_error(0.8, 1000) == pytest.approx(0.012522, abs=1e-6)
