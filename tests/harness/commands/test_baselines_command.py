"""`omgate baselines`: the rows of a README as a table or as JSON."""

import json

import pytest

from harness.cli import main

README = (
    "# 性能\n\n| 芯片型号 | Batch Size | 数据集 | 精度 | 性能 |\n|--|--|--|--|--|\n"
    "| 310P3 | 4 | toys | mIoU: 0.612 | 17.5 |\n| 310P3 | 8 | toys | 内存不足 | |\n"
)


@pytest.fixture
def readme(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(README, "utf-8")
    return file


def test_the_table_shows_each_row_with_its_line_and_printed_text(readme, capsys):
    assert main(["baselines", str(readme)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["5", "Ascend310P3", "4", "toys", "miou", "0.612", "fraction", "promise", "-", "mIoU:", "0.612"],
        ["5", "Ascend310P3", "4", "toys", "throughput", "17.5", "images/s", "promise", "-", "17.5"],
    ]
    assert "does not run" in lines[3]
    assert lines[-1] == "3 rows: 3 promises, 0 references, 0 uncertain"


def test_the_json_document_has_a_schema_and_every_field(readme, capsys):
    assert main(["baselines", str(readme), "--json"]) == 0

    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["readme"] == str(readme)
    assert document["rows"][0]["where"] == {"line": 5, "column": "精度", "text": "mIoU: 0.612"}
    assert [(row["kind"], row["value"]) for row in document["rows"]] == [
        ("accuracy", 0.612), ("throughput", 17.5), ("unsupported", None),
    ]  # fmt: skip


def test_a_readme_without_results_says_so(tmp_path, capsys):
    (tmp_path / "README.md").write_text("# nothing here\n", "utf-8")

    assert main(["baselines", str(tmp_path / "README.md")]) == 0
    assert "no results found" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["missing.md", "."])
def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path, capsys, name):
    assert main(["baselines", str(tmp_path / name)]) == 4

    assert "expected a README file" in capsys.readouterr().err


def test_a_users_words_are_read(readme, tmp_path, capsys):
    words = tmp_path / "words.toml"
    words.write_text('[metrics]\nqux = ["miou"]\n', "utf-8")

    assert main(["baselines", str(readme), "--synonyms", str(words)]) == 0
    assert " qux " in capsys.readouterr().out
