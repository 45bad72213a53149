"""A case over its nights as static SVG: points with intervals, the frozen anchor with its tolerance, change points.

Drawn by hand: pygal has neither intervals nor marks between two points, and hundreds of cases have one each. Every
text goes through an XML tree and so is escaped.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from harness.history.changes import ChangePoint
from harness.history.drift import tolerance_of
from harness.history.points import Point
from harness.history.report import Findings
from harness.report.charts import WIDTH
from harness.report.shown import shown
from harness.units import written

HEIGHT = 190
MOST_NIGHTS = 40
"""With more in each chart, the page of 500 results would not stay below 6 MB."""
LEFT, RIGHT, TOP, BOTTOM = 92.0, 12.0, 10.0, 26.0
LABEL_ROWS, LABEL_HEIGHT = 2, 12.0
"""Change points that are near each other have their commits in two rows."""
DAY = len("2026-03-01")
TICKS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class _Plot:
    """Where things are: the points drawn, the lowest and highest value of the axis, and where that ends above."""

    points: tuple[Point, ...]
    low: float
    high: float
    top: float

    def x(self, at: float) -> float:
        """Return how far right the point of a number is."""
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (at / (len(self.points) - 1) if len(self.points) > 1 else 0.5)

    def y(self, value: float) -> float:
        """Return how far down a value is; one beyond the axis is at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.top + (HEIGHT - self.top - BOTTOM) * (1 - share)


def chart(found: Findings, chip: str, own: str = "") -> str:
    """Return the last forty results of a series as SVG, that of digest `own` in a ring; empty without a number."""
    drawn = found.series.points[-MOST_NIGHTS:]
    values = [end for point in drawn for end in _ends(point)]
    if not values:
        return ""
    allowed = _allowed(found, chip)
    low, high = min([*values, *allowed]), max([*values, *allowed])
    margin = (high - low) * 0.06 or max(abs(high), 1e-9) * 0.01
    top = TOP + LABEL_HEIGHT * min(len(found.changes), LABEL_ROWS)
    plot = _Plot(drawn, low - margin, high + margin, top)
    root = Element("svg", {"class": "chart nights", "role": "img", "viewBox": f"0 0 {WIDTH} {HEIGHT}"})
    root.set("xmlns", "http://www.w3.org/2000/svg")
    root.set("aria-label", f"{shown(found.series.line.name)} over {len(drawn)} results")
    unit = shown(found.series.line.unit)
    _axes(root, plot, unit)
    if allowed:
        _anchor(root, plot, allowed)
    _steps(root, plot, found.changes)
    _intervals(root, plot)
    for at in range(len(drawn)):
        _mark(root, plot, at, own, unit)
    return tostring(root, encoding="unicode")


def _ends(point: Point) -> Iterator[float]:
    if point.value is not None:
        yield from filter(math.isfinite, (point.value, *(point.interval or ())))


def _allowed(found: Findings, chip: str) -> tuple[float, ...]:
    """Return the anchor's value and the one that is still allowed; nothing without an anchor."""
    if found.anchor is None:
        return ()
    line, value = found.series.line, found.anchor.value
    tolerance = tolerance_of(line, chip, found.anchor.tolerance)
    loss = tolerance.value * (abs(value) if tolerance.relative and value else 1.0)
    return value, value - loss if line.higher_is_better else value + loss


def _axes(root: Element, plot: _Plot, unit: str) -> None:
    for share in TICKS:
        value = plot.low + share * (plot.high - plot.low)
        _line(root, "guide", (LEFT, plot.y(value)), (WIDTH - RIGHT, plot.y(value)))
        _text(root, "end", (LEFT - 6, plot.y(value) + 4), written(value, unit))
    last = len(plot.points) - 1
    for at, anchor in {0: "start", last: "end"}.items() if last else {0: "middle"}.items():
        _text(root, anchor, (plot.x(at), HEIGHT - 6), plot.points[at].at[:DAY])


