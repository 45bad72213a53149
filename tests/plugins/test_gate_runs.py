"""Whole pytest runs of the suite on toy cards: what is green, what is red, and what is said of it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

OPTIONS = [
    *("--budget", "--shard", "--resume", "--history"),
    *("--model", "--runtime", "--chip", "--batch-size", "--check", "--npu-device", "--samples", "--threads"),
    *("--weights", "--weights-dir", "--data-dir", "--cache-dir", "--report-dir", "--cards", "--max-skips"),
    *(
        "--unpromised",
        "--run-scripts",
        "--zoo",
        "--isolate",
        "--strict-gates",
        "--emulate",
        "--ascend-python",
        "--om",
        "--results",
        "--tool-timeout",
    ),
]


def test_a_kept_promise_is_green(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    result = suite.run("-m", "onnx")

    assert result.ret == 0
    result.assert_outcomes(passed=4, skipped=2)  # accuracy, parity at 1 and 4, consistency; ort-cuda and ort-cann


def test_a_missed_promise_is_red_and_names_worst_samples_and_the_command(suite: Any) -> None:
    suite.card()
    suite.answer_well(top1=0.7)

    result = suite.run("-m", "onnx")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*FAIL missed*", "*worst samples: picture-7, picture-3*", "*reproduce: pytest *test_accuracy*toy-ort-cpu-bs1*"]
    )


def test_parity_reds_name_the_output(suite: Any) -> None:
    suite.card()
    suite.answer_well()
    parity = [{"output": "y", "cosine": 0.5, "max_rel": 0.4}]
    suite.answer("parity", {"status": "measured", "parity": parity, "worst": ["picture-2"]})

    result = suite.run("-m", "parity")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*FAIL parity*", "*y*cosine*", "*worst samples: picture-2*"])


def test_a_card_without_weights_is_one_skip_with_the_remedy(suite: Any) -> None:
    suite.card()
    suite.card("absent", weights=False)
    suite.answer_well()

    result = suite.run("-m", "onnx", "-rs")

    assert result.ret == 0
    result.assert_outcomes(passed=4, skipped=3)
    result.stdout.fnmatch_lines(["*absent: weights toy.safetensors, got nothing; put it into a folder*--weights-dir*"])


def test_only_skips_is_nothing_judged(suite: Any) -> None:
    suite.card("absent", weights=False)

    result = suite.run("-m", "onnx")

    assert result.ret == 5
    result.stdout.fnmatch_lines(["*gates were selected and none was judged*"])


def test_a_nightly_card_without_weights_is_red_under_strict_gates(suite: Any) -> None:
    suite.card()
    suite.card("absent", weights=False, nightly=True)
    suite.answer_well()

    assert suite.run("-m", "onnx").ret == 0
    assert suite.run("-m", "onnx", "--strict-gates").ret == 1


def test_max_skips_bounds_the_skips(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    assert suite.run("-m", "onnx", "--max-skips", "2").ret == 0
    assert suite.run("-m", "onnx", "--max-skips", "1").ret == 1


def test_infra_alone_has_an_exit_code_of_its_own(suite: Any) -> None:
    suite.card()
    suite.answer_well()
    suite.answer("parity", {"status": "error", "error": {"kind": "infra", "message": "disk full"}})

    assert suite.run("-m", "onnx").ret == 6


def test_a_requested_model_without_weights_is_a_usage_error(suite: Any) -> None:
    suite.card("absent", weights=False)

    result = suite.run("--model", "absent")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*--model absent: expected weights toy.safetensors, got nothing; put it into*"])


def test_a_node_id_of_a_case_that_cannot_run_is_a_usage_error(suite: Any) -> None:
    suite.card("absent", weights=False)

    result = suite.pytester.runpytest_inprocess("gates/test_parity.py::test_parity[absent-ort-cpu-bs1]")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*test_parity?absent-ort-cpu-bs1?: expected weights toy.safetensors*"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "tooy"), "*--model: unknown model, got 'tooy'; did you mean 'toy'?*"),
        (("--runtime", "ort-cpi"), "*--runtime: unknown runtime, got 'ort-cpi'; did you mean 'ort-cpu'?*"),
        (("--check", "acuracy"), "*--check: unknown check, got 'acuracy'; did you mean 'accuracy'?*"),
        (("--chip", "Ascend310P4"), "*--chip: unknown chip, got 'Ascend310P4'; did you mean 'Ascend310P3'?*"),
        (("--chip", "Ascend310P3"), "*--chip Ascend310P3: expected*rehearse with --emulate*"),
        (("--batch-size", "two"), "*--batch-size: expected a positive whole number, got 'two'*"),
        (("--batch-size", "2"), "*--batch-size 2: no*"),
        (("--samples", "0"), "*--samples: expected a whole number of at least 1, got '0'*"),
        (("--samples", "11"), "*--samples 11: *10*"),
        (("--weights", "nowhere.pth"), "*--weights: expected card, seeded or a checkpoint file, got 'nowhere.pth'*"),
        (("--weights-dir", "nowhere"), "*--weights-dir*: expected a folder, got 'nowhere'*"),
        (("--cards", "nowhere"), "*--cards nowhere: expected model folders with *.toml cards, got no such folder*"),
        (("--runtime", "ort-cuda"), "*--runtime ort-cuda: expected a runtime that can run here*"),
        (("--check", "throughput"), "*--check throughput: no*"),
        (("--npu-device", "0"), "*--npu-device 0: *"),
    ],
)
def test_a_wrong_request_is_one_line_before_any_work(suite: Any, arguments: tuple[str, ...], message: str) -> None:
    suite.card()
    suite.answer_well()

    result = suite.run(*arguments)

    assert result.ret == 4
    result.stderr.fnmatch_lines([message])
    assert not (suite.pytester.path / "reports").exists()


def test_a_broken_card_is_a_usage_error_that_names_file_and_field(suite: Any) -> None:
    folder = suite.card()
    card = folder / "card.toml"
    card.write_text(card.read_text() + "\n[unknown]\nkey = 1\n")

    result = suite.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*toy/card.toml: unknown: unknown key*"])


def test_unpromised_cases_run_only_when_asked_for(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    result = suite.run("-m", "throughput", "--unpromised", "-rs")

    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*NO_BASELINE/no-promise*"])
    assert suite.run("-m", "throughput").ret == 5


def test_the_run_folder_holds_the_plan_and_every_result(suite: Any) -> None:
    suite.card(more=suite.throughput(1.0))
    suite.answer_well()

    suite.run("-m", "onnx")

    folder = suite.run_folder()
    run = json.loads((folder / "run.json").read_text())
    entries = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert run["schema"] == 1
    assert len(run["plan"]) == len(entries) == 5
    assert {entry["verdict"]["outcome"] for entry in entries} == {"PASS"}
    assert "toy" in (folder / "table.md").read_text()


def test_junit_has_the_properties_of_each_case(suite: Any) -> None:
    suite.card()
    suite.answer_well()

    suite.run("-m", "accuracy", "--junitxml", "junit.xml")

    tree = ElementTree.parse(suite.pytester.path / "junit.xml")  # noqa: S314 - our own file
    properties = {node.get("name"): node.get("value") for node in tree.iter("property")}
    assert properties["model"] == "toy"
    assert properties["outcome"] == "PASS"
    assert float(properties["observed"]) == 0.95
    assert float(properties["target"]) == 0.9


def test_the_benchmark_file_is_read_by_pytest_benchmark(suite: Any) -> None:
    suite.card(more=suite.throughput(1.0))
    suite.answer_well()
    suite.run("-m", "throughput")

    command = [
        str(Path(sys.executable).parent / "pytest-benchmark"),
        "compare",
        str(suite.run_folder() / "benchmark.json"),
    ]
    compared = subprocess.run(command, capture_output=True, text=True, check=False, cwd=suite.pytester.path)

    assert compared.returncode == 0, compared.stderr
    assert "toy-ort-cpu-bs1" in compared.stdout
    assert "2.0000" in compared.stdout  # the median of 1, 2 and 3 ms


def test_the_options_coexist_with_other_plugins(suite: Any) -> None:
    suite.card()
    suite.pytester.makepyfile(
        other="""
        def pytest_addoption(parser):
            group = parser.getgroup("playwright")
            for name in ("--browser", "--device", "--headed", "--output", "--tracing", "--video", "--screenshot"):
                group.addoption(name)
        """
    )
    suite.pytester.syspathinsert()

    result = suite.pytester.runpytest_inprocess("--help", "-p", "other")

    assert result.ret == 0
    text = result.stdout.str()
    for option in (*OPTIONS, "--numprocesses", "--benchmark-json", "--hypothesis-seed", "--strict", "--device"):
        assert re.search(rf"^ +(-\w.*, )?{option}\b", text, re.MULTILINE), option


def test_every_option_keeps_its_value_under_a_name_of_its_own(suite: Any) -> None:
    suite.card()
    config = suite.pytester.parseconfigure("--strict-markers")

    ours = [name for name in vars(config.option) if name.startswith("omgate_")]

    assert sorted(ours) == sorted("omgate_" + option[2:].replace("-", "_") for option in OPTIONS)


def test_an_interrupted_run_keeps_what_it_finished(suite: Any) -> None:
    suite.card()
    suite.answer_well()
    conftest = suite.pytester.path / "conftest.py"
    broken = conftest.read_text().replace("    def run(case):", "    def run(case):\n        stop(case)")
    stop = "\ndef stop(case):\n    if case.check == 'parity':\n        raise KeyboardInterrupt\n"
    conftest.write_text(broken + stop)

    result = suite.run_apart("-m", "onnx")

    assert result.ret == 2
    lines = (suite.run_folder() / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["result"]["case"]["check"] for line in lines] == ["accuracy", "batch-consistency"]


def test_the_same_verdicts_come_from_two_workers(suite: Any) -> None:
    suite.card(more=suite.throughput(1.0))
    suite.answer_well(top1=0.7)

    def verdicts(*arguments: str) -> dict[str, str]:
        done = suite.run_apart("-m", "onnx", *arguments)
        assert done.ret == 1
        folder = suite.run_folder()
        entries = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
        assert (folder / "run.json").is_file()
        assert (folder / "benchmark.json").is_file()
        shutil.rmtree(folder)
        return {json.dumps(entry["result"]["case"], sort_keys=True): entry["verdict"]["code"] for entry in entries}

    alone, together = verdicts(), verdicts("-n", "2")

    assert alone == together
    assert len(alone) == 5
