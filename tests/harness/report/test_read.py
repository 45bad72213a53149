"""A run's folder as data: states, texts written once, logs that stay inside the folder, and the published schema."""

import json
import math
from pathlib import Path

import jsonschema
import pytest

from harness.errors import UsageError
from harness.report import document
from harness.report.read import read
from tests.harness import run_folders as made

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


@pytest.mark.parametrize(
    ("outcome", "code", "waived_by", "state"),
    [
        ("PASS", "met", "", "green"),
        ("FAIL", "missed", "", "red"),
        ("FAIL", "missed", "me until 2030-01-01: known", "waived"),
        ("INCONCLUSIVE", "margin", "", "undecided"),
        ("NO_BASELINE", "no-promise", "", "unpromised"),
        ("NOT_RUN", "missing-data", "", "not-run"),
        ("NOT_RUN", "infra", "", "red"),
        ("NOT_RUN", "device-drained", "", "red"),
    ],
)
def test_a_verdict_gives_the_state_that_a_reader_acts_on(tmp_path, outcome, code, waived_by, state):
    made.write(tmp_path, [made.entry(judged=made.judgement(outcome), code=code, waived_by=waived_by)])

    report = read(tmp_path, {})
    assert report.cases[0].state == state
    assert report.counts == {state: 1}


def test_a_number_has_one_text_wherever_it_stands(tmp_path):
    made.write(
        tmp_path, [made.entry(judged=made.judgement(interval=(0.8, 0.82)), measures=(made.measure("top1", 0.8101),))]
    )

    case = read(tmp_path, {}).cases[0]
    assert case.measured_text == case.judgements[0].observed_text == case.measures[0].value_text == "81.01 %"
    assert case.promised_text == case.judgements[0].target_text == "80.98 %"
    assert case.judgements[0].interval_text == "80.00 to 82.00 %"
    assert case.judgements[0].tolerance_text == "0.2 points"


@pytest.mark.parametrize(
    ("name", "unit", "text"),
    [
        ("absolute", "dB", "0.3153 dB"),
        ("absolute", "", "0.3153"),
        ("throughput", "images/s", "31.53 %"),
        ("drift", "dB", "31.53 %"),
    ],
)
def test_a_tolerance_is_in_the_unit_of_an_accuracy_and_else_in_per_cent(tmp_path, name, unit, text):
    judged = made.judgement(name=name, unit=unit, observed=31.52, target=31.53, tolerance=0.3153)
    made.write(tmp_path, [made.entry(judged=judged)])

    part = read(tmp_path, {}).cases[0].judgements[0]
    assert (part.tolerance_text, part.target_text) == (text, f"31.53 {unit}".strip())


def test_a_command_repeats_each_planned_case_and_hides_secrets(tmp_path):
    folder = made.write(tmp_path / "reports/runs/r1", [made.entry()], argv=["pytest", "--token", "abcdef"])

    report = read(folder, {})
    assert report.cases[0].reproduce == "omgate run-case reports/runs/r1 'test_accuracy[toy-ort-cpu-bs1]'"
    assert report.command == "pytest --token '<removed>'"


def test_a_case_that_was_not_planned_is_repeated_with_the_whole_run(tmp_path):
    made.write(tmp_path, [made.entry()], plan=[])

    assert read(tmp_path, {}).cases[0].reproduce == "pytest -m onnx"


def test_the_end_of_a_log_is_shown_and_a_log_elsewhere_is_not(tmp_path):
    (tmp_path / "secret.log").write_text("not yours", encoding="utf-8")
    lines = "\n".join(f"line {number}" for number in range(100))
    run = tmp_path / "run"
    (run / "logs").mkdir(parents=True)
    (run / "logs/atc.log").write_text(f"{lines}\nE10016: /opt/a/b/c", encoding="utf-8")
    logs = ("logs/atc.log", "../secret.log", str(tmp_path / "secret.log"), "logs/none.log")
    entries = [
        made.entry(made.case(batch=at), status="error", error={"kind": "tool-failed", "message": "m", "log": log})
        for at, log in enumerate(logs, 1)
    ]

    tails = [case.failure.log_tail for case in read(made.write(run, entries), {}).cases]
    assert tails[0].splitlines()[-2:] == ["line 99", "E10016: …/b/c"]
    assert len(tails[0].splitlines()) == 40
    assert tails[1:] == ["", "", ""]


def test_a_case_that_was_run_twice_is_told_apart(tmp_path):
    made.write(tmp_path, [made.entry(), made.entry()])

    first, second = (case.key for case in read(tmp_path, {}).cases)
    assert second == f"{first}-2"


def test_planned_tests_without_a_result_are_counted(tmp_path):
    made.write(tmp_path, [made.entry()], plan=["a::test_accuracy[toy-ort-cpu-bs1]", "a::test_parity[gone]"])

    assert read(tmp_path, {}).planned == 2


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"run\.json"):
        read(tmp_path, {})


def test_the_json_follows_the_published_schema(tmp_path):
    nan = made.entry(
        made.case(batch=2), made.judgement("FAIL", observed=math.nan), "nan", measures=(made.measure("m", math.nan),)
    )
    made.write(tmp_path, [made.entry(), made.timed(4, 2000.0), nan])

    found = json.loads(read(tmp_path, {}).model_dump_json(by_alias=True))
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(found, schema, jsonschema.Draft202012Validator)
    assert [case["judgements"][0]["observed"] for case in found["cases"]] == [0.8101, "NaN", 2000.0]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "unknown": 1}, schema)


def test_the_published_schema_is_of_today():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == document.schema()
