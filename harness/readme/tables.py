"""The rows of a table: each figure with what its cell, column, row and surroundings say of it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.readme.columns import Column, Reader, Section
from harness.readme.figure_rows import FigureRows, Named, Spot
from harness.readme.figures import Cells, Reading
from harness.readme.grid import Cell, Grid
from harness.readme.grouping import Figure
from harness.readme.labels import Facts, Labels
from harness.readme.meaning import Meaning, TableFacts
from harness.readme.row_labels import RowReader
from harness.readme.rows import Notice, Row
from harness.readme.surroundings import Surroundings
from harness.readme.vocabulary import fold

# No README promises so much: what follows is data. It bounds the time.
MOST_FIGURES = 20_000
MOST_TEXTS = 25_000
# Behind so many rows it is seen how many texts there were.
COUNTED = 64
# A table with its header in the first column is small: people turn it to make it fit.
MOST_TURNED = 24
# So many rows show what their labels are.
SAMPLED = 40
# A number that is named by one of these is no accuracy.
SETTINGS = ("batch",)
# In so many rows a tool's table has its header.
SHOWN = 3


@dataclass
class Given:
    """What a table has given so far: rows and notices, and per column the values that a best row would repeat,
    and the names that the last cell with several figures gave them. `beside` holds the cells of this row; `failed`: one
    of them says so.
    """

    rows: list[Row] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    values: dict[int, set[float]] = field(default_factory=dict)
    names: dict[int, tuple[str, ...]] = field(default_factory=dict)
    beside: Sequence[Cell] = ()
    failed: bool = False


class Tables:
    """Reads the tables of one README with a vocabulary."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells = labels, cells
        self.reader, self.meaning, self.made = Reader(labels, cells), Meaning(labels), FigureRows(labels)
        self.given = 0
        self._before = self._read()

    def read(self, grid: Grid, around: Surroundings) -> Given:
        """Return the rows of a table and what is unclear in it."""
        given = Given()
        if self._is_turned(grid):
            grid = grid.transposed()
        for section in self.reader.sections(grid):
            columns = _of_models(self.reader.columns(section))
            columns = self._of_heading(columns, section, around)
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

    def _of_heading(self, columns: list[Column], section: Section, around: Surroundings) -> list[Column]:
        """Return the columns with the heading's metrics where no header of figures has a known word.

        Such columns are pictures or data sets: a header is the condition of its figures.
        """
        metrics = around.announced(self.labels)
        figures = [one for one in columns if one.part == "value"]
        if not metrics or not figures or not all(one.unknown for one in figures):
            return columns
        counts = {len(self.cells.read(section.rows[0][one.index].text).figures) for one in figures}
        if counts != {len(metrics)}:
            return columns
        return [_under(column, metrics) if column.part == "value" else column for column in columns]

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
        first = " ".join(cell.text for row in grid.rows[:SHOWN] for cell in row)
        if self.labels.words.prose["profile"].has(fold(first)):
            return False
        if table.around.is_sample(self.labels) or (_is_index(section) and "batch" not in parts):
            return False
        if not table.values and "ratio" not in parts:
            return False
        known = [column.facts for column in table.values if column.facts.is_known and not column.unknown]
        if grid.fenced:
            return any(facts.metrics or facts.kind for facts in known)
        compared = any(column.part == "ratio" and "/" in column.facts.ratio for column in table.columns)
        if known or compared or "chip" in parts or any(column.batch for column in table.values):
            return True
        rows = [self.labels.read(row[0].text) for row in section.rows[:SAMPLED]]
        if table.columns[0].part == "label" and any(one.is_value or one.chips or one.roles for one in rows):
            return True
        announced = table.around.kind(self.labels)
        return bool(announced and parts & {"model", "dataset", "batch"}) or (
            announced == "accuracy" and parts == {"value"}
        )

    def _walk(self, section: Section, table: TableFacts, given: Given) -> None:
        rows = RowReader(self.labels, table.columns)
        for i, cells in enumerate(section.rows):
            if most := self._too_many(i % COUNTED == 0):
                given.notices.append(Notice(line=cells[0].line, text=f"more than {most}: the rest is not read"))
                return
            labels, before, given.beside = rows.read(cells), len(given.rows), cells
            for column in table.columns:
                if column.part in ("value", "ratio"):
                    self._cell(Spot(cells[column.index], column, labels, table), given)
            if given.failed:
                given.failed = False
                given.rows[before:] = _without_repeated_failures(given.rows[before:])
            self.given += len(given.rows) - before

    def _too_many(self, count: bool) -> str:
        """Return what there is too much of, or nothing; different texts are counted only where `count` asks for it."""
        if self.given >= MOST_FIGURES:
            return f"{MOST_FIGURES} figures"
        too_many = count and self._read() - self._before > MOST_TEXTS
        return f"{MOST_TEXTS} different texts in tables" if too_many else ""

    def _read(self) -> int:
        """Return how many texts were read that were not read lately."""
        return self.labels.read.cache_info().misses + self.cells.read.cache_info().misses

    def _cell(self, spot: Spot, given: Given) -> None:
        reading = self.cells.read(spot.cell.text)
        sides = self._sides(spot.column, reading) if spot.column.part == "ratio" else ()
        if sides:
            stated = {one.facts.chip for one in spot.table.values if one.facts.kind != "accuracy"}
            for column, figure in zip(sides, reading.figures, strict=True):
                if column.facts.chip not in stated:
                    self._figures(spot._replace(column=column), Reading("figures", (figure,)), given)
        elif spot.column.part == "ratio" or spot.labels.ratio:
            given.rows.extend(self.made.ratio(spot, figure.value) for figure in reading.figures[:1])
        elif reading.state in ("memory", "unsupported"):
            given.rows.append(self.made.unsupported(spot, reading.state))
            given.failed = True
        elif reading.state == "figures":
            self._figures(spot, reading, given)

    def _sides(self, column: Column, reading: Reading) -> Sequence[Column]:
        """Return the columns of two chips that one header names, where a cell has a figure of each: a ratio is one."""
        names = [name.strip() for name in column.facts.ratio.split("/")]
        same_unit = len({figure.unit for figure in reading.figures}) == 1
        if len(names) != 2 or len(reading.figures) != 2 or not same_unit or any(one.loose for one in reading.figures):
            return ()
        facts = [self.labels.read(name) for name in names]
        return [replace(column, header=name, part="value", facts=one) for name, one in zip(names, facts, strict=True)]

    def _figures(self, spot: Spot, reading: Reading, given: Given) -> None:
        column = spot.column.index
        values = given.values.setdefault(column, set())
        names = given.names.get(column) or self._names_beside(spot, reading, given.beside)
        for figure, row in self._rows(spot, reading, names):
            repeats = spot.labels.best and figure.value in values
            values.add(figure.value)
            if not repeats:
                given.rows.append(row)
        if len(reading.figures) > 1 and reading.named:
            given.names[column] = tuple(figure.name for figure in reading.figures)

    def _names_beside(self, spot: Spot, reading: Reading, cells: Sequence[Cell]) -> tuple[str, ...]:
        """Return the names that another cell of the row gives as many figures, where these are accuracies without."""
        count = len(reading.figures)
        others = any(one.name or one.batch or (one.unit and one.unit.kind != "accuracy") for one in reading.figures)
        if count < 2 or others or spot.column.facts.kind not in ("", "accuracy"):
            return ()
        rows = (self.cells.read(cell.text).figures for cell in cells)
        named = (figures for figures in rows if len(figures) == count and all(one.known for one in figures))
        return tuple(figure.name for figure in next(named, ()))

    def _rows(self, spot: Spot, reading: Reading, above: tuple[str, ...]) -> Iterator[tuple[Figure, Row]]:
        metrics, doubt = self.meaning.metrics(spot.column, spot.labels, spot.table)
        count = len(reading.figures)
        if 1 < count != len(metrics):
            metrics = above if len(above) == count else self._listed(spot.column.header, count) or metrics
        figures, reason = _matched(reading.figures, metrics)
        for i, figure in enumerate(figures):
            kind, unsure = self.meaning.kind(figure, spot.column, spot.labels, spot.table)
            name = figure.name.lower() or metrics[i if len(metrics) == len(figures) else 0]
            if not name:
                continue
            several = "several metrics and one figure" if len(metrics) > len(figures) else ""
            unnamed = (doubt or several) if kind == "accuracy" and not figure.name else ""
            yield figure, self.made.row(spot, figure, Named(kind, name, (figure.reason, reason, unsure, unnamed)))

    def _listed(self, header: str, count: int) -> tuple[str, ...]:
        """Return so many names of metrics that a header lists between bars (`R1/mAP`), or none; empty for a setting."""
        parts = [part.strip(" ()[]") for part in re.split(r"[/|,]", fold(header))]
        if len(parts) != count or not all(re.search(r"[^\W\d]", part) and len(part) < 24 for part in parts):
            return ()
        names = (next(iter(self.labels.read(part).metrics), part.lower()) for part in parts)
        return tuple("" if self.labels.words.parts.whole(name) in SETTINGS else name for name in names)


