"""Numbers as people read them."""

import math

import pytest

from harness.readme import vocabulary
from harness.units import SHARE, compared_in, difference, duration, is_score, more_is_better, points, written


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


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.005, "0.5 points"),
        (-0.0002, "-0.02 points"),
        (0.0, "0 points"),
        (-6.3e-7, "-0.000063 points"),
        (-1e-13, "0 points"),
        (1.0, "100 points"),
    ],
)
def test_a_difference_of_fractions_is_in_points(value, text):
    assert points(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0 s"), (4.26, "4.3 s"), (59.4, "59 s"), (60, "1 min"), (95, "1 min 35 s"), (5400, "1 h 30 min"),
     (86400, "24 h")],
)  # fmt: skip
def test_a_duration_is_in_its_two_largest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.005, "fraction", "0.5 points"), (-0.3153, "dB", "-0.3153 dB"), (0.3, "px", "0.3 px"), (12.0, "", "12")],
)
def test_a_difference_is_in_the_unit_of_its_numbers(value, unit, text):
    assert difference(value, unit) == text


@pytest.mark.parametrize(
    ("metric", "better"),
    [
        *((name, True) for name in ("PSNR", "ssim", "psnr_set5")),
        *(
            (name, False)
            for name in ("FID", "epe", "rmse", "mpjpe", "loss", "mlm loss", "ppl", "wer", "word error rate")
        ),
        *((name, None) for name in ("top1", "robustness", "sharpness", "throughput")),
    ],
)
def test_a_name_tells_whether_more_is_better_or_does_not(metric, better):
    assert more_is_better(metric) is better


def test_every_metric_that_a_readme_prints_without_a_unit_is_known_to_be_no_share():
    unbounded = vocabulary.read().unbounded

    assert [name for name in unbounded if not is_score(name)] == []
    assert [name for name in ("top1", "miou", "map", "wer", "bleu", "f1", "auc") if is_score(name)] == []


@pytest.mark.parametrize(
    ("metric", "unit", "compared"),
    [
        ("top1", "%", SHARE),
        ("top1", "", SHARE),
        ("wer", "fraction", SHARE),
        ("ssim", "%", SHARE),
        ("psnr", "", ""),
        ("psnr", "dB", "dB"),
        ("sharpness", "1", ""),
        ("sharpness", "", SHARE),
    ],
)
def test_shares_are_compared_as_fractions_and_scores_as_they_are_printed(metric, unit, compared):
    assert compared_in(metric, unit) == compared
