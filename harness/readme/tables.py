"""The rows of a table: each figure with what its cell, column, row and surroundings say of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.readme.columns import Column, Reader, Section
from harness.readme.figure_rows import FigureRows, Named, Spot
from harness.readme.figures import Cells, Reading
from harness.readme.grid import Grid
from harness.readme.grouping import Figure
from harness.readme.labels import Facts, Labels
from harness.readme.meaning import Meaning, TableFacts
from harness.readme.row_labels import RowReader
from harness.readme.rows import Notice, Row
from harness.readme.surroundings import Surroundings
from harness.readme.vocabulary import fold

# No README promises so much: what follows is data. It bounds the time.
MOST_FIGURES = 20_000
# A table with its header in the first column is small: people turn it to make it fit.
MOST_TURNED = 24
# So many rows show what their labels are.
SAMPLED = 40


@dataclass
class Given:
    """What a table has given so far: rows and notices, and per column the values that a best row would repeat,
    and the names that the last cell with several figures gave them.
    """

    rows: list[Row] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    values: dict[int, set[float]] = field(default_factory=dict)
    names: dict[int, tuple[str, ...]] = field(default_factory=dict)


class Tables:
    """Reads the tables of one README with a vocabulary."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells = labels, cells
        self.reader, self.meaning, self.made = Reader(labels, cells), Meaning(labels), FigureRows(labels)
        self.given = 0

    def read(self, grid: Grid, around: Surroundings) -> Given:
        """Return the rows of a table and what is unclear in it."""
        given = Given()
        if self._is_turned(grid):
            grid = grid.transposed()
        for section in self.reader.sections(grid):
            columns = _of_models(self.reader.columns(section))
            table = self._facts(columns, section, around)
            if self._is_result(table, section, grid):
                _report(columns, section, given)
                self._walk(section, table, given)
        return given

    def _is_turned(self, grid: Grid) -> bool:
        """Tell whether the first column holds what headers do: a batch or chip and figures, each in a row."""
        if len(grid.rows) > MOST_TURNED or grid.width > MOST_TURNED:
            return False
        first = [self.labels.read(row[0].text) for row in grid.rows]
        keys = [one for one in first[1:] if one.part in ("batch", "chip", "dataset") and not one.is_value]
        naming = [one for one in keys if not one.batch and "best" not in one.marks]
        valued = [one for one in first if one.is_value and not one.ratio]
        across = [self.labels.read(cell.text) for cell in grid.rows[0][1:]]
        return bool(naming and valued) and not any(one.part or one.is_value for one in across)

    def _facts(self, columns: Sequence[Column], section: Section, around: Surroundings) -> TableFacts:
        labels = [column for column in columns if column.part in ("label", "chip", "model", "condition")]
        texts = (row[column.index].text for column in labels[:2] for row in section.rows[:SAMPLED])
        return TableFacts(
            around=around,
            corner=columns[0].facts if columns[0].part == "label" else Facts(),
            columns=tuple(columns),
            row_roles=frozenset().union(*(self.labels.read(text).roles for text in texts)),
        )

    def _is_result(self, table: TableFacts, section: Section, grid: Grid) -> bool:
        """Tell whether a table holds results: some label says so, and its rows are no list of single predictions."""
        parts = {column.part for column in table.columns}
        if table.around.is_sample(self.labels) or (_is_index(section) and "batch" not in parts):
            return False
        if not table.values and "ratio" not in parts:
            return False
        known = [column.facts for column in table.values if column.facts.is_known and not column.unknown]
        if grid.fenced:
            return any(facts.metrics or facts.kind for facts in known)
        if known or "chip" in parts or any(column.batch for column in table.values):
            return True
        rows = [self.labels.read(row[0].text) for row in section.rows[:SAMPLED]]
        if table.columns[0].part == "label" and any(one.is_value or one.chips or one.roles for one in rows):
            return True
        return bool(table.around.kind(self.labels)) and bool(parts & {"model", "dataset", "batch"})

    def _walk(self, section: Section, table: TableFacts, given: Given) -> None:
        rows = RowReader(self.labels, table.columns)
        for cells in section.rows:
            if self.given >= MOST_FIGURES:
                text = f"more than {MOST_FIGURES} figures: the rest is not read"
                given.notices.append(Notice(line=cells[0].line, text=text))
                return
            labels, before = rows.read(cells), len(given.rows)
            for column in table.columns:
                if column.part in ("value", "ratio"):
                    self._cell(Spot(cells[column.index], column, labels, table), given)
            given.rows[before:] = _without_repeated_failures(given.rows[before:])
            self.given += len(given.rows) - before

    def _cell(self, spot: Spot, given: Given) -> None:
        reading = self.cells.read(spot.cell.text)
        if spot.column.part == "ratio" or spot.labels.ratio:
            given.rows.extend(self.made.ratio(spot, figure.value) for figure in reading.figures[:1])
        elif reading.state in ("memory", "unsupported"):
            given.rows.append(self.made.unsupported(spot, reading.state))
        elif reading.state == "figures":
            self._figures(spot, reading, given)

    def _figures(self, spot: Spot, reading: Reading, given: Given) -> None:
        column = spot.column.index
        values = given.values.setdefault(column, set())
        for figure, row in self._rows(spot, reading, given.names.get(column, ())):
            repeats = spot.labels.best and figure.value in values
            values.add(figure.value)
            if not repeats:
                given.rows.append(row)
        if len(reading.figures) > 1 and reading.named:
            given.names[column] = tuple(figure.name for figure in reading.figures)

    def _rows(self, spot: Spot, reading: Reading, above: tuple[str, ...]) -> Iterator[tuple[Figure, Row]]:
        metrics, doubt = self.meaning.metrics(spot.column, spot.labels, spot.table)
        count = len(reading.figures)
        if 1 < count != len(metrics):
            metrics = above if len(above) == count else self._listed(spot.column.header, count) or metrics
        figures, reason = _matched(reading.figures, metrics)
        for i, figure in enumerate(figures):
            kind, unsure = self.meaning.kind(figure, spot.column, spot.labels, spot.table)
            name = figure.name.lower() or metrics[i if len(metrics) == len(figures) else 0]
            several = "several metrics and one figure" if len(metrics) > len(figures) else ""
            unnamed = (doubt or several) if kind == "accuracy" and not figure.name else ""
            yield figure, self.made.row(spot, figure, Named(kind, name, (figure.reason, reason, unsure, unnamed)))

    def _listed(self, header: str, count: int) -> tuple[str, ...]:
        """Return so many names of metrics that a header lists between bars (`R1/mAP`), or none."""
        parts = [part.strip(" ()[]") for part in re.split(r"[/|,]", fold(header))]
        if len(parts) != count or not all(re.search(r"[^\W\d]", part) and len(part) < 24 for part in parts):
            return ()
        return tuple(next(iter(self.labels.read(part).metrics), part.lower()) for part in parts)


