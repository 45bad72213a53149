"""Faster runs propose tighter baselines as a patch that applies; nothing is written."""

import datetime
import tomllib

import pytest

from harness import cards, tighten
from harness.errors import CardError
from harness.gates import judge
from harness.results import Case, Entry, Result
from harness.runs import RunFolder
from tests.harness.git_repository import git
from tests.harness.toy_card import CARD

TODAY = datetime.date(2024, 3, 1)
PROMISE = """
[[baseline]]
chip = "Ascend310P3"
batch = 4
metric = "throughput"
value = 1000.0  # as printed
unit = "images/s"
role = "promise"
source = { file = "README.md", line = 7, text = "as printed" }
"""
MEASURED = PROMISE.replace("1000.0  # as printed", "1500").replace('"promise"', '"measured"')
DEFINED = MEASURED.replace("role =", 'definition = "msame"\ninputs = "real"\nrole =')
CASE = Case(model="toy", runtime="msame", chip="Ascend310P3", batch=4, check="throughput")


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "models/toy/card.toml"
    path.parent.mkdir(parents=True)
    path.write_text(CARD + PROMISE, encoding="utf-8")
    return path


def run_of(tmp_path, card, *rates, name="run"):
    """A run with one throughput case per rate, in images/s at batch 4."""
    folder = RunFolder(tmp_path / name)
    folder.start({"plan": []})
    for rate in rates:
        row = {"definition": "msame", "statistic": "mean", "batch": 4, "rounds_ms": (4000.0 / rate,) * 9}
        result = Result.model_validate({"case": CASE, "status": "measured", "measurement": row})
        folder.append(Entry(result=result, verdict=judge(result, cards.load(card), TODAY)).to_json())
    return folder.path


def proposed(card, *runs):
    return tighten.proposals(runs, {"toy": cards.load(card)}, TODAY)


def patched(card, found):
    """Return the card's text once `git apply` has taken the patch."""
    before = card.read_bytes()
    patch = tighten.diff(card, found, "toy/card.toml")
    assert card.read_bytes() == before
    git(card.parents[1], "apply", "-", stdin=patch)
    return card.read_text(encoding="utf-8")


def test_a_faster_case_adds_a_measured_row_and_leaves_what_is_printed(tmp_path, card):
    found = proposed(card, run_of(tmp_path, card, 2000.0))

    text = patched(card, found)
    rows = tomllib.loads(text)["baseline"]
    assert text.startswith(CARD + PROMISE)
    assert [(row["role"], row["value"]) for row in rows] == [("promise", 1000.0), ("measured", 2000.0)]
    assert cards.load(card).baseline[1].definition == "msame"


def test_a_measured_row_is_tightened_where_it_stands(tmp_path, card):
    card.write_text(CARD + DEFINED + PROMISE, encoding="utf-8")

    text = patched(card, proposed(card, run_of(tmp_path, card, 2000.0)))

    rows = tomllib.loads(text)["baseline"]
    assert [(row["role"], row["value"]) for row in rows] == [("measured", 2000.0), ("promise", 1000.0)]
    assert rows[0]["source"]["text"] == "2000 images/s"
    assert "value = 1000.0  # as printed" in text


@pytest.mark.parametrize("rate", [1000.0, 1040.0, 900.0])
def test_within_the_tolerance_or_slower_nothing_is_proposed(tmp_path, card, rate):
    assert proposed(card, run_of(tmp_path, card, rate)) == ()


def test_what_a_measured_row_holds_already_is_not_proposed_again(tmp_path, card):
    card.write_text(CARD + PROMISE + DEFINED, encoding="utf-8")

    assert proposed(card, run_of(tmp_path, card, 1520.0)) == ()


def test_of_several_runs_the_slowest_counts(tmp_path, card):
    runs = [run_of(tmp_path, card, rate, name=f"run-{rate:g}") for rate in (2000.0, 1600.0, 1800.0)]

    (one,) = proposed(card, *runs)

    assert one.row["value"] == 1600.0
    assert proposed(card, *runs, run_of(tmp_path, card, 1000.0, name="slow")) == ()


def test_a_card_with_other_line_ends_and_no_last_one_keeps_them(tmp_path, card):
    card.write_bytes((CARD + PROMISE).rstrip("\n").replace("\n", "\r\n").encode())

    text = patched(card, proposed(card, run_of(tmp_path, card, 2000.0)))

    assert tomllib.loads(text)["baseline"][1]["value"] == 2000.0
    assert card.read_bytes().count(b"\r\n") == card.read_bytes().count(b"\n")


def test_a_row_that_cannot_be_changed_line_by_line_is_told(tmp_path, card):
    inline = 'baseline = [{ chip = "Ascend310P3", batch = 4, metric = "throughput", value = 1500, unit = "images/s", '
    inline += 'definition = "msame", inputs = "real", role = "measured", source = { file = "r", text = "t" } }]\n'
    card.write_text(inline + CARD, encoding="utf-8")
    found = proposed(card, run_of(tmp_path, card, 2000.0))

    with pytest.raises(CardError, match="put in by hand: value = 2000"):
        tighten.diff(card, found, "toy/card.toml")
