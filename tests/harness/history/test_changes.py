"""Change points by Otava: a planted step is found, named and measured; without Otava a sentence says how to get it."""

import numpy as np
import pytest

from harness.errors import MissingNeedError
from harness.history import changes
from harness.history.changes import change_points, missing
from harness.history.points import Line, Series
from tests.harness.history.nights import LINE, commit_of, series_of

otava = pytest.mark.skipif(bool(missing()), reason=missing())
NOISE = np.random.default_rng(11).normal(0.0, 1.0, 120)


def stepped(*steps, start=100.0):
    """Return 120 nights of noise with steps of `size` from night `at` on."""
    return start + NOISE + sum(np.where(np.arange(120) >= at, size, 0.0) for at, size in steps)


@otava
def test_a_planted_step_is_found_with_its_commits_and_its_size():
    (found,) = change_points(series_of(stepped((70, -6.0)).tolist()))

    assert found.after.commit == commit_of(70)
    assert found.before.commit == commit_of(69)
    assert found.step == pytest.approx(-0.06, abs=0.006)
    assert found.commits == "00000045..00000046"


@otava
def test_two_steps_are_two_change_points():
    found = change_points(series_of(stepped((40, -6.0), (90, 9.0)).tolist()))

    assert [int(one.after.commit[:8], 16) for one in found] == [40, 90]
    assert [one.step > 0 for one in found] == [False, True]


@otava
def test_noise_has_no_change_point():
    assert change_points(series_of(stepped().tolist())) == ()
    assert change_points(series_of([100.0] * 50)) == ()
    assert change_points(series_of([100.0])) == ()


@otava
def test_a_step_of_an_accuracy_is_told_in_points():
    line = Line("k", "test_accuracy[net]", "m", "miou", "dataset", "fraction")
    (found,) = change_points(series_of([0.70] * 20 + [0.68] * 20, line=line))

    assert found.step == pytest.approx(-0.02)
    assert "-2 points in" in str(found)


@otava
def test_a_result_without_a_number_is_stepped_over():
    (found,) = change_points(series_of([100.0] * 20 + [None] + [90.0] * 20))

    assert (int(found.before.commit[:8], 16), int(found.after.commit[:8], 16)) == (19, 21)


@otava
def test_a_step_with_another_toolchain_names_both():
    old, new = series_of([100.0] * 20), series_of([90.0] * 20, toolchain="CANN 9.0.0")

    (found,) = change_points(Series(LINE, old.points + new.points))
    assert str(found).endswith("CANN 8.0.0 → CANN 9.0.0")
    assert "-10.00 % in" in str(found)


def test_without_otava_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(changes, "find_spec", lambda name: None)

    assert "pip install --no-deps apache-otava" in missing()
    with pytest.raises(MissingNeedError, match="--no-deps"):
        change_points(series_of([1.0, 2.0]))
