"""The drift between a card and its README: what agrees, what differs, and what no card need hold."""

from pathlib import Path

import pytest

from harness import cards
from harness.readme import drift, parse
from harness.readme.rows import Parsed, Row, Where
from tests.harness.toy_readme import PROMISING, README

SEEDS = Path(__file__).parents[3] / "../shared/seeds"
PATH = Path("zoo/toy/README.md")


@pytest.fixture
def card(tmp_path):
    """Return a reader of the toy card, with texts replaced."""

    def make(*changes: tuple[str, str], more: str = "") -> cards.ModelCard:
        text = PROMISING
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "card.toml").write_text(text + more, encoding="utf-8")
        return cards.load(tmp_path / "card.toml")

    return make


def found(card, readme=README, path=PATH):
    return drift.between([card], parse(readme.encode()), path)


def told(seen):
    return [
        (pair.state, pair.card.text if pair.card else None, pair.readme.text if pair.readme else None, pair.line)
        for pair in seen.differences
    ]


def row(**changes):
    """Return a README's row: a rate of 5 images/s at batch 1."""
    facts = {"kind": "throughput", "metric": "throughput", "value": 5.0, "unit": "images/s", "chip": "Ascend310P3"}
    return Row(**{**facts, "batch": 1, "where": Where(line=3, text="5"), **changes})


def test_a_card_agrees_with_the_readme_that_it_was_read_from(card):
    seen = found(card())

    assert seen.differences == ()
    assert len(seen.agreeing) == 4
    assert seen.elsewhere == 0


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("120.5", "121", ("other value", "120.5 images/s", "121 images/s", 7)),
        ("70.50%", "70.55%", ("other value", "70.5 %", "70.55 %", 7)),
        ("70.50%", "0.705", ("other value", "70.5 %", "0.705", 7)),
        ("300.25 fps", "300.25 samples/s", ("other value", "300.25 images/s", "300.25 samples/s", 8)),
        ("内存不足", "不支持", ("other value", "out of memory", "does not run", 9)),
        (" 120.5 ", " ", ("missing in README", "120.5 images/s", None, 7)),
    ],
)
def test_a_number_that_the_readme_changed_is_told_with_both_sides(card, old, new, expected):
    assert told(found(card(), README.replace(old, new))) == [expected]


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("| Ascend310P3 | 4", "| Ascend310P3 | 16", "batch 4, in the README 16"),
        ("| Ascend310P3 | 4", "| Ascend310 | 4", "chip Ascend310P3, in the README Ascend310"),
        ("| Ascend310P3 | 4", "| T4 | 4", "chip Ascend310P3, in the README T4"),
    ],
)
def test_a_number_at_another_chip_or_batch_is_told_as_moved(card, old, new, moved):
    seen = found(card(), README.replace(old, new))

    (pair,) = seen.differences
    assert pair.state == "other place"
    assert pair.moved.startswith(moved)


def test_another_name_of_the_same_chip_is_no_difference(card):
    assert found(card(), README.replace("Ascend310P3", "310P")).differences == ()


def test_a_row_that_only_the_readme_has_is_missing_in_the_card(card):
    more = README + "| Ascend310P3 | 16 | toyset | | 333.5 |\n"

    assert told(found(card(), more)) == [("missing in card", None, "333.5 images/s", 10)]


def test_a_role_is_part_of_the_row(card):
    made = card(('unit = "%"\nrole = "promise"', 'unit = "%"\nrole = "reference"'))

    (pair,) = found(made).differences
    assert (pair.state, pair.moved) == ("other place", "role reference, in the README promise")


def test_lines_that_move_are_no_drift(card):
    assert found(card(), "\n\n\n" + README).differences == ()


def test_an_accuracy_without_a_batch_stands_for_each_batch_of_the_readme(card):
    readme = README.replace("| 4 | toyset | |", "| 4 | toyset | top1: 70.50% |")

    assert found(card(('batch = 1\nmetric = "top1"', 'batch = "any"\nmetric = "top1"')), readme).differences == ()
    assert len(found(card(), readme).differences) == 1


