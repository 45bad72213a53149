"""`omgate report` writes the page beside the run, and prints the other forms."""

import json

import pytest

from harness import cli
from tests.harness import run_folders as made


@pytest.fixture
def run(tmp_path):
    return made.write(tmp_path / "run", [made.entry(), made.timed(4, 2000.0)])


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
