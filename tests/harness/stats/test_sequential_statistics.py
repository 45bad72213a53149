"""Several looks: the error is never more than what was spent, by enumeration and by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from harness.stats import case_level, look_sizes, mcnemar_p, regression_bounds, spent

STEPS = st.lists(st.integers(0, 4), min_size=1, max_size=4)


def crossed_at(bounds, steps, walk):
    """Return the look at which a walk of lost items first crosses its bound, or None."""
    lost = 0
    for look, (size, step) in enumerate(zip(steps, walk, strict=True)):
        assert 0 <= step <= size
        lost += step
        if lost >= bounds[look]:
            return look
    return None


@settings(max_examples=150, deadline=None)
@given(STEPS, st.floats(0.001, 0.5))
def test_at_no_look_is_more_crossed_than_was_spent(steps, level):
    spends = spent(level, len(steps))
    bounds = regression_bounds(np.cumsum(steps).tolist(), spends)

    crossed = np.zeros(len(steps))
    for walk in product(*(range(size + 1) for size in steps)):
        look = crossed_at(bounds, steps, walk)
        if look is not None:
            crossed[look] += np.prod([binom.pmf(step, size, 0.5) for step, size in zip(walk, steps, strict=True)])

    assert np.all(np.cumsum(crossed) <= np.array(spends) + 1e-9)


@settings(max_examples=100, deadline=None)
@given(STEPS, st.floats(0.001, 0.5))
def test_a_bound_lower_by_one_would_spend_too_much_at_the_first_look(steps, level):
    first = regression_bounds([steps[0]], [level])[0]

    assert binom.sf(first - 1, steps[0], 0.5) <= level * (1 + 1e-9) or first > steps[0]
    assert binom.sf(first - 2, steps[0], 0.5) > level * (1 - 1e-9)


@given(st.integers(0, 80), st.integers(0, 80), st.floats(1e-6, 0.4))
def test_a_single_look_is_mcnemars_test(lost, gained, level):
    (bound,) = regression_bounds([lost + gained], [level])

    p = mcnemar_p(lost, gained)
    if abs(p - level) > 1e-9:
        assert (lost >= bound) == (p <= level)


def test_two_looks_by_hand():
    # All of four coins: 1/16 is more than the first 0.05, so nothing can cross there and 0.1 are left for the second.
    # Of eight coins, 7 or 8: 9/256 = 0.035; 6 as well: 37/256 = 0.145.
    assert regression_bounds([4, 8], [0.05, 0.1]) == (5, 7)


def test_a_look_at_which_nothing_differs_finds_nothing():
    assert regression_bounds([0, 0], spent(0.05, 2)) == (1, 1)


@given(st.integers(0, 200_000))
def test_looks_double_and_end_before_the_whole_set(total):
    sizes = look_sizes(total)

    assert list(sizes) == [250 * 2**k for k in range(len(sizes))]
    assert all(size < total for size in sizes)
    assert 250 * 2 ** len(sizes) >= total


@given(st.floats(1e-9, 1), st.integers(1, 30))
def test_the_error_is_spent_in_equal_parts_up_to_the_last_look(level, looks):
    parts = np.diff([0.0, *spent(level, looks)])

    assert spent(level, looks)[-1] == level
    assert parts == pytest.approx(np.full(looks, level / looks))


def test_the_error_of_a_run_is_shared_among_its_cases():
    assert case_level(0.05, 500) == pytest.approx(0.0001)
    assert case_level(0.05, 0) == 0.05


@pytest.mark.parametrize("given_", [([3, 2], [0.01, 0.02]), ([3], [0.01, 0.02]), ([-1], [0.05])])
def test_discordant_items_that_disappear_are_refused(given_):
    with pytest.raises(ValueError, match="expected one error per look"):
        regression_bounds(*given_)
