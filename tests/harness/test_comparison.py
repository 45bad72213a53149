"""What changed between two runs: verdicts, differences with intervals, and what cannot be compared."""

import pytest

from harness.cards import ModelCard
from harness.comparison import compare
from harness.report import changes, page
from tests.harness import run_folders as made

CARD = ModelCard.model_validate_json(
    """{"name": "toy", "family": "f", "classes": 2, "source": {"url": "u", "framework": "torch"},
    "input": [{"name": "x", "dtype": "float32", "shape": ["N", 3]}],
    "output": [{"name": "y", "index": 0, "dtype": "float32", "shape": ["N", 2], "scored": true}],
    "dataset": {"kind": "imagenet", "count": 100}, "metric": {"name": "top1", "protocol": "by-name"}}""",
    strict=False,
)
CARDS = {"toy": CARD}


def hits(count: int, right: int) -> dict[str, list[object]]:
    return {"ids": [f"i{at}" for at in range(count)], "hit1": [at < right for at in range(count)]}


def accuracy(folder, right: int, count: int = 100, outcome: str = "PASS", **facts):
    case = made.case(**facts)
    outcomes = made.with_outcomes(folder, case, hits(count, right), "top-k")
    judged = made.judgement(outcome, observed=right / count)
    return made.write(folder, [made.entry(case, judged, "met" if outcome == "PASS" else "missed", outcomes=outcomes)])


def only(found):
    (change,) = found.cases
    return change


def test_a_loss_on_the_same_images_has_its_size_and_an_interval_around_it(tmp_path):
    found = compare(accuracy(tmp_path / "a", 90), accuracy(tmp_path / "b", 60, outcome="FAIL"), CARDS)

    change = only(found)
    assert change.trend == "worse"
    assert (change.value.before, change.value.after) == ("90.00 %", "60.00 %")
    assert change.value.difference == "-30 points"
    assert change.value.clear is True
    assert change.value.note == "30 lost, 0 gained"


def test_a_small_loss_is_within_chance(tmp_path):
    change = only(compare(accuracy(tmp_path / "a", 90), accuracy(tmp_path / "b", 89), CARDS))

    assert change.trend == "changed"
    assert change.value.clear is False
    assert "within the chance of the images" in change.value.told


def test_other_images_are_not_paired(tmp_path):
    change = only(compare(accuracy(tmp_path / "a", 90), accuracy(tmp_path / "b", 45, count=50), CARDS))

    assert change.value.interval == ""
    assert "expected the same images" in change.value.note


@pytest.mark.parametrize(("cards", "why"), [({}, "no card toy"), (CARDS, "is not in the run's folder")])
def test_without_card_or_outcomes_there_is_a_difference_and_no_interval(tmp_path, cards, why):
    first, second = (made.write(tmp_path / name, [made.entry()]) for name in "ab")
    change = only(compare(first, second, cards))

    assert change.value.difference == "0 points"
    assert why in change.value.note


def test_of_several_measures_the_same_one_is_compared_in_its_own_unit(tmp_path):
    def run(name, psnr, fid, judged):
        measures = [made.measure("psnr", psnr).model_copy(update={"unit": "dB"})]
        measures += [made.measure("fid", fid).model_copy(update={"unit": ""})]
        return made.write(tmp_path / name, [made.entry(judged=judged, measures=tuple(measures))])

    # The headline is the FID, which was missed, and then the PSNR.
    first = run("a", 31.6, 10.2, made.judgement("FAIL", observed=10.2, unit=""))
    second = run("b", 31.5, 9.9, made.judgement(observed=31.5, unit="dB"))

    value = only(compare(first, second, {})).value
    assert (value.name, value.before, value.after) == ("psnr (dataset)", "31.60 dB", "31.50 dB")
    assert value.difference == "-0.1 dB"


def test_twice_the_speed_is_a_ratio_of_two_inside_its_interval(tmp_path):
    # Half the time a round; medians of each are known, so the ratio is exactly 2.
    halved = tuple(value / 2 for value in made.ROUNDS)
    first = made.write(tmp_path / "a", [made.timed(4, 4000 / 2.045)])
    second = made.write(tmp_path / "b", [made.timed(4, 8000 / 2.045, halved)])

    value = only(compare(first, second, {})).value
    low, high = (float(end) for end in value.interval.removeprefix("× ").split(" to "))
    assert value.difference == "× 2.000"
    assert 1.95 < low <= 2.0 <= high < 2.05
    assert value.clear is True
    assert "differs from run to run" in changes.text(compare(first, second, {}))


def test_the_same_rounds_are_within_chance(tmp_path):
    first, second = (made.write(tmp_path / name, [made.timed(4, 1956.0)]) for name in "ab")

    change = only(compare(first, second, {}))
    assert change.trend == "same"
    assert change.value.clear is False


def test_speeds_of_other_definitions_are_not_compared(tmp_path):
    other = made.timed(4, 1000.0)
    measured = other.result.measurement.model_copy(update={"inputs": "zero"})
    other = other.model_copy(update={"result": other.result.model_copy(update={"measurement": measured})})
    first, second = made.write(tmp_path / "a", [made.timed(4, 2000.0)]), made.write(tmp_path / "b", [other])

    value = only(compare(first, second, {})).value
    assert value.difference == ""
    assert "not comparable" in value.note


def test_an_emulated_case_is_never_compared_with_a_real_one(tmp_path):
    first = made.write(tmp_path / "a", [made.entry()])
    second = made.write(tmp_path / "b", [made.entry(made.case(emulated=True))])

    assert [one.trend for one in compare(first, second, {}).cases] == ["gone", "new"]


@pytest.mark.parametrize(
    ("before", "after", "trend"),
    [
        ("PASS", "FAIL", "worse"),
        ("FAIL", "PASS", "better"),
        ("PASS", "INCONCLUSIVE", "worse"),
        ("PASS", "PASS", "same"),
    ],
)
def test_a_case_is_what_its_verdict_became(tmp_path, before, after, trend):
    runs = [
        made.write(tmp_path / name, [made.entry(judged=made.judgement(one))])
        for name, one in zip("ab", (before, after), strict=True)
    ]

    assert only(compare(*runs, {})).trend == trend


def test_the_environments_differences_are_told(tmp_path):
    first = made.write(
        tmp_path / "a", [made.entry()], environment={"python": "3.11", "cpu": "x", "packages": {"numpy": "1.26"}}
    )
    second = made.write(tmp_path / "b", [made.entry()], environment={"python": "3.11", "packages": {"numpy": "2.4"}})

    found = [(one.name, one.before, one.after) for one in compare(first, second, {}).environment]
    assert found == [("cpu", "x", "—"), ("packages numpy", "1.26", "2.4")]


def test_text_and_page_tell_the_same_change(tmp_path):
    found = compare(accuracy(tmp_path / "a", 90), accuracy(tmp_path / "b", 60, outcome="FAIL"), CARDS)

    text, html = changes.text(found), page.difference(found)
    for part in ("90.00 %", "60.00 %", "-30 points", "30 lost, 0 gained", found.cases[0].value.interval):
        assert part in text
        assert part in html


def test_no_text_of_the_runs_becomes_markup(tmp_path):
    bad = "<script>alert(1)</script>"
    first = made.write(tmp_path / "a", [made.entry(made.case(model=bad))], environment={bad: "1"})
    second = made.write(
        tmp_path / "b", [made.entry(made.case(model=bad), made.judgement("FAIL", note=bad))], environment={bad: bad}
    )

    html = page.difference(compare(first, second, {}))
    assert html.count("<script>") == 1
    assert html.count("&lt;script&gt;alert(1)") >= 4
