"""What each column of a table holds: labels of its rows, figures, ratios, or nothing of interest."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from harness.readme.figures import Cells, Reading
from harness.readme.grid import Cell, Grid
from harness.readme.labels import Facts, Labels

Part = Literal["label", "chip", "batch", "dataset", "model", "condition", "framework", "value", "ratio", "ignored"]
# So many rows show what a column holds.
SAMPLED = 60
_BATCHES = frozenset((1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 100, 128, 256, 512, 1024))
_IN_BRACKETS = re.compile(r"\(([^()]{2,24})\)\s*$")
_INTEGER = re.compile(r"\d{1,5}")
_FIGURE = re.compile(r"\d\.\d|\d\s?%|[:=]\s*\d|^\s*(?!310|910|710)\d+\s*$")
_FRACTIONAL = re.compile(r"\d\.\d|%|:\s*\d|=\s*\d")


@dataclass(frozen=True, eq=False)
class Column:
    """A column: its header, what that says, what it holds, and the batch where the header is one.

    `unknown` marks figures below a header of which no word is known, `counts` growing whole numbers as of batches.
    """

    index: int
    header: str
    facts: Facts
    part: Part
    batch: int | None = None
    unknown: bool = False
    counts: bool = False


@dataclass(frozen=True)
class Section:
    """A header and the rows that it stands over; a table can have several."""

    headers: tuple[str, ...]
    line: int
    rows: tuple[tuple[Cell, ...], ...]


class Reader:
    """Decides with a vocabulary what columns hold."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells = labels, cells

    def sections(self, grid: Grid) -> list[Section]:
        """Return the table's headers with their rows; a header on two levels is joined, a repeated one begins anew."""
        first = self._header_rows(grid)
        headers, line = _joined(grid.rows[:first]), grid.line
        rows: list[tuple[Cell, ...]] = []
        found: list[Section] = []
        for row in grid.rows[first:]:
            if self._is_header(row) and (rows or first):
                found.append(Section(headers, line, tuple(rows)))
                headers, line, rows = tuple(cell.text for cell in row), row[0].line, []
            else:
                rows.append(row)
        found.append(Section(headers, line, tuple(rows)))
        return [section for section in found if section.rows]

    def columns(self, section: Section) -> list[Column]:
        """Return what the columns of a section hold."""
        found = [self._column(section, index) for index in range(len(section.headers))]
        return self._settled(_batches_as_columns(found))

    def _header_rows(self, grid: Grid) -> int:
        count = max(grid.headers, 1)
        while count < min(4, len(grid.rows) - 1):
            above, row = grid.rows[count - 1], grid.rows[count]
            empty = not any(cell.text for cell in above)
            merged = len(set(map(id, above))) < len(above) or len({cell.text for cell in above}) < len(above)
            if not (empty or merged) or not self._is_header(row, strict=not merged):
                break
            count += 1
        return count

    def _is_header(self, row: Sequence[Cell], strict: bool = True) -> bool:
        """Tell whether a row holds only words that name columns, at least two of them, and no figures."""
        texts = [cell.text for cell in row]
        if any(_FIGURE.search(text) for text in texts):
            return False
        facts = [self.labels.read(text) for text in texts if text]
        naming = [one for one in facts if one.part or one.is_value or one.roles or (one.chips and not strict)]
        if len(naming) < 2 or len(naming) < len(facts):
            return False
        beside = [self.labels.read(text) for text in texts[1:] if text]
        if not any(one.is_value or one.roles or one.chips for one in beside):
            return False
        return not strict or not any(one.numbers and not one.metrics for one in facts)

    def _column(self, section: Section, index: int) -> Column:
        header = section.headers[index]
        facts = self.labels.read(header)
        texts = [row[index].text for row in section.rows[:SAMPLED] if row[index].text.strip()]
        readings = [self.cells.read(text) for text in texts]
        part, unknown = self._part(facts, index, texts, readings)
        return Column(index, header, facts, part, facts.batch, unknown, _grows(texts))

    def _part(self, facts: Facts, index: int, texts: list[str], readings: list[Reading]) -> tuple[Part, bool]:
        numeric = _share(one.state == "figures" for one in readings)
        if facts.ratio:
            return "ratio", False
        if facts.part == "ignored" and (facts.whole or not facts.is_value):
            return "ignored", False
        labelish = _share(self._is_label(text) for text in texts)
        if index == 0 and facts.part == "model" and labelish > 0.5:
            return "label", False
        if facts.part == "batch" and not facts.is_value:
            return "batch", False
        named = facts.part in ("chip", "batch", "dataset", "model", "condition", "framework")
        counted = facts.part in ("dataset", "condition", "framework")
        shown = _share(_FRACTIONAL.search(text) is not None for text in texts) if counted else numeric
        if named and not (facts.is_value or ((facts.chips or facts.roles) and shown > 0.5 and facts.part != "chip")):
            part: Part = facts.part  # type: ignore[assignment]
            compared = part == "framework" and any("offline" in self.labels.read(text).roles for text in texts)
            return ("condition" if compared else part), False
        if facts.is_known or not facts.text:
            is_label = labelish > 0.5 or (numeric < 0.5 and not _has_states(readings))
            return ("label" if index == 0 and texts and is_label else "value"), False
        if numeric < 0.5:
            return ("label" if index == 0 else "condition"), False
        if _share(_has_unit(one) for one in readings) > 0.5:
            return "value", False
        fractional = _share(_FRACTIONAL.search(text) is not None for text in texts)
        return ("value", True) if fractional > 0.5 else ("condition", True)

    def _is_label(self, text: str) -> bool:
        facts = self.labels.read(text)
        known = facts.chips or facts.batch or facts.metrics or facts.roles or facts.ratio
        return bool(known) and not _FRACTIONAL.search(text)

    def _as_ratio(self, column: Column, columns: list[Column]) -> Column:
        """Return a column as that of a ratio where its header names two other columns: `A`, `B`, `A/B`."""
        sides = [side.strip().lower() for side in column.header.split("/")]
        others = [one.header.lower() for one in columns if one is not column]
        if len(sides) != 2 or column.part != "value" or not all(sides) or column.facts.metrics:
            return column
        found = [next((i for i, other in enumerate(others) if other.startswith(side)), None) for side in sides]
        if None in found or found[0] == found[1]:
            return column
        return replace(column, part="ratio", facts=replace(column.facts, ratio=column.header, kind="ratio"))

    def _of_project(self, column: Column, columns: list[Column]) -> Column:
        """Return a column as a reference where a project's name stands in the header's brackets beside another's."""
        beside = [one for one in columns if one is not column and one.facts.kind == column.facts.kind]
        named = _IN_BRACKETS.search(column.facts.text) if column.part == "value" and column.facts.kind else None
        facts = column.facts
        if not named or not beside or facts.chips or facts.roles or not self.labels.words.projects.whole(named[1]):
            return column
        return replace(column, facts=replace(facts, roles=frozenset(("reference",))))

    def _settled(self, columns: list[Column]) -> list[Column]:
        """Return the columns with a first column of bare numbers as the batch beside columns of chips."""
        columns = [self._of_project(self._as_ratio(column, columns), columns) for column in columns]
        first = columns[0]
        bare = not first.facts.unit and not first.facts.chips and not first.facts.metrics
        if first.part == "value" and first.counts and bare and all(column.facts.is_known for column in columns[1:]):
            return [replace(first, part="batch"), *columns[1:]]
        return columns


