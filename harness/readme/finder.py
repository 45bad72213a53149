"""Goes through a README from top to bottom and collects every figure by where it is: table, text, code or log."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.readme import logs, markdown
from harness.readme.document import Document, Line
from harness.readme.figures import Cells
from harness.readme.grid import Grid
from harness.readme.labels import BATCH, Facts, Labels
from harness.readme.rows import Notice, Row
from harness.readme.sentences import MOST_LINES, Sentences
from harness.readme.surroundings import NEAREST_LINES, Commands, Surroundings, commands
from harness.readme.tables import Tables
from harness.readme.vocabulary import fold

# A line above a table that is no longer names the table: "part1", "有AIPP".
LONGEST_NAME = 40
# So long can a line be that says of which batch the log below it is.
LONGEST_LEAD = 120
MOST_CLASSES = 1000
MOST_TABLES = 1000
SETS_BATCH = re.compile(r"\s*(?:batch[ _-]?size|bs)\s?[:=]\s?(\d{1,4})\s*", re.IGNORECASE)
_ALL_ABOVE = re.compile(r"精度(?:数据)?(?:均|都)?如上|accurac\w+ (?:is|are) (?:all )?as above", re.IGNORECASE)
_SCRIPTS = frozenset(("sh", "bash", "shell", "python", "py", "python3", "cpp", "c", "c++", "yaml", "diff"))
_DIGIT = re.compile(r"\d")
_WORDS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class SameBatches:
    """A sentence that says for which batches the accuracies between two lines hold."""

    first: int
    last: int
    batches: tuple[int, ...]


@dataclass
class Found:
    """The rows of a README by where they stand, and what else was seen.

    `places` has the name and first line of a table for each of its lines.
    """

    tables: list[Row] = field(default_factory=list)
    texts: list[Row] = field(default_factory=list)
    claims: list[Row] = field(default_factory=list)
    code: list[Row] = field(default_factory=list)
    evaluations: list[Row] = field(default_factory=list)
    classes: list[Row] = field(default_factory=list)
    averages: list[Row] = field(default_factory=list)
    same: list[SameBatches] = field(default_factory=list)
    places: dict[int, tuple[str, int]] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    commands: Commands = field(default_factory=Commands)
    read: int = 0
    full: bool = False


@dataclass
class _Track:
    """What was passed on the way: the lines since the last table or heading, the headings, the last heading's line.

    `batch` and `lead` are what a line above said of the log below it, `code` what a line of the block of code sets.
    """

    near: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    heading: int = 0
    batch: int | None = None
    lead: Facts = field(default_factory=Facts)
    code: int | None = None

    def around(self) -> Surroundings:
        lines = (markdown.plain(text.strip().lstrip("-*+> ").strip()) for text in reversed(self.near[-NEAREST_LINES:]))
        return Surroundings(tuple(lines), tuple(reversed(self.headings[-2:])))


class Finder:
    """Collects the figures of READMEs with one vocabulary."""

    def __init__(self, labels: Labels, cells: Cells) -> None:
        self.labels, self.cells = labels, cells
        self.tables, self.sentences = Tables(labels, cells), Sentences(labels, cells)

    def find(self, parts: Document) -> Found:
        """Return what a README holds."""
        found, track = Found(commands=commands(parts.lines)), _Track()
        self.tables, self.sentences = Tables(self.labels, self.cells), Sentences(self.labels, self.cells)
        lines = [part for part in parts.parts if isinstance(part, Line)]
        index = behind = 0
        for part in parts.parts:
            if isinstance(part, Grid):
                self._table(part, track, found)
                self.sentences.forget()
                continue
            index += 1
            if part.number >= behind:
                behind = self._line(lines, index - 1, track, found)
        if found.read > MOST_TABLES:
            found.notices.append(Notice(line=0, text=f"more than {MOST_TABLES} tables: the rest is not read"))
        if self.sentences.left <= 0:
            text = f"more than {MOST_LINES} lines with figures: the rest is not read"
            found.notices.append(Notice(line=0, text=text))
        return found

    def _table(self, grid: Grid, track: _Track, found: Found) -> None:
        found.read += 1
        if found.read > MOST_TABLES:
            return
        given = self.tables.read(grid, track.around())
        found.tables += given.rows
        found.notices += given.notices
        around = track.around()
        name = next((text for text in (*around.lines[:1], *around.headings[:1]) if len(text) <= LONGEST_NAME), "")
        lines = range(grid.line, grid.rows[-1][-1].line + 1)
        found.places.update(dict.fromkeys(lines, (name.strip(" :：。"), grid.line)))
        track.near.clear()

    def _line(self, lines: Sequence[Line], i: int, track: _Track, found: Found) -> int:
        """Take one line, and return the line behind what was read with it."""
        line = lines[i]
        if line.heading:
            track.near.clear()
            track.headings.append(markdown.plain(line.text.strip().strip("#").strip()))
            track.heading = line.number
            self._lead(line.text, track, self._batch(line.text))
            self.sentences.read(line)
            return 0
        grid = logs.bare_table(lines, i, self.labels) if len(line.text) < 200 else None
        if grid:
            found.read += 1
            if found.read <= MOST_TABLES:
                found.evaluations += self.tables.read(grid, self._telling(grid, track, found)).rows
            return line.number + len(grid.rows)
        self._figures(lines, i, track, found)
        if not line.code and _WORDS.search(line.text) and len(line.text) < 600:
            track.near.append(line.text)
        return 0

    def _batch(self, text: str) -> int | None:
        """Return the one batch that a line names which says what the lines below it are."""
        if not _DIGIT.search(text) or len(text) > LONGEST_LEAD or not self.labels.words.kinds.has(fold(text)):
            return None
        batches = {int(one[1] or one[2]) for one in BATCH.finditer(fold(text))}
        return (batches.pop() or None) if len(batches) == 1 else None

    def _lead(self, text: str, track: _Track, batch: int | None) -> None:
        track.batch, track.lead = batch, self.labels.read(text) if batch else Facts()

    def _led(self, rows: list[Row], track: _Track) -> list[Row]:
        """Return an evaluation's rows with the chip and batch of the line above them, and whose that says they are."""
        if not rows:
            return rows
        chip = track.lead.chip
        is_reference = chip in self.labels.words.reference_chips or track.around().is_reference(self.labels)
        role = "reference" if is_reference else "promise"
        known = {"batch": track.batch, "chip": chip, "printed_chip": track.lead.printed_chip if chip else ""}
        return [row.model_copy(update={**known, "role": role}) for row in rows]

    def _of_code(self, line: Line, rows: list[Row], track: _Track) -> list[Row]:
        """Return the rows of a line, in a block of code with the batch that a line of the block above it sets.

        A tool's own line has the batch of the log.
        """
        if not line.code:
            track.code = None
            return rows
        if match := SETS_BATCH.fullmatch(line.text):
            track.code = int(match[1]) or None
        batch = track.code or (track.batch if "ave_" in line.text else None)
        return [row if row.batch else row.model_copy(update={"batch": batch}) for row in rows]

    def _classes(self, scores: list[Row], found: Found) -> None:
        if len(found.classes) < MOST_CLASSES:
            found.classes += scores
        elif not found.full:
            found.full = True
            text = f"more than {MOST_CLASSES} scores of classes: those from here on are not read"
            found.notices.append(Notice(line=scores[0].where.line, text=text))

    def _telling(self, grid: Grid, track: _Track, found: Found) -> Surroundings:
        """Return the surroundings of a table without bars: below an evaluation it lists the official figures.

        Those have no batches.
        """
        around = track.around()
        measured = any(self.labels.read(row[0].text).batch for row in grid.rows[1:])
        official = not measured and any(row.role == "promise" for row in found.evaluations)
        return Surroundings(("官网精度", *around.lines), around.headings) if official else around

    def _figures(self, lines: Sequence[Line], i: int, track: _Track, found: Found) -> None:
        line = lines[i]
        evaluation = logs.evaluation(line, self.labels)
        found.evaluations += self._led(list(evaluation), track)
        scores = list(logs.segmentation(lines, i, found.commands))
        if scores:
            self._classes(scores, found)
            return
        average = logs.average_time(line.text)
        if average and line.code:
            found.averages += logs.averages(line, found.commands)
        elif (average and average.without_first) or (line.code and logs.ONE_RUN.match(line.text)):
            return
        elif not line.code or line.language not in _SCRIPTS:
            rows = self._of_code(line, self.sentences.read(line, track.around, track.batch), track)
            claims = bool(rows) and track.around().is_overview(self.labels)
            (found.code if line.code else found.claims if claims else found.texts).extend(rows)
            if not rows and not line.code and (batch := self._batch(line.text)):
                self._lead(line.text, track, batch)
        if not _ALL_ABOVE.search(line.text[:400]):
            return
        batches = tuple(dict.fromkeys(int(one[1] or one[2]) for one in BATCH.finditer(line.text[:400])))
        if batches:
            found.same.append(SameBatches(track.heading, line.number, batches))
