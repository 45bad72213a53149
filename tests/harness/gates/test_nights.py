"""Two nights together: what neither shows alone."""

import numpy as np
import pytest

from harness.gates import nights, promises_for, speed
from tests.harness.gates.handmade import card_of, case_of, fps, result_of

CARD = card_of(fps(tolerance=0.02))


def night(fps_seen: float, seed: int, sigma: float = 0.035, **changes: object):
    """A night of 40 noisy rounds whose median is exactly this rate."""
    times = 1 + sigma * np.random.default_rng(seed).standard_normal(40)
    rounds_ms = tuple((times * (1000 / fps_seen) / np.median(times)).tolist())
    row = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": rounds_ms}
    return result_of(case_of("throughput"), measurement={**row, **changes})


def outcomes(*results):
    return [(one.judgement.outcome, one.code) for one in nights.over_nights(results, CARD)]


def test_a_small_loss_that_no_night_is_certain_of_is_seen_by_three():
    three = [night(97.0, seed) for seed in (1, 2, 5)]

    promise = promises_for(CARD, case_of("throughput"))
    alone = [one.code for result in three for one in speed.findings(result, CARD, promise)]
    assert alone == ["margin"] * 3
    assert outcomes(*three) == [("FAIL", "missed")]


def test_one_bad_night_does_not_make_two():
    assert outcomes(night(90.0, 1), night(99.0, 2)) != [("FAIL", "missed")]


def test_nights_that_keep_the_promise_pass():
    assert outcomes(night(99.0, 1), night(98.5, 2)) == [("PASS", "met")]


def test_nights_too_close_to_tell_stay_open():
    assert outcomes(night(97.8, 1), night(97.9, 2)) == [("INCONCLUSIVE", "margin")]


@pytest.mark.parametrize("changes", [{"occupants": ("train.py",)}, {"definition": "wall", "rounds_ms": ()}])
def test_a_disturbed_or_empty_night_counts_for_nothing(changes):
    assert outcomes(night(90.0, 1), night(90.0, 2, **changes)) == []


def test_both_runs_of_a_night_count():
    first, second = night(97.0, 1), night(97.0, 2)
    confirmed = first.model_copy(update={"confirmation": night(97.0, 3).measurement})

    (alone,) = nights.over_nights((first, second), CARD)
    (more,) = nights.over_nights((confirmed, second), CARD)

    width = [one.judgement.interval[1] - one.judgement.interval[0] for one in (alone, more)]
    assert width[1] < width[0]


def test_results_of_two_cases_are_refused():
    other = result_of(case_of("throughput", batch=4), measurement=night(97.0, 1).measurement)

    with pytest.raises(ValueError, match="expected results of net-ais_bench-Ascend310P3-bs1 only"):
        nights.over_nights((other, night(97.0, 2)), CARD)
