"""A case over its nights as static SVG: points with intervals, the frozen anchor with its tolerance, change points.

Drawn by hand: pygal has neither intervals nor marks between two points, and hundreds of cases have one each. Every
text of a run goes through `escape`.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from harness.report.charts import WIDTH
from harness.report.document import AnchorPart, ChangePart, HistoryPart, PointPart
from harness.units import written

NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
HEIGHT = 190
MOST_NIGHTS = 40
"""With more in each chart, the page of 500 results would not stay below 6 MB."""
LEFT, RIGHT, TOP, BOTTOM = 92.0, 12.0, 10.0, 26.0
LABEL_ROWS, LABEL_HEIGHT = 2, 12.0
"""Change points that are near each other have their commits in two rows."""
DAY = len("2026-03-01")
SHORT_COMMIT = 8
TICKS = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class _Plot:
    """Where things are: the points drawn, the place of their first one, the ends of the axis, and where it ends."""

    points: tuple[PointPart, ...]
    skipped: int
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


def chart(found: HistoryPart) -> str:
    """Return the last forty results of a series as SVG, that of the run in a ring; empty without a number."""
    drawn = found.points[-MOST_NIGHTS:]
    values = [end for point in drawn for end in _ends(point)]
    if not values:
        return ""
    allowed = (found.anchor.value, found.anchor.allowed) if found.anchor else ()
    low, high = min([*values, *allowed]), max([*values, *allowed])
    margin = (high - low) * 0.06 or max(abs(high), 1e-9) * 0.01
    top = TOP + LABEL_HEIGHT * min(len(found.changes), LABEL_ROWS)
    plot = _Plot(drawn, len(found.points) - len(drawn), low - margin, high + margin, top)
    label = escape(f"{found.name} over {len(drawn)} results")
    parts = [
        f'<svg {NAMESPACE} class="chart nights" role="img" viewBox="0 0 {WIDTH} {HEIGHT}" aria-label="{label}">',
        *_axes(plot, found.unit),
        *(_anchor(plot, found.anchor) if found.anchor else ()),
        *_steps(plot, found.changes),
        _intervals(plot),
        *(_mark(plot, at) for at in range(len(drawn))),
        "</svg>",
    ]
    return "".join(parts)


def _ends(point: PointPart) -> Iterator[float]:
    if point.value is not None:
        yield from filter(math.isfinite, (point.value, *(point.interval or ())))


def _axes(plot: _Plot, unit: str) -> Iterator[str]:
    for share in TICKS:
        value = plot.low + share * (plot.high - plot.low)
        yield _line("guide", (LEFT, plot.y(value)), (WIDTH - RIGHT, plot.y(value)))
        yield _text("end", (LEFT - 6, plot.y(value) + 4), written(value, unit))
    last = len(plot.points) - 1
    for at, anchor in {0: "start", last: "end"}.items() if last else {0: "middle"}.items():
        yield _text(anchor, (plot.x(at), HEIGHT - 6), plot.points[at].at[:DAY])


def _anchor(plot: _Plot, anchor: AnchorPart) -> Iterator[str]:
    """Draw the anchor as a line, and what may be lost against it as a band."""
    upper, lower = sorted((plot.y(anchor.value), plot.y(anchor.allowed)))
    yield (
        f'<rect class="allowed" x="{LEFT:.1f}" y="{upper:.1f}" width="{WIDTH - LEFT - RIGHT:.1f}"'
        f' height="{lower - upper:.1f}"/>'
    )
    y = plot.y(anchor.value)
    yield _line("anchor", (LEFT, y), (WIDTH - RIGHT, y))


def _steps(plot: _Plot, changes: Sequence[ChangePart]) -> Iterator[str]:
    labels = []
    for number, one in enumerate(one for one in changes if one.after >= plot.skipped):
        x = plot.x(max(0.0, (one.before + one.after) / 2 - plot.skipped))
        y = plot.top - 4 - LABEL_HEIGHT * (number % LABEL_ROWS)
        yield _line("step", (x, y + 2), (x, HEIGHT - BOTTOM), one.note)
        labels.append(_text("end" if x > (LEFT + WIDTH) / 2 else "start", (x, y), one.commits, "commits"))
    yield from labels  # above the lines of the others


def _intervals(plot: _Plot) -> str:
    ends = ((at, point.interval) for at, point in enumerate(plot.points) if point.value is not None and point.interval)
    parts = [f"M{plot.x(at):.1f} {plot.y(low):.1f}V{plot.y(high):.1f}" for at, (low, high) in ends]
    return f'<path class="intervals" d="{"".join(parts)}"/>' if parts else ""


def _mark(plot: _Plot, at: int) -> str:
    """Draw a result: a dot, hollow where the device was not quiet, a square where it failed, a cross where it broke."""
    point, x = plot.points[at], plot.x(at)
    if point.value is None or not math.isfinite(point.value):
        y = HEIGHT - BOTTOM - 4
        sign = f'<path d="M{x - 3:.1f} {y - 3:.1f}l6 6m0 -6l-6 6"/>'
    else:
        y = plot.y(point.value)
        square = f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>'
        sign = square if point.outcome == "FAIL" else f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
    ring = f'<circle class="own" cx="{x:.1f}" cy="{y:.1f}" r="6.5"/>' if point.own else ""
    return f'<g class="{_kind(point)}"><title>{escape(_said(point))}</title>{sign}{ring}</g>'


def _kind(point: PointPart) -> str:
    if point.value is None:
        return "night broken"
    if not point.quiet:
        return "night restless"
    return "night failed" if point.outcome == "FAIL" else "night"


def _said(point: PointPart) -> str:
    between = f" ({point.interval_text})" if point.interval else ""
    ended = f"{point.outcome} {point.code}".strip()
    return f"{point.at[:DAY]} {point.commit[:SHORT_COMMIT]}: {point.value_text}{between}, {ended}"


def _line(name: str, start: tuple[float, float], end: tuple[float, float], title: str = "") -> str:
    ends = f'x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
    inner = f"<title>{escape(title)}</title>" if title else ""
    return f'<line class="{name}" {ends}>{inner}</line>'


def _text(anchor: str, at: tuple[float, float], text: str, name: str = "tick") -> str:
    return f'<text class="{name}" x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
