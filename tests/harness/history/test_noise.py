"""The noise of a series and the floor that its results allow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.history.noise import floor, noise


def test_the_noise_is_that_of_neighbours():
    # Neighbours differ by 2 throughout: 1.4826 × 2 / √2.
    assert noise([10.0, 12.0, 10.0, 12.0, 10.0, 12.0]) == pytest.approx(2.09671, abs=1e-5)
    assert noise([10.0] * 9) == 0.0
    assert noise([10.0] * 4) is None


def test_the_noise_of_normal_numbers_is_their_standard_deviation():
    values = np.random.default_rng(3).normal(100.0, 2.0, 20_000)

    assert noise(values.tolist()) == pytest.approx(2.0, rel=0.03)


def test_neither_drift_nor_a_step_nor_an_outlier_is_noise():
    values = np.random.default_rng(4).normal(100.0, 1.0, 400)
    drifting = values - np.arange(400) * 0.05
    stepped = values - np.where(np.arange(400) < 200, 0.0, 30.0)
    struck = np.where(np.arange(400) % 100 == 50, values - 40.0, values)

    for changed in (drifting, stepped, struck):
        assert noise(changed.tolist()) == pytest.approx(noise(values.tolist()), rel=0.1)


def test_a_floor_is_learned_from_twenty_results():
    values = np.random.default_rng(1).normal(100.0, 1.0, 60).tolist()

    assert floor(values[:19]) is None
    found = floor(values)
    # 3.7 standard deviations and what is not known of them.
    assert 92.0 < found.value < 96.5
    assert found.tolerance == pytest.approx(1 - found.value / found.median)
    ceiling = floor(values, higher_is_better=False)
    assert 103.5 < ceiling.value < 108.0


def test_a_floor_is_passed_but_once_in_ten_thousand():
    generator = np.random.default_rng(2)
    below = sum(
        int((generator.normal(100.0, 1.0, 1000) < floor(generator.normal(100.0, 1.0, 40).tolist()).value).sum())
        for _ in range(200)
    )

    assert below / 200_000 <= 1e-4


@given(st.lists(st.floats(1.0, 100.0), min_size=20, max_size=60))
def test_every_result_that_a_floor_was_learned_from_passes_it(values):
    assert floor(values).value <= min(values)
    assert floor(values, higher_is_better=False).value >= max(values)
