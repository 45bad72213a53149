"""`omgate tighten` prints a patch that applies, and writes nothing."""

import pytest

from harness import cards, cli
from tests.harness.git_repository import git
from tests.harness.test_tighten import CARD, PROMISE, run_of


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "models/toy/card.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CARD + PROMISE, encoding="utf-8")
    return path


def ended(capsys, *arguments):
    code = cli.main(["tighten", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_patch_is_all_of_stdout_and_applies_from_here(tmp_path, card, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = run_of(tmp_path, card, 2000.0)
    before = card.read_bytes()

    code, out, err = ended(capsys, run, "--cards", card.parents[1])

    assert code == 0
    assert out.startswith("--- a/models/toy/card.toml\n+++ b/models/toy/card.toml\n")
    assert "models/toy/card.toml: apply with `patch -p1`" in err
    assert "test_throughput[toy-msame-Ascend310P3-bs4]: 2000 images/s" in err
    assert card.read_bytes() == before
    git(tmp_path, "apply", "-", stdin=out)
    assert cards.load(card).baseline[1].value == 2000.0


def test_nothing_faster_gives_no_patch(tmp_path, card, capsys):
    code, out, err = ended(capsys, run_of(tmp_path, card, 1000.0), "--cards", card.parents[1])

    assert (code, out, err) == (0, "", "0 proposals\n")


def test_no_run_is_wrong_usage(tmp_path, capsys):
    assert ended(capsys, tmp_path / "nothing")[0] == 4