def _of_models(columns: list[Column]) -> list[Column]:
    """Return the columns with unknown headers as models' names, where the first header says that they are."""
    if columns[0].part != "label" or columns[0].facts.part != "model":
        return columns
    return [replace(one, part="value", unknown=False) if one.unknown else one for one in columns]


def _under(column: Column, metrics: tuple[str, ...]) -> Column:
    facts = replace(column.facts, metrics=metrics, kind="accuracy", variants=(column.header.strip(" *"),))
    return replace(column, facts=facts, unknown=False)


def _report(columns: Sequence[Column], section: Section, given: Given) -> None:
    for column in columns:
        if column.unknown:
            taken = "taken for a metric" if column.part == "value" else "its numbers are not taken for results"
            given.notices.append(Notice(line=section.line, text=f"unknown header {column.header[:80]!r}: {taken}"))


def _matched(figures: Sequence[Figure], metrics: Sequence[str]) -> tuple[Sequence[Figure], str]:
    """Return the figures that count: as many as metrics, else without loose ones; and a reason for doubt."""
    if len(figures) == 1:
        return figures, ""
    by_batch = len({figure.batch for figure in figures}) == len(figures)
    if by_batch or all(figure.name for figure in figures) or len(figures) == len(metrics):
        return figures, ""
    tight = [figure for figure in figures if not figure.loose]
    if len(tight) == 1:
        return tight, "a second number is taken for the spread"
    return tight, "several figures in a cell, and not as many names"


def _without_repeated_failures(rows: list[Row]) -> list[Row]:
    """Return the rows of a line with one statement of failure of a chip, and none where it has a rate."""
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
