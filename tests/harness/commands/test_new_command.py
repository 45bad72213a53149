"""`omgate new` writes a card draft, counts its questions, and prints a next command that works."""

import shlex
from pathlib import Path

import pytest

from harness import cli
from tests.harness.drafts.draft_readme import README
from tests.harness.drafts.small_networks import write as network


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a README and a model."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    network(tmp_path / "toynet.onnx", {"image": ["N", 3, 16, 16]})
    return tmp_path


def test_it_prints_what_was_found_what_is_asked_and_what_is_next(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = cli.main(["new", "README.md", "--model", "toynet.onnx"])

    printed = capsys.readouterr().out.splitlines()
    assert code == 0
    assert (folder / "cards/toynet/card.toml").is_file()
    assert printed[:2] == [
        "cards/toynet/card.toml: 3 of 3 promised numbers",
        "1 question in it, none to answer before the first gate",
    ]
    assert printed[2].startswith("  ? dataset.kind: ")
    assert printed[-1] == "next: omgate gate --cards cards --model toynet --emulate"


def test_the_draft_validates_and_agrees_with_its_readme(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "README.md", "--model", "toynet.onnx"])

    assert cli.main(["validate", "cards/toynet/card.toml"]) == 0
    assert cli.main(["check-readme", "cards/toynet/card.toml", "README.md"]) == 0


def test_without_a_model_the_next_command_brings_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["new", "README.md", "--output", "here"])

    printed = capsys.readouterr().out.splitlines()
    assert "! artifact.onnx" in "\n".join(printed)
    command = printed[-1].removeprefix("next: ").partition(" with the ONNX file")[0]
    words = [word.replace("FILE.onnx", "toynet.onnx") for word in shlex.split(command)[1:]]
    assert cli.main([*words, "--output", "here"]) == 0
    assert sorted(path.name for path in (folder / "here").iterdir()) == ["toynet", "toynet-onnx"]


@pytest.mark.parametrize("content", [b"import torch\n", b"\x08\x01", None])
def test_a_model_that_is_no_onnx_file_is_told_with_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    if content is not None:
        (folder / "graph.pb").write_bytes(content)

    assert cli.main(["new", "README.md", "--model", "graph.pb"]) in (1, 4)
    told = capsys.readouterr().err
    assert "expected an ONNX file, got " in told
    assert "a frozen graph is named in the card, as pb in [artifact]" in told
    assert not (folder / "cards").exists()


def test_a_readme_of_a_frozen_graph_asks_for_the_graph(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frozen = README.replace("--framework=5 --model=toynet.onnx", "--framework=3 --model=toynet.pb --out_nodes=probs:0")
    (folder / "README.md").write_text(frozen, encoding="utf-8")

    cli.main(["new", "README.md"])

    printed = capsys.readouterr().out
    assert "! artifact.pb: where is the file that ATC converts? put it beside this card\n" in printed
    assert "from the frozen graph" in printed
    assert (
        "next: omgate gate --cards cards --model toynet --emulate once the questions marked ! are answered" in printed
    )


def test_other_chips_than_the_emulated_ones_are_named_in_the_next_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "README.md").write_text(README.replace("310P3", "310B1"), encoding="utf-8")

    cli.main(["new", "README.md", "--model", "toynet.onnx"])

    assert capsys.readouterr().out.splitlines()[-1].endswith("--emulate --chip Ascend310B1 --chip cpu")


def test_a_readme_without_numbers_and_commands_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "README.md").write_text("# Toynet\n", encoding="utf-8")

    assert cli.main(["new", "README.md"]) == 0
    printed = capsys.readouterr().out
    assert "README.md promises no number" in printed
    assert "README.md has no ATC command" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.md"], "absent.md: expected a README that can be read"),
        (["README.md", "--model", "absent.onnx"], "--model absent.onnx: expected an ONNX file, got no such file"),
        (["README.md", "--name", "Toy Net"], "--name Toy Net: expected lower-case letters"),
        (["README.md", "--name", "../up"], "--name ../up: expected lower-case letters"),
        (["README.md", "--output", "README.md"], "--output README.md: expected a folder to write into"),
    ],
)
def test_what_cannot_be_is_one_line_and_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = sorted(folder.rglob("*"))

    assert cli.main(["new", *words]) == 4
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
