"""`omgate run-case` runs a recorded case again."""

import pytest

from harness import cli, suite
from harness.runs import RunFolder


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.start({"plan": ["tests/gates/test_parity.py::test_parity[toy-ort-cpu-bs1]"], "options": ["--isolate"]})
    return folder.path


@pytest.fixture
def became(monkeypatch):
    """The words that this process would become."""
    words = []
    monkeypatch.setattr(suite.os, "execve", lambda program, command, environment: words.extend(command))
    return words


def test_the_case_runs_with_the_options_of_its_run_and_those_given_now(run, became):
    cli.main(["run-case", str(run), "toy-ort-cpu-bs1", "-q", "--samples", "3"])

    assert became[-5:] == [
        str(suite.folder() / "test_parity.py::test_parity[toy-ort-cpu-bs1]"),
        *("--isolate", "-q", "--samples", "3"),
    ]


def test_a_case_that_is_not_in_the_run_is_wrong_usage(run, became, capsys):
    code = cli.main(["run-case", str(run), "other"])

    assert code == 4
    assert "expected a case of this run, got 'other'" in capsys.readouterr().err
    assert became == []


def test_a_case_must_be_named(run, became, capsys):
    code = cli.main(["run-case", str(run)])

    assert code == 4
    assert "the following arguments are required: ID" in capsys.readouterr().err
