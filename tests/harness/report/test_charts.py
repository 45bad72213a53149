"""The charts: every value is a mark, every text is escaped, and nothing in them runs."""

import math
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from harness.report import charts
from harness.report.charts import Curve

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 - what the test itself had drawn


def marks(svg: str, tag: str, below: str) -> list[ElementTree.Element]:
    root = parsed(svg)
    return [
        mark
        for group in root.iter(f"{SVG}g")
        if below in group.get("class", "").split()
        for mark in group.iter(f"{SVG}{tag}")
    ]


def titles(svg: str) -> set[str]:
    return {node.text for node in parsed(svg).iter(f"{SVG}title")}


def test_a_curve_has_a_dot_for_each_measured_batch():
    svg = charts.speed_curves(
        [1, 4, 8], [Curve("measured", (10.0, 31.0, None)), Curve("README", (12.0, None, 40.0))], "images/s"
    )

    assert len(marks(svg, "circle", "dots")) == 4
    assert titles(svg) >= {"1: 10.00 images/s", "4: 31.00 images/s", "8: 40.00 images/s"}


def test_a_faster_batch_is_drawn_higher():
    svg = charts.speed_curves([1, 4], [Curve("measured", (10.0, 40.0))], "images/s")

    slow, fast = (float(mark.get("cy")) for mark in marks(svg, "circle", "dots"))
    assert fast < slow


def test_every_round_is_in_a_bin():
    rounds = [2.0 + 0.01 * at for at in range(50)] + [90.0]
    svg = charts.distribution(rounds)

    counts = [int(text.split(" rounds")[0]) for text in titles(svg) if " rounds of " in text]
    assert sum(counts) == len(rounds)
    assert len(counts) > 3  # one stall does not squeeze all others into one bar


@pytest.mark.parametrize("rounds", [(), (3.0,), (math.nan, 3.0)])
def test_fewer_than_two_rounds_are_no_distribution(rounds):
    assert charts.distribution(rounds) == ""


@pytest.mark.parametrize("rounds", [(3.0, 3.0), (0.0, 0.0, 0.0), (1e-9, 1e-9, 1e3)])
def test_rounds_of_one_time_are_drawn(rounds):
    assert marks(charts.distribution(rounds), "rect", "histbar")


def test_drawing_leaves_pythons_imports_as_they_are():
    charts.distribution((1.0, 2.0))

    assert all(hasattr(finder, "find_spec") for finder in sys.meta_path)


def test_a_chart_carries_neither_style_nor_script_nor_identity():
    svg = charts.speed_curves([1], [Curve("measured", (1.0,))], "ms")

    tags = {node.tag.removeprefix(SVG) for node in parsed(svg).iter()}
    assert tags & {"style", "script", "defs", "desc", "foreignObject", "image"} == set()
    assert 'id="' not in svg
    assert len(svg) < 4000
