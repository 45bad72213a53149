"""`omgate history`: a case's table and JSON, import, export and anchors, with usage errors for what cannot be."""

import json

import pytest

from harness.cli import main
from harness.history.changes import missing
from harness.history.store import History
from tests.harness.history.nights import case_of, entry

NAME = case_of().test_name


@pytest.fixture
def db(tmp_path, monkeypatch):
    monkeypatch.delenv("OMGATE_HISTORY", raising=False)
    return str(tmp_path / "history.sqlite")


@pytest.fixture
def nights(tmp_path):
    """A file of sixty nights whose rate falls by 6 % after the fortieth."""
    path = tmp_path / "nights.jsonl"
    rates = [100.0 + night % 2 - (6.0 if night >= 40 else 0.0) for night in range(60)]
    lines = [entry(night, rate).to_json() for night, rate in enumerate(rates)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def told(capsys, *words):
    code = main(["history", *map(str, words)])
    return code, capsys.readouterr()


def test_a_file_is_imported_once(db, nights, capsys):
    assert told(capsys, "import", nights, "--db", db)[1].out == f"{nights}: 60 new\n"

    assert told(capsys, "import", nights, "--db", db)[1].out == f"{nights}: 0 new, 60 known before\n"


def test_a_run_folder_is_imported_under_its_name(db, tmp_path, capsys):
    run = tmp_path / "20250101-run"
    run.mkdir()
    (run / "results.jsonl").write_text(entry().to_json() + "\n" + entry(1).to_json()[:50], encoding="utf-8")

    assert told(capsys, "import", run, "--db", db)[0] == 0
    with History.open(db) as history:
        assert [one.run for one in history.entries()] == ["20250101-run"]


def test_a_bad_file_leaves_the_history_as_it_was(db, nights, tmp_path, capsys):
    bad = tmp_path / "bad.jsonl"
    bad.write_text("nonsense\n", encoding="utf-8")

    code, said = told(capsys, "import", nights, bad, "--db", db)
    assert (code, said.err.startswith(f"omgate: {bad}:1: expected one JSON entry a line")) == (4, True)
    assert not (tmp_path / "history.sqlite").exists()


def test_the_table_has_a_row_for_each_result_and_what_they_say_together(db, nights, capsys):
    told(capsys, "import", nights, "--db", db)

    code, said = told(capsys, case_of().id, "--db", db, "--limit", 25)
    lines = said.out.splitlines()
    assert code == 0
    assert "throughput (ais_bench) images/s, 60 results, the last 25" in lines[0]
    assert lines[1].split() == ["date", "commit", "toolchain", "value", "interval", "verdict", "anchor", "change"]
    assert lines[2].split()[:2] == ["2025-02-05", "00000023"]
    assert "CANN 8.0.RC1, driver 23.0.0  101.00 images/s" in lines[2]
    assert len([line for line in lines if line.startswith("  2025-")]) == 25
    # Neighbours differ by 1: 1.4826 / √2 = 1.048.
    assert "noise from result to result: 1.048 images/s" in said.out


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_the_table_names_the_change_point(db, nights, capsys):
    told(capsys, "import", nights, "--db", db)

    said = told(capsys, NAME, "--db", db)[1].out
    row = next(line for line in said.splitlines() if line.startswith("  2025-02-10"))
    # From a mean of 100.5 to one of 94.5.
    assert row.endswith("-6.0 % in 00000027..00000028")
    assert "change point 2025-02-10: -5.97 % in 00000027..00000028" in said


def test_json_holds_every_result(db, nights, capsys):
    told(capsys, "import", nights, "--db", db)

    document = json.loads(told(capsys, NAME, "--db", db, "--json", "--limit", "1")[1].out)
    (series,) = document["series"]
    assert (document["schema"], len(series["points"]), series["line"]["case_name"]) == (1, 60, NAME)
    assert series["drift"]["rolling"]["outcome"] in ("PASS", "FAIL", "INCONCLUSIVE")
    assert series["anchor"] is None


def test_an_anchor_is_frozen_and_shown(db, nights, capsys):
    told(capsys, "import", nights, "--db", db)

    code, said = told(capsys, "anchor", NAME, "--release", "R1", "--tolerance", "0.2", "--db", db)
    # Of the last thirty nights, ten were before the step: the median is one of 94 to 95.
    assert (code, "anchor R1: 95.00 images/s" in said.out) == (0, True)
    shown = told(capsys, NAME, "--db", db)[1].out
    assert "anchor R1: 95.00 images/s" in shown
    assert "allowed 20.00 %" in shown
    assert told(capsys, "anchor", "--all", "--release", "R1", "--db", db)[0] == 4
    assert told(capsys, "anchor", "--all", "--release", "R2", "--db", db)[0] == 0


@pytest.mark.parametrize("form", ["jsonl", "benchmark"])
def test_an_export_imported_elsewhere_is_the_same_history(db, nights, form, tmp_path, capsys):
    told(capsys, "import", nights, "--db", db)
    out, other = tmp_path / "export.json", str(tmp_path / "other.sqlite")

    assert told(capsys, "export", "--format", form, "--output", out, "--db", db)[0] == 0
    assert told(capsys, "import", out, "--db", other)[1].out == f"{out}: 60 new\n"
    with History.open(db) as one, History.open(other) as two:
        assert [kept.digest for kept in one.entries()] == [kept.digest for kept in two.entries()]


def test_an_export_keeps_the_runs_names(db, nights, tmp_path, capsys):
    told(capsys, "import", nights, "--db", db)
    out, other = tmp_path / "export.jsonl", str(tmp_path / "other.sqlite")

    out.write_text(told(capsys, "export", NAME, "--db", db)[1].out, encoding="utf-8")
    told(capsys, "import", out, "--db", other)
    with History.open(other) as history:
        assert {kept.run for kept in history.entries()} == {"nights"}


def test_without_a_case_the_cases_are_listed(db, nights, capsys):
    told(capsys, "import", nights, "--db", db)

    said = told(capsys, "--db", db)[1].out
    assert f"{case_of().key}      60  2025-03-01  PASS          {NAME}" in said
    assert json.loads(told(capsys, "--db", db, "--json")[1].out)["cases"][0]["count"] == 60


def test_the_environment_names_the_history(nights, db, capsys, monkeypatch):
    monkeypatch.setenv("OMGATE_HISTORY", db)

    assert told(capsys, "import", nights)[0] == 0
    assert told(capsys, NAME)[0] == 0


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["net"], "expected --db or $OMGATE_HISTORY, got neither"),
        (["net", "--db", "{db}"], "expected a history's file, got no such file"),
        (["import", "nowhere.jsonl", "--db", "{db}"], "expected a run folder or a file, got none"),
        (["anchor", "--release", "R", "--db", "{db}"], "expected cases or --all, got neither"),
        (["anchor", "--all", "--release", "R", "--tolerance", "2", "--db", "{db}"], "expected a share from 0 to 1"),
        (["net", "--since", "yesterday", "--db", "{db}"], "expected a date such as 2026-03-01"),
    ],
)
def test_what_cannot_be_is_a_usage_error(words, what, db, capsys):
    code, said = told(capsys, *(word.format(db=db) for word in words))

    assert code == 4
    assert what in said.err
    assert "Traceback" not in said.err
