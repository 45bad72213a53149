"""A table as rows of cells, whatever it was written in; a cell merged over several places is the same cell in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

MOST_COLUMNS = 128


class Cell(NamedTuple):
    """The text of a cell without markup, and the line that it stands on."""

    text: str
    line: int


@dataclass(frozen=True)
class Grid:
    """A table: rows of equal length, how many of them are marked as header, and whether it is in a code block."""

    rows: tuple[tuple[Cell, ...], ...]
    headers: int = 0
    fenced: bool = False

    @property
    def line(self) -> int:
        """The first line."""
        return self.rows[0][0].line

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])

    def transposed(self) -> "Grid":
        """Return the table with rows and columns exchanged; its first row is the header."""
        return Grid(tuple(zip(*self.rows, strict=True)), 1, self.fenced)


def rectangular(rows: Sequence[Sequence[Cell]], headers: int = 0, fenced: bool = False) -> Grid | None:
    """Return a table of rows of any lengths, or None without two rows; short rows get empty cells."""
    kept = [row[:MOST_COLUMNS] for row in rows if row]
    if len(kept) < 2:
        return None
    width = max(len(row) for row in kept)
    padded = (tuple(row) + tuple(Cell("", row[0].line) for _ in range(width - len(row))) for row in kept)
    return Grid(tuple(padded), headers, fenced)