@pytest.mark.parametrize(
    ("condition", "states"),
    [("seq=128, as always", []), ("short sentences", []), ("seq=256", ["other place"])],
)
def test_conditions_in_ones_own_words_agree_and_other_settings_do_not(card, condition, states):
    rows = [one for one in parse(README.encode()).rows if one.value != 120.5]
    of_first = 'definition = "ais_bench"\nsource = { file = "README.md", line = 7'

    seen = drift.between(
        [card((of_first, f'condition = "{condition}"\n{of_first}'))],
        Parsed(rows=(*rows, row(condition="seq=128", value=120.5))),
        PATH,
    )
    assert [pair.state for pair in seen.differences] == states


def test_what_other_files_print_is_counted_and_not_compared(card):
    made = card(
        ('line = 7, column = "性能"', 'line = 7, column = "x"'),
        ('file = "README.md", line = 8', 'file = "paper.pdf", line = 8'),
    )

    seen = found(made)
    assert seen.elsewhere == 1
    assert told(seen) == [("missing in card", None, "300.25 images/s", 8)]


def test_the_address_of_the_cards_readme_tells_which_places_are_its_own(card):
    address = 'readme = "https://example.org/zoo/blob/main/net/Guide%20en.md"'
    made = card(
        ('framework = "torch"', f'framework = "torch"\n{address}'), ('file = "README.md"', 'file = "net/Guide en.md"')
    )

    assert found(made, path=Path("copy.md")).differences == ()


@pytest.mark.parametrize(
    "printed",
    [
        row(certain=False, reason="two meanings"),
        row(kind="ratio", metric="ratio", value=1.5, unit="x", chip=""),
        row(kind="unsupported", value=None, unit="", batch=None),
        row(value=0.0),
    ],
    ids=["uncertain", "chips not known", "no batch", "nothing"],
)
def test_what_no_card_can_hold_or_nobody_can_tell_is_noted_and_is_no_drift(card, printed):
    rows = parse(README.encode()).rows

    seen = drift.between([card()], Parsed(rows=(*rows, printed)), PATH)
    assert seen.differences == ()
    assert len(seen.notes) == 1


@pytest.mark.parametrize("unit", ["", 'unit = "1"', 'unit = "dB"'])
def test_a_score_that_is_no_share_is_compared_like_any_number(card, unit):
    made = card(
        ('metric = "top1"\nprotocol', 'metric = "psnr"\nprotocol'),
        ("value = 70.50", "value = 31.53"),
        ('unit = "%"', unit),
    )
    text = "31.53 dB" if "dB" in unit else "31.53"

    assert told(found(made, README.replace("top1: 70.50%", "PSNR: 31.53"))) == []
    assert told(found(made, README.replace("top1: 70.50%", "PSNR: 31.35"))) == [("other value", text, "31.35", 7)]


def test_a_score_that_only_the_readme_has_is_missing_in_the_card(card):
    printed = row(kind="accuracy", metric="psnr", value=31.5, unit="")

    seen = drift.between([card()], Parsed(rows=(*parse(README.encode()).rows, printed)), PATH)

    assert [(pair.state, pair.readme.text) for pair in seen.differences] == [("missing in card", "31.5")]


def test_latencies_are_compared_in_their_unit(card):
    made = card(
        ('metric = "throughput"\nvalue = 120.5\nunit = "images/s"', 'metric = "latency"\nvalue = 1.2\nunit = "s/batch"')
    )

    assert found(made, README.replace("120.5", "1200 ms")).differences == ()
    assert len(found(made, README.replace("120.5", "1.3 s")).differences) == 1


def test_a_long_readme_takes_little_time(card):
    rows = tuple(row(value=float(i), batch=i, where=Where(line=i, text=str(i))) for i in range(1, 10_001))

    seen = drift.between([card()], Parsed(rows=rows), PATH)
    assert len(seen.pairs) >= 10_000


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the five READMEs are not in the repository")
@pytest.mark.parametrize("name", ["icnet", "intrada-deeplabv2", "resnest50", "resnest-seg", "spinenet"])
def test_the_shipped_cards_agree_with_the_five_readmes(name):
    path = SEEDS / f"{name}.md"

    seen = drift.between([cards.get(name)], parse(path), path)
    assert told(seen) == []
    assert len(seen.agreeing) >= 4
