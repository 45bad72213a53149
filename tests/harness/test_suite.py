"""Starting the suite from a clone and from an installed wheel, and finding a recorded case again."""

import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from harness import environment, suite
from harness.errors import UsageError
from harness.results import Case, Entry, Result, Verdict
from harness.runs import RunFolder

ROOT = Path(__file__).parents[2]
GATES = ROOT / "tests" / "gates"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The library away from its clone, with the suite as the wheel brings it; the current folder is empty."""
    monkeypatch.setattr(suite, "CLONE", tmp_path / "site-packages")
    (tmp_path / "packages/omgate_suite").mkdir(parents=True)
    (tmp_path / "packages/omgate_suite/test_parity.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "packages/omgate_suite"


def after(words: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(words) if word == option]


def test_the_plugins_are_those_of_the_clones_conftest():
    named = re.findall(r'"fixtures\.(\w+)"', (ROOT / "conftest.py").read_text(encoding="utf-8"))

    assert tuple(named) == suite.PLUGINS


def test_in_a_clone_pytest_runs_with_the_clones_settings_and_reports_there(monkeypatch):
    monkeypatch.chdir(ROOT)

    words = suite.command(["-m", "onnx"])

    assert words[:4] == [sys.executable, "-P", "-m", "pytest"]
    assert words[-3:] == [str(GATES), "-m", "onnx"]
    assert after(words, "-c") == [str(ROOT / "pyproject.toml")]
    assert "--report-dir" not in words


def test_a_clone_used_from_another_folder_reports_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert after(suite.command([]), "--report-dir") == [str(tmp_path / "reports" / "runs")]


def test_an_installed_suite_has_settings_and_plugins_of_its_own_and_writes_to_the_current_folder(installed):
    words = suite.command(["-m", "onnx"], plugins=["planning"])

    assert words[-3:] == [str(installed), "-m", "onnx"]
    assert after(words, "-c") == [str(installed / "installed.ini")]
    assert after(words, "-p") == [f"omgate_fixtures.{name}" for name in (*suite.PLUGINS, "planning")]
    assert after(words, "-o") == [f"cache_dir={Path.cwd() / '.pytest_cache'}"]
    assert after(words, "--report-dir") == [str(Path.cwd() / "reports" / "runs")]


def test_a_report_folder_of_the_users_comes_last_and_so_counts(installed):
    assert after(suite.command(["--report-dir", "mine"]), "--report-dir")[-1] == "mine"


@pytest.mark.parametrize(
    ("given", "file"),
    [
        ("test_parity.py", "test_parity.py"),
        ("tests/gates/test_parity.py", "test_parity.py"),
        ("test_parity.py::test_parity[icnet-tiny-ort-cpu-bs1]", "test_parity.py::test_parity[icnet-tiny-ort-cpu-bs1]"),
    ],
)
def test_a_file_or_node_id_of_the_suite_is_found_by_its_name(given, file):
    words = suite.command([given])

    assert words[-1] == f"{GATES}/{file}"
    assert str(GATES) not in words


@pytest.mark.parametrize("given", ["test_nothing.py", "parity", "-v"])
def test_what_is_no_file_of_the_suite_is_passed_on_as_it_is(given):
    assert suite.command([given])[-2:] == [str(GATES), given]


def test_a_library_without_its_suite_is_told_to_be_installed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "CLONE", tmp_path)
    monkeypatch.setattr(suite, "find_spec", lambda name: None)

    with pytest.raises(UsageError, match="expected the suite beside the library, got none; install omgate again"):
        suite.command([])


@pytest.mark.parametrize("start", [suite.run, suite.ask])
def test_another_operating_system_is_refused_in_one_line(start, monkeypatch):
    monkeypatch.setattr(environment.platform, "system", lambda: "Windows")

    with pytest.raises(UsageError, match="omgate: expected Linux or macOS, got Windows; use Linux, WSL"):
        start([])


@pytest.mark.parametrize("system", ["Linux", "Darwin"])
def test_linux_and_macos_are_supported(system, monkeypatch):
    monkeypatch.setattr(environment.platform, "system", lambda: system)

    environment.require_system()


def test_the_help_of_the_suites_options_holds_nothing_of_pytests():
    text = suite.options_help()

    assert "--model=X" in text
    assert "--strict-gates" in text
    assert "--maxfail" not in text


def case(check: str, batch: int = 1) -> Case:
    return Case(model="toy", runtime="ort-cpu", chip="cpu", batch=batch, check=check)


PARITY = "test_parity.py::test_parity[toy-ort-cpu-bs1]"


@pytest.fixture
def run(tmp_path):
    """A run of two checks of one case and one of another, of which one was measured."""
    folder = RunFolder(tmp_path / "run")
    checks = [
        "test_accuracy.py::test_accuracy[toy-ort-cpu-bs1]",
        "test_batch_consistency.py::test_batch_consistency[toy-ort-cpu-bs4]",
        PARITY,
    ]
    folder.start({"plan": [f"tests/gates/{name}" for name in checks], "options": ["--weights", "seeded"]})
    result = Result(case=case("parity"), status="measured")
    folder.append(Entry(result=result, verdict=Verdict(outcome="PASS", code="met")).to_json())
    return folder.path


@pytest.mark.parametrize(
    "wanted",
    [f"tests/gates/{PARITY}", PARITY, "test_parity[toy-ort-cpu-bs1]", case("parity").key],
    ids=["node id", "node id in the suite", "name", "key"],
)
def test_a_case_is_run_again_with_the_options_of_its_run(run, wanted):
    assert suite.rerun(run, wanted) == [PARITY, "--weights", "seeded"]


def test_a_case_id_is_enough_where_only_one_check_has_it(run):
    (node_id, *_) = suite.rerun(run, "toy-ort-cpu-bs4")

    assert node_id == "test_batch_consistency.py::test_batch_consistency[toy-ort-cpu-bs4]"


def test_a_case_id_of_several_checks_is_refused_with_the_choices(run):
    choices = re.escape("choose from test_accuracy[toy-ort-cpu-bs1], test_parity[toy-ort-cpu-bs1]")

    with pytest.raises(UsageError, match=f"case toy-ort-cpu-bs1: expected one check of this case, got 2.*{choices}"):
        suite.rerun(run, "toy-ort-cpu-bs1")


def test_a_case_that_is_not_in_the_run_is_refused_with_the_choices(run):
    with pytest.raises(UsageError, match=r"case other: expected a case of this run, got 'other'; choose from test_acc"):
        suite.rerun(run, "other")


def test_a_folder_that_is_no_runs_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"expected a run folder with run\.json, got none"):
        suite.rerun(tmp_path, "toy-ort-cpu-bs1")
