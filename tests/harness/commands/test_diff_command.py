"""`omgate diff` prints what changed, writes a page where one is asked for, and is red for what became worse."""

import pytest

from harness import cli
from tests.harness import run_folders as made


@pytest.mark.parametrize(("after", "code"), [("PASS", 0), ("FAIL", 1)])
def test_a_verdict_that_became_worse_is_red(tmp_path, capsys, after, code):
    first = made.write(tmp_path / "a", [made.entry()])
    second = made.write(tmp_path / "b", [made.entry(judged=made.judgement(after))])

    assert cli.main(["diff", str(first), str(second)]) == code
    assert capsys.readouterr().out.startswith("a → b\n")


def test_a_case_that_is_gone_is_red_and_a_new_one_is_not(tmp_path, capsys):
    one = made.write(tmp_path / "a", [made.entry()])
    two = made.write(tmp_path / "b", [made.entry(), made.entry(made.case(batch=2))])

    assert cli.main(["diff", str(one), str(two)]) == 0
    assert cli.main(["diff", str(two), str(one)]) == 1


def test_a_page_is_written_where_it_is_asked_for(tmp_path, capsys):
    run = made.write(tmp_path / "a", [made.entry()])
    target = tmp_path / "new" / "diff.html"

    assert cli.main(["diff", str(run), str(run), "--html", str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(target) in capsys.readouterr().out


def test_a_folder_that_is_no_run_is_wrong_usage(tmp_path, capsys):
    run = made.write(tmp_path / "a", [made.entry()])

    assert cli.main(["diff", str(run), str(tmp_path)]) == 4
