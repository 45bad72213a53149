"""HTML tables, with merged cells; nothing is fetched, and broken HTML is read as a browser would."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.readme.grid import MOST_COLUMNS, Cell, Grid, rectangular
from harness.readme.markdown import plain

if TYPE_CHECKING:
    from lxml import etree

_TAG = re.compile(r"<(/?)table\b", re.IGNORECASE)
MOST_SPANNED = 512


def slices(text: str) -> Iterator[tuple[int, int]]:
    """Yield where the outermost HTML tables of a text begin and end; an unclosed one ends at the next or at the end."""
    depth, start = 0, 0
    for tag in _TAG.finditer(text):
        if tag[1] and depth:
            depth -= 1
            if not depth:
                yield start, text.find(">", tag.end()) + 1 or len(text)
        elif not tag[1]:
            start = start if depth else tag.start()
            depth += 1
    if depth:
        yield start, len(text)


def html_grid(source: str, line: int) -> Grid | None:
    """Return the table of an HTML text that begins on `line`, or None where it has not two rows."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, recover=True)
    try:
        root = etree.fromstring(source.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        return None
    if root is None:
        return None
    rows: list[list[Cell]] = []
    spanning: dict[int, tuple[int, Cell]] = {}
    headers = 0
    for row in root.iter("tr"):
        marks = [cell for cell in row if cell.tag in ("td", "th")][:MOST_COLUMNS]
        headers += bool(marks) and len(rows) == headers and all(cell.tag == "th" for cell in marks)
        rows.append(_row(marks, spanning, line))
    return rectangular(rows, headers)


def _row(marks: list["etree._Element"], spanning: dict[int, tuple[int, Cell]], line: int) -> list[Cell]:
    """Return a row's cells with those that span into it from above; `spanning` has them by column, with rows left."""
    cells: list[Cell] = []
    waiting = iter(marks)
    while len(cells) < MOST_COLUMNS:
        left, above = spanning.pop(len(cells), (0, None))
        if above is not None:
            if left > 1:
                spanning[len(cells)] = (left - 1, above)
            cells.append(above)
            continue
        mark = next(waiting, None)
        if mark is None:
            if not any(column > len(cells) for column in spanning):
                break
            cells.append(Cell("", line))
            continue
        cell = Cell(_text(mark), line + max(mark.sourceline or 1, 1) - 1)
        for _ in range(_span(mark, "colspan", MOST_COLUMNS - len(cells))):
            if (rows := _span(mark, "rowspan", MOST_SPANNED)) > 1:
                spanning[len(cells)] = (rows - 1, cell)
            cells.append(cell)
    return cells


def _span(mark: "etree._Element", name: str, most: int) -> int:
    match = re.match(r"\s*(\d{1,6})", mark.get(name) or "")
    return min(max(int(match[1]), 1), most) if match else 1


def _text(mark: "etree._Element") -> str:
    for gap in mark.iter("br"):
        gap.tail = f"\n{gap.tail or ''}"
    words = re.sub(r"[^\S\n]+", " ", "".join(mark.itertext()))
    return plain(re.sub(r" ?\n\s*", "\n", words).strip())
