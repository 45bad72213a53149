"""The chart of a case over its nights: what is drawn for which result, and that no text becomes markup."""

import dataclasses
import re

import pytest

from harness.history.changes import ChangePoint
from harness.history.points import Anchor, Series
from harness.history.report import examine
from harness.report import nights
from harness.report.histories import CaseHistory, told
from tests.harness.history.nights import LINE, series_of
from tests.harness.report.test_charts import SVG, marks, parsed, titles

ANCHOR = Anchor(value=100.0, sigma=1.0, n=10, release="v1", tolerance=0.05)


def found(values, line=LINE, anchor=None, steps=(), **changes):
    return examine(series_of(values, line, **changes), "Ascend310P3", anchor, steps)


def chart(known, chip, own=""):
    return nights.chart(told(CaseHistory(known, own, "", chip)))


def lines(svg: str, name: str):
    return [line for line in parsed(svg).iter(f"{SVG}line") if line.get("class") == name]


def test_each_result_is_a_mark_that_says_its_day_commit_and_number():
    svg = chart(found([100.0, 101.0, 99.0]), "Ascend310P3")

    assert len(marks(svg, "circle", "night")) == 3
    assert titles(svg) >= {
        "2025-01-01 00000000: 100.00 images/s, PASS met",
        "2025-01-03 00000002: 99.00 images/s, PASS met",
    }


def test_a_higher_number_is_drawn_higher_and_a_later_one_further_right():
    one, other = marks(chart(found([100.0, 110.0]), "Ascend310P3"), "circle", "night")

    assert float(one.get("cy")) > float(other.get("cy"))
    assert float(one.get("cx")) < float(other.get("cx"))


def test_an_interval_is_drawn_where_it_is_known():
    known = chart(found([100.0, 101.0], interval=(98.0, 103.0)), "Ascend310P3")

    (drawn,) = [one.get("d") for one in parsed(known).iter(f"{SVG}path")]
    ends = [tuple(map(float, one.split("V"))) for one in re.findall(r"M\S+ (\S+?V[\d.]+)", drawn)]
    at = [float(mark.get("cy")) for mark in marks(known, "circle", "night")]
    assert [low > middle > high for (low, high), middle in zip(ends, at, strict=True)] == [True, True]
    assert "path" not in chart(found([100.0, 101.0]), "Ascend310P3")


@pytest.mark.parametrize(
    ("changes", "tag", "kind"),
    [
        ({"outcome": "FAIL", "code": "missed"}, "rect", "failed"),
        ({"outcome": "INCONCLUSIVE", "code": "not-quiet"}, "circle", "restless"),
        ({"value": None, "outcome": "FAIL", "code": "infra"}, "path", "broken"),
    ],
)
def test_a_failed_a_restless_and_a_broken_night_are_told_by_shape(changes, tag, kind):
    whole = series_of([100.0, 101.0])
    series = Series(LINE, (whole.points[0], dataclasses.replace(whole.points[1], **changes)))

    svg = chart(examine(series, "Ascend310P3", None), "Ascend310P3")
    assert len(marks(svg, tag, kind)) == 1
    assert len(marks(svg, "circle", "night")) == (2 if tag == "circle" else 1)


def test_the_anchor_is_a_line_with_a_band_of_what_may_be_lost_below_it():
    svg = chart(found([100.0, 110.0], anchor=ANCHOR), "Ascend310P3")

    (line,) = lines(svg, "anchor")
    (band,) = [one for one in parsed(svg).iter(f"{SVG}rect") if one.get("class") == "allowed"]
    scale = [float(mark.get("cy")) for mark in marks(svg, "circle", "night")]
    assert float(line.get("y1")) == float(band.get("y")) == scale[0]
    # 5 % of 100 is half of what lies between the two results.
    assert float(band.get("height")) == pytest.approx((scale[0] - scale[1]) / 2, abs=0.2)


def test_the_band_of_a_latency_is_above_its_anchor():
    line = dataclasses.replace(LINE, name="latency", unit="ms")
    svg = chart(found([100.0, 110.0], line, ANCHOR), "Ascend310P3")

    (anchor,) = lines(svg, "anchor")
    (band,) = [one for one in parsed(svg).iter(f"{SVG}rect") if one.get("class") == "allowed"]
    assert float(band.get("y")) + float(band.get("height")) == pytest.approx(float(anchor.get("y1")), abs=0.11)


def test_a_change_point_stands_between_its_results_with_its_commits():
    points = series_of([100.0, 100.0, 90.0, 90.0]).points
    svg = chart(found([100.0, 100.0, 90.0, 90.0], steps=(ChangePoint(points[1], points[2], 100.0, 90.0, 0.0),)), "cpu")

    (step,) = lines(svg, "step")
    at = [float(mark.get("cx")) for mark in marks(svg, "circle", "night")]
    assert at[1] < float(step.get("x1")) < at[2]
    assert "00000001..00000002" in {node.text for node in parsed(svg).iter(f"{SVG}text")}


def test_the_result_of_this_run_has_a_ring():
    svg = chart(found([100.0, 101.0]), "cpu", own=f"{1:032x}")

    rings = [one for one in parsed(svg).iter(f"{SVG}circle") if one.get("class") == "own"]
    assert [ring.get("cx") for ring in rings] == [marks(svg, "circle", "night")[1].get("cx")]


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0], [0.0, 0.0], [1e-12, 1e12], [-1.0, 1.0]])
def test_any_numbers_are_drawn_inside_the_chart(values):
    svg = chart(found(values), "cpu")

    assert all(0 <= float(mark.get("cy")) <= nights.HEIGHT for mark in marks(svg, "circle", "night"))


@pytest.mark.parametrize("values", [[], [None, None], [float("nan")]])
def test_without_a_number_there_is_no_chart(values):
    assert chart(found(values), "cpu") == ""


def test_only_the_last_forty_results_are_drawn():
    assert len(marks(chart(found([100.0 + at % 3 for at in range(90)]), "cpu"), "circle", "night")) == 40


def test_a_text_of_the_history_cannot_become_markup():
    bad = "</text><script>alert(1)</script>"
    line = dataclasses.replace(LINE, name=bad, unit=bad)
    svg = chart(found([100.0, 90.0], line, dataclasses.replace(ANCHOR, release=bad), code=bad, commit=bad), "cpu")

    assert "<script" not in svg
    assert any(bad in (text or "") for text in titles(svg))
