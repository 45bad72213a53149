"""Drift against an anchor: red where many small losses make one large one, never where there is none."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.history.anchors import anchor_of, frozen, rolling
from harness.history.drift import Tolerance, judge_drift, tolerance_of
from harness.history.points import Anchor, Line
from harness.history.report import examine
from tests.harness.history.nights import LINE, commit_of, series_of

TOLERANCE = Tolerance(0.03)
STEADY = (100.0, 101.0) * 15
ANCHOR = anchor_of(STEADY)
speeds = st.lists(st.floats(50.0, 150.0), min_size=1, max_size=40)


def test_the_loss_is_that_of_the_last_seven_medians_against_the_anchor():
    found = judge_drift([*STEADY, *[95.0] * 7], Anchor(100.0, 1.0, 30), TOLERANCE)

    assert (found.loss, found.n, found.outcome) == (pytest.approx(0.05), 7, "FAIL")
    low, high = found.interval
    assert low < 0.05 < high


@pytest.mark.parametrize(("recent", "outcome"), [(100.5, "PASS"), (99.5, "PASS"), (110.0, "PASS"), (95.0, "FAIL")])
def test_a_steady_series_passes_and_a_lower_one_fails(recent, outcome):
    # Median 100.5; neighbours differ by 1, so the noise is 1.05, and seven results are known to about half of that.
    assert judge_drift([*STEADY, *[recent] * 7], ANCHOR, TOLERANCE).outcome == outcome


def test_a_loss_close_to_the_tolerance_is_undecided():
    assert judge_drift([*STEADY, *[97.9] * 7], ANCHOR, TOLERANCE).outcome == "INCONCLUSIVE"


def test_of_latencies_more_is_worse():
    slower = [*STEADY, *[107.0] * 7]

    assert judge_drift(slower, ANCHOR, TOLERANCE, higher_is_better=False).outcome == "FAIL"
    assert judge_drift(slower, ANCHOR, TOLERANCE).outcome == "PASS"


def test_few_noisy_results_decide_nothing():
    assert judge_drift([80.0] * 4, ANCHOR, TOLERANCE).outcome == "INCONCLUSIVE"
    assert judge_drift([80.0] * 7, Anchor(100.0, 0.0, 4), TOLERANCE).outcome == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("metric", "unit", "worse", "fine"),
    [("psnr", "dB", 31.2, 31.3), ("fid", "", 10.06, 10.04), ("psnr:x", "", 31.2, 32.0)],
)
def test_a_score_that_is_no_share_is_exact_and_may_lose_one_per_cent(metric, unit, worse, fine):
    line = Line("key", "test_accuracy[net-ort-cpu-bs1-scripts]", "machine", metric, "as-printed", unit)
    anchor = Anchor(9.95 if metric == "fid" else 31.53, 0.0, 1)
    allowed = tolerance_of(line, "cpu")

    def judged(value):
        return judge_drift([value], anchor, allowed, higher_is_better=line.higher_is_better).outcome

    assert (judged(worse), judged(fine)) == ("FAIL", "PASS")


def test_a_score_whose_good_direction_only_a_card_knows_is_told_and_not_judged():
    series = series_of([5.0] * 9)
    case_name = "test_accuracy[net-ort-cpu-bs1-scripts]"
    unknown, known = (
        replace(series, line=replace(series.line, case_name=case_name, name=one, unit=""))
        for one in ("sharpness", "fid")
    )

    told, judged = (examine(one, "cpu", Anchor(4.0, 0.0, 1)) for one in (unknown, known))

    assert (told.against_anchor, told.against_before) == (None, None)
    assert (judged.against_anchor.outcome, judged.against_before.outcome) == ("FAIL", "PASS")


def test_a_speed_and_a_parity_are_no_scores():
    lines = (
        Line("key", name, "machine", "x", "", "") for name in ("test_throughput[a]", "test_parity[a]", "test_ratio[a]")
    )

    assert not any(line.is_score for line in lines)


def test_a_result_or_none_of_an_exact_accuracy_decides():
    exact = Tolerance(0.005, relative=False, exact=True)

    assert judge_drift([], Anchor(0.7, 0.0, 1), exact) is None
    assert judge_drift([0.694], Anchor(0.7, 0.0, 1), exact).outcome == "FAIL"
    assert judge_drift([0.695], Anchor(0.7, 0.0, 1), exact).outcome == "PASS"  # half a point is allowed
    assert judge_drift([0.7], Anchor(0.7, 0.0, 1), exact).outcome == "PASS"


@given(values=speeds, scale=st.floats(1e-3, 1e3))
def test_the_verdict_does_not_depend_on_the_unit(values, scale):
    one = judge_drift(values, ANCHOR, TOLERANCE)
    other = judge_drift([v * scale for v in values], Anchor(ANCHOR.value * scale, ANCHOR.sigma * scale, 30), TOLERANCE)

    assume(min(abs(bound - 0.03) for bound in (*one.interval, one.loss)) > 1e-6)
    assert one.loss == pytest.approx(other.loss, abs=1e-9)
    assert one.outcome == other.outcome


@given(values=speeds, gain=st.floats(0.1, 50.0))
def test_better_results_are_never_judged_worse(values, gain):
    order = ["FAIL", "INCONCLUSIVE", "PASS"]
    before, after = (judge_drift([v + more for v in values], ANCHOR, TOLERANCE) for more in (0.0, gain))

    # The same noise: all values moved by the same amount.
    assert order.index(after.outcome) >= order.index(before.outcome)


@given(values=speeds)
def test_a_red_drift_is_a_loss_beyond_the_tolerance_and_beyond_noise(values):
    found = judge_drift(values, ANCHOR, TOLERANCE)

    if found.outcome == "FAIL":
        assert found.loss > TOLERANCE.value
        assert found.interval[0] > 0


def test_the_allowed_loss_depends_on_what_is_measured_and_may_be_stated():
    accuracy = Line("k", "test_accuracy[net]", "m", "miou", "dataset", "fraction")

    assert tolerance_of(LINE, "Ascend310P3") == Tolerance(0.03)
    assert tolerance_of(LINE, "cpu") == Tolerance(0.10)
    assert tolerance_of(accuracy, "Ascend310P3") == Tolerance(0.005, relative=False, exact=True)
    assert tolerance_of(accuracy, "cpu", 0.001).value == 0.001


def test_the_moving_anchor_is_of_the_thirty_results_before_the_last_seven():
    assert rolling([1.0] * 5) is None
    assert rolling([9.0] * 5 + [2.0] * 30 + [1.0] * 7) == Anchor(2.0, 0.0, 30)


def test_a_release_freezes_the_last_results_of_the_newest_toolchain():
    old, new = series_of([90.0] * 40), series_of([100.0, 102.0, 101.0], toolchain="CANN 9.0.0")
    both = type(old)(LINE, old.points + new.points)

    found = frozen(both, "R1", "2026-01-01T00:00:00Z", 0.02)
    assert (found.value, found.n, found.release, found.tolerance) == (101.0, 3, "R1", 0.02)
    assert (found.toolchain, found.commit) == ("CANN 9.0.0", commit_of(2))


def test_nothing_usable_cannot_be_frozen():
    with pytest.raises(UsageError, match="expected a result to freeze"):
        frozen(series_of([100.0], code="not-quiet"), "R1", "2026-01-01T00:00:00Z")


def test_half_a_per_cent_a_week_is_red_by_week_twelve_against_the_anchor_alone():
    generator = np.random.default_rng(5)
    weeks, noise = 12, 0.01
    nights = np.arange(1, 7 * weeks + 1)
    before = 100 * (1 + noise * generator.standard_normal(30))
    after = 100 * (1 - 0.005) ** (nights / 7) * (1 + noise * generator.standard_normal(len(nights)))
    anchor, series = anchor_of(before.tolist()), [*before.tolist(), *after.tolist()]

    # Each night against the one before it, with the gate's 5 %: nothing to see.
    assert all(late > 0.95 * early for early, late in pairwise(series))
    assert judge_drift(series, anchor, TOLERANCE).outcome == "FAIL"
    assert judge_drift(series, rolling(series), TOLERANCE).outcome != "FAIL"
