"""A README as lines and tables: bytes of any encoding become text, and every part knows its lines."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.readme import html_tables, markdown
from harness.readme.grid import Grid

# A line of results is short. What is longer is data, and is not read.
LONGEST_LINE = 20_000
# A megabyte of text has some 25 000 lines; this many short ones take two seconds.
MOST_LINES = 80_000
# What no Markdown takes for a heading, and people do: no blank behind the signs. Behind one sign it may be a comment.
_GLUED_HEADING = re.compile(
    r"#{2,6}[\u3400-\u9fff].{0,40}$|#[\u3400-\u9fff]{0,12}(?:精度|性能)[\u3400-\u9fff]{0,8}\s*$"
)
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


class Line(NamedTuple):
    """A line outside of tables: its number (from 1), its text as written, and whether it is code or a heading."""

    number: int
    text: str
    code: bool = False
    language: str = ""
    heading: bool = False


@dataclass(frozen=True)
class Document:
    """The lines and tables of a README, in their order; `unread` are lines with what is not read from there on."""

    parts: tuple[Line | Grid, ...]
    lines: tuple[str, ...] = field(repr=False)
    unread: tuple[tuple[int, str], ...] = ()


def decode(data: bytes) -> str:
    """Return the text of bytes: by byte-order mark, else UTF-8, else GB 18030 (which holds GBK), else UTF-8 with gaps.

    Line ends become plain, and NUL bytes and other controls become blanks, so that lines keep their numbers.
    """
    text = _decoded(data).replace("\r\n", "\n").replace("\r", "\n")
    return text.translate(_CONTROLS)


_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0x85, 0x2028, 0x2029, 0xFEFF), " ")


def _decoded(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    for name in ("utf-8", "gb18030"):
        try:
            return data.decode(name)
        except UnicodeDecodeError:
            continue
    # Mixed encodings: each line by itself, so that one bad line does not spoil the others.
    return "\n".join(_decoded_line(line) for line in data.split(b"\n"))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("gb18030", "replace")


def read(text: str) -> Document:
    """Return the parts of a README's text."""
    lines = text.split("\n", maxsplit=MOST_LINES)[:MOST_LINES]
    long = [i for i, line in enumerate(lines) if len(line) > LONGEST_LINE]
    for i in long:
        lines[i] = ""
    kept = "\n".join(lines)
    outline = markdown.outline(kept)
    tables = _html(kept, outline.code)
    return Document(tuple(_parts(lines, outline, tables)), tuple(lines), tuple(_unread(text, long)))


def _unread(text: str, long: Sequence[int]) -> Iterator[tuple[int, str]]:
    if long:
        others = f", nor {len(long) - 1} more such lines" if len(long) > 1 else ""
        yield long[0] + 1, f"a line of more than {LONGEST_LINE} characters is not read{others}"
    if text.count("\n") >= MOST_LINES:
        yield MOST_LINES, f"only the first {MOST_LINES} lines are read"


def _html(text: str, code: Mapping[int, str]) -> dict[int, tuple[int, Grid | None]]:
    """Return the HTML tables outside of code by their first line (from 0), each with its last line."""
    starts = [0]
    starts += [i + 1 for i, sign in enumerate(text) if sign == "\n"] if "<" in text else []
    found: dict[int, tuple[int, Grid | None]] = {}
    for start, end in html_tables.slices(text):
        first, last = bisect_right(starts, start) - 1, bisect_right(starts, end - 1) - 1
        if first not in code:
            found[first] = (last, html_tables.html_grid(text[start:end], first + 1))
    return found


def _parts(
    lines: list[str], outline: markdown.Outline, tables: Mapping[int, tuple[int, Grid | None]]
) -> Iterator[Line | Grid]:
    i = 0
    while i < len(lines):
        if i in tables:
            i, grid = tables[i][0] + 1, tables[i][1]
            if grid:
                yield grid
            continue
        if not markdown.has_bar(lines[i]):
            yield _line(lines, i, outline)
            i += 1
            continue
        end = _end_of_rows(lines, i, outline.code, tables)
        rows = [(k + 1, lines[k]) for k in range(i, end)]
        grid = markdown.pipe_grid(rows, i in outline.code) if len(rows) > 1 else None
        if grid:
            yield grid
            i = end
        else:
            yield from (_line(lines, k, outline) for k in range(i, max(end, i + 1)))
            i = max(end, i + 1)


def _line(lines: list[str], i: int, outline: markdown.Outline) -> Line:
    code = i in outline.code
    heading = i in outline.headings or (not code and _GLUED_HEADING.match(lines[i]) is not None)
    return Line(i + 1, lines[i], code, outline.code.get(i, ""), heading)


def _end_of_rows(lines: list[str], start: int, code: Mapping[int, str], tables: Mapping[int, object]) -> int:
    """Return the line behind the rows that begin at `start`; dividing lines and single blank lines may part them."""
    i = start
    while i < len(lines) and (i in code) == (start in code) and i not in tables:
        blank = not lines[i].strip() and i > start and i + 1 < len(lines)
        divides = i > start and markdown.is_delimiter(lines[i])
        if not (markdown.is_row(lines[i]) or divides or (blank and _goes_on(lines, start, i + 1))):
            break
        i += 1
    return i


def _goes_on(lines: list[str], start: int, i: int) -> bool:
    """Tell whether the row behind a blank line belongs to those above: as many bars, no dividing line of its own."""
    bars = lines[i].count("|")
    own = i + 1 < len(lines) and markdown.is_delimiter(lines[i + 1])
    return markdown.is_row(lines[i]) and bars > 2 and bars == lines[start].count("|") and not own
