"""What a run's rounds come to: the reading, its certainty, and what is told of them."""

import numpy as np
import pytest

from harness.cards import Baseline
from harness.gates import rounds
from harness.results import Measurement
from tests.harness.gates.handmade import baseline, fps


def run(*rounds_ms: float, **changes: object) -> Measurement:
    row = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": rounds_ms}
    return Measurement.model_validate({**row, **changes})


def noisy(count: int, seed: int = 3) -> tuple[float, ...]:
    return tuple((10 * (1 + 0.01 * np.random.default_rng(seed).standard_normal(count))).tolist())


RATE = Baseline.model_validate(fps())


def test_rounds_of_warming_up_do_not_count():
    assert rounds.reading(run(50.0, 40.0, 10.0, 10.0, 10.0, warming=2), "latency") == 10.0


@pytest.mark.parametrize(("warming", "expected"), [(0, 20.0), (1, 20.0), (2, 10.0)])
def test_msame_leaves_out_its_first_round_or_all_that_warm_up(warming, expected):
    measured = run(90.0, 30.0, 10.0, definition="msame", warming=warming)

    assert rounds.reading(measured, "latency") == expected


def test_fewer_than_five_rounds_have_no_interval():
    assert rounds.read(run(10.0, 10.1, 10.2, 10.3), "latency").interval is None


def test_an_interval_is_at_least_the_noise_that_a_history_knows():
    low, high = rounds.read(run(*[10.0] * 8, noise=0.01), "latency").interval

    # 2.576 standard deviations of 1 % of 10 ms
    assert (low, high) == (pytest.approx(9.7424, abs=1e-3), pytest.approx(10.2576, abs=1e-3))


def test_a_rates_interval_is_the_times_turned_round():
    found = rounds.read(run(*noisy(40)), "throughput")
    ms = rounds.read(run(*noisy(40)), "latency").interval

    assert found.interval == (pytest.approx(1000 / ms[1]), pytest.approx(1000 / ms[0]))


def test_outliers_are_in_the_reading_and_out_of_the_calm_one():
    times = (*noisy(39), 30.0)

    found = rounds.read(run(*times, definition="ais_bench"), "latency")

    assert found.value == pytest.approx(np.mean(times))
    assert found.calm_value == pytest.approx(np.mean(times[:39]))
    assert found.interval[1] > found.calm_interval[1]


def test_a_latency_of_twice_the_promise_reaches_none_of_it():
    row = Baseline.model_validate(baseline("latency", 10.0, unit="ms"))

    assert rounds.part(row, 20.0) == 0
    assert rounds.part(RATE, 50.0) == 0.5


def test_two_runs_together_are_more_certain_than_each_and_lie_between():
    one, other = (rounds.share(RATE, rounds.read(run(*noisy(40, seed)), "throughput"), 1.0) for seed in (1, 2))

    value, bound = rounds.together([one, other])

    low, high = sorted([one.calm_value, other.calm_value])
    assert low <= value <= high
    assert bound - value < min(one.error, other.error) * rounds.Z
    assert bound - value == pytest.approx(rounds.Z / np.sqrt(one.error**-2 + other.error**-2))


def test_what_happened_in_a_run_is_told():
    times = list(noisy(60))
    times[10] = 25.0
    times[30:] = [ms * 1.06 for ms in times[30:]]
    device = {"temperature_c": {"before": 50.0, "after": 91.0, "max": 93.0}, "power_w": {"max": None}}

    told = list(rounds.course(run(80.0, *times, warming=1, looks=(15, 30, 61), noise=0.004), device))

    assert told[:3] == [
        "61 rounds in 3 looks",
        "1 round of warming up left out",
        f"1 outlier of up to 25 ms where the median is {np.median(times):.4g} ms",
    ]
    assert told[3].endswith("% slower from round 32 on at up to 93 °C: throttled?")
    assert told[4] == "its noise from run to run is 0.4 %"


def test_a_run_that_became_faster_was_not_throttled():
    times = noisy(60)
    times = (*(ms * 1.1 for ms in times[:30]), *times[30:])

    (told,) = rounds.course(run(*times), {"temperature_c": {"max": 93.0}})

    assert "faster" in told
    assert "throttled" not in told


def test_of_a_steady_run_nothing_is_told():
    assert list(rounds.course(run(*noisy(40)))) == []
