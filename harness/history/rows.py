"""Rows of the history's tables from what is kept in them, and back."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.history import keys
from harness.history.points import Anchor, Line, Point, Reading, Record, Series

if TYPE_CHECKING:
    from sqlalchemy import Row

FAST = 1  # zlib's level: the next ones take twice the time for a tenth less
LINE = ("case_key", "machine", "name", "protocol", "unit")
"""The columns of a line, by which its anchors are found."""


@dataclass(frozen=True)
class Rows:
    """What one record becomes in each table."""

    digest: str
    result: Mapping[str, Any]
    readings: tuple[Mapping[str, Any], ...]
    body: bytes

    @classmethod
    def of(cls, record: Record) -> "Rows":
        """Return the rows of a record; raises ValueError for a result without a time."""
        result, verdict = record.entry.result, record.entry.verdict
        text, digest = keys.document(record.entry)
        row = {
            "digest": digest,
            "case_key": result.case.key,
            "case_name": result.case.test_name,
            "chip": result.case.chip,
            "machine": keys.machine(result.environment),
            "toolchain": keys.toolchain_and_driver(result),
            "git_commit": str(result.environment.get("commit") or ""),
            "at": keys.moment(result.started_at),
            "run": record.run,
            "outcome": verdict.outcome,
            "code": verdict.code,
            "seconds": result.seconds,
        }
        readings = tuple(_reading(digest, position, one) for position, one in enumerate(record.readings))
        return cls(digest, row, readings, zlib.compress(text.encode(), FAST))


def _reading(digest: str, position: int, reading: Reading) -> dict[str, Any]:
    low, high = reading.interval or (None, None)
    return {
        "digest": digest,
        "position": position,
        "name": reading.name,
        "protocol": reading.protocol,
        "unit": reading.unit,
        "value": reading.value,
        "low": low,
        "high": high,
        "n": reading.n,
    }


def sorted_into_series(rows: "Sequence[Row[Any]]") -> tuple[Series, ...]:
    """Return one series per machine and reading; results without one join the first series of their machine."""
    found: dict[Line, list[Point]] = {}
    broken: dict[str, list[tuple[Line, Point]]] = {}
    first: dict[Line, int] = {}
    for row in rows:
        line = line_of(row)
        if row.name is None:
            broken.setdefault(row.machine, []).append((line, _point(row)))
            continue
        found.setdefault(line, []).append(_point(row))
        first[line] = min(first.get(line, row.position), row.position)
    ordered = sorted(found, key=lambda line: (line.machine, first[line], line.name, line.protocol, line.unit))
    for machine, failures in broken.items():
        head = next((line for line in ordered if line.machine == machine), None)
        if head is None:
            head = failures[0][0]
            ordered.append(head)
        found.setdefault(head, []).extend(point for _, point in failures)
    return tuple(Series(line, tuple(sorted(found[line], key=lambda point: point.at))) for line in ordered)


def _point(row: "Row[Any]") -> Point:
    return Point(
        at=row.at,
        commit=row.git_commit,
        toolchain=row.toolchain,
        run=row.run,
        outcome=row.outcome,
        code=row.code,
        digest=row.digest,
        value=row.value,
        interval=None if row.low is None or row.high is None else (row.low, row.high),
        n=row.n or 0,
    )


def anchor_row(line: Line, anchor: Anchor) -> dict[str, Any]:
    """Return the row of a line's anchor."""
    return {
        **{name: getattr(line, name) for name in ("case_name", *LINE)},
        **{name: getattr(anchor, name) for name in ("release", "value", "sigma", "n", "tolerance", "frozen_at")},
        "toolchain": anchor.toolchain,
        "git_commit": anchor.commit,
    }


def line_of(row: "Row[Any]") -> Line:
    """Return the line that a row of readings, or of anchors, is of."""
    return Line(row.case_key, row.case_name, row.machine, row.name or "", row.protocol or "", row.unit or "")


def anchor_of(row: "Row[Any]") -> Anchor:
    """Return the anchor in a row."""
    return Anchor(
        value=row.value,
        sigma=row.sigma,
        n=row.n,
        release=row.release,
        tolerance=row.tolerance,
        frozen_at=row.frozen_at,
        toolchain=row.toolchain,
        commit=row.git_commit,
    )
