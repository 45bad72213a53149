"""The speed gate: definitions, floors, canaries, and what a faster run proposes."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cards import Baseline
from harness.gates import judge
from tests.harness.gates.handmade import (
    CPU_CEILING,
    CPU_FLOOR,
    NAN,
    QUIET,
    RESTLESS,
    TODAY,
    baseline,
    card_of,
    case_of,
    fps,
    ort,
    result_of,
    speed,
)

TRUTH = {
    # speed on an NPU
    "rate as promised": (card_of(fps()), speed(100), "PASS met"),
    "rate within 5 %": (card_of(fps()), speed(95.1), "PASS met"),
    "rate below 5 %": (card_of(fps()), speed(94), "FAIL missed"),
    "rate below, interval not": (card_of(fps()), speed(94, spread=(0.8, 1.0, 1.2)), "INCONCLUSIVE margin"),
    "rate faster": (card_of(fps()), speed(200), "PASS met"),
    "a stated rate tolerance": (card_of(fps(tolerance=0.2)), speed(81), "PASS met"),
    "latency as promised": (card_of(baseline("latency", 10.0, unit="ms")), speed(96, "latency"), "PASS met"),
    "latency too long": (card_of(baseline("latency", 10.0, unit="ms")), speed(94, "latency"), "FAIL missed"),
    "another definition": (card_of(fps(definition="ais_bench")), speed(1), "NO_BASELINE no-promise"),
    "other inputs": (card_of(fps(inputs="zero")), speed(1), "NO_BASELINE no-promise"),
    "another condition": (card_of(fps(condition="AIPP")), speed(1), "NO_BASELINE no-promise"),
    "another batch": (card_of(fps(batch=4)), speed(1), "NO_BASELINE no-promise"),
    "another chip": (card_of(fps(chip="Ascend310")), speed(1), "NO_BASELINE no-promise"),
    "an NPU's rate never binds a CPU": (card_of(fps()), speed(1, case=ort("throughput")), "NO_BASELINE no-promise"),
    "a restless machine that failed": (card_of(fps()), speed(50, **RESTLESS), "INCONCLUSIVE not-quiet"),
    "a restless machine that passed": (card_of(fps()), speed(100, **RESTLESS), "PASS met"),
    "an occupied device that failed": (card_of(fps()), speed(50, occupants=("train.py",)), "INCONCLUSIVE not-quiet"),
    "an occupied device that passed": (card_of(fps()), speed(100, occupants=("train.py",)), "PASS met"),
    "a quiet machine that failed": (card_of(fps()), speed(50, **QUIET), "FAIL missed"),
    "nothing timed": (card_of(fps()), result_of(case_of("throughput")), "NOT_RUN infra"),
    "a round of NaN": (card_of(fps()), speed(NAN), "FAIL nan"),
    "per card on the 310": (
        card_of(fps(chip="Ascend310", scope="card")),
        speed(25, case=case_of("throughput", chip="Ascend310")),
        "PASS met",
    ),
    "per card, how many chips is not known": (
        card_of(fps(chip="Ascend910", scope="card")),
        speed(25, case=case_of("throughput", chip="Ascend910")),
        "NO_BASELINE no-promise",
    ),
    # speed on a CPU: in canaries, 30 %. At 2 ms a canary, 50 images/s are 0.1 images/canary.
    "canary rate": (card_of(CPU_FLOOR), speed(50, case=ort("throughput"), **QUIET), "PASS met"),
    "canary rate at the floor": (card_of(CPU_FLOOR), speed(35.1, case=ort("throughput"), **QUIET), "PASS met"),
    "canary rate collapsed": (card_of(CPU_FLOOR), speed(34, case=ort("throughput"), **QUIET), "FAIL missed"),
    "canary rate, restless": (
        card_of(CPU_FLOOR),
        speed(34, case=ort("throughput"), **RESTLESS),
        "INCONCLUSIVE not-quiet",
    ),
    "canary rate without a canary": (
        card_of(CPU_FLOOR),
        speed(50, case=ort("throughput")),
        "INCONCLUSIVE not-quiet",
    ),
    "canary latency": (card_of(CPU_CEILING), speed(40, case=ort("latency"), **QUIET), "PASS met"),
    "canary latency collapsed": (card_of(CPU_CEILING), speed(38, case=ort("latency"), **QUIET), "FAIL missed"),
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason


@pytest.mark.parametrize(
    ("definition", "statistic", "expected"),
    [
        ("ais_bench", "", 2 * 1000 / 4.0),  # mean of 8, 2, 2, 4
        ("msame", "", 2 * 1000 / (8 / 3)),  # without the first
        ("wall", "median", 2 * 1000 / 3.0),
        ("wall", "mean", 2 * 1000 / 4.0),
    ],
)
def test_a_rate_is_read_in_the_definition_it_was_measured_by(definition, statistic, expected):
    measurement = {"definition": definition, "statistic": statistic, "batch": 2, "rounds_ms": (8.0, 2.0, 2.0, 4.0)}
    result = result_of(case_of("throughput"), measurement=measurement)

    verdict = judge(result, card_of(), TODAY)

    assert verdict.judgements[0].observed == pytest.approx(expected)


def test_a_tool_without_rounds_is_believed():
    measurement = {"definition": "benchmark", "statistic": "", "batch": 4, "tool_value": 7.198}
    case = case_of("throughput", chip="Ascend310", batch=4)
    card = card_of(fps(28.792, chip="Ascend310", scope="card", batch=4, definition="benchmark", inputs="real"))

    verdict = judge(result_of(case, measurement=measurement), card, TODAY)

    assert verdict.judgements[0].observed == pytest.approx(28.792)
    assert verdict.outcome == "PASS"


def test_a_faster_run_proposes_a_tighter_baseline_that_a_card_can_hold():
    verdict = judge(speed(200), card_of(fps()), TODAY)

    (row,) = tomllib.loads(verdict.suggestion["patch"])["baseline"]
    assert verdict.suggestion["file"] == "models/net/card.toml"
    assert Baseline.model_validate(row).target == pytest.approx(200)
    assert row["role"] == "measured"


@pytest.mark.parametrize("result", [speed(104), speed(500, case=ort("throughput"), **QUIET)])
def test_nothing_is_proposed_within_the_tolerance_or_on_a_cpu(result):
    assert judge(result, card_of(fps(), CPU_FLOOR), TODAY).suggestion == {}


AGAIN = {
    # the first run, the second in a fresh process, the verdict
    "both miss": (94, 94, {}, "FAIL missed"),
    "the second meets": (94, 96, {}, "PASS met"),
    "the first was open, both together miss": (94.5, 94, {"spread": (0.9, 1.0, 1.02)}, "FAIL missed"),
    "both are open": (94.8, 94.9, {"spread": (0.9, 1.0, 1.1)}, "INCONCLUSIVE margin"),
    "the second is NaN": (94, NAN, {}, "FAIL nan"),
    "someone came": (94, 94, {"occupants": ("train.py",)}, "INCONCLUSIVE not-quiet"),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_case_that_is_timed_again_is_judged_by_both_runs(name):
    first, second, changes, expected = AGAIN[name]
    again = speed(second, **({"spread": changes["spread"]} if name == "both are open" else {})).measurement
    result = speed(first, **changes).model_copy(update={"confirmation": again})

    verdict = judge(result, card_of(fps()), TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected


def test_an_outlier_alone_takes_no_pass_away_and_is_named():
    # Ten rounds of 10 ms and one of 30 ms: their mean is 11.82 ms, so 84.6 images/s.
    rounds = {"definition": "ais_bench", "statistic": "mean", "batch": 1, "rounds_ms": (10.0, 10.01) * 5 + (30.0,)}

    verdict = judge(result_of(case_of("throughput"), measurement=rounds), card_of(fps()), TODAY)

    assert verdict.outcome == "PASS"
    assert verdict.judgements[0].observed == pytest.approx(11 / 0.13005)
    assert "1 outlier of up to 30 ms where the median is 10.01 ms; 99.95 images/s without" in verdict.reason


def test_many_slow_rounds_are_no_outliers():
    rounds = {"definition": "ais_bench", "statistic": "mean", "batch": 1, "rounds_ms": ((10.0,) * 4 + (15.0,)) * 12}

    verdict = judge(result_of(case_of("throughput"), measurement=rounds), card_of(fps()), TODAY)

    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")


def test_a_run_faster_than_one_promise_and_not_than_the_next_proposes_nothing():
    card = card_of(fps(100.0), fps(198.0, role="measured", toolchain="CANN 6"))

    assert judge(speed(200), card, TODAY).suggestion == {}


def test_noise_that_the_history_knows_keeps_a_miss_open():
    assert judge(speed(94), card_of(fps()), TODAY).outcome == "FAIL"
    assert judge(speed(94, noise=0.01), card_of(fps()), TODAY).outcome == "INCONCLUSIVE"


def test_an_occupant_is_named():
    verdict = judge(speed(50, occupants=("process 42 (train.py) with 7100 MiB",)), card_of(fps()), TODAY)

    assert verdict.reason.endswith("the device was not alone: process 42 (train.py) with 7100 MiB")


def test_the_canary_that_counts_is_the_faster_of_two():
    verdict = judge(speed(50, case=ort("throughput"), **RESTLESS), card_of(CPU_FLOOR), TODAY)

    assert verdict.judgements[0].observed == pytest.approx(50 * 2.0 / 1000)
    assert "50.00 images/s" in verdict.reason


@given(st.floats(1, 1e4), st.floats(1, 1e4), st.floats(1, 1e4))
def test_a_faster_run_never_has_a_worse_verdict(target, one, other):
    card = card_of(fps(target))
    measurement = {"definition": "benchmark", "statistic": "", "batch": 1}
    worse, better = (
        judge(result_of(case_of("throughput"), measurement={**measurement, "tool_value": rate}), card, TODAY).outcome
        for rate in sorted((one, other))
    )

    assert not (worse == "PASS" and better == "FAIL")
