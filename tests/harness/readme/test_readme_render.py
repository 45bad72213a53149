"""Rows as a README's table: what is printed is read again as the same rows."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness import cards
from harness.readme import parse
from harness.readme.render import in_table, number, of_card, table
from harness.readme.rows import Row, Where
from tests.harness.toy_readme import PROMISING

PLACE = Where(line=1, text="")
# Printed name, canonical name, whose figures are references.
CHIPS = [("Ascend310P3", "Ascend310P3"), ("310P", "Ascend310P3"), ("310", "Ascend310"), ("Ascend310B1", "Ascend310B1")]
GPUS = [("T4", "T4"), ("V100", "V100"), ("GPU", "GPU")]
SHARES = ["top1", "top5", "miou", "map", "acc", "f1", "recall"]
SCORES = ["psnr", "fid", "rmse"]


def row(**changes):
    facts = {"kind": "throughput", "metric": "throughput", "value": 5.5, "unit": "images/s", "chip": "Ascend310P3"}
    return Row(**{**facts, "printed_chip": "Ascend310P3", "where": PLACE, **changes})


def known(one):
    """Return all that a row says, without the place where it stands."""
    return one.model_dump(exclude={"where", "certain", "reason"}), one.certain


def decimal(low, high):
    """Return positive numbers as people print them: some digits and up to four decimals."""
    return st.integers(low, high).flatmap(
        lambda whole: st.sampled_from([1, 10, 100, 10_000]).map(lambda by: whole / by)
    )


def accuracies():
    share = st.tuples(st.sampled_from(SHARES), st.integers(1000, 10_000).map(lambda n: n / 100), st.just("%"))
    fraction = st.tuples(st.sampled_from(SHARES), st.integers(1, 9999).map(lambda n: n / 10_000), st.just("fraction"))
    score = st.tuples(st.sampled_from(SCORES), decimal(1, 90_000), st.just(""))
    return st.lists(share | fraction | score, max_size=3, unique_by=lambda one: one[0])


def speeds():
    rate = st.tuples(st.just("throughput"), decimal(1, 90_000), st.sampled_from(["images/s", "samples/s", "tasks/s"]))
    failure = st.tuples(st.just("unsupported"), st.none(), st.sampled_from(["out of memory", "does not run"]))
    return st.none() | rate | failure


@st.composite
def lines(draw):
    """Return the rows of one line of a table: accuracies, a rate or why there is none, a latency."""
    printed, chip = draw(st.sampled_from(CHIPS + GPUS))
    foreign = (printed, chip) in GPUS
    setting = draw(st.sampled_from(["", "seq=128", "seq=384", "分辨率=640x640", "seq=128, 分辨率=224x224"]))
    place = {
        "chip": chip, "printed_chip": printed, "role": "reference" if foreign else "promise", "where": PLACE,
        "batch": draw(st.none() | st.sampled_from([1, 4, 8, 16, 32, 64])),
        "dataset": draw(st.sampled_from(["", "toyset", "ImageNet2012", "coco val"])),
        "model": draw(st.sampled_from(["", "ToyNet", "ToyNet-large"])),
    }  # fmt: skip
    scores = [
        Row(kind="accuracy", metric=metric, value=value, unit=unit, condition=setting, **place)
        for metric, value, unit in draw(accuracies())
    ]
    scope = "card" if foreign else draw(st.sampled_from(["chip", "card"])) if printed == "310" else "chip"
    speed = draw(speeds())
    if speed and speed[0] == "throughput":
        scores.append(row(value=speed[1], unit=speed[2], scope=scope, condition=setting, **place))
    elif speed:
        condition = ", ".join(filter(None, (setting, speed[2])))
        scores.append(row(kind="unsupported", value=None, unit="", condition=condition, **place))
    if draw(st.booleans()):
        value = draw(decimal(1, 90_000))
        scores.append(Row(kind="latency", metric="latency", value=value, unit="ms", condition=setting, **place))
    return scores


def whole_tables():
    """Return rows of several lines, no two of which are of the same chip, batch, model, data and settings."""

    def place(line):
        settings_only = tuple(one for one in line[0].condition.split(", ") if "=" in one)
        return line[0].chip, line[0].batch, line[0].model, line[0].dataset, settings_only

    several = st.lists(lines().filter(bool), min_size=1, max_size=8, unique_by=place)
    return several.map(lambda some: [one for line in some for one in line])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(whole_tables())
def test_what_is_rendered_is_read_again_as_the_same_rows(rows):
    text = table(rows)

    read = parse(text.encode()).rows
    assert all(in_table(one) for one in rows)
    assert Counter(map(str, map(known, read))) == Counter(map(str, map(known, rows))), text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(whole_tables())
def test_rows_that_were_read_render_to_the_text_that_they_were_read_from(rows):
    text = table(parse(table(rows).encode()).rows)

    assert table(parse(text.encode()).rows) == text


def test_the_table_has_the_five_columns_of_the_readmes(tmp_path):
    (tmp_path / "card.toml").write_text(PROMISING, encoding="utf-8")

    assert table(of_card(cards.load(tmp_path / "card.toml"))).split("\n") == [
        "| 芯片型号 | Batch Size | 数据集 | 精度 | 性能 |",
        "| --- | --- | --- | --- | --- |",
        "| Ascend310P3 | 1 | imagenet | top1: 70.50% | 120.5 |",
        "| Ascend310P3 | 4 | imagenet |  | 300.25 |",
        "| Ascend310P3 | 8 | imagenet |  | 内存不足 |",
    ]


@pytest.mark.parametrize(("unit", "cell"), [("dB", "psnr: 31.53 dB"), ("1", "psnr: 31.53"), ("", "psnr: 31.53")])
def test_a_score_that_is_no_share_stands_in_its_own_unit(tmp_path, unit, cell):
    text = PROMISING.replace('metric = "top1"\nprotocol', 'metric = "psnr"\nprotocol').replace(
        "value = 70.50", "value = 31.53"
    )
    (tmp_path / "card.toml").write_text(text.replace('unit = "%"', f'unit = "{unit}"'), encoding="utf-8")

    printed = table(of_card(cards.load(tmp_path / "card.toml")))

    assert f"| {cell} |" in printed
    again = next(row for row in parse(printed.encode()).rows if row.kind == "accuracy")
    assert (again.metric, again.value, again.unit) == ("psnr", 31.53, "")


def test_a_number_keeps_the_digits_that_were_printed():
    assert number(row(value=70.5, where=Where(line=1, text="top1: 70.50%"))) == "70.50"
    assert number(row(value=1e-05)) == "0.00001"
    assert number(row(value=435.0)) == "435"


@pytest.mark.parametrize(
    "one",
    [
        row(kind="ratio", metric="ratio", unit="x", chip="Ascend310P3/T4"),
        row(kind="accuracy", metric="iou", unit="%", cls="road"),
        row(condition="as the log prints it"),
        row(chip="", printed_chip=""),
        row(scope="card"),
        row(role="reference"),
        row(chip="T4", role="promise"),
        row(definition="msame"),
    ],
    ids=["ratio", "class", "free words", "no chip", "unknown card", "foreign figure", "foreign promise", "tool"],
)
def test_what_the_table_has_no_place_for_is_left_out(one):
    assert not in_table(one)
    assert table([one]).count("\n") == 1


def test_bars_in_a_label_do_not_break_the_table():
    one = row(dataset="a|b")

    assert parse(table([one]).encode()).rows[0].dataset == "a|b"
