"""`omgate report` writes the page beside the run, and prints the other forms."""

import json
from pathlib import Path

import jsonschema
import pytest

from harness import cli, remember
from harness.history.store import History
from harness.report.read import NOT_LOOKED
from harness.results import Entry
from tests.harness import run_folders as made

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


@pytest.fixture
def run(tmp_path):
    return made.write(tmp_path / "run", [made.entry(), made.timed(4, 2000.0)])


@pytest.fixture(autouse=True)
def without_history(monkeypatch):
    monkeypatch.delenv("OMGATE_HISTORY", raising=False)


def ended(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["report", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_page_is_written_into_the_run_and_named(run, capsys):
    code, out, _ = ended(capsys, run)

    assert (code, out) == (0, f"{run / 'report.html'}\n")
    assert (run / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_the_page_is_written_where_it_is_asked_for(run, tmp_path, capsys):
    ended(capsys, run, "--html", tmp_path / "new" / "page.html")

    assert (tmp_path / "new" / "page.html").is_file()
    assert not (run / "report.html").exists()


def test_json_text_summary_and_markdown_are_printed_and_nothing_is_written(run, capsys):
    before = sorted(run.rglob("*"))

    assert json.loads(ended(capsys, run, "--json")[1])["run"] == "run"
    assert ended(capsys, run, "--text")[1].startswith("run  2026-11-20")
    assert ended(capsys, run, "--summary")[1].startswith("## omgate: run")
    assert ended(capsys, run, "--markdown")[1].startswith("# Measured against promised")
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("arguments", [[], ["none"], ["RUN", "--json", "--text"], ["RUN", "--pictures", "0"]])
def test_wrong_usage_is_one_line(run, capsys, arguments):
    code, out, err = ended(capsys, *[run if one == "RUN" else one for one in arguments])

    assert (code, out) == (4, "")
    assert len(err.splitlines()) == 1


def test_pictures_that_cannot_be_shown_are_told_and_the_page_is_written(tmp_path, capsys):
    run = made.write(tmp_path / "run", [made.entry(worst=("a (x)",))])

    code, out, err = ended(capsys, run, "--pictures", "2", "--cache-dir", tmp_path / "store")
    assert (code, out) == (0, f"{run / 'report.html'}\n")
    assert err == "omgate: no pictures: toy: no card here; give --cards\n"


def test_a_run_whose_card_folder_is_gone_is_shown(tmp_path, capsys):
    run = made.write(tmp_path / "run", [made.entry()], options=["--cards", str(tmp_path / "gone")])

    assert ended(capsys, run)[0] == 0


def night(at: int, **facts) -> Entry:
    facts = {
        "environment": {"cpu": "Example", "commit": f"{at:040x}"},
        "started_at": f"2026-01-0{at}T03:00:00Z",
        **facts,
    }
    measured = made.timed(4, 2000.0).result.model_copy(update=facts)
    return Entry(result=measured, verdict=made.entry().verdict)


@pytest.fixture
def nights(tmp_path):
    """A history of two nights, and the run of the second."""
    db = tmp_path / "history.sqlite"
    with History.open(str(db), create=True) as history:
        remember.keep(history, [("first", night(1)), ("second", night(2))])
    return db, made.write(tmp_path / "run", [night(2)])


def test_a_history_shows_each_case_over_time_and_since_its_last_green_run(nights, capsys, monkeypatch):
    db, run = nights

    assert ended(capsys, run, "--history", db)[0] == 0
    given = (run / "report.html").read_text(encoding="utf-8")
    monkeypatch.setenv("OMGATE_HISTORY", str(db))
    assert ended(capsys, run)[0] == 0
    assert (run / "report.html").read_text(encoding="utf-8") == given
    assert "throughput over 2 results" in given
    assert "1 fact differs from the last green run here, first (2026-01-01, PASS met)" in given


def test_the_json_has_the_numbers_of_the_page(nights, capsys):
    db, run = nights
    ended(capsys, run, "--history", db)
    text = (run / "report.html").read_text(encoding="utf-8")

    found = json.loads(ended(capsys, run, "--history", db, "--json")[1])
    jsonschema.validate(found, json.loads(SCHEMA.read_text(encoding="utf-8")), jsonschema.Draft202012Validator)
    history, since = found["cases"][0]["history"], found["cases"][0]["since"]
    # Forty rounds of four pictures whose median is 2.045 ms: 4 / 0.002045 s.
    assert [point["value"] for point in history["points"]] == [pytest.approx(4 / 0.002045)] * 2
    assert [point["own"] for point in history["points"]] == [False, True]
    for point in history["points"]:
        told = f"{point['at'][:10]} {point['commit'][:8]}: {point['value_text']}"
        assert told in text
    assert since["what"] in text
    changed = [("commit", f"{1:040x}", f"{2:040x}")]
    assert [(one["name"], one["before"], one["after"]) for one in since["differences"]] == changed
    assert [(one["name"], one["cases"]) for one in found["past"]["differences"]] == [("commit", 1)]
    assert found["past"]["compared"] == 1


def test_the_json_without_a_history_says_so(run, capsys):
    found = json.loads(ended(capsys, run, "--json")[1])

    assert found["past"] == {"note": NOT_LOOKED, "compared": 0, "differences": []}
    assert [(case["history"], case["since"]) for case in found["cases"]] == [(None, None)] * 2


@pytest.mark.parametrize("command", ["report", "diff"])
@pytest.mark.parametrize("place", ["folder", "file/page.html"])
def test_a_place_that_cannot_be_written_is_one_line_and_leaves_nothing(run, tmp_path, capsys, command, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("a file", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))

    runs = [str(run)] * (2 if command == "diff" else 1)
    code = cli.main([command, *runs, "--html", str(tmp_path / place)])
    err = capsys.readouterr().err
    assert code == 4
    assert err.startswith(f"omgate: {tmp_path / place}: expected a file to write, got ")
    assert len(err.splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_to_compare_with_is_taken_instead_of_the_last_green_one(nights, tmp_path, capsys):
    db, run = nights
    other = made.write(tmp_path / "other", [night(1, environment={"cpu": "Another", "commit": f"{2:040x}"})])

    ended(capsys, run, "--against", other)
    alone = (run / "report.html").read_text(encoding="utf-8")
    ended(capsys, run, "--against", other, "--history", db)
    both = (run / "report.html").read_text(encoding="utf-8")
    assert "1 fact differs from the run other (2026-01-01, PASS met)" in alone
    assert "1 fact differs from the run other (2026-01-01, PASS met)" in both
    assert "throughput over" not in alone
    assert "throughput over 2 results" in both


@pytest.mark.parametrize(
    "arguments",
    [
        ["--history", "none.sqlite"],
        ["--against", "none"],
        ["--against", "none", "--json"],
        ["--history", "none.sqlite", "--json"],
        ["--history", "none.sqlite", "--text"],
    ],
)
def test_a_past_that_is_not_there_or_not_shown_is_one_line_and_no_page(run, tmp_path, capsys, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)

    code, out, err = ended(capsys, run, *arguments)
    assert (code, out) == (4, "")
    assert len(err.splitlines()) == 1
    assert not (run / "report.html").exists()


def test_pages_of_an_earlier_larger_report_go_and_other_files_stay(run, tmp_path, capsys):
    pages = tmp_path / "out" / "page-pages"
    pages.mkdir(parents=True)
    for name in ("001.html", "1234.html", "mine.html", "001.txt"):
        (pages / name).write_text("old", encoding="utf-8")

    ended(capsys, run, "--html", tmp_path / "out" / "page.html")
    assert sorted(path.name for path in pages.iterdir()) == ["001.txt", "mine.html"]


def test_a_smaller_report_leaves_only_its_own_pages(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("harness.report.page.MOST_TOGETHER", 2)
    monkeypatch.setattr("harness.report.page.CASES_A_PAGE", 1)
    run = tmp_path / "run"
    found = []
    for count in (4, 3, 1):
        made.write(run, [made.entry(made.case(batch=batch)) for batch in range(1, count + 1)])
        ended(capsys, run)
        found.append(sorted(path.name for path in run.glob("report-pages/*")))

    assert found == [["001.html", "002.html", "003.html", "004.html"], ["001.html", "002.html", "003.html"], []]
    assert not (run / "report-pages").exists()
