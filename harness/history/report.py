"""A case's series for people and for programs: the results in a table, and what follows from them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.history.anchors import rolling
from harness.history.changes import ChangePoint
from harness.history.drift import Drift, judge_drift, tolerance_of
from harness.history.noise import Floor, floor, noise
from harness.history.points import Anchor, Line, Point, Series
from harness.units import points, written

COLUMNS = ("date", "commit", "toolchain", "value", "interval", "verdict", "anchor", "change")
SHORT = 8
DAY = len("2026-03-01")


@dataclass(frozen=True)
class Findings:
    """What a series says: its noise, drift against the frozen and the moving anchor, a floor, and change points.

    `missing` is why change points were not looked for, empty if they were.
    """

    series: Series
    anchor: Anchor | None
    noise: float | None
    against_anchor: Drift | None
    against_before: Drift | None
    floor: Floor | None
    changes: tuple[ChangePoint, ...]
    missing: str = ""


def examine(
    series: Series, chip: str, anchor: Anchor | None, changes: tuple[ChangePoint, ...] = (), missing: str = ""
) -> Findings:
    """Return what follows from a series; `chip` decides how much drift is allowed."""
    values, better = series.values, series.line.higher_is_better
    allowed = tolerance_of(series.line, chip, anchor.tolerance if anchor else None)
    before = rolling(values) if series.line.is_directed else None
    learns = chip == "cpu" and not (series.line.is_share or series.line.is_score)
    return Findings(
        series=series,
        anchor=anchor,
        noise=noise(values),
        against_anchor=judge_drift(values, anchor, allowed, higher_is_better=better)
        if anchor and series.line.is_directed
        else None,
        against_before=judge_drift(values, before, allowed, higher_is_better=better) if before else None,
        floor=floor(values, higher_is_better=better) if learns else None,
        changes=changes,
        missing=missing,
    )


def text(found: Findings, limit: int) -> str:
    """Return the last `limit` results as an aligned table under a heading, and below it what they say together."""
    line, shown = found.series.line, found.series.points[-limit:]
    name = " ".join(filter(None, (line.name, f"({line.protocol})" if line.protocol else "", line.unit)))
    count = len(found.series.points)
    of_all = f", the last {len(shown)}" if len(shown) < count else ""
    head = f"{line.case_name} on machine {line.machine[:SHORT]}: {name or 'no number'}, {count} results{of_all}"
    return "\n".join([head, *_table(found, shown), *(f"  {one}" for one in said(found))])


def document(found: Findings) -> dict[str, Any]:
    """Return the same for JSON, every result of it."""
    drifts = {"anchor": found.against_anchor, "rolling": found.against_before}
    return {
        "line": {**asdict(found.series.line), "higher_is_better": found.series.line.higher_is_better},
        "points": [asdict(point) for point in found.series.points],
        "anchor": asdict(found.anchor) if found.anchor else None,
        "noise": found.noise,
        "drift": {name: _drift(drift) for name, drift in drifts.items()},
        "floor": asdict(found.floor) if found.floor else None,
        "change_points": [_change(change) for change in found.changes],
        "change_points_missing": found.missing,
    }


def standing(line: Line, anchor: Anchor) -> str:
    """Return a frozen anchor in words: release, value, day, and of how many results."""
    value = written(anchor.value, line.unit)
    return f"anchor {anchor.release}: {value}, frozen {anchor.frozen_at[:DAY]} of {anchor.n}"


def _table(found: Findings, shown: Sequence[Point]) -> list[str]:
    rows = [COLUMNS, *(_row(found, point) for point in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(found: Findings, point: Point) -> tuple[str, ...]:
    unit = found.series.line.unit
    change = next((one for one in found.changes if one.after == point), None)
    interval = " to ".join(written(end, unit) for end in point.interval) if point.interval else ""
    verdict = " ".join(filter(None, (point.outcome, point.code)))
    cells = (point.at[:DAY], point.commit[:SHORT], point.toolchain, written(point.value, unit), interval, verdict)
    return (*cells, _against(found, point), _size(change) if change else "")


def _against(found: Findings, point: Point) -> str:
    """Return how far one result is from the anchor, in per cent of it or in points."""
    if found.anchor is None or point.value is None:
        return ""
    difference = point.value - found.anchor.value
    if found.series.line.is_share:
        return f"{'+' if difference >= 0 else ''}{points(difference)}"
    share = difference / abs(found.anchor.value) if found.anchor.value else difference
    return f"{100 * share:+.1f} %"


def _size(change: ChangePoint) -> str:
    return f"{100 * change.step:+.1f} {'points' if change.is_share else '%'} in {change.commits}"


def said(found: Findings) -> list[str]:
    """Return what a series says, in sentences: noise, anchors and what is judged against them, floor, change points."""
    series, unit = found.series, found.series.line.unit
    lines = []
    if found.noise is not None:
        share = f", {found.noise / abs(series.values[-1]):.2%} of the last one" if series.values[-1] else ""
        lines.append(f"noise from result to result: {written(found.noise, unit)}{share} (n = {len(series.values)})")
    if found.anchor and found.against_anchor:
        lines.append(f"{standing(series.line, found.anchor)}: {_judged(found.against_anchor)}")
    if found.against_before:
        lines.append(f"rolling window: {_judged(found.against_before)}")
    if found.floor:
        learned = f"{written(found.floor.value, unit)}, {found.floor.tolerance:.1%} from the median"
        lines.append(f"learned here: results stay on the good side of {learned} (n = {found.floor.n})")
    lines += [f"change point {change}" for change in found.changes]
    return [*lines, *([found.missing] if found.missing else [])]


def _judged(drift: Drift) -> str:
    return f"{drift.outcome}: {drift}"


def _drift(drift: Drift | None) -> dict[str, Any] | None:
    return None if drift is None else {**asdict(drift), "note": str(drift)}


def _change(change: ChangePoint) -> dict[str, Any]:
    return {**asdict(change), "step": change.step, "commits": change.commits, "note": str(change)}
