"""What was measured without a promise is adopted, and from then on it is a promise that the gates judge."""

import json
from typing import Any

import pytest

from harness.commands import adopt


def measured(round_ms: float) -> dict[str, object]:
    rounds = {"definition": "wall", "statistic": "median", "batch": 1, "rounds_ms": [round_ms] * 9}
    return {"status": "measured", "measurement": {**rounds, "canary_before_ms": 10.0, "canary_after_ms": 10.0}}


@pytest.fixture
def adopted(suite: Any) -> Any:
    """A toy suite whose throughput of one image in 2 ms has been adopted."""
    suite.card()
    suite.answer_well()
    suite.answer("throughput", measured(round_ms=2.0))
    assert suite.run("-m", "throughput", "--unpromised").ret == 5  # nothing was judged
    assert adopt.run([str(suite.run_folder())]) == 0
    return suite


def test_an_adopted_speed_is_a_case_without_being_asked_for_and_is_met(adopted: Any) -> None:
    result = adopted.run("-m", "throughput", "-k", "toy")

    assert result.ret == 0
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*toy-ort-cpu-bs1*throughput*5.000 images/canary*5.000 images/canary*PASS met*"])


def test_a_speed_that_falls_below_the_adopted_one_is_red(adopted: Any) -> None:
    adopted.answer("throughput", measured(round_ms=4.0))

    result = adopted.run("-m", "throughput", "-k", "toy")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*FAIL missed: throughput 2.500 images/canary*against 5.000 images/canary*"])


def test_the_plan_counts_an_adopted_case_as_promised(adopted: Any) -> None:
    text = adopted.run("-p", "fixtures.planning", "-m", "throughput", "-k", "toy").stdout.str()

    assert "2 cases\n" in text
    assert "0 cases that no card promises" in text


def test_the_row_names_the_run_and_the_line_it_comes_from(adopted: Any) -> None:
    card = (adopted.models / "toy/card.toml").read_text(encoding="utf-8")
    run = adopted.run_folder()
    lines = (run / "results.jsonl").read_text(encoding="utf-8").splitlines()

    assert f'source = {{ file = "{run.name}/results.jsonl", line = 2, text = "5.000 images/canary' in card
    assert json.loads(lines[1])["result"]["case"]["batch"] == 4
