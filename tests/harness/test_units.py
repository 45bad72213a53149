"""Numbers as people read them."""

import math

import pytest

from harness.units import duration, points, written


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.689, "fraction", "68.90 %"),
        (0.80984, "fraction", "80.98 %"),
        (31.22, "images/s", "31.22 images/s"),
        (1704, "images/s", "1704 images/s"),
        (2232.43, "ms", "2232 ms"),
        (0.6512345, "images/canary", "0.6512 images/canary"),
        (1.60648, "", "1.606"),
        (3.2e-6, "max-rel", "3.20e-06 max-rel"),
        (0.99999949, "cosine", "0.9999995 cosine"),
        (0.0, "ms", "0 ms"),
        (None, "ms", "—"),
        (math.nan, "fraction", "NaN"),
        (math.inf, "ms", "infinity"),
    ],
)
def test_a_value_is_written_with_its_unit(value, unit, text):
    assert written(value, unit) == text


@pytest.mark.parametrize(("value", "text"), [(0.005, "0.5 points"), (-0.0002, "-0.02 points"), (0.0, "0 points")])
def test_a_difference_of_fractions_is_in_points(value, text):
    assert points(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (4.26, "4.3 s"), (59.4, "59 s"), (60, "1 min"), (95, "1 min 35 s"), (5400, "1 h 30 min"),
     (86400, "24 h")],
)  # fmt: skip
def test_a_duration_is_in_its_two_largest_units(seconds, text):
    assert duration(seconds) == text