def _of_models(columns: list[Column]) -> list[Column]:
    """Return the columns with unknown headers as models' names, where the first header says that they are."""
    if columns[0].part != "label" or columns[0].facts.part != "model":
        return columns
    return [replace(one, part="value", unknown=False) if one.unknown else one for one in columns]


def _report(columns: Sequence[Column], section: Section, given: Given) -> None:
    for column in columns:
        if column.unknown:
            taken = "taken for a metric" if column.part == "value" else "its numbers are not taken for results"
            given.notices.append(Notice(line=section.line, text=f"unknown header {column.header[:80]!r}: {taken}"))


def _matched(figures: Sequence[Figure], metrics: Sequence[str]) -> tuple[Sequence[Figure], str]:
    """Return the figures that count: as many as metrics, else without loose ones; and a reason for doubt."""
    by_batch = len({figure.batch for figure in figures}) == len(figures)
    if by_batch or all(figure.name for figure in figures) or len(figures) == len(metrics):
        return figures, ""
    tight = [figure for figure in figures if not figure.loose]
    if len(tight) == 1:
        return tight, "a second number is taken for the spread"
    return tight, "several figures in a cell, and not as many names"


def _without_repeated_failures(rows: list[Row]) -> list[Row]:
    """Return the rows of a line with one statement of failure of a chip, and none where it has a rate."""
    if all(row.kind != "unsupported" for row in rows):
        return rows
    seen = {(row.chip, row.batch) for row in rows if row.kind == "throughput"}
    kept = []
    for row in rows:
        if row.kind == "unsupported" and (row.chip, row.batch) in seen:
            continue
        if row.kind == "unsupported":
            seen.add((row.chip, row.batch))
        kept.append(row)
    return kept


def _is_index(section: Section) -> bool:
    """Tell whether the first column counts the rows: 1, 2, 3, 4, ..."""
    firsts = [row[0].text.strip() for row in section.rows]
    return len(firsts) >= 4 and firsts in ([str(i + start) for i in range(len(firsts))] for start in (0, 1))
