"""Rows that state different numbers for the same: told apart by their tables, else marked as uncertain."""

from collections.abc import Mapping, Sequence

from harness.readme.rows import Row

# A README contradicts itself here and there. One that does so more often lists data; it bounds the time.
MOST_CLASHES = 2000


def told_apart(rows: Sequence[Row], names: Mapping[int, str]) -> tuple[list[Row], int]:
    """Return the rows, and how many were left out; `names` are those of tables, by line.

    Rows of several tables that differ in nothing but their number get their table's name. What then still contradicts
    an earlier row is uncertain, and left out where there is too much of it.
    """
    identified = [(row, row.identity) for row in rows]
    added = _differences(identified, names)
    first: dict[object, Row] = {}
    told, clashes = [], 0
    for row, identity in identified:
        condition = _condition(row, added.get(identity, ""), names)
        own = identity if condition == row.condition else row.identity_under(condition)
        other = first.setdefault(own, row)
        contradicts = other.value != row.value
        clashes += contradicts
        if contradicts and clashes > MOST_CLASHES:
            continue
        if contradicts and row.certain:
            doubt = f"line {other.where.line} states another number for the same"
            told.append(row.changed(condition=condition, certain=False, reason=doubt))
        else:
            told.append(row if condition == row.condition else row.changed(condition=condition))
    return told, max(0, clashes - MOST_CLASHES)


def _differences(identified: Sequence[tuple[Row, object]], names: Mapping[int, str]) -> dict[object, str]:
    """Return what tells the rows of each identity apart that has several numbers."""
    first: dict[object, Row] = {}
    clashing: dict[object, list[Row]] = {}
    for row, identity in identified:
        other = first.setdefault(identity, row)
        if other.value != row.value:
            clashing.setdefault(identity, [other]).append(row)
    return {identity: _difference(clash, names) for identity, clash in clashing.items()}


def _difference(rows: list[Row], names: Mapping[int, str]) -> str:
    """Return what tells rows of tables apart: their `column`, their table's `name`, or nothing."""
    lines: dict[int, set[str]] = {}
    for row in rows:
        lines.setdefault(row.where.line, set()).add(row.where.column)
    if any(len(columns) > 1 for columns in lines.values()):
        return "column"
    return "name" if len({names.get(line, "") for line in lines}) > 1 else ""


def _condition(row: Row, difference: str, names: Mapping[int, str]) -> str:
    """Return a row's condition; a row of a table gets its column's header, or its table's name, added to it."""
    if not difference or not row.where.column:
        return row.condition
    added = row.where.column if difference == "column" else names.get(row.where.line, "")
    return ", ".join(one for one in (row.condition, added) if one)
