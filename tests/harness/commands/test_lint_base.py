"""`omgate lint --base`: what the cards ask for less than at a git revision, and red without a reason."""

import pytest

from harness import cli, remember
from harness.history.store import History
from tests.harness.git_repository import git
from tests.harness.history.nights import case_of, entry
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
    unknown = "an unknown number of standard errors: no history is given"
    assert out[0] == f"{LOOSER}, {unknown} — no reason is given"
    assert out[1] == "1 loosening since HEAD, 1 without a reason"


@pytest.fixture
def history(tmp_path):
    """A history of five nights of the card's case, in turn at 100 and at 102 images/s."""
    path = tmp_path / "nights.sqlite"
    nights = [entry(night, 100.0 + 2 * (night % 2), case=case_of(model="toy")) for night in range(5)]
    with History.open(str(path), create=True) as opened:
        remember.keep(opened, [("run", one) for one in nights])
    return path


# Neighbours differ by 2: 1.4826 · 2 / √2 = 2.0967, of a median of 100. Of 31.2 images/s, 0.654: 1.2 is 1.8 of it.
IN_ERRORS = f"{LOOSER}, 1.8 standard errors of its noise from result to result (2.1 %, 5 results) — no reason is given"


def test_a_history_tells_in_standard_errors_how_much_a_speed_was_loosened(cards, history, capsys):
    change(cards, 30.0)

    code, out, _ = ended(capsys, cards, "--base", "HEAD", "--history", str(history))

    assert (code, out[0]) == (1, IN_ERRORS)


@pytest.mark.parametrize("place", ["variable", "nightly"])
def test_the_usual_history_is_asked_where_it_is(cards, history, capsys, monkeypatch, tmp_path, place):
    change(cards, 30.0)
    monkeypatch.chdir(tmp_path)
    if place == "variable":
        monkeypatch.setenv("OMGATE_HISTORY", str(history))
    else:
        (tmp_path / "reports").mkdir()
        history.rename(tmp_path / "reports" / "history.sqlite")

    assert ended(capsys, cards, "--base", "HEAD")[1][0] == IN_ERRORS


def test_a_usual_history_that_is_not_there_yet_is_none(cards, capsys, monkeypatch, tmp_path):
    change(cards, 30.0)
    monkeypatch.setenv("OMGATE_HISTORY", str(tmp_path / "later.sqlite"))

    assert "no history is given" in ended(capsys, cards, "--base", "HEAD")[1][0]
    assert not (tmp_path / "later.sqlite").exists()


def test_a_history_without_the_case_says_so(cards, history, capsys):
    (cards / "toy" / "card.toml").write_text(CARD.replace('"toy"', '"other"') + PROMISE.format(value=31.2, more=""))
    commit(cards)
    (cards / "toy" / "card.toml").write_text(CARD.replace('"toy"', '"other"') + PROMISE.format(value=30, more=""))

    code = cli.main(["lint", "other", "--cards", str(cards), "--base", "HEAD", "--history", str(history)])

    said = f"an unknown number of standard errors: {history} has fewer than five results of it"
    assert (code, said in capsys.readouterr().out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--base", "HEAD", "--history", "nowhere.sqlite"), "expected a history's file"),
        (("--history", "nowhere.sqlite"), "expected --base too"),
    ],
)
def test_a_history_that_cannot_be_asked_is_wrong_usage(cards, capsys, arguments, said):
    code, _, err = ended(capsys, cards, *arguments)

    assert (code, said in err) == (4, True)


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
