"""Intervals and p-values against scipy and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from harness.stats import bootstrap_interval, loss_interval, mcnemar_p, proportion_interval

COUNTS = st.integers(0, 60)


@given(COUNTS, COUNTS)
def test_mcnemar_is_scipys_exact_binomial_test(lost, gained):
    expected = binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue if lost + gained else 1.0

    assert mcnemar_p(lost, gained) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_mcnemar_by_hand():
    assert mcnemar_p(5, 1) == pytest.approx(7 / 64)  # (6 + 1) of the 64 outcomes of six fair coins


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_proportions_interval_is_scipys_exact_one(case):
    hits, count = case
    expected = binomtest(hits, count).proportion_ci(method="exact")

    assert proportion_interval(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(COUNTS, COUNTS, st.integers(0, 500))
def test_a_loss_lies_in_its_interval(lost, gained, others):
    count = lost + gained + others + 1
    low, high = loss_interval(lost, gained, count)

    assert low <= (lost - gained) / count <= high


def test_equal_answers_on_few_items_prove_little():
    low, high = loss_interval(0, 0, 10)

    assert high > 0.3
    assert low == -high


def test_equal_answers_on_many_items_prove_much():
    assert loss_interval(0, 0, 5000)[1] < 0.001


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


@pytest.mark.parametrize("call", [lambda: bootstrap_interval(0, float), lambda: proportion_interval(3, 2)])
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()
