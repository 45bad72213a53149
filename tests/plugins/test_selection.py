"""What is selected is what there is, and a red case can be run again from where the user stands."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from harness import suite as suite_module


def test_a_check_without_cases_is_no_gate_that_was_skipped(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    result = suite.run("--check", "parity", "-k", "toy or NOTSET", "--max-skips", "0")

    assert result.ret == 0
    result.assert_outcomes(passed=2)


def reproduction(result: pytest.RunResult) -> list[str]:
    (line,) = [line for line in result.stdout.lines if line.startswith("  reproduce: ")]
    return shlex.split(line.partition(": ")[2])


def test_the_command_that_repeats_a_red_case_repeats_it(suite: Any) -> None:
    suite.card()
    suite.answer_well(top1=0.5)
    program, *arguments = reproduction(suite.run("-m", "onnx", "--threads", "2"))

    again = suite.pytester.runpytest_inprocess("--report-dir", "again", *arguments)

    assert program == "pytest"
    assert again.ret == 1
    again.assert_outcomes(failed=1)
    assert reproduction(again) == ["pytest", *arguments]


def test_outside_a_clone_the_command_needs_no_path(suite: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_module, "in_clone", lambda: False)
    suite.card()
    suite.answer_well(top1=0.5)

    words = reproduction(suite.run("-m", "onnx"))

    assert words == ["omgate", "gate", "test_accuracy.py::test_accuracy[toy-ort-cpu-bs1]"]


def test_the_command_names_every_option_that_shapes_the_result_with_whole_paths(suite: Any) -> None:
    suite.card()
    suite.answer_well(top1=0.5)
    here = suite.pytester.path
    for name in ("data", "weights"):
        (here / name).mkdir()
    folders = ("--data-dir", "data", "--weights-dir", "weights", "--cache-dir", "store", "--cards", "models")

    words = reproduction(suite.run(*folders, "--runtime", "ort-cpu", "--check", "accuracy", "--samples", "3"))

    assert words[2:] == [
        *("--runtime", "ort-cpu", "--cards", str(here / "models")),
        *("--weights-dir", str(here / "weights"), "--data-dir", str(here / "data"), "--cache-dir", str(here / "store")),
        *("--samples", "3"),
    ]


def test_the_recorded_run_keeps_the_same_options(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    suite.run("-m", "onnx", "--weights", "seeded", "--unpromised")

    recorded = json.loads((Path(suite.run_folder()) / "run.json").read_text(encoding="utf-8"))
    assert recorded["options"] == ["--weights", "seeded", "--unpromised"]


def test_the_recorded_run_keeps_why_what_was_asked_for_cannot_run(suite: Any) -> None:
    suite.card()
    suite.card("absent", weights=False)
    suite.card("other", weights=False)
    suite.answer_well()

    suite.run("-m", "onnx", "-k", "toy or absent")

    recorded = json.loads((Path(suite.run_folder()) / "run.json").read_text(encoding="utf-8"))
    assert recorded["lacks"]["absent"].startswith("absent: weights toy.safetensors, got nothing; put it into a folder")
    assert {"toy", "other"} & recorded["lacks"].keys() == set()
