"""Expected and unexpected failures, cases that did not run, and waivers."""

import datetime

import pytest

from harness.gates import judge
from tests.harness.gates.handmade import (
    TODAY,
    accuracy,
    baseline,
    card_of,
    error,
    expect,
    ort,
    paired,
    result_of,
    waiver,
)


def broken_load(kind):
    return result_of(status="error", error={"kind": kind, "stage": "load", "message": "it broke", "log": "/logs/x"})


TRUTH = {
    # failures and expectations
    "an unexpected error": (card_of(), error("oom"), "FAIL wrong-error"),
    "a time-out": (card_of(), error("timeout"), "NOT_RUN infra"),
    "damaged data": (card_of(), error("data"), "FAIL wrong-error"),
    "a broken host": (card_of(), error("infra"), "NOT_RUN infra"),
    "a lost device": (card_of(), error("device-lost"), "NOT_RUN infra"),
    "the expected error": (card_of(expect=(expect(),)), error("oom"), "PASS expected"),
    "another than the expected": (card_of(expect=(expect(),)), error("compile-error"), "FAIL wrong-error"),
    "an expected error of another chip": (
        card_of(expect=(expect(chip="Ascend310"),)),
        error("oom"),
        "FAIL wrong-error",
    ),
    "a lost device is not what was expected": (card_of(expect=(expect(),)), error("device-lost"), "NOT_RUN infra"),
    "a load that fails without a sign is no proof of what was expected": (
        card_of(expect=(expect(),)),
        broken_load("tool-failed"),
        "INCONCLUSIVE wrong-error",
    ),
    "a load that fails without a sign, where nothing is expected": (
        card_of(),
        broken_load("tool-failed"),
        "FAIL wrong-error",
    ),
    "a load that fails without a sign, where something else is expected": (
        card_of(expect=(expect("unsupported"),)),
        broken_load("tool-failed"),
        "FAIL wrong-error",
    ),
    "a damaged artifact is not what was expected": (
        card_of(expect=(expect(),)),
        broken_load("corrupt-artifact"),
        "FAIL wrong-error",
    ),
    "a tool that fails after the load is not what was expected": (
        card_of(expect=(expect(),)),
        error("tool-failed"),
        "FAIL wrong-error",
    ),
    "it now fits": (card_of(expect=(expect(),)), accuracy(), "FAIL now-fits"),
    "a larger part": (
        card_of(baseline(), expect=(expect(memory_mib_at_most=24576),)),
        accuracy(environment={"device_memory_mib": 49152}),
        "PASS met",
    ),
    "a larger part that breaks all the same": (
        card_of(expect=(expect(memory_mib_at_most=24576),)),
        error("oom", environment={"device_memory_mib": 49152}),
        "FAIL wrong-error",
    ),
    "a matching part": (
        card_of(expect=(expect(memory_mib_at_most=24576),)),
        accuracy(environment={"device_memory_mib": 24576}),
        "FAIL now-fits",
    ),
    "a part of unknown size that fits": (
        card_of(expect=(expect(memory_mib_at_most=24576),)),
        accuracy(environment={"memory_mib": 1}),
        "INCONCLUSIVE now-fits",
    ),
    "a part of unknown size that does not": (
        card_of(expect=(expect(memory_mib_at_most=24576),)),
        error("oom"),
        "PASS expected",
    ),
    "a CPU's memory is the host's": (
        card_of(expect=(expect(chip="cpu", memory_mib_at_most=24576),)),
        accuracy(case=ort(), environment={"memory_mib": 16384}),
        "FAIL now-fits",
    ),
    "the expected gap": (card_of(baseline(), expect=(expect("accuracy-gap"),)), accuracy(0.5), "PASS expected"),
    "the gap is gone": (card_of(baseline(), expect=(expect("accuracy-gap"),)), accuracy(), "FAIL now-fits"),
    "an expected gap excuses no paired loss": (
        card_of(baseline(), expect=(expect("accuracy-gap"),)),
        accuracy(0.5, paired=paired(0.1)),
        "FAIL margin",
    ),
    # not run
    **{
        f"missing {need}": (card_of(), result_of(status="not_run", missing="m", missing_need=need), f"NOT_RUN {code}")
        for need, code in {
            "weights": "missing-weights",
            "data": "missing-data",
            "tool": "missing-tool",
            "memory": "missing-memory",
            "device": "device-drained",
            "": "infra",
        }.items()
    },
    # waivers
    "a failure past its waiver": (
        card_of(baseline(), waiver=(waiver(datetime.date(2024, 2, 29)),)),
        accuracy(0.1),
        "FAIL waiver-expired",
    ),
    "a pass past its waiver": (
        card_of(baseline(), waiver=(waiver(datetime.date(2024, 2, 29)),)),
        accuracy(),
        "FAIL waiver-expired",
    ),
    "a pass under a waiver": (card_of(baseline(), waiver=(waiver(),)), accuracy(), "PASS met"),
    "another check's waiver": (
        card_of(baseline(), waiver=(waiver(datetime.date(2024, 2, 29), check="parity"),)),
        accuracy(0.1),
        "FAIL missed",
    ),
    "missing weights past a waiver": (
        card_of(waiver=(waiver(datetime.date(2024, 2, 29)),)),
        result_of(status="not_run", missing="m", missing_need="weights"),
        "NOT_RUN missing-weights",
    ),
}


@pytest.mark.parametrize("name", TRUTH)
def test_the_truth_table(name):
    card, result, expected = TRUTH[name]

    verdict = judge(result, card, TODAY)

    assert f"{verdict.outcome} {verdict.code}" == expected
    assert verdict.reason


def test_a_failure_that_now_fits_names_the_line_to_remove():
    verdict = judge(accuracy(), card_of(expect=(expect(),)), TODAY)

    assert verdict.suggestion["file"] == "models/net/card.toml"
    assert '-outcome = "oom"' in verdict.suggestion["patch"]
    assert "remove the [[expect]]" in verdict.reason


def test_a_waived_failure_names_its_owner_up_to_the_last_day():
    verdict = judge(accuracy(0.1), card_of(baseline(), waiver=(waiver(TODAY),)), TODAY)

    assert (verdict.outcome, verdict.code) == ("FAIL", "missed")
    assert verdict.waived_by == "ann until 2024-03-01: r (l)"


def test_an_undecided_load_says_where_its_log_is():
    verdict = judge(broken_load("tool-failed"), card_of(expect=(expect(),)), TODAY)

    assert "no code or text says why" in verdict.reason
    assert verdict.reason.endswith("the whole log is /logs/x")
