"""A README with other numbers in its tables, and nothing else changed: bytes, encoding and line ends stay."""

import codecs
import difflib
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from harness.readme import document
from harness.readme.grid import Grid
from harness.readme.results import parse
from harness.readme.rows import Row

# Rows are in ms where the README may print seconds or microseconds.
FACTORS = (1.0, 1000.0, 0.001)
# So many places are tried one by one where a line prints the same number several times, and fewer in a long README.
MOST_TRIED, MOST_READ = 60, 8 * 2**20
_NUMBER = re.compile(r"(?<![\d.])\d[\d,]*(?:\.\d+)?")
_TAG = re.compile(r"<t(?:able|[rdh])\b", re.IGNORECASE)
_LINE_END = re.compile(b"(\r\n|\r|\n)")
_ENCODINGS = ("utf-8", "gb18030")


@dataclass(frozen=True)
class Change:
    """A row and the number that it should have, in the row's unit.

    Without `decimals` it is rounded to as many as are printed now, else written with at least so many.
    """

    row: Row
    value: float
    decimals: int | None = None


@dataclass(frozen=True)
class Patched:
    """A README's new bytes, and by line what was not changed or no longer fits."""

    data: bytes
    notes: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class _Edit:
    """A number of a line to be replaced, by its place among the line's numbers of that value."""

    change: Change
    line: int
    start: int
    end: int
    text: str


def changed(data: bytes, changes: Sequence[Change]) -> Patched:
    """Return a README with the numbers of its tables changed; each change is checked by reading the result again.

    What stands outside of a table, or cannot be told apart in its line, is left as it is and noted.
    """
    source = _Source(data)
    inside = set(table_lines(document.read(document.decode(data)).parts))
    before = parse(data).rows
    options = [(one, list(_options(one, before, source))) for one in changes if one.row.where.line in inside]
    edits = [found[0] for _, found in options if found]
    refused: list[Change] = []
    if not _is_right(before, source.with_edits(edits), [edit.change for edit in edits]):
        edits, refused = _one_by_one(before, source, options)
    after = source.with_edits(edits)
    reasons = {
        "stands in no table": [one for one in changes if one.row.where.line not in inside],
        "the number is not in this line": [change for change, found in options if not found],
        "the number cannot be told apart from others": refused,
    }
    notes = {(change.row.where.line, reason) for reason, some in reasons.items() for change in some}
    return Patched(after, tuple(sorted({*notes, *_left_over(before, parse(after).rows)})))


