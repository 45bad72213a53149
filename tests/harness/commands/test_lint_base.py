"""`omgate lint --base`: what the cards ask for less than at a git revision, and red without a reason."""

import pytest

from harness import cli
from tests.harness.git_repository import git
from tests.harness.toy_card import CARD

PROMISE = """
[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = {value}
unit = "images/s"
role = "promise"
{more}
source = {{ file = "README.md", line = 7, text = "as printed" }}
"""


@pytest.fixture
def cards(tmp_path):
    """A git repository with a folder of cards, committed."""
    folder = tmp_path / "zoo" / "models"
    (folder / "toy").mkdir(parents=True)
    (folder / "toy" / "card.toml").write_text(CARD + PROMISE.format(value=31.2, more=""), encoding="utf-8")
    git(tmp_path / "zoo", "init", "-q")
    commit(tmp_path / "zoo")
    return folder


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "cards")


def change(folder, value=31.2, more="", name="toy"):
    (folder / name / "card.toml").write_text(CARD + PROMISE.format(value=value, more=more), encoding="utf-8")


def ended(capsys, folder, *arguments):
    code = cli.main(["lint", "toy", "--cards", str(folder), *arguments])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


LOOSER = "toy: baseline Ascend310P3 bs4 throughput: value 31.20 images/s → 30.00 images/s, looser by 3.85 %"


def test_nothing_is_looser_than_itself(cards, capsys):
    assert ended(capsys, cards, "--base", "HEAD") == (0, ["0 loosenings since HEAD, 0 without a reason"], "")


def test_a_lower_number_without_a_reason_is_red(cards, capsys):
    change(cards, 30.0)

    code, out, _ = ended(capsys, cards, "--base", "HEAD")

    assert code == 1
    assert out[0] == f"{LOOSER}, its error is not known — no reason is given"
    assert out[1] == "1 loosening since HEAD, 1 without a reason"


def test_a_lower_number_with_a_reason_is_printed_and_green(cards, capsys):
    change(cards, 30.0, 'reason = "the README was corrected"')

    code, out, _ = ended(capsys, cards, "--base", "HEAD")

    assert code == 0
    assert out[0].endswith("— the README was corrected")


def test_what_was_loosened_two_commits_ago_is_seen_from_there_only(cards, capsys):
    change(cards, 30.0)
    commit(cards)

    assert ended(capsys, cards, "--base", "HEAD")[0] == 0
    assert ended(capsys, cards, "--base", "HEAD~1")[0] == 1


def test_a_card_that_moved_to_another_folder_is_the_same_card(cards, capsys):
    (cards / "toy").rename(cards / "moved")
    change(cards, 31.2, name="moved")

    assert ended(capsys, cards, "--base", "HEAD")[0] == 0


@pytest.mark.parametrize("revision", ["nowhere", "--all", ""])
def test_no_revision_is_wrong_usage(cards, capsys, revision):
    code, _, err = ended(capsys, cards, f"--base={revision}")

    assert code == 4
    assert "expected a revision of this git repository" in err


def test_a_card_that_could_not_be_read_then_is_named_with_the_revision(cards, capsys):
    (cards / "toy" / "card.toml").write_text("name = 3\n", encoding="utf-8")
    commit(cards)
    change(cards)

    code, _, err = ended(capsys, cards, "--base", "HEAD")

    assert code == 1
    assert "HEAD:toy/card.toml" in err
    assert "compare with a later revision" in err


def test_files_that_are_no_cards_are_left_alone(cards, capsys):
    (cards / "toy" / "deep").mkdir()
    (cards / "toy" / "deep" / "other.toml").write_text("no = 'card'\n", encoding="utf-8")
    (cards / "toy" / "weights.bin").write_bytes(b"\xff\x00")
    commit(cards)

    assert ended(capsys, cards, "--base", "HEAD")[0] == 0


def test_without_a_base_the_marks_are_printed_as_before(cards, capsys):
    code, out, _ = ended(capsys, cards)

    assert code == 0
    assert out[-1].endswith("on 1 card")
