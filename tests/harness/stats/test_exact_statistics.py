"""Exact binomial statistics against scipy and by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from harness.stats import binomial_half, mcnemar_p, proportion_interval

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


@given(st.integers(0, 1500))
def test_fair_coins_are_scipys_binomial(count):
    found = binomial_half(count)

    assert found == pytest.approx(binom.pmf(range(count + 1), count, 0.5), rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("call", [lambda: mcnemar_p(-1, 0), lambda: proportion_interval(3, 2)])
def test_impossible_counts_are_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()
