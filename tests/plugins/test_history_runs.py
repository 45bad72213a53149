"""A run with a history: results are kept as they come, anchors are judged, and a database that fails costs nothing.

Every run is in a process of its own, and SQLAlchemy is imported here: pytester unloads what a test has imported, which
SQLAlchemy does not survive.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy.dialects.sqlite  # noqa: F401

from harness.history.anchors import frozen
from harness.history.store import History

AT = "2026-03-01T03:00:00+00:00"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def toy(suite: Any) -> Any:
    suite.card()
    answer(suite, 0.95)
    return suite


def answer(suite: Any, top1: float, at: str = AT) -> None:
    suite.answer_well(top1)
    for given in suite.answers.values():
        given["started_at"] = at


def names(db: Path) -> list[tuple[str, int]]:
    with History.open(str(db)) as history:
        return [(case.name, case.count) for case in history.cases()]


def test_nothing_is_kept_unless_asked_for(toy: Any) -> None:
    assert toy.run_apart("-m", "onnx").ret == 0

    assert not list(toy.pytester.path.rglob("*.sqlite*"))


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_each_result_is_kept_once(toy: Any, workers: tuple[str, ...], tmp_path: Path) -> None:
    db = tmp_path / "night" / "history.sqlite"

    result = toy.run_apart("-m", "onnx", "--history", str(db), *workers)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["history: 4 results kept"])
    assert [count for _, count in names(db)] == [1, 1, 1, 1]
    assert names(db)[0][0] == "test_accuracy[toy-ort-cpu-bs1]"


def test_the_variable_names_the_history_too(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMGATE_HISTORY", str(tmp_path / "history.sqlite"))

    assert toy.run_apart("-m", "onnx").ret == 0
    assert len(names(tmp_path / "history.sqlite")) == 4


def test_importing_the_run_folder_afterwards_adds_nothing(toy: Any, tmp_path: Path) -> None:
    db = tmp_path / "history.sqlite"
    toy.run_apart("-m", "onnx", "--history", str(db))

    command = [sys.executable, "-m", "harness.cli", "history", "import", str(toy.run_folder()), "--db", str(db)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stdout.endswith(": 0 new, 4 known before\n")


def test_an_accuracy_below_its_anchor_is_red_though_the_promise_is_kept(toy: Any, tmp_path: Path) -> None:
    db = tmp_path / "history.sqlite"
    toy.run_apart("-m", "onnx", "--history", str(db))
    with History.open(str(db)) as history:
        (case,) = history.find("test_accuracy[toy-ort-cpu-bs1]")
        series = history.series(case.key)[0]
        history.freeze({series.line: frozen(series, "2026.1", "2026-03-01T09:00:00Z")})
    answer(toy, 0.92, "2026-03-02T03:00:00+00:00")

    result = toy.run_apart("-m", "onnx", "--history", str(db))
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*slow drift: the last result is 3 points worse than the anchor 2026.1*"])
    assert toy.run_apart("-m", "onnx").ret == 0


@pytest.mark.parametrize(
    "where", ["postgresql://ci:s3cret@127.0.0.1:1/nights", "nokind://ci:s3cret@db.example.org/nights"]
)
def test_a_history_that_cannot_be_opened_is_a_usage_error_without_secrets(toy: Any, where: str) -> None:
    result = toy.run_apart("-m", "onnx", "--history", where)

    assert result.ret == 4
    said = "\n".join((*result.stdout.lines, *result.stderr.lines))
    assert "database: expected a" in said
    assert not [secret for secret in ("s3cret", "db.example", "127.0.0.1:1") if secret in said]


def test_a_database_that_goes_away_leaves_the_run_as_it_is_and_says_what_to_do(toy: Any, tmp_path: Path) -> None:
    db = tmp_path / "history.sqlite"
    History.open(str(db), create=True).close()
    toy.pytester.makeconftest(
        (toy.pytester.path / "conftest.py").read_text(encoding="utf-8")
        + f"\ndef pytest_collection_finish():\n    from pathlib import Path\n    Path({str(db)!r}).write_text('gone')\n"
    )

    result = toy.run_apart("-m", "onnx", "--history", str(db))
    assert result.ret == 0
    result.stdout.fnmatch_lines(["history: 4 results not kept: *; omgate history import * brings them in"])
    assert len((toy.run_folder() / "results.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_run_json_holds_no_password(toy: Any) -> None:
    toy.run_apart("-m", "onnx", "-o", "addopts=", "--override-ini=junit_suite_name=https://user:s3cret@example.org/x")

    argv = json.loads((toy.run_folder() / "run.json").read_text(encoding="utf-8"))["argv"]
    assert "s3cret" not in " ".join(argv)
