"""What the history knows of the cases of a run, each on its machine: a series and what it says, or why none."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.history import changes, keys
from harness.history.changes import ChangePoint
from harness.history.drift import tolerance_of
from harness.history.points import Anchor, Line, Point, Series
from harness.history.report import Findings, examine, said
from harness.history.store import History
from harness.report.document import AnchorPart, ChangePart, HistoryPart, PointPart
from harness.report.numbers import interval_text
from harness.report.shown import shown
from harness.results import Entry, Result
from harness.units import written

DAYS = 120
"""How far back a report looks: four months before the run, and to nothing after it."""
MOST_RESULTS = 45
"""How many results of a case it looks at: those that anchors and drift are made of (7 and 30), and some that broke."""


@dataclass(frozen=True)
class CaseHistory:
    """The series of a case on its machine and what it says; `own` is the digest of the run's result in it.

    `lack` says what is not there, the series itself or only this run's result in it; `chip` decides what may be lost.
    """

    found: Findings | None = None
    own: str = ""
    lack: str = ""
    chip: str = ""


def histories(history: History, entries: Sequence[tuple[str, Entry]]) -> dict[str, CaseHistory]:
    """Return what the history knows of entries, which come with their keys in the report.

    Raises StoreError where the database cannot be reached any more.
    """
    has_place = [entry.result for _, entry in entries if not keys.left_out(entry.result)]
    machines = {keys.machine(one.environment) for one in has_place}
    cases = {one.case.key for one in has_place}
    series = history.headlines(cases, machines, span_of(has_place), MOST_RESULTS) if has_place else {}
    anchors = history.anchors() if series else {}
    return {key: _case(entry, series.get(entry.result.case.key, ()), anchors) for key, entry in entries}


def span_of(results: Iterable[Result]) -> tuple[str, str]:
    """Return from which moment to which a report of these results looks at the history; raises ValueError for none."""
    moments = sorted(keys.moment(one.started_at) for one in results)
    first = datetime.datetime.fromisoformat(moments[0]) - datetime.timedelta(days=DAYS)
    return keys.moment(first.isoformat()), moments[-1]


def not_looked_for() -> str:
    """Return why change points are not looked for, empty if they are."""
    return changes.missing()


def before(found: Findings, result: Result) -> tuple[Point, ...]:
    """Return the results of a series that are older than a result."""
    at = keys.moment(result.started_at)
    return tuple(point for point in found.series.points if point.at < at)


def _case(entry: Entry, series: Sequence[Series], anchors: Mapping[Line, Anchor]) -> CaseHistory:
    left_out = keys.left_out(entry.result)
    if left_out:
        return CaseHistory(lack=f"the history keeps no results that are {left_out}")
    machine = keys.machine(entry.result.environment)
    mine = [one for one in series if one.line.machine == machine]
    if not mine:
        return CaseHistory(lack=f"no result of this machine in the {DAYS} days before the run")
    own = keys.document(entry).digest
    # A speed without a canary is another line: the one of this result, else the longest.
    line = max(mine, key=lambda one: (any(point.digest == own for point in one.points), len(one.points)))
    steps = () if changes.missing() or not line.line.name else changes.change_points(line)
    found = examine(line, entry.result.case.chip, anchors.get(line.line), steps)
    known = any(point.digest == own for point in line.points)
    lack = "" if known else "this run's result is not in the history; omgate history import takes it in"
    return CaseHistory(found, own if known else "", lack, entry.result.case.chip)


def told(known: CaseHistory) -> HistoryPart:
    """Return what is told of a case's past, each number once and as every text prints it."""
    found = known.found
    if found is None:
        return HistoryPart(lack=known.lack)
    line, points = found.series.line, found.series.points
    place = {point.digest: at for at, point in enumerate(points)}
    return HistoryPart(
        name=shown(line.name),
        protocol=shown(line.protocol),
        unit=shown(line.unit),
        points=tuple(_point(point, line.unit, own=point.digest == known.own) for point in points),
        anchor=_anchor(found.anchor, line, known.chip) if found.anchor else None,
        changes=tuple(_change(one, place, line.unit) for one in found.changes),
        said=tuple(map(shown, said(found))),
        lack=known.lack,
    )


def _point(point: Point, unit: str, *, own: bool) -> PointPart:
    return PointPart(
        at=point.at,
        commit=shown(point.commit),
        toolchain=shown(point.toolchain),
        run=shown(point.run),
        outcome=shown(point.outcome),
        code=shown(point.code),
        value=point.value,
        value_text=written(point.value, unit),
        interval=point.interval,
        interval_text=interval_text(point.interval, unit),
        quiet=point.code != "not-quiet",
        own=own,
    )


def _anchor(anchor: Anchor, line: Line, chip: str) -> AnchorPart:
    tolerance = tolerance_of(line, chip, anchor.tolerance)
    loss = tolerance.value * (abs(anchor.value) if tolerance.relative and anchor.value else 1.0)
    allowed = anchor.value - loss if line.higher_is_better else anchor.value + loss
    return AnchorPart(
        release=shown(anchor.release),
        frozen_at=shown(anchor.frozen_at),
        n=anchor.n,
        value=anchor.value,
        value_text=written(anchor.value, line.unit),
        allowed=allowed,
        allowed_text=written(allowed, line.unit),
    )


def _change(one: ChangePoint, place: Mapping[str, int], unit: str) -> ChangePart:
    return ChangePart(
        before=place[one.before.digest],
        after=place[one.after.digest],
        commits=shown(one.commits),
        mean_before=one.mean_before,
        mean_before_text=written(one.mean_before, unit),
        mean_after=one.mean_after,
        mean_after_text=written(one.mean_after, unit),
        p=one.p,
        note=shown(str(one)),
    )
