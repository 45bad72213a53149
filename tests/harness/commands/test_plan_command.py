"""`omgate plan` shows the plan and nothing of pytest's, refuses what no plan can answer, and loads nothing heavy."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli

ROOT = Path(__file__).parents[3]
HEAVY = {"torch", "onnxruntime", "onnx", "onnxslim", "scipy", "tensorflow", "matplotlib"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Plan from an empty folder, with nothing of this machine's in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("WEIGHTS_DIR", "DATA_DIR", "CACHE_DIR"):
        monkeypatch.delenv(f"OMGATE_{name}", raising=False)


def test_the_plan_says_what_runs_what_it_needs_what_is_missing_and_what_is_unpromised(capsys):
    code = cli.main(["plan", "-m", "parity or throughput", "-k", "resnest50"])

    out = capsys.readouterr().out
    assert code == 0
    assert re.search(r"^  parity +resnest50-tiny-ort-cpu-bs4  weights tiny.safetensors; torch$", out, re.MULTILINE)
    assert re.search(r"^1 card or runtime cannot run here\n  resnest50: weights resnest50-528c19ca.pth", out, re.M)
    assert "pass --weights-dir (from https://github.com/zhanghang1989/" in out
    assert re.search(r"^  throughput +resnest50 on ort-cpu at batch 1, 4, 8, 16, 32, 64$", out, re.MULTILINE)
    assert "icnet" not in out


def test_nothing_of_pytests_is_around_the_plan(capsys):
    cli.main(["plan", "--model", "resnest50-tiny", "-m", "accuracy"])

    first, _, *_ = lines = capsys.readouterr().out.splitlines()
    assert first == "1 case"
    assert not [line for line in lines if re.search("session starts|collected|deselected|tests? in|rootdir", line)]


def test_what_is_run_unpromised_is_a_case_of_the_plan(capsys):
    cli.main(["plan", "--model", "resnest50-tiny", "--check", "latency", "--unpromised"])

    out = capsys.readouterr().out
    assert out.startswith("2 cases\n  latency ")
    assert "0 cases that no card promises" in out


def test_a_plan_with_no_case_is_no_error(capsys):
    assert cli.main(["plan", "-k", "nothing-like-it"]) == 0
    assert capsys.readouterr().out.startswith("0 cases\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "icnt"), "omgate: --model: unknown model, got 'icnt'; did you mean 'icnet'?"),
        (("--no-such-option",), "omgate: pytest: unrecognized arguments: --no-such-option; see omgate gate --help"),
        (("--samples", "0"), "omgate: pytest: argument --samples: expected a whole number of at least 1, got '0'"),
        (("test_nothing.py",), "omgate: file or directory not found: test_nothing.py"),
        (("-m", "("), "omgate: Wrong expression passed to '-m': (:"),
    ],
    ids=["model", "option", "value", "file", "marker"],
)
def test_what_no_plan_can_answer_is_one_line_and_wrong_usage(capsys, arguments, message):
    code = cli.main(["plan", *arguments])

    printed = capsys.readouterr()
    assert code == 4
    assert printed.out == ""
    assert printed.err.startswith(message)
    assert printed.err.count("\n") == 1


def test_planning_imports_no_heavy_library(tmp_path):
    # The variable makes Python list every import on stderr, in this process and in pytest's.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPROFILEIMPORTTIME": "1"}
    command = [sys.executable, "-m", "harness.cli", "plan", "-p", "no:hypothesispytest", "-p", "no:benchmark"]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert {"harness.suite", "harness.plan", "_pytest.main"} <= imported  # both processes are seen
    assert {name.partition(".")[0] for name in imported} & HEAVY == set()
