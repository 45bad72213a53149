"""`omgate render` prints promises or measurements as a README's table, and as the diff that puts them there."""

import subprocess

import pytest

from harness import cli
from tests.harness.commands.test_check_readme import record
from tests.harness.test_readings import speed, top1
from tests.harness.toy_readme import PROMISING, README

APPLY = ("patch", "-p0", "-i")
DRIFTED = README.replace("120.5", "99.5").replace("70.50%", "71.25%")


@pytest.fixture
def toy(tmp_path):
    """A folder with a card and a README that prints other numbers."""
    (tmp_path / "card.toml").write_text(PROMISING, encoding="utf-8")
    (tmp_path / "README.md").write_text(DRIFTED, encoding="utf-8")
    return tmp_path


def render(toy, *options):
    return cli.main(["render", str(toy / "card.toml"), *options])


def test_the_promises_are_printed_in_five_columns(toy, capsys):
    assert render(toy) == 0
    assert capsys.readouterr().out.split("\n")[2] == "| Ascend310P3 | 1 | imagenet | top1: 70.50% | 120.5 |"


def test_what_a_run_measured_takes_the_promises_places(toy, capsys):
    # Four pictures in 16 ms are 250 a second.
    assert render(toy, "--results", record(toy, speed(16.0), top1(0.7125))) == 0
    told = capsys.readouterr()
    assert told.out.split("\n")[2:4] == [
        "| Ascend310P3 | 1 | imagenet | top1: 71.25% | 120.5 |",
        "| Ascend310P3 | 4 | imagenet |  | 250.00 |",
    ]
    assert "1 of 3 promised numbers were not measured on their chip" in told.err


def test_the_readmes_own_table_is_kept(toy, capsys):
    assert render(toy, "--readme", str(toy / "README.md")) == 0
    assert capsys.readouterr().out == "\n".join(README.split("\n")[4:])


def test_the_patch_makes_the_readme_agree(toy, capsysbinary, monkeypatch):
    monkeypatch.chdir(toy)

    assert cli.main(["render", "card.toml", "--readme", "README.md", "--patch"]) == 0
    (toy / "p.diff").write_bytes(capsysbinary.readouterr().out)
    subprocess.run([*APPLY, "p.diff"], check=True, capture_output=True)
    assert (toy / "README.md").read_text(encoding="utf-8") == README
    assert cli.main(["check-readme", "card.toml", "README.md"]) == 0
    assert cli.main(["render", "card.toml", "--readme", "README.md", "--patch"]) == 0
    assert capsysbinary.readouterr().out.endswith(b"4 rows agree\n")


def test_the_patch_holds_what_a_run_measured(toy, capsysbinary):
    options = ["--readme", str(toy / "README.md"), "--patch", "--results", record(toy, speed(16.0))]

    assert render(toy, *options) == 0
    lines = capsysbinary.readouterr().out.decode().split("\n")
    assert "+| Ascend310P3 | 4 | toyset | | **250.00 fps** |" in lines
    assert sum(line.startswith("+|") for line in lines) == 1


def test_a_row_that_the_readme_lacks_is_told_and_not_invented(toy, capsys):
    (toy / "README.md").write_text(README.replace("300.25 fps", "-"), encoding="utf-8")

    assert render(toy, "--readme", str(toy / "README.md"), "--patch") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "no row for Ascend310P3 bs4 throughput" in told.err


def test_a_row_that_the_readme_has_at_another_batch_size_is_told_and_left(toy, capsys):
    (toy / "README.md").write_text(README.replace("| Ascend310P3 | 4 |", "| Ascend310P3 | 16 |"), encoding="utf-8")

    assert render(toy, "--readme", str(toy / "README.md"), "--patch") == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "README.md:8: Ascend310P3 bs16 throughput is left as it is: batch 4, in the README 16" in told.err


def test_a_patch_needs_a_readme(toy, capsys):
    assert render(toy, "--patch") == 4
    assert "--readme" in capsys.readouterr().err