def _batches_as_columns(columns: list[Column]) -> list[Column]:
    """Return the columns with the batch of each whose header is a number, where the others' headers are too."""
    counted = [column for column in columns if _INTEGER.fullmatch(column.header) and not column.facts.chips]
    numbers = {column.index: int(column.header) for column in counted}
    batch_first = columns[0].facts.part == "batch" or not columns[0].facts.is_value
    if len(numbers) < 2 or not batch_first or not set(numbers.values()) <= _BATCHES or 0 in numbers:
        return columns
    turned = [
        replace(column, part="value", batch=numbers[column.index], unknown=False) if column.index in numbers else column
        for column in columns
    ]
    return [replace(turned[0], part="label") if turned[0].part == "batch" else turned[0], *turned[1:]]


def _joined(rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """Return the headers of each column over all header rows, without repeating a merged one.

    In an upper row an empty cell belongs to the one on its left, as Markdown has no merged cells.
    """
    levels = [_spread([cell.text for cell in row]) for row in rows[:-1]] + [[cell.text for cell in rows[-1]]]
    columns = zip(*levels, strict=True)
    return tuple(" ".join(dict.fromkeys(text.replace("\n", " ") for text in texts if text)) for texts in columns)


def _spread(texts: list[str]) -> list[str]:
    for i in range(1, len(texts)):
        texts[i] = texts[i] or texts[i - 1]
    return texts


def _grows(texts: Sequence[str]) -> bool:
    """Tell whether cells are whole numbers that batches can be, each larger than the one above, or one alone."""
    if not texts or not all(_INTEGER.fullmatch(text.strip()) for text in texts):
        return False
    numbers = [int(text) for text in texts]
    return set(numbers) <= _BATCHES and all(low < high for low, high in pairwise(numbers))


def _has_states(readings: Sequence[Reading]) -> bool:
    return any(one.state in ("memory", "unsupported", "figures") for one in readings)


def _has_unit(reading: Reading) -> bool:
    return any(figure.unit and figure.unit.kind in ("throughput", "latency") for figure in reading.figures)


def _share(flags: Iterable[bool]) -> float:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else 0.0
