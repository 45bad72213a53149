"""Tango's interval of a loss: published numbers, the constrained likelihood maximised numerically, and coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm

from harness.stats import loss_interval, normal_tail, score_z, upper_loss, z_of

PAIRS = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(0, 800))


def likeliest_error(lost, gained, count, loss):
    """Return the standard error of lost - gained under a loss, the shares found by maximising the likelihood."""

    def against(gain):
        share = gain + loss
        rest = max(1 - gain - share, 1e-300)
        told = lost * np.log(max(share, 1e-300)) + gained * np.log(max(gain, 1e-300))
        return -(told + (count - lost - gained) * np.log(rest))

    low, high = max(0.0, -loss), (1 - loss) / 2
    gain = minimize_scalar(against, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return np.sqrt(count * (2 * gain + loss - loss**2))


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.floats(-0.3, 0.3))
def test_the_score_is_by_the_likeliest_share_under_the_loss(pair, loss):
    lost, gained, others = pair
    count = lost + gained + others + 1
    error = likeliest_error(lost, gained, count, loss)

    z = float(score_z(lost, gained, count, loss))

    if error > 1e-3:
        assert z * error == pytest.approx(lost - gained - count * loss, rel=2e-3, abs=2e-3)


@pytest.mark.parametrize(
    ("lost", "gained", "count", "level", "expected"),
    [
        # Bentur et al. (2009), airway hyper-responsiveness before and after: Fagerland, Lydersen and Laake (2014)
        (1, 7, 21, 0.025, (-0.517, -0.026)),
        # R: PropCIs::scoreci.mp(25, 28, 618, conf.level = 0.90)
        (28, 25, 618, 0.05, (-0.0148, 0.0247)),
    ],
)
def test_published_intervals(lost, gained, count, level, expected):
    found = (-upper_loss(gained, lost, count, level), upper_loss(lost, gained, count, level))

    assert found == pytest.approx(expected, abs=6e-4)


@given(st.integers(1, 100_000), st.floats(1e-6, 0.4))
def test_items_that_all_agree_leave_z_squared_over_n_and_z_squared(count, level):
    z = norm.isf(level)

    assert upper_loss(0, 0, count, level) == pytest.approx(z * z / (count + z * z), rel=1e-6)


@given(PAIRS)
def test_a_loss_lies_in_its_interval(pair):
    lost, gained, others = pair
    count = lost + gained + others + 1

    low, high = loss_interval(lost, gained, count)

    assert low <= (lost - gained) / count <= high


@given(PAIRS, st.floats(1e-4, 0.2), st.floats(1e-4, 0.2))
def test_more_confidence_means_a_higher_bound(pair, one, other):
    lost, gained, others = pair
    count = lost + gained + others + 1

    sure, unsure = (upper_loss(lost, gained, count, level) for level in sorted((one, other)))

    assert sure >= unsure


@given(st.integers(0, 30), st.integers(0, 30))
def test_losing_one_more_never_lowers_the_bound(lost, gained):
    assert upper_loss(lost + 1, gained, 200, 0.05) >= upper_loss(lost, gained, 200, 0.05)


def passing(count, gain, level, margin):
    """Return how likely a true loss of the margin stays below it in the bound, all outcomes enumerated."""
    lost, gained = np.meshgrid(np.arange(120), np.arange(120), indexing="ij")
    chance = binom.pmf(lost + gained, count, 2 * gain + margin)
    chance = chance * binom.pmf(lost, lost + gained, (gain + margin) / (2 * gain + margin))
    return float(chance[score_z(lost, gained, count, margin) < -z_of(level)].sum())


@pytest.mark.parametrize("count", [250, 500, 1000, 2000, 4000])
@pytest.mark.parametrize("level", [0.05, 0.00625])
def test_a_loss_of_the_margin_passes_as_seldom_as_the_level_says(count, level):
    worst = max(passing(count, gain, level, 0.005) for gain in (0.0, 0.0005, 0.001, 0.0025, 0.005))

    assert worst <= 1.03 * level


def test_counts_of_many_cases_are_tested_at_once():
    together = score_z(np.array([5, 0]), np.array([1, 0]), 100, 0.005)

    assert together.tolist() == [float(score_z(5, 1, 100, 0.005)), float(score_z(0, 0, 100, 0.005))]


def test_without_any_error_only_the_sign_of_the_difference_counts():
    assert score_z(np.array([0, 3, 0]), np.array([0, 0, 3]), 3, 0.0).tolist()[0] == 0.0
    assert float(score_z(0, 0, 10, 1.0)) == -np.inf


@given(st.floats(1e-12, 0.999))
def test_normal_tails_are_scipys(level):
    assert z_of(level) == pytest.approx(norm.isf(level), rel=1e-7, abs=1e-7)
    assert normal_tail(z_of(level)) == pytest.approx(level, rel=1e-6)


@pytest.mark.parametrize("counts", [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(counts):
    with pytest.raises(ValueError, match="expected"):
        upper_loss(*counts, 0.05)
