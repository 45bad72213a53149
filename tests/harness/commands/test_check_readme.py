"""`omgate check-readme` is green where card and README agree, and says what differs where they do not."""

import pytest

from harness import cli
from harness.results import Entry, Verdict
from harness.runs import RunFolder
from tests.harness.test_readings import speed, top1
from tests.harness.toy_readme import PROMISING, README


@pytest.fixture
def toy(tmp_path):
    """A folder with a card and its README."""
    (tmp_path / "card.toml").write_text(PROMISING, encoding="utf-8")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path


def check(toy, *options):
    return cli.main(["check-readme", str(toy / "card.toml"), str(toy / "README.md"), *options])


def record(toy, *results):
    folder = RunFolder(toy / "run")
    for result in results:
        folder.append(Entry(result=result, verdict=Verdict(outcome="PASS", code="met")).to_json())
    return str(folder.path)


def test_a_card_and_its_readme_agree(toy, capsys):
    assert check(toy) == 0
    assert "agree; 4 rows agree" in capsys.readouterr().out


def test_a_difference_is_red_and_told_in_a_table(toy, capsys):
    (toy / "README.md").write_text(README.replace("120.5", "140.5"), encoding="utf-8")

    assert check(toy) == 1
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].endswith("1 row differs; 3 rows agree")
    assert lines[1].split() == ["difference", "row", "card", "README", "line"]
    assert lines[2].split("  ") == [
        "other value", "Ascend310P3 bs1 throughput", "120.5 images/s", "140.5 images/s", "7",
    ]  # fmt: skip


def test_a_card_is_found_by_its_name_too(toy, capsys):
    arguments = ["check-readme", "toy", str(toy / "README.md"), "--cards", str(toy)]

    assert cli.main(arguments) == 0
    assert cli.main(["check-readme", "nobodys-model", str(toy / "README.md")]) == 4
    assert "unknown model" in capsys.readouterr().err


def test_a_card_is_found_by_its_folder_if_it_is_the_only_one(toy, capsys):
    assert cli.main(["check-readme", str(toy), str(toy / "README.md")]) == 0

    (toy / "tiny.toml").write_text(PROMISING.replace('"toy"', '"tiny"'), encoding="utf-8")
    assert cli.main(["check-readme", str(toy), str(toy / "README.md")]) == 4
    assert f"CARD {toy}: expected one card, got 2 in this folder; name one" in capsys.readouterr().err


def test_the_readmes_numbers_are_held_against_a_run(toy, capsys):
    # 4 pictures in 14 ms are 285.7 images/s, 4.8 % below what is promised; in 15 ms 266.7.
    assert check(toy, "--results", record(toy, speed(14.0))) == 0
    assert "not measured: 2 of the promised numbers" in capsys.readouterr().out
    assert check(toy, "--results", record(toy, speed(15.0))) == 1
    assert "FAIL missed" in capsys.readouterr().out


def test_a_number_that_the_readme_raised_is_judged_and_not_the_cards(toy, capsys):
    (toy / "README.md").write_text(README.replace("300.25", "400.5"), encoding="utf-8")

    assert check(toy, "--results", record(toy, speed(14.0), top1(0.706))) == 1
    told = capsys.readouterr().out
    assert "400.50 images/s" in told.partition("bear on it")[2]
    assert "FAIL missed" in told
    assert "PASS met" in told


@pytest.mark.parametrize("missing", ["card", "README", "run"])
def test_what_is_not_there_is_one_line(toy, capsys, missing):
    options = ["--results", str(toy / "none")] if missing == "run" else []
    if missing != "run":
        (toy / {"card": "card.toml", "README": "README.md"}[missing]).unlink()

    assert check(toy, *options) in (1, 4)
    assert capsys.readouterr().err.count("\n") == 1


def test_secrets_of_a_readme_are_not_printed(toy, capsys):
    (toy / "README.md").write_text(
        README.replace("| toyset | | **300.25", "| https://example.org/d?token=abc | | **301.25"), encoding="utf-8"
    )

    check(toy)
    assert "abc" not in capsys.readouterr().out