def diff(name: str, before: bytes, after: bytes) -> bytes:
    """Return the unified diff of a file's bytes, for `patch -p0` and `git apply`; nothing where they are equal."""
    mark = "\t" if " " in name else ""  # as GNU diff does, so that the name's end can be told
    file = f"{name}{mark}".encode()
    found = difflib.diff_bytes(difflib.unified_diff, _by_newline(before), _by_newline(after), file, file)
    return b"".join(line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n" for line in found)


def table_lines(parts: Iterable[object]) -> Iterator[int]:
    """Yield the numbers of the lines that tables stand on."""
    for part in parts:
        if isinstance(part, Grid):
            yield from range(part.line, max(cell.line for row in part.rows for cell in row) + 1)


def tables_with(data: bytes, lines: Iterable[int]) -> str:
    """Return the text of the tables that stand on any of these lines, as the README has them."""
    wanted, text = set(lines), document.decode(data)
    parts = document.read(text).parts
    spans = [set(table_lines([part])) for part in parts if isinstance(part, Grid)]
    lines_of = text.split("\n")
    return "\n\n".join("\n".join(_whole(lines_of, min(span), max(span))) for span in spans if span & wanted)


def _whole(lines: Sequence[str], first: int, last: int) -> Sequence[str]:
    """Return a table's lines (from 1), with those of the tags around the rows of an HTML table."""
    if _TAG.search(lines[first - 1]):
        first = next((i for i in range(first, 0, -1) if "<table" in lines[i - 1].lower()), first)
        last = next((i for i in range(last, len(lines) + 1) if "</table" in lines[i - 1].lower()), last)
    return lines[first - 1 : last]


def _options(change: Change, rows: Sequence[Row], source: "_Source") -> Iterator[_Edit]:
    """Yield the places of a row's number in its line, the likeliest first: the n-th row has the n-th number."""
    row = change.row
    twins = [one for one in rows if (one.where.line, one.value) == (row.where.line, row.value)]
    text = source.text(row.where.line)
    for factor in FACTORS if row.kind == "latency" else FACTORS[:1]:
        spots = [spot for spot in _NUMBER.finditer(text) if _equal(_value(spot.group()) * factor, row.value or 0.0)]
        likely = twins.index(row) + max(len(spots) - len(twins), 0) if row in twins else 0
        for spot in sorted(spots, key=lambda spot: abs(spots.index(spot) - likely)):
            new = _written(change, factor, spot.group())
            yield _Edit(change, row.where.line, spot.start(), spot.end(), new)


def _one_by_one(
    before: Sequence[Row], source: "_Source", options: Sequence[tuple[Change, list[_Edit]]]
) -> tuple[list[_Edit], list[Change]]:
    """Return the edits that, tried in turn, change what they should and nothing else, and the changes without one."""
    kept: list[_Edit] = []
    refused, tries = [], min(MOST_TRIED, MOST_READ // (source.size + 1))
    for change, edits in options:
        tried = edits[: max(tries, 0)]
        tries -= len(tried)
        wanted = [*(edit.change for edit in kept), change]
        right = (edit for edit in tried if _is_right(before, source.with_edits([*kept, edit]), wanted))
        edit = next(right, None)
        if edit:
            kept.append(edit)
        elif edits:
            refused.append(change)
    return kept, refused


def _is_right(before: Sequence[Row], after: bytes, changes: Sequence[Change]) -> bool:
    """Tell whether a README still has every row, with the new numbers where they were to change."""
    new = {change.row: change for change in changes}
    found = Counter(_key(row, row.value) for row in parse(after).rows)
    wanted = Counter(_key(row, _landed(row, new.get(row))) for row in before)
    return all(found[key] >= count for key, count in wanted.items())


def _landed(row: Row, change: Change | None) -> float | None:
    """Return the number that a row has once it is changed: with as many decimals as are printed."""
    if change is None:
        return row.value
    for factor in FACTORS if row.kind == "latency" else FACTORS[:1]:
        for spot in _NUMBER.finditer(row.where.text):
            if _equal(_value(spot.group()) * factor, row.value or 0.0):
                return _value(_written(change, factor, spot.group())) * factor
    return change.value


def _key(row: Row, value: float | None) -> tuple[object, ...]:
    return (*row.identity, row.where.line, row.where.column, None if value is None else f"{value:.9g}")


def _left_over(before: Sequence[Row], after: Sequence[Row]) -> Iterator[tuple[int, str]]:
    """Yield what the README now says besides: a best row or a sentence that repeated a number which has changed."""
    known = {(row.where.line, row.where.column) for row in before}
    for row in after:
        if (row.where.line, row.where.column) not in known:
            yield row.where.line, "repeats a number that has changed; change it by hand"


class _Source:
    """A README's bytes by line, each of which can be decoded and encoded again."""

    def __init__(self, data: bytes) -> None:
        self._mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
        self._pieces = _LINE_END.split(data[len(self._mark) :])
        self.size = len(data)
        self._wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))

    def text(self, line: int) -> str:
        """Return a line's text (from 1), or nothing where its bytes cannot be written back as they are."""
        piece = self._pieces[2 * (line - 1)] if 2 * (line - 1) < len(self._pieces) else b""
        encoding = None if self._wide else _encoding(piece)
        return piece.decode(encoding) if encoding else ""

    def with_edits(self, edits: Iterable[_Edit]) -> bytes:
        """Return the bytes with numbers replaced."""
        pieces = list(self._pieces)
        for edit in sorted(edits, key=lambda edit: (edit.line, -edit.start)):
            index = 2 * (edit.line - 1)
            encoding = _encoding(pieces[index]) or _ENCODINGS[0]
            text = pieces[index].decode(encoding)
            pieces[index] = f"{text[: edit.start]}{edit.text}{text[edit.end :]}".encode(encoding)
        return self._mark + b"".join(pieces)


def _encoding(piece: bytes) -> str | None:
    for name in _ENCODINGS:
        try:
            if piece.decode(name).encode(name) == piece:
                return name
        except UnicodeError:
            continue
    return None


def _by_newline(data: bytes) -> list[bytes]:
    """Return the lines as `patch` counts them: a carriage return alone ends none."""
    lines = data.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _value(text: str) -> float:
    return float(text.replace(",", ""))


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)


def _written(change: Change, factor: float, printed: str) -> str:
    """Return the new number in the unit that is printed, with thousands' commas where there are some now."""
    value = change.value / factor
    exact = len(f"{Decimal(f'{value:.12g}').normalize():f}".partition(".")[2])
    decimals = len(printed.partition(".")[2]) if change.decimals is None else max(exact, change.decimals)
    return f"{value:,.{decimals}f}" if "," in printed else f"{value:.{decimals}f}"