def _anchor(root: Element, plot: _Plot, allowed: Sequence[float]) -> None:
    """Draw the anchor as a line, and what may be lost against it as a band."""
    ends = sorted(plot.y(value) for value in allowed)
    band = {"x": _px(LEFT), "y": _px(ends[0]), "width": _px(WIDTH - LEFT - RIGHT), "height": _px(ends[1] - ends[0])}
    SubElement(root, "rect", {"class": "allowed", **band})
    y = plot.y(allowed[0])
    _line(root, "anchor", (LEFT, y), (WIDTH - RIGHT, y))


def _steps(root: Element, plot: _Plot, changes: Sequence[ChangePoint]) -> None:
    place = {point.digest: at for at, point in enumerate(plot.points)}
    drawn = [one for one in changes if one.after.digest in place]
    labels = []
    for number, one in enumerate(drawn):
        at = place[one.after.digest]
        x = plot.x((place.get(one.before.digest, at - 1) + at) / 2)
        y = plot.top - 4 - LABEL_HEIGHT * (number % LABEL_ROWS)
        line = _line(root, "step", (x, y + 2), (x, HEIGHT - BOTTOM))
        SubElement(line, "title").text = shown(str(one))
        labels.append(("end" if x > (LEFT + WIDTH) / 2 else "start", (x, y), shown(one.commits)))
    for label in labels:  # above the lines of the others
        _text(root, *label, "commits")


def _intervals(root: Element, plot: _Plot) -> None:
    ends = ((at, point.interval) for at, point in enumerate(plot.points) if point.value is not None and point.interval)
    parts = [f"M{plot.x(at):.1f} {plot.y(low):.1f}V{plot.y(high):.1f}" for at, (low, high) in ends]
    if parts:
        SubElement(root, "path", {"class": "intervals", "d": "".join(parts)})


def _mark(root: Element, plot: _Plot, at: int, own: str, unit: str) -> None:
    """Draw a result: a dot, hollow where the device was not quiet, a square where it failed, a cross where it broke."""
    point = plot.points[at]
    group = SubElement(root, "g", {"class": _kind(point)})
    SubElement(group, "title").text = _said(point, unit)
    x = plot.x(at)
    if point.value is None or not math.isfinite(point.value):
        y = HEIGHT - BOTTOM - 4
        SubElement(group, "path", {"d": f"M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"})
    else:
        y = plot.y(point.value)
        if point.outcome == "FAIL":
            SubElement(group, "rect", {"x": _px(x - 3), "y": _px(y - 3), "width": "6", "height": "6"})
        else:
            SubElement(group, "circle", {"cx": _px(x), "cy": _px(y), "r": "3"})
    if point.digest == own:
        SubElement(group, "circle", {"class": "own", "cx": _px(x), "cy": _px(y), "r": "6.5"})


def _kind(point: Point) -> str:
    if point.value is None:
        return "night broken"
    if not point.usable:
        return "night restless"
    return "night failed" if point.outcome == "FAIL" else "night"


def _said(point: Point, unit: str) -> str:
    between = f" ({written(point.interval[0], unit)} to {written(point.interval[1], unit)})" if point.interval else ""
    ended = f"{point.outcome} {point.code}".strip()
    return f"{point.at[:DAY]} {shown(point.commit[:8])}: {written(point.value, unit)}{between}, {shown(ended)}"


def _line(parent: Element, name: str, start: tuple[float, float], end: tuple[float, float]) -> Element:
    ends = {"x1": _px(start[0]), "y1": _px(start[1]), "x2": _px(end[0]), "y2": _px(end[1])}
    return SubElement(parent, "line", {"class": name, **ends})


def _text(parent: Element, anchor: str, at: tuple[float, float], text: str, name: str = "tick") -> None:
    node = SubElement(parent, "text", {"class": name, "x": _px(at[0]), "y": _px(at[1]), "text-anchor": anchor})
    node.text = text


def _px(value: float) -> str:
    return f"{value:.1f}"
